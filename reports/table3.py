"""Table 3 of the Open-o3-Video paper (arXiv 2510.20579): V-STaR of checkpoints that were trained in other ways.

A row is one way of training. Runs whose names differ only in an ending -s0, -s1 ... are seeds of one row: its figures
are their means. The run that `harness train` writes beside a checkpoint has the name of the training. The tables below
the first say how sure the figures are: intervals and paired tests, clustered by video (harness/stats.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from harness import metrics, multiplicity, stats
from harness.contracts import Finished, Sheet
from harness.errors import UsageError
from harness.records import Sample, Score
from harness.stats import Estimate
from harness.store import read_as

from .comparison import interval, plain, points
from .table import per_cent

if TYPE_CHECKING:
    from numpy.typing import NDArray

TASK = "vstar"
PARTS = {
    "What Acc": ("what", "acc"),
    "When tIoU c1": ("when_1", "tiou"),
    "When tIoU c2": ("when_2", "tiou"),
    "Where vIoU c1": ("where_1", "viou"),
    "Where vIoU c2": ("where_2", "viou"),
}
"""Heading -> kind of sample, its metric."""
COLUMNS = {
    **dict(zip(PARTS, ("acc", "tiou_1", "tiou_2", "viou_1", "viou_2"), strict=True)),
    "mAM": "mam",
    "mLGM": "mlgm",
}
"""Heading -> metric of the run."""
CHAINS = "c1, c2: the chains what-when-where and what-where-when"
SEED = re.compile(r"-s\d+(?=/|$)")
INTERVALS = (
    "intervals of 95 % over videos, of the mean of the seeds: Student's t with the CR1 error, clustered by video; of "
    "mLGM, which is no mean over items, by a bootstrap of whole videos"
)
TESTS = (
    "points, their interval of 95 %, and the p of sign-flips of whole videos, over the items with all five parts "
    "scored in both rows; mLGM has the interval alone, by a bootstrap; "
    "Holm: the p of mAM adjusted for all rows of this table"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What is read of a record."""

    task: str
    sample: Sample
    score: Score | None = None


@dataclass(frozen=True)
class Item:
    """An item of one row: the five parts of PARTS as fractions, each the mean of the seeds."""

    video: str
    asked: tuple[Any, ...]
    """What tells whether another row was asked the same."""
    parts: tuple[float, ...]


@dataclass(frozen=True)
class Row:
    """The seeds of one way of training."""

    name: str
    runs: tuple[Finished, ...]

    def values(self, heading: str) -> list[float | None]:
        """A column of each seed."""
        return [run.value(TASK, COLUMNS[heading]) for run in self.runs]

    def value(self, heading: str) -> float | None:
        """Its mean; None where a seed has none."""
        found = self.values(heading)
        return None if None in found else metrics.mean(found)

    @cached_property
    def items(self) -> dict[str, Item]:
        """The items of which all parts are scored in all seeds; UsageError where seeds were not asked the same."""
        seeds = [_items(run) for run in self.runs]
        shared = [key for key in seeds[0] if all(key in seed for seed in seeds)]
        found = {}
        for key in shared:
            same = [seed[key] for seed in seeds]
            _same(key, same, self.name)
            means = tuple(sum(values) / len(same) for values in zip(*(item.parts for item in same), strict=True))
            found[key] = Item(same[0].video, same[0].asked, means)
        return found


def report(runs: Sequence[Finished]) -> list[Sheet]:
    """The table, how sure its figures are, and each row against the one above it and against the last.

    UsageError for a run without V-STaR, or where rows were not asked the same questions.
    """
    rows = _rows(runs)
    several = any(len(row.runs) > 1 for row in rows)
    main = Sheet(
        title="V-STaR of checkpoints, per cent",
        head=("run", *(("seeds",) if several else ()), *COLUMNS),
        rows=tuple(
            (row.name, *((str(len(row.runs)),) if several else ()), *(row.value(heading) for heading in COLUMNS))
            for row in rows
        ),
        notes=(CHAINS, *(_about(rows) if several else ())),
        ranked=tuple(COLUMNS),
    )
    sure = Sheet(title="How sure, per cent", head=("run", "", *COLUMNS), rows=tuple(_sure(rows)), notes=(INTERVALS,))
    pairs = [(after, before) for before, after in zip(rows, rows[1:], strict=False)]
    pairs += [(rows[-1], row) for row in rows[:-2]]
    return [main, sure, *([_tests(pairs)] if pairs else [])]


def name(run: Finished) -> str:
    """The name of a run: its folder's or, for checkpoints in TRAINING/runs/NAME, that of the training.

    >>> from pathlib import Path
    >>> folders = map(Path, ("a/base", "gspo-s1/runs/final", "sft/runs/step-000100"))
    >>> [name(Finished(folder=folder, run={}, scores={})) for folder in folders]
    ['base', 'gspo-s1', 'sft/step-000100']
    """
    folder = run.folder.resolve() if run.folder.name in ("", ".", "..") else run.folder
    if folder.parent.name != "runs" or not folder.parent.parent.name:
        return folder.name
    training = folder.parent.parent.name
    return training if folder.name == "final" else f"{training}/{folder.name}"


def _rows(runs: Sequence[Finished]) -> list[Row]:
    found: dict[str, list[Finished]] = {}
    for run in runs:
        if TASK not in run.scores["tasks"]:
            raise UsageError(f"{run.folder} is no run of {TASK}; leave it out")
        told = name(run)
        found.setdefault(SEED.sub("", told), []).append(run)
    for row, seeds in found.items():
        names = [name(run) for run in seeds]
        if len(set(names)) < len(names):
            raise UsageError(f"two of the runs are named {row}; rename the folder of one")
    return [Row(row, tuple(seeds)) for row, seeds in found.items()]


def _about(rows: Iterable[Row]) -> list[str]:
    return [f"{row.name}: mean of {', '.join(name(run) for run in row.runs)}" for row in rows if len(row.runs) > 1]


def _items(run: Finished) -> dict[str, Item]:
    """The items whose five parts are all scored."""
    parts: dict[str, dict[str, float | None]] = {}
    about: dict[str, list[tuple[Any, ...]]] = {}
    videos: dict[str, str] = {}
    for line in read_as(Line, run.folder):
        if line.task != TASK:
            continue
        key, sample = line.sample.item, line.sample
        told = parts.setdefault(key, {})
        about.setdefault(key, []).append((sample.kind, sample.question, sample.answer, sample.span))
        videos[key] = sample.video.replace("\\", "/").rpartition("/")[2]
        for heading, (kind, metric) in PARTS.items():
            if sample.kind == kind and line.score is not None:
                told[heading] = line.score.values.get(metric)
    found = {}
    for key, told in sorted(parts.items()):
        values = [value for heading in PARTS if (value := told.get(heading)) is not None]
        if len(values) == len(PARTS):
            found[key] = Item(videos[key], tuple(sorted(about[key], key=lambda each: each[0])), tuple(values))
    return found


def _same(key: str, items: Sequence[Item], where: str) -> None:
    if any(item.asked != items[0].asked for item in items):
        raise UsageError(f"{where}: the item {key} is not the same question in all runs; use one version of the data")


def _matrix(items: Iterable[Item]) -> NDArray[Any]:
    import numpy

    return numpy.array([item.parts for item in items], dtype=float).reshape(-1, len(PARTS))


def _mlgm(means: Sequence[float]) -> float:
    acc, tiou_1, tiou_2, viou_1, viou_2 = map(float, means)
    one, other = (metrics.log_geometric_mean(acc, t, v) for t, v in ((tiou_1, viou_1), (tiou_2, viou_2)))
    return (one + other) / 2


def _drawn(parts: NDArray[Any], items: NDArray[Any]) -> float:
    return _mlgm(parts[items].mean(axis=0))


def _columns(parts: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Heading -> value of each item, for the columns that are means over items."""
    found = {heading: parts[:, place] for place, heading in enumerate(PARTS)}
    return {**found, "mAM": parts @ (1 / 3, 1 / 6, 1 / 6, 1 / 6, 1 / 6)}


def _sure(rows: Sequence[Row]) -> Iterable[tuple[str, ...]]:
    """For each row its intervals and, of several seeds, their range."""
    for row in rows:
        parts, videos = _matrix(row.items.values()), [item.video for item in row.items.values()]
        found = {heading: stats.mean(values, videos) for heading, values in _columns(parts).items()}
        found["mLGM"] = stats.bootstrap(partial(_drawn, parts), videos)
        yield (row.name, "interval", *(_interval(found[heading], per_cent) for heading in COLUMNS))
        if len(row.runs) > 1:
            yield (row.name, "seeds", *(_range(row.values(heading)) for heading in COLUMNS))


def _range(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{per_cent(min(known))} to {per_cent(max(known))}" if len(known) == len(values) else "-"


def _interval(found: Estimate, told: Any) -> str:
    return interval({"low": found.low, "high": found.high}, told)


def _tests(pairs: Sequence[tuple[Row, Row]]) -> Sheet:
    """The first row of each pair against the second."""
    lines, notes, p_values = [], [TESTS], {}
    for number, (after, before) in enumerate(pairs):
        shared = [key for key in before.items if key in after.items]
        for key in shared:
            _same(key, (before.items[key], after.items[key]), f"{after.name} and {before.name}")
        left = len(before.items.keys() | after.items.keys()) - len(shared)
        if left:
            notes.append(f"{after.name} against {before.name}: {left} items that only one of them has are left out")
        cells, p_values[number] = _against(before, after, shared)
        lines.append((after.name, before.name, str(len(shared)), *cells))
    adjusted = multiplicity.holm(p_values)
    return Sheet(
        title="Differences, points",
        head=("run", "against", "items", *COLUMNS, "Holm"),
        rows=tuple((*line, plain(adjusted[number])) for number, line in enumerate(lines)),
        notes=tuple(notes),
    )


def _against(before: Row, after: Row, shared: Sequence[str]) -> tuple[list[str], float]:
    """A cell for each column, and the p of mAM."""
    one, other = (_matrix(row.items[key] for key in shared) for row in (before, after))
    videos = [before.items[key].video for key in shared]
    cells, p = [], 1.0
    for values in _columns(other - one).values():
        found, p = stats.mean(values, videos), stats.sign_flip(values, videos).p
        cells.append(f"{points(found.value)} {_interval(found, points)} p {plain(p)}")

    def gained(drawn: NDArray[Any]) -> float:
        return _drawn(other, drawn) - _drawn(one, drawn)

    found = stats.bootstrap(gained, videos)
    return [*cells, f"{points(found.value)} {_interval(found, points)}"], p
