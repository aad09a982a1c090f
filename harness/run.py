"""The loop: a sample becomes a request, an engine answers it, the rollouts are read, voted and scored.

One coroutine a sample, a fixed number of them under way. A video or a request that fails is recorded with its
sample and the run goes on; any other error is a fault of the program and ends it, with every record kept.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

from harness.contracts import Engine, Stop, Task, Voter
from harness.errors import EngineError, VideoError
from harness.grading import weigh
from harness.records import Record, Request, Response, Sample, Score, View, tidy
from harness.settings import Decoding

FIRST, LATER = 8, 64
"""Requests that must fail in a row before an engine is given up: when it has never answered, and when it has.

At least as many as are under way, and eight times as many when it has answered before.
"""


J = TypeVar("J")
R = TypeVar("R", bound="Outcome")
J_in = TypeVar("J_in", contravariant=True)
R_out = TypeVar("R_out", bound="Outcome", covariant=True)


class Outcome(Protocol):
    """What came of a job: a Record, a Rating."""

    @property
    def error(self) -> str | None:
        """Why nothing did."""
        ...


class Answers(Protocol[J_in, R_out]):
    """What makes an outcome of a job, such as a Loop."""

    async def answer(self, job: J_in, /) -> R_out:
        """Everything that happens to one job; an error of a video or a request is an outcome."""
        ...


class Views(Protocol):
    """What is shown of a video: harness.frames.Frames."""

    async def view(self, sample: Sample, recipe: str, family: str, max_pixels: int, show: str = "images") -> View:
        """What is shown of the sample's video; VideoError when it cannot be decoded."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A sample that is owed an answer."""

    task: Task
    sample: Sample
    frames: str
    max_pixels: int
    decoding: Decoding | None = None
    """None is that of the loop."""
    show: str = "images"
    view: View | None = None
    """What is shown, where that is settled; None has the video sampled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """What all samples of a run share."""

    engine: Engine
    views: Views
    voter: Voter
    decoding: Decoding
    seed: int
    family: str
    stop: Stop | None = None
    """Says when fewer rollouts than asked for will do; None draws all of them at once."""

    async def answer(self, job: Job) -> Record:
        """Everything that happens to one sample."""
        task, sample, begun = job.task, job.sample, time.perf_counter()
        record = Record(task=task.name, version=task.version, sample=sample)
        try:
            view = job.view or await self.views.view(sample, job.frames, self.family, job.max_pixels, job.show)
            seed = sample_seed(self.seed, task.name, sample.id)
            request = decoded(task.request(sample, view), job.decoding or self.decoding, seed)
            record = replace(record, view=view, request=request.key)
            while more := self.owed(record, request.n):
                wave = replace(request, first=len(record.responses), n=more)
                responses = tuple(map(tidy, await self.engine.generate(wave)))
                record = replace(record, responses=(*record.responses, *responses))
                complete(responses, wave)
                predictions = (task.read(sample, view, response) for response in responses)
                record = replace(
                    record,
                    predictions=(*record.predictions, *predictions),
                    seconds=time.perf_counter() - begun,
                )
                if signal := getattr(self.voter, "signal", None):
                    record = await weigh(record, [signal], self.engine.generate)
        except (VideoError, EngineError) as error:
            reason = f"{type(error).__name__}: {error}"
            return replace(record, predictions=(), error=reason, seconds=time.perf_counter() - begun)
        vote = self.voter(sample, record.predictions)
        score = _finite(task.score(sample, vote))
        return replace(record, vote=vote, score=score)

    def owed(self, record: Record, n: int) -> int:
        """How many rollouts to draw next, of n in all."""
        left = n - len(record.predictions)
        return min(left, self.stop(record.sample, record.predictions, n)) if self.stop and left else left


def decoded(request: Request, how: Decoding, seed: int) -> Request:
    """The request of a task with the decoding of a run and the seed of a sample."""
    return replace(
        request,
        n=how.n,
        temperature=how.temperature,
        top_p=how.top_p,
        repetition_penalty=how.repetition_penalty,
        max_tokens=request.max_tokens if request.choices else how.max_tokens,
        seed=seed,
    )


def sample_seed(seed: int, task: str, sample: str) -> int:
    """The seed of a sample's first rollout; rollout k draws with this + k, and 65536 of them fit before the next.

    >>> sample_seed(0, "vstar", "1:what") % 65536
    0
    """
    digest = hashlib.sha256(f"{seed}\0{task}\0{sample}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") % (1 << 37) << 16


async def drive(
    loop: Answers[J, R], jobs: Iterable[J], keep: Callable[[R], None], in_flight: int, *, answered: bool = False
) -> None:
    """Answer all jobs, at most `in_flight` at a time, and hand each outcome on as it is finished.

    `answered` says that the engine has answered in an earlier session of the run.
    """
    source = iter(jobs)
    guard = Guard(keep, in_flight, answered)

    async def work() -> None:
        for job in source:
            guard.take(await loop.answer(job))

    workers = [asyncio.create_task(work()) for _ in range(in_flight)]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    guard.end()


class Guard(Generic[R]):
    """Hands outcomes on, but holds back the failures of an engine that may be dead, so that they are owed again."""

    def __init__(self, keep: Callable[[R], None], in_flight: int, answered: bool = False) -> None:
        """`keep` takes what is known to count."""
        self.keep = keep
        self.in_flight = in_flight
        self.answered = answered
        self.held: list[R] = []

    def take(self, outcome: R) -> None:
        """A finished job; EngineError when the engine seems to be gone."""
        if outcome.error is not None and outcome.error.startswith(EngineError.__name__):
            self.held.append(outcome)
            patience = max(LATER, 8 * self.in_flight) if self.answered else max(FIRST, self.in_flight)
            if len(self.held) >= patience:
                self._give_up()
            return
        self.answered = self.answered or outcome.error is None
        if self.answered:
            self._release()
        self.keep(outcome)

    def end(self) -> None:
        """No more samples: failures count, unless there was nothing else."""
        if self.held and not self.answered:
            self._give_up()
        self._release()

    def _release(self) -> None:
        for outcome in self.held:
            self.keep(outcome)
        self.held.clear()

    def _give_up(self) -> None:
        reason = str(self.held[-1].error).removeprefix(f"{EngineError.__name__}: ")
        raise EngineError(
            f"the engine failed the last {len(self.held)} requests in a row ({reason}); "
            "mend that and start the same command again: finished samples are kept"
        )


def complete(responses: Sequence[Response], request: Request) -> None:
    """A rollout that failed fails its sample: a vote of fewer would be another experiment."""
    for response in responses:
        if response.finish == "error" or response.error is not None:
            raise EngineError(f"rollout {response.rollout}: {response.error or 'failed'}")
    if len(responses) != request.n:
        raise EngineError(f"the engine gave {len(responses)} of {request.n} rollouts")
    numbers = [response.rollout for response in responses]
    if numbers != [*range(request.first, request.first + request.n)]:
        raise EngineError(f"the engine gave the rollouts {numbers} for {request.n} from {request.first} on")


def _finite(score: Score) -> Score:
    """A score whose values are numbers that JSON has; others become None with a reason."""
    odd = [name for name, value in score.values.items() if value is not None and not math.isfinite(value)]
    if not odd:
        return score
    values = {name: None if name in odd else value for name, value in score.values.items()}
    return Score(values=values, reason=score.reason or f"not a finite number: {', '.join(odd)}")
