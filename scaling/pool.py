"""The rollouts of a run as votes and curves read them: what each one means, what speaks for it, what it scores."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.contracts import Task
from harness.errors import DataError
from harness.records import Prediction, Sample, Score
from harness.store import read_as
from harness.summary import restore

Signals = Mapping[tuple[str, str], Mapping[str, Sequence[float]]]
"""(Task, sample id) -> name of a signal -> its value for each rollout."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What is read of a response."""

    tokens: int


@dataclass(frozen=True, slots=True)
class Line:
    """What is read of a record: no texts, which are most of it."""

    task: str
    sample: Sample
    responses: tuple[Spent, ...]
    predictions: tuple[Prediction, ...]
    score: Score | None
    error: str | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Rollouts:
    """One sample and its rollouts, without their texts."""

    sample: Sample
    predictions: tuple[Prediction, ...]
    """In the order of the rollouts, with the signals that are on record."""
    tokens: tuple[int, ...]
    """Generated tokens of each."""
    seconds: float
    """From the question to its last rollout."""

    @property
    def video(self) -> str:
        """What samples are clustered by."""
        return self.sample.video


@dataclass(frozen=True, slots=True)
class Pool:
    """All rollouts of one task of a run."""

    task: Task
    samples: list[Rollouts] = field(default_factory=list)
    """Those that were evaluated, in the order of their ids."""
    errors: int = 0
    """Samples that were not."""

    @property
    def n(self) -> int:
        """The rollouts that every sample has."""
        return min((len(s.predictions) for s in self.samples), default=0)


def read(folder: Path, run: Mapping[str, Any], signals: Signals | None = None) -> list[Pool]:
    """The pools of a run folder with that run.json, a task each, in its order.

    `signals` are those that are not in the records.
    """
    found: dict[str, list[Rollouts]] = {spec["name"]: [] for spec in run["settings"]["tasks"]}
    errors = dict.fromkeys(found, 0)
    with _uncollected():
        for record in read_as(Line, folder):
            if record.task not in found:
                raise DataError(f"{folder} has a record of the task {record.task!r}, which its run.json does not name")
            if record.error is not None or record.score is None:
                errors[record.task] += 1
            else:
                found[record.task].append(light(record, (signals or {}).get((record.task, record.sample.id), {})))
    tasks = {spec["name"]: restore(spec) for spec in run["settings"]["tasks"]}
    return [Pool(tasks[name], sorted(found[name], key=lambda r: r.sample.id), errors[name]) for name in found]


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the garbage collector from going over what is read, again and again: it would take most of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def light(record: Line, signals: Mapping[str, Sequence[float]]) -> Rollouts:
    """A record less what votes do not need."""
    predictions = record.predictions
    if signals:
        extra = [{name: values[k] for name, values in signals.items()} for k in range(len(predictions))]
        predictions = tuple(replace(p, signals={**p.signals, **e}) for p, e in zip(predictions, extra, strict=True))
    return Rollouts(record.sample, predictions, tuple(r.tokens for r in record.responses), record.seconds)


class Scorer:
    """The scores of the predictions of one sample, each distinct one scored once."""

    def __init__(self, task: Task, sample: Sample) -> None:
        """Nothing is scored yet."""
        self.task, self.sample = task, sample
        self._known: dict[Any, Score] = {}

    def __call__(self, prediction: Prediction) -> Score:
        """Its score."""
        key = (prediction.answer, prediction.span, tuple(prediction.boxes.items()), prediction.problems)
        if key not in self._known:
            self._known[key] = self.task.score(self.sample, prediction)
        return self._known[key]

    def values(self, predictions: Iterable[Prediction], metric: str) -> list[float | None]:
        """One metric of each prediction; None where it is not scored."""
        return [self(prediction).values.get(metric) for prediction in predictions]
