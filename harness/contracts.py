"""What a task, an engine, a voter, a report, a scorer of frames and a source of pixels are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias

from harness.dataset import Dataset
from harness.errors import UsageError
from harness.records import Frame, Grade, Prediction, Record, Request, Response, Sample, Score, View

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image


PAPER = "paper"
"""The preset that every task has: its own defaults."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """How a published program runs a task; what is None is left to the model and to the defaults."""

    options: Mapping[str, str] = field(default_factory=dict)
    """Fields of the task, as text."""
    frames: str | None = None
    max_pixels: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    repetition_penalty: float | None = None
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A result file made elsewhere."""

    records: tuple[Record, ...]
    """One for each sample of the file, in its order; those without an answer have an error."""
    ratings: Mapping[str, int | None] = field(default_factory=dict)
    """Sample id -> what the judge of the file gave its answer, 0..3; None where it gave no number."""
    notes: tuple[str, ...] = ()
    """What is odd about the file, in sentences."""


class Task(ABC):
    """A benchmark as run. Subclasses are frozen dataclasses; their fields are the task's options.

    The module holds an instance with the defaults in `task`; the module's name is the task's name.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    """As in a paper: "V-STaR"."""
    version: ClassVar[int]
    """Rises when prompt, reading or scoring change."""
    source: ClassVar[str]
    """Paper, data set and licence, in a line."""
    frames: ClassVar[str]
    """Default frame sampling, as in --frames (harness/sampling.py)."""
    max_pixels: ClassVar[int]
    """Default pixel budget of a frame."""
    columns: ClassVar[Mapping[str, str]]
    """Metric key -> heading, for the columns of the report's main table."""
    dataset: ClassVar[Dataset | None] = None
    """Where its data is published; None where there is none to fetch."""
    judge_version: ClassVar[int] = 1
    """Rises when what a judge is asked changes."""
    judge_rule: ClassVar[str] = ""
    """Which rating is right, and what scores without a judge: a line of the report."""
    presets: ClassVar[Mapping[str, Preset]] = {}
    """Name -> how a published program differs from the defaults, which are the preset "paper"."""

    def preset(self, name: str) -> Preset:
        """The preset of that name; UsageError lists those there are."""
        known = {PAPER: Preset(), **self.presets}
        if name not in known:
            raise UsageError(f"the task {self.name} has no preset {name!r}; there are: {', '.join(known)}")
        return known[name]

    @abstractmethod
    def samples(self, root: Path) -> Iterable[Sample]:
        """All samples of the data folder `root`; DataError when it is not what it should be.

        A task of very many may give them one by one: they are not held in memory.
        """

    @abstractmethod
    def request(self, sample: Sample, view: View) -> Request:
        """The prompt; decoding settings are filled in by the run."""

    @abstractmethod
    def read(self, sample: Sample, view: View, response: Response) -> Prediction:
        """What a rollout means."""

    @abstractmethod
    def score(self, sample: Sample, prediction: Prediction) -> Score:
        """The metrics of one sample."""

    @abstractmethod
    def aggregate(self, records: Sequence[Record]) -> Mapping[str, float | None]:
        """The metrics of many samples. A record without a score, or with None for a value, is left out of its mean.

        The report calls this for each group of each axis in `Sample.groups`.
        """

    def overall(self, records: Sequence[Record]) -> Mapping[str, float | None]:
        """The same for all records: as `aggregate`, but for a program that sums up the whole in another way."""
        return self.aggregate(records)

    def imported(self, path: Path, samples: Sequence[Sample]) -> Imported:
        """The records of a result file in the benchmark's own format; DataError when it is not what it should be.

        With `samples`, those of the data folder, it gives their answers; without, the file is the annotation as well.
        """
        raise UsageError(f"the task {self.name} does not know how to import {path}")

    @abstractmethod
    def reference(self, sample: Sample, view: View) -> str:
        """The text of a response that scores 1.0, citing `sample.evidence`."""

    def ask_judge(self, sample: Sample, prediction: Prediction) -> Request | None:
        """The request that has an open answer graded (harness/ratings.py); None where there is nothing to judge."""
        return None

    def judged(self, sample: Sample, rating: int) -> Score:
        """The metrics of a sample whose answer a judge gave that rating, 0..3, in place of `score`."""
        raise NotImplementedError(f"{self.name} asks a judge but does not say what a rating is worth")

    @abstractmethod
    def demo(self, root: Path, count: int, seed: int) -> None:
        """Write a small instance of `count` videos from harness/shapes in the published layout."""


class Signal(Protocol):
    """What speaks for a rollout: a number to weigh it by, from the record and from what the model is asked.

    A signal may have an attribute `most`: the largest value there is.
    """

    @property
    def name(self) -> str:
        """Its key in Prediction.signals."""
        ...

    def ask(self, record: Record, rollout: int) -> Sequence[Request]:
        """What the model must be asked about the rollout at that place of the record; each with choices."""
        ...

    def value(self, record: Record, rollout: int, grades: Sequence[Grade]) -> float:
        """The signal, from the answers to `ask`, in its order; finite and 0 or more."""
        ...


class Voter(Protocol):
    """Folds the predictions of the rollouts of a sample into one, so that scoring cannot tell a vote from an answer.

    A voter may have an attribute `signal`: what it needs to have in Prediction.signals.
    """

    def __call__(self, sample: Sample, predictions: Sequence[Prediction]) -> Prediction:
        """The vote; an abstention never wins, and ties are broken by a written rule."""
        ...


class Stop(Protocol):
    """Says when a vote is settled, so that no more rollouts need to be drawn."""

    def __call__(self, sample: Sample, predictions: Sequence[Prediction], n: int) -> int:
        """How many rollouts to draw before it is asked again, of the n there may be; 0 when the vote is settled."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A run folder as a report reads it."""

    folder: Path
    run: Mapping[str, Any]
    """The content of run.json."""
    scores: Mapping[str, Any]
    """The content of scores.json."""

    def value(self, task: str, metric: str, /, **group: str) -> float | None:
        """A metric of a task over the evaluated samples, or of one group of them: value("videomme", "acc",
        duration="long"); None where there is none."""
        found = self.scores["tasks"].get(task, {})
        for axis, name in group.items():
            found = found.get("by", {}).get(axis, {}).get(name, {})
        value: float | None = found.get("evaluated", {}).get(metric)
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A figure of a table with its interval."""

    value: float
    low: float
    high: float


Entry: TypeAlias = "str | float | Cell | None"
"""What stands in a table: texts as they are; numbers are fractions, printed per cent; None is printed "-"."""
PUBLISHED, PARTIAL, GAIN = "published", "partial", "gain"
"""What a row may be, other than a finished run: figures of others, a run of which something is missing, differences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A table of a report, before it is Markdown or anything else."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[Entry, ...], ...]
    notes: tuple[str, ...] = ()
    ranked: tuple[str, ...] = ()
    """Headings of the columns in which higher is better: the best and the second best of them are marked."""
    marks: Mapping[int, str] = field(default_factory=dict)
    """Number of a row -> what it is: PUBLISHED, PARTIAL or GAIN."""


class Report(Protocol):
    """Makes tables of run folders: `harness report RUN ... --as NAME`."""

    def __call__(self, runs: Sequence[Finished]) -> Sequence[Sheet]:
        """The tables, with a row for each run where runs are put side by side."""
        ...


class Scorer(Protocol):
    """Says how well frames fit a question. Made by the `scorer` of a module in harness/scorers: `scorer(folder)`.

    `folder` is what stands behind the colon of --scorer NAME:FOLDER, or "". One call at a time is made, in any thread.
    """

    @property
    def version(self) -> int:
        """Rises when scores change."""
        ...

    @property
    def folder(self) -> Path | None:
        """The model folder; None for a scorer without one."""
        ...

    def start(self) -> None:
        """Load the model."""
        ...

    def look(self, images: Sequence[Image]) -> NDArray[np.float32]:
        """What is seen on RGB images of the size of the video, a row each: all that a score needs of them."""
        ...

    def score(self, question: str, seen: NDArray[np.float32]) -> Sequence[float]:
        """For each row of what was seen how well it fits the question: finite, larger is better."""
        ...


class Pixels(Protocol):
    """Turns frame references into pixels."""

    async def get(self, frames: Sequence[Frame]) -> list[Image]:
        """RGB images of the sizes asked for, in order; VideoError when one cannot be had."""
        ...


class Engine(Protocol):
    """What answers requests. Made by the `engine` of a module in harness/engines: `engine(settings, pixels)`.

    An engine may have an attribute `alive`: false once it has started and can answer nothing any more.
    """

    async def start(self) -> None:
        """Load the model."""

    async def generate(self, request: Request) -> list[Response]:
        """The n rollouts, in order. EngineError or VideoError when the request fails; others are not affected."""
        ...

    async def close(self) -> None:
        """Give back what was taken."""
