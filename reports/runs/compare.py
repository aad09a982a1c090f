"""`harness compare A B ...`: runs against the first of them, on the questions that they share.

The same files give the same figures. What is confirmed is the main metric of each task (Holm); all figures in all
groups are explored (Benjamini-Hochberg).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import comparison, multiplicity, stats
from harness.codec import encode
from harness.errors import UsageError
from harness.progress import Progress

from . import differences, flipped
from .differences import Figure, Group
from .flipped import Flipped
from .paired import Left, Paired, pair
from .sides import Side, read

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCompared:
    """One task of a run against the same of the first."""

    title: str
    version: int
    main: str | None
    """The metric by which the task is judged, and over which Holm's adjustment goes."""
    leading: tuple[str, ...]
    """Those that are the first of a sample."""
    columns: tuple[str, ...]
    """Those of the task's table."""
    left: Left
    notes: tuple[str, ...]
    whole: Group
    by: Mapping[str, Mapping[str, Group]]
    """Axis -> value -> the samples of that value."""
    flipped: tuple[Flipped, ...]


def compare(paths: Sequence[Path], out: Path, console: Console, *, anyway: bool = False) -> dict[str, Any]:
    """The content of comparison.json; `out` is the folder that it will lie in."""
    names = named(paths)
    first, *others = (read(path) for path in paths)
    pairs = {name: pair(first, side, anyway=anyway) for name, side in zip(names[1:], others, strict=True)}
    found: dict[str, dict[str, TaskCompared]] = {name: {} for name in pairs}
    total = sum(len(p.before) * (1 + len(p.told["groups"])) for tasks in pairs.values() for p in tasks.values())
    with Progress(console, total) as progress:
        for (name, tasks), side in zip(pairs.items(), others, strict=True):
            for task, paired in tasks.items():
                found[name][task] = _compared(paired, first, side, out, progress)
    return {
        "format": 1,
        "baseline": names[0],
        "settings": {"level": stats.LEVEL, "power": stats.POWER, "flips": stats.FLIPS, "draws": stats.DRAWS},
        "against": encode(_adjusted(found)),
    }


def named(paths: Sequence[Path]) -> list[str]:
    """A name for each run: as much of the end of its path as tells it from the others."""
    parts = [path.resolve().parts for path in paths]
    if len(set(parts)) < len(parts):
        raise UsageError("a run is compared with other runs: give each folder once")
    length = 1
    while len({part[-length:] for part in parts}) < len(parts):
        length += 1
    return ["/".join(part[-length:]).lstrip("/") for part in parts]


def _compared(paired: Paired, before: Side, after: Side, out: Path, progress: Progress) -> TaskCompared:
    by: dict[str, dict[str, Group]] = {}
    whole = differences.whole(paired)
    _advance(progress, whole)
    for axis, value, group in differences.parts(paired):
        by.setdefault(axis, {})[value] = group
        _advance(progress, group)
    leading = comparison.leading(differences.pairs(paired.before, paired.after))
    return TaskCompared(
        title=paired.told["title"],
        version=paired.task.version,
        main=comparison.main(leading, paired.told["columns"]),
        leading=tuple(leading),
        columns=tuple(paired.told["columns"]),
        left=paired.left,
        notes=paired.notes,
        whole=whole,
        by=by,
        flipped=tuple(flipped.flipped(paired, before, after, out)),
    )


def _advance(progress: Progress, group: Group) -> None:
    for _ in range(group.samples):
        progress.advance(False)


Found = Mapping[str, Mapping[str, TaskCompared]]
Place = tuple[str, str, str, str, str]
"""Run, task, axis, value, figure."""


def _adjusted(found: Found) -> dict[str, dict[str, TaskCompared]]:
    """The same with p adjusted: over the main metrics, and over everything."""
    every = {place: figure.p for place, figure in _figures(found) if figure.p is not None}
    main = {place: p for place, p in every.items() if not place[2] and place[4] == found[place[0]][place[1]].main}
    confirmed, explored = multiplicity.holm(main), multiplicity.benjamini_hochberg(every)

    def group(run: str, task: str, axis: str, value: str, told: Group) -> Group:
        places = {name: (run, task, axis, value, name) for name in told.figures}
        figures = {
            name: replace(told.figures[name], holm=confirmed.get(place), bh=explored.get(place))
            for name, place in places.items()
        }
        return replace(told, figures=figures)

    return {
        run: {
            task: replace(
                told,
                whole=group(run, task, "", "", told.whole),
                by={axis: {v: group(run, task, axis, v, g) for v, g in part.items()} for axis, part in told.by.items()},
            )
            for task, told in tasks.items()
        }
        for run, tasks in found.items()
    }


def _figures(found: Found) -> Iterator[tuple[Place, Figure]]:
    for run, tasks in found.items():
        for task, told in tasks.items():
            groups = [("", "", told.whole), *((a, v, g) for a, part in told.by.items() for v, g in part.items())]
            for axis, value, group in groups:
                for name, figure in group.figures.items():
                    yield (run, task, axis, value, name), figure
