"""signals.jsonl in a run folder: what speaks for rollouts, where that was found out after the run.

The first line says who graded; each further line holds signals of one sample, and the answers that were needed. Records
are never changed by it. Nothing is asked where a signal is on record, and no question is asked twice: a signal whose
answers are all there is worked out from them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from harness.codec import decode, decode_line, encode
from harness.contracts import Engine, Signal
from harness.errors import EngineError
from harness.grader import Grader, put
from harness.grading import attach, has, weigh
from harness.journal import Journal, raw_lines
from harness.manifest import now, versions
from harness.progress import Progress
from harness.records import Grade, Record
from harness.schema import loads, validate
from harness.store import Key, Store, begun, key, read_records, read_run

from . import asker
from .asker import EngineChoice

if TYPE_CHECKING:
    from rich.console import Console

FILE = "signals.jsonl"

Values = dict[str, Sequence[float]]
"""Name of a signal -> its value for each rollout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """A line of signals.jsonl, less what was answered."""

    task: str
    sample: str
    signals: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line(Spoken):
    """A line of signals.jsonl."""

    grades: tuple[Grade, ...] = ()
    """The answers that were not there before."""


@dataclass(frozen=True, slots=True)
class Job:
    """A sample that lacks signals."""

    record: Record
    """With all answers that there are."""
    signals: Sequence[Signal]


@dataclass(frozen=True, slots=True)
class Found:
    """What came of a job."""

    line: Line
    error: str | None = None
    """Why it is not to be kept."""


L = TypeVar("L", bound=Spoken)


def read(folder: Path) -> dict[Key, Values]:
    """What speaks for the rollouts of a run folder beside its records: by task and sample id."""
    found: dict[Key, Values] = {}
    for line in _lines(folder, Spoken):
        found.setdefault((line.task, line.sample), {}).update(line.signals)
    return found


def spent(folder: Path) -> dict[Key, tuple[int, int]]:
    """What was asked beside the records: questions and the tokens of their prompts, by task and sample id."""
    found: dict[Key, tuple[int, int]] = {}
    for line in _lines(folder, Line):
        asked, tokens = found.get((line.task, line.sample), (0, 0))
        more = sum(grade.prompt_tokens for grade in line.grades)
        found[line.task, line.sample] = asked + len(line.grades), tokens + more
    return found


def fill(folder: Path, signals: Sequence[Signal], how: EngineChoice, console: Console) -> int:
    """Find out what a run folder lacks of the signals; the number of samples that lack some still.

    The model is asked only where answers are missing. A sample whose request failed is told and asked again by the next
    start. UsageError when another model or engine has graded here; KeyboardInterrupt when it is stopped, with all that
    was found kept.
    """
    run = read_run(folder)
    told, own = asker.told(run, how)
    if not any(True for _ in Need(folder, signals, own).jobs()):
        return 0
    with Store(folder), closing(Book(folder, told)) as book:
        need = Need(folder, signals, own)
        owed = {*_settle(need, book)}
        if not owed:
            return 0
        grader = asker.grader(run, how, told)
        jobs = (job for job in need.jobs() if _key(job) in owed)
        failed = _ask(grader, run, how, jobs, book, Progress(console, len(owed)))
        for reason, number in failed.most_common(3):
            console.print(f"  {number} x {' '.join(reason.split())}", highlight=False, markup=False, soft_wrap=True)
        return failed.total()


class Need:
    """What a run folder has of some signals, and what it lacks."""

    def __init__(self, folder: Path, signals: Sequence[Signal], own: bool) -> None:
        """With `own` the run's model is the one that is asked, so that what is in the records counts."""
        self.folder, self.signals, self.own = folder, signals, own
        self._names = {known: found.keys() for known, found in read(folder).items()}
        self._grades: dict[Key, list[Grade]] = {}
        if self._names:
            for line in _lines(folder, Line):
                self._grades.setdefault((line.task, line.sample), []).extend(line.grades)

    def jobs(self) -> Iterator[Job]:
        """The samples that lack some of the signals."""
        for record in read_records(self.folder):
            if record.error is None and (lacking := self._lacking(record)):
                yield Job(self._bare(record), lacking)

    def _lacking(self, record: Record) -> list[Signal]:
        there: Collection[str] = self._names.get(key(record.task, record.sample.id), ())
        return [s for s in self.signals if s.name not in there and not (self.own and has(record, [s]))]

    def _bare(self, record: Record) -> Record:
        """The record with the answers that there are, and without signals."""
        grades = {grade.request: grade for grade in record.grades} if self.own else {}
        grades |= {grade.request: grade for grade in self._grades.get(key(record.task, record.sample.id), ())}
        predictions = tuple(replace(prediction, signals={}) for prediction in record.predictions)
        return replace(record, grades=tuple(grades.values()), predictions=predictions)


class Book:
    """The journal of a run folder, open for more lines; close it. The folder must be held (harness/store.py)."""

    def __init__(self, folder: Path, told: Mapping[str, Any]) -> None:
        """Go on with it, or begin it with the first line; UsageError when it is of another grader."""
        self._path = folder / FILE
        self._head = {"format": 1, "settings": dict(told), "started": now(), "versions": versions()}
        self._begun = begun(self._path, "grader", self._head, "give the same model and engine, or move the file away")
        self._file: Journal | None = None

    def append(self, line: Line) -> None:
        """Write one line."""
        if self._file is None:
            self._file = Journal(self._path)
            if not self._begun:
                self._file.append("grader", self._head, f"the head of {self._path}")
        self._file.append("signals", encode(line), f"the signals of {line.sample}")

    def close(self) -> None:
        """Sync and let go."""
        if self._file is not None:
            self._file.close()


@dataclass(frozen=True, slots=True)
class Asking:
    """Has signals of samples found out."""

    engine: Engine

    async def answer(self, job: Job) -> Found:
        """The signals of a sample, or why there are none; a crop that cannot be had fails it, as the video is gone."""
        try:
            record = await weigh(job.record, job.signals, self.engine.generate)
        except EngineError as error:
            return Found(_line(job.record, job), f"EngineError: {error}")
        line = _line(record, job)
        gone = (grade.error for grade in line.grades if grade.error and grade.error.startswith("VideoError"))
        return Found(line, next(gone, None))


def _settle(need: Need, book: Book) -> Iterator[Key]:
    """Work out what needs no answers; the samples that are left."""
    for job in need.jobs():
        record = attach(job.record, job.signals)
        if has(record, job.signals):
            book.append(_line(record, job))
        else:
            yield _key(job)


def _ask(
    grader: Grader, run: Mapping[str, Any], how: EngineChoice, jobs: Iterator[Job], book: Book, progress: Progress
) -> Counter[str]:
    """Ask about samples; why some have failed."""
    failed: Counter[str] = Counter()

    def keep(found: Found) -> None:
        if found.error is None:
            book.append(found.line)
        else:
            failed[found.error] += 1

    frames = asker.frames(run, how)
    with closing(frames):
        asking = Asking(grader.start(frames))
        put(asking.engine, asking, jobs, keep, how.in_flight, progress, answered=False)
    return failed


def _key(job: Job) -> Key:
    return key(job.record.task, job.record.sample.id)


def _line(record: Record, job: Job) -> Line:
    values = {
        signal.name: tuple(p.signals[signal.name] for p in record.predictions if signal.name in p.signals)
        for signal in job.signals
    }
    new = record.grades[len(job.record.grades) :]
    return Line(task=record.task, sample=record.sample.id, signals=values, grades=new)


def _lines(folder: Path, kind: type[L]) -> Iterator[L]:
    for number, (raw, where) in enumerate(raw_lines(folder / FILE)):
        line = decode_line(kind, raw) if number else None
        if line is None:
            data = loads(raw, where)
            validate("signals" if number else "grader", data, where)
            line = decode(kind, data) if number else None
        if line is not None:
            yield line
