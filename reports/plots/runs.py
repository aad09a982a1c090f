"""Run folders as pictures read them: the figures of each question, and of each rollout that something speaks for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import journal
from harness.contracts import Task
from harness.errors import DataError
from harness.records import Prediction, Sample, Score
from harness.store import Key, read_as, read_run
from harness.summary import restore

from ..table import HEADINGS

SIGNALS = "signals.jsonl"
"""Signals that were found out after the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What is read of a record."""

    task: str
    sample: Sample
    predictions: tuple[Prediction, ...]
    score: Score | None


@dataclass(frozen=True, slots=True)
class Rollout:
    """What speaks for a rollout, and the leading metric of it alone, 0..1."""

    signals: Mapping[str, float]
    value: float


@dataclass(frozen=True, slots=True)
class Answer:
    """A question that was scored."""

    video: str
    """What answers are clustered by."""
    groups: Mapping[str, str]
    metric: str
    """The leading one of the question: what its task says before all else."""
    value: float
    """Of that metric, 0..1."""
    rollouts: tuple[Rollout, ...] = ()
    """Those with a signal that say anything."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run folder; answers in the order of the ids of their questions."""

    name: str
    folder: Path
    told: Mapping[str, Any]
    """The content of run.json."""
    answers: Mapping[str, Sequence[Answer]]
    """By task."""


def read(name: str, folder: Path) -> Run:
    """The run of a folder; DataError where it is not as it should be."""
    told = read_run(folder)
    tasks = {spec["name"]: restore(spec) for spec in told["settings"]["tasks"]}
    beside = _beside(folder)
    found: dict[str, dict[str, Answer]] = {task: {} for task in tasks}
    for line in read_as(Line, folder):
        if line.task not in tasks:
            raise DataError(f"{folder} has a record of the task {line.task!r}, which its run.json does not name")
        metric, value = next(iter(line.score.values.items()), ("", None)) if line.score else ("", None)
        if value is not None:
            spoken = beside.get((line.task, line.sample.id), {})
            rollouts = tuple(_rollouts(tasks[line.task], line, metric, spoken))
            found[line.task][line.sample.id] = Answer(line.sample.video, line.sample.groups, metric, value, rollouts)
    return Run(name, folder, told, {task: [each[key] for key in sorted(each)] for task, each in found.items()})


def _beside(folder: Path) -> dict[Key, dict[str, Sequence[float]]]:
    """Signals that are not in the records: one value a rollout."""
    found: dict[Key, dict[str, Sequence[float]]] = {}
    for line, _ in journal.lines(folder / SIGNALS):
        if "sample" in line:
            found.setdefault((line["task"], line["sample"]), {}).update(line["signals"])
    return found


def _rollouts(task: Task, line: Line, metric: str, beside: Mapping[str, Sequence[float]]) -> Iterable[Rollout]:
    for number, prediction in enumerate(line.predictions):
        signals = {**prediction.signals, **{name: values[number] for name, values in beside.items()}}
        if signals and not prediction.abstained:
            value = task.score(line.sample, prediction).values.get(metric)
            if value is not None:
                yield Rollout(signals, value)


def metrics(runs: Sequence[Run], task: str) -> list[str]:
    """The leading metrics of a task."""
    return [*dict.fromkeys(answer.metric for run in runs for answer in run.answers[task])]


def heading(runs: Sequence[Run], task: str, metric: str) -> str:
    """The name of a metric in a picture."""
    columns = runs[0].told["tasks"][task]["columns"]
    return HEADINGS.get(metric, str(columns.get(metric, metric)))


def title(runs: Sequence[Run], task: str) -> str:
    """The name of a task in a picture."""
    return str(runs[0].told["tasks"][task]["title"])


def axes(runs: Sequence[Run], task: str) -> dict[str, list[str]]:
    """The axes of a task and their values, in the order of its data, where there is more than one value."""
    found: dict[str, dict[str, None]] = {}
    for run in runs:
        for axis, values in run.told["tasks"][task]["groups"].items():
            here = {answer.groups.get(axis) for answer in run.answers[task]}
            found.setdefault(axis, {}).update(dict.fromkeys(value for value in values if value in here))
    return {axis: [*values] for axis, values in found.items() if len(values) > 1}


def differing(runs: Sequence[Run], task: str) -> list[str]:
    """What runs of a task differ in so that they cannot simply be put over each other."""
    specs = [next(spec for spec in run.told["settings"]["tasks"] if spec["name"] == task) for run in runs]
    names = {"version": "versions of the task", "fingerprint": "data", "options": "options", "frames": "frames"}
    return [said for key, said in names.items() if any(spec.get(key) != specs[0].get(key) for spec in specs)]
