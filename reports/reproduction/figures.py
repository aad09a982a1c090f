"""The figures of run folders that claims are about, question by question."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.records import Sample, Score
from harness.store import read_as

from .claim import Values

MAM = {
    "what": ("acc", 1 / 3),
    "when_1": ("tiou", 1 / 6),
    "when_2": ("tiou", 1 / 6),
    "where_1": ("viou", 1 / 6),
    "where_2": ("viou", 1 / 6),
}
"""Kind of a question of V-STaR -> its metric, and its share of mAM (arXiv 2503.11495, Sec. 4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What is read of a record."""

    task: str
    sample: Sample
    score: Score | None = None


def leading(runs: Sequence[Path], task: str, kind: str | None = None) -> Values:
    """The first metric of each question of a task, and of a kind where one is named; the mean of several runs."""
    return _means([_leading(run, task, kind) for run in runs])


def mam(runs: Sequence[Path]) -> Values:
    """mAM of each item of V-STaR all of whose parts are scored; the mean of several runs, such as seeds."""
    return _means([_mam(run) for run in runs])


def _lines(run: Path, task: str) -> Iterable[Line]:
    return (line for line in read_as(Line, run) if line.task == task)


def _leading(run: Path, task: str, kind: str | None) -> Values:
    found = {}
    for line in _lines(run, task):
        value = next(iter(line.score.values.values()), None) if line.score else None
        if value is not None and kind in (None, line.sample.kind):
            found[line.sample.id] = (Path(line.sample.video).name, value)
    return found


def _mam(run: Path) -> Values:
    parts: dict[str, dict[str, float]] = {}
    videos = {}
    for line in _lines(run, "vstar"):
        metric, share = MAM[line.sample.kind]
        value = line.score.values.get(metric) if line.score else None
        if value is not None:
            parts.setdefault(line.sample.item, {})[line.sample.kind] = share * value
            videos[line.sample.item] = Path(line.sample.video).name
    return {item: (videos[item], sum(found.values())) for item, found in parts.items() if len(found) == len(MAM)}


def _means(seeds: Sequence[Values]) -> Values:
    shared = [key for key in seeds[0] if all(key in each for each in seeds)] if seeds else []
    return {key: (seeds[0][key][0], sum(each[key][1] for each in seeds) / len(seeds)) for key in shared}
