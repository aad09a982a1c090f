"""One start of `harness judge`: the open answers of a run folder are rated 0..3 by a model, and the scores made again.

A second pass: the judge is loaded when the model under evaluation no longer is, and is shown no frames. An answer
that gets no rating stays unscored and is counted; it is asked again with --retry-errors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness import metrics, ratings
from harness.contracts import Engine, Task
from harness.errors import EngineError, UsageError, VideoError
from harness.grader import Choice, find, put
from harness.manifest import now, versions
from harness.progress import Progress
from harness.ratings import GRADES, Rating, Ratings
from harness.records import Frame, Request, tidy
from harness.run import complete
from harness.session import WITH_WEIGHTS, default_engine, finish
from harness.store import Store, read_records, read_run
from harness.summary import restore

if TYPE_CHECKING:
    from PIL.Image import Image
    from rich.console import Console


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked(Choice):
    """The command `harness judge`, before anything is looked up; an engine without weights needs no model."""

    run: Path
    name: str | None = None
    """None is the name of the model, else of the engine."""
    retry_errors: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """An answer that is owed a rating."""

    task: str
    sample: str
    answer: str
    request: Request

    @property
    def key(self) -> ratings.Key:
        """What its rating is known by."""
        return Rating(task=self.task, sample=self.sample, request=self.request.key, answer=self.answer).key


@dataclass(frozen=True, slots=True)
class Judging:
    """Has answers rated."""

    engine: Engine

    async def answer(self, job: Job) -> Rating:
        """The rating of an answer, or why there is none."""
        asked = Rating(task=job.task, sample=job.sample, request=job.request.key, answer=job.answer)
        try:
            responses = [tidy(response) for response in await self.engine.generate(job.request)]
            complete(responses, job.request)
        except (EngineError, VideoError) as error:
            return replace(asked, error=f"{type(error).__name__}: {error}")
        said, logprobs = responses[0].text.strip(), responses[0].choice_logprobs
        if said not in GRADES:
            return replace(asked, error=f"the judge did not answer with one of {', '.join(GRADES)}")
        expected = metrics.expected(logprobs) if logprobs and logprobs.keys() == set(GRADES) else None
        return replace(asked, rating=int(said), expected=expected, logprobs=logprobs)


class NoFrames:
    """The pixels of a judge."""

    async def get(self, frames: Sequence[Frame]) -> list[Image]:
        """Nothing is shown to it."""
        raise EngineError("a judge is shown no frames; its task must ask by text alone")


def judge(asked: Asked, console: Console) -> int:
    """Rate what is not rated yet, and publish the run again; the exit code."""
    run = read_run(asked.run)
    tasks = {task.name: task for task in map(restore, run["settings"]["tasks"]) if judges(task)}
    engine = asked.engine or default_engine()
    if asked.model is None and engine in WITH_WEIGHTS:
        raise UsageError(f"the {engine} engine needs a model that judges; give --judge-model")
    grader = find(asked, sees=False)
    name = asked.name or (grader.model.name if grader.model else Path(engine).stem)
    judging = Judging(grader.start(NoFrames()))
    told = {**grader.told, "tasks": {task.name: task.judge_version for task in tasks.values()}}
    head = {"format": 1, "settings": told, "started": now(), "versions": versions()}
    with Store(asked.run):
        jobs = {job.key: job for job in owed(asked.run, tasks)}
        if not jobs:
            raise UsageError(f"{asked.run} has no answers for a judge; no task of it has open answers, or none is read")
        with closing(Ratings(asked.run, name, head, retry_errors=asked.retry_errors)) as file:
            stopped = _rate(judging, jobs, file, asked.in_flight, console)
            rated = sum(key in file.known and file.known[key].rating is not None for key in jobs)
        if stopped:
            console.print(f"stopped; {rated} ratings are kept: the same command goes on", highlight=False)
            return 130
        finish(asked.run, run, console)
    if not rated:
        console.print("no answer could be judged; see the errors above", highlight=False)
    return 0 if rated else 1


def judges(task: Task) -> bool:
    """Whether a task has open answers."""
    return type(task).ask_judge is not Task.ask_judge


def owed(folder: Path, tasks: Mapping[str, Task]) -> Iterator[Job]:
    """All answers of a run folder that a judge has to rate."""
    for record in read_records(folder):
        request = ratings.question(tasks[record.task], record) if record.task in tasks else None
        if request is not None:
            answer = ratings.answer(record)
            yield Job(task=record.task, sample=record.sample.id, answer=answer, request=request)


def _rate(judging: Judging, jobs: Mapping[ratings.Key, Job], file: Ratings, in_flight: int, console: Console) -> bool:
    """Ask what has not been asked; whether it was interrupted."""
    left = [job for key, job in jobs.items() if key not in file.known]
    known = [file.known[key] for key in jobs if key in file.known]
    failed = sum(rating.error is not None for rating in known)

    if left:
        progress = Progress(console, len(jobs), len(known), failed)
        try:
            put(judging.engine, judging, left, file.append, in_flight, progress, answered=failed < len(known))
        except KeyboardInterrupt:
            return True
    return False
