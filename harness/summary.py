"""scores.json: the metrics of a run from its records, in the order of sample ids: the same however the run went.

Metrics are given twice: over the evaluated samples, and over all, where a sample that was not evaluated is wrong.
Where judges have rated open answers (harness/ratings.py), the same metrics are given again for each judge.
"""

from __future__ import annotations

import heapq
import math
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from harness import metrics, ratings
from harness.contracts import Task
from harness.errors import DataError
from harness.plan import load
from harness.ratings import Judge, Rating
from harness.records import Record, Score
from harness.spool import Lazy, Spool
from harness.store import read_records

T = TypeVar("T")
Sums = Callable[[Sequence[Record]], Mapping[str, float | None]]

PART = 1 << 14
"""Records whose ids are sorted at a time."""

COUNTS = ("samples", "items", "evaluated", "errors", "unscored", "abstentions", "rollouts", "truncated", "tokens")


@dataclass(frozen=True, slots=True)
class Line:
    """What a summary keeps of a record."""

    record: Record
    """Without rollouts and grades, so that a long run fits in memory."""
    rollouts: int
    truncated: int
    tokens: int
    grades: int
    grade_tokens: int
    """What asking about evidence cost: tokens of the prompts, one more for each grade."""
    note: str | None
    """What is wrong with its video."""


class Lines:
    """The records of one task."""

    def __init__(self) -> None:
        """None yet."""
        self._found = Spool(Line)

    def add(self, record: Record) -> None:
        """Take a record, less its rollouts."""
        responses = record.responses
        self._found.append(
            Line(
                record=replace(record, responses=(), predictions=(), grades=(), view=None),
                rollouts=len(responses),
                truncated=sum(r.finish == "length" for r in responses),
                tokens=sum(r.tokens for r in responses),
                grades=len(record.grades),
                grade_tokens=sum(grade.prompt_tokens for grade in record.grades),
                note=record.view.note if record.view and record.score else None,
            )
        )

    def by_id(self) -> Lazy[Line]:
        """All of them in the order of sample ids, sorted in parts: the ids of all are never in memory at once."""
        ids, number = self._found.map(lambda line: line.record.sample.id), len(self._found)
        parts = (range(begin, min(begin + PART, number)) for begin in range(0, number, PART))
        in_order = (array("q", sorted(part, key=ids.__getitem__)) for part in parts)
        return self._found.at(heapq.merge(*in_order, key=ids.__getitem__))


def summarise(folder: Path, run: Mapping[str, Any]) -> dict[str, Any]:
    """The content of scores.json for a run folder with that run.json."""
    lines = {task["name"]: Lines() for task in run["settings"]["tasks"]}
    for record in read_records(folder):
        if record.task not in lines:
            raise DataError(f"{folder} has a record of the task {record.task!r}, which its run.json does not name")
        lines[record.task].add(record)
    tasks = {}
    judges = [ratings.read(folder, name) for name in ratings.names(folder)]
    for spec in run["settings"]["tasks"]:
        found = lines[spec["name"]].by_id()
        task, told = restore(spec), run["tasks"][spec["name"]]
        judged = {judge.name: _judged(task, told, found, judge) for judge in judges if task.name in judge.tasks}
        tasks[task.name] = _task(task, spec, told, found) | ({"judges": judged} if judged else {})
    finished = all(tasks[name]["counts"]["samples"] == told["samples"] for name, told in run["tasks"].items())
    return {"format": 1, "partial": run["partial"], "finished": finished, "tasks": tasks}


def restore(spec: Mapping[str, Any]) -> Task:
    """The task that a run.json speaks of, with its options."""
    task = load(spec["plugin"])
    try:
        return replace(task, **spec["options"]) if spec["options"] else task  # type: ignore[type-var]
    except TypeError as error:
        raise DataError(f"the task {spec['name']} no longer takes the options of the run: {error}") from error


def _task(task: Task, spec: Mapping[str, Any], told: Mapping[str, Any], lines: Lazy[Line]) -> dict[str, Any]:
    records = lines.map(_record)
    wrong = _counted_as_wrong(records)
    main = _metrics(task.overall, lines, wrong)
    by = _by(told, lines, lambda part: _metrics(task.aggregate, part, wrong))
    notes = Counter(line.note for line in lines if line.note is not None)
    errors = Counter(record.error for record in records if record.error is not None)
    return {
        "version": spec["version"],
        "partial": told["items"] < told["all_items"],
        **main,
        "reasons": {name: _reason(records) for name, value in main["evaluated"].items() if value is None},
        "errors": dict(sorted(errors.items())),
        "notes": dict(sorted(notes.items())),
        "by": by,
    }


def _by(told: Mapping[str, Any], lines: Lazy[Line], sum_up: Callable[[Lazy[Line]], T]) -> dict[str, dict[str, T]]:
    """Axis -> value -> sums over the samples of that value."""
    by: dict[str, dict[str, T]] = {}
    places: dict[tuple[str, str], array[int]] = {}
    for place, line in enumerate(lines):
        for group in line.record.sample.groups.items():
            places.setdefault(group, array("q")).append(place)
    for axis, values in told["groups"].items():
        for value in values:
            if (axis, value) in places:
                by.setdefault(axis, {})[value] = sum_up(lines.at(places[axis, value]))
    return by


def _judged(task: Task, told: Mapping[str, Any], lines: Lazy[Line], judge: Judge) -> dict[str, Any]:
    """The metrics with the ratings of a judge in place of the task's own scores."""
    found = {line.record.sample.id: judge.rating(task, line.record) for line in lines}
    asked = {sample: rating for sample, rating in found.items() if rating is not None}
    rated = [rating for rating in asked.values() if rating.rating is not None]
    again = lines.map(lambda line: replace(line, record=rescore(task, line.record, found[line.record.sample.id])))
    wrong = _counted_as_wrong(lines.map(_record))

    def sum_up(part: Lazy[Line], sums: Sums = task.aggregate) -> dict[str, Any]:
        here = [asked[line.record.sample.id] for line in part if line.record.sample.id in asked]
        judged = sum(rating.rating is not None for rating in here)
        counts = {"answers": len(here), "judged": judged, "unjudged": len(here) - judged}
        return _metrics(sums, part, wrong) | {"counts": counts}

    errors = Counter(rating.error for rating in asked.values() if rating.error is not None)
    return {
        "model": judge.model,
        "engine": judge.settings["engine"]["name"],
        "version": judge.tasks[task.name],
        "rule": task.judge_rule,
        "mean_rating": metrics.mean(rating.rating for rating in rated),
        "expected_rating": metrics.mean(rating.expected for rating in rated),
        "errors": dict(sorted(errors.items())),
        **sum_up(again, task.overall),
        "by": _by(told, again, sum_up),
    }


def rescore(task: Task, record: Record, rating: Rating | None) -> Record:
    """The record with the score that a rating is worth; unscored where there is none but should be."""
    if rating is None or record.score is None:
        return record
    if rating.rating is not None:
        return replace(record, score=task.judged(record.sample, rating.rating))
    values = dict.fromkeys(record.score.values)
    return replace(record, score=Score(values=values, reason="the judge gave no rating"))


def _metrics(sums: Sums, lines: Lazy[Line], wrong: Mapping[str, Score]) -> dict[str, Any]:
    def judged_wrong(line: Line) -> Record:
        record = line.record
        missing = record.score is None and record.sample.kind in wrong
        return replace(record, score=wrong[record.sample.kind]) if missing else record

    counts = _counts(lines)
    evaluated = _finite(sums(lines.map(_record)))
    same = counts["evaluated"] == counts["samples"]
    return {
        "counts": counts,
        "evaluated": evaluated,
        "all": evaluated if same else _finite(sums(lines.map(judged_wrong))),
    }


def _record(line: Line) -> Record:
    return line.record


def _counts(lines: Iterable[Line]) -> dict[str, int]:
    import numpy

    # 64 bits for each item: a set of their names would be most of the memory of a long run.
    found, items = Counter[str](), array("q")
    for line in lines:
        record, score = line.record, line.record.score
        items.append(hash(record.sample.item))
        found["samples"] += 1
        found["errors"] += record.error is not None
        if score is not None:
            found["evaluated"] += 1
            found["unscored"] += all(value is None for value in score.values.values())
            found["abstentions"] += record.vote is not None and record.vote.abstained
        for name in ("rollouts", "truncated", "tokens", "grades", "grade_tokens"):
            found[name] += getattr(line, name)
    found["items"] = len(numpy.unique(items))
    grades = ("grades", "grade_tokens") if found["grades"] else ()
    return {name: found[name] for name in (*COUNTS, *grades)}


def _counted_as_wrong(records: Iterable[Record]) -> dict[str, Score]:
    """Kind -> the score of a sample of that kind that has everything wrong, after the first one that was scored."""
    found: dict[str, Score] = {}
    for record in records:
        if (
            record.score is not None
            and record.sample.kind not in found
            and any(value is not None for value in record.score.values.values())
        ):
            found[record.sample.kind] = Score(values={name: 0.0 for name in record.score.values})
    return found


def _finite(values: Mapping[str, float | None]) -> dict[str, float | None]:
    return {name: None if value is None or not math.isfinite(value) else value + 0.0 for name, value in values.items()}


def _reason(records: Iterable[Record]) -> str:
    reasons = Counter(r.score.reason for r in records if r.score is not None and r.score.reason)
    return min(reasons, key=lambda text: (-reasons[text], text)) if reasons else "no sample was scored"
