"""A report that is said by its columns: a row for each run, figures of scores.json, intervals from its records."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness import metrics
from harness.contracts import Cell, Entry, Finished, Sheet
from harness.stats import Estimate

from . import table3
from .baseline import against, less
from .certainty import NOTE, Column, Lines, estimate, gain, lines, measure, scores
from .printed import figure

AVERAGE = "Avg"
ALIKE = 1e-9
"""How near a figure of the records is to the same one of scores.json."""
Cells = dict[str, Entry]
"""Heading -> what stands there."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A report of one table."""

    title: str
    columns: Mapping[str, Column]
    """Heading -> which figure."""
    notes: tuple[str, ...] = ()
    averaged: tuple[str, ...] = ()
    """Headings of the columns whose mean is the last column, where all of them are there."""

    def __call__(self, runs: Sequence[Finished]) -> list[Sheet]:
        """The table."""
        return [self._sheet(runs, [self._figures(run) for run in runs])]

    def sure(
        self, runs: Sequence[Finished], baseline: str | None = None, read: Sequence[Lines] | None = None
    ) -> list[Sheet]:
        """The table with intervals and, where a run is named, with paired differences to it.

        `read` is what `lines` gives of each run, where it is known.
        """
        figures, read = [self._figures(run) for run in runs], read or [*map(lines, runs)]
        parts = [{heading: scores(column, found) for heading, column in self.columns.items()} for found in read]
        made = {heading: measure(column) for heading, column in self.columns.items()}

        def gained(base: int, number: int) -> Cells:
            plain = {key: less(figures[number][key], figures[base][key]) for key in made}
            return self._cells(plain, {key: gain(made[key], parts[base][key], parts[number][key]) for key in made})

        known = [
            self._cells(cells, {heading: estimate(made[heading], each) for heading, each in found.items()})
            for cells, found in zip(figures, parts, strict=True)
        ]
        lacking = {key for row in known for key in made if isinstance(row[key], float)}
        told = [f"without an interval: {', '.join(key for key in made if key in lacking)}"] if lacking else []
        sheet = self._sheet(runs, known, NOTE, *told)
        return against([sheet], baseline, gained) if baseline else [sheet]

    def _figures(self, run: Finished) -> Cells:
        return self._averaged({key: run.value(task, metric, **by) for key, (task, metric, by) in self.columns.items()})

    def _cells(self, figures: Mapping[str, Entry], found: Mapping[str, Estimate | None]) -> Cells:
        """The figures with their intervals, where the records have the figure too."""
        return self._averaged({heading: _sure(figures[heading], each) for heading, each in found.items()})

    def _averaged(self, cells: Cells) -> Cells:
        """The same with the average; its interval takes the benchmarks as independent."""
        if not self.averaged:
            return cells
        parts = [cells[heading] for heading in self.averaged]
        mean = None if None in parts else metrics.mean(figure(each) for each in parts)
        halves = [(each.high - each.low) / 2 for each in parts if isinstance(each, Cell)]
        if mean is None or len(halves) < len(parts):
            return {**cells, AVERAGE: mean}
        half = math.hypot(*halves) / len(halves)
        return {**cells, AVERAGE: Cell(value=mean, low=mean - half, high=mean + half)}

    def _sheet(self, runs: Sequence[Finished], found: Sequence[Cells], *more: str) -> Sheet:
        head = (*self.columns, *((AVERAGE,) if self.averaged else ()))
        told = (f"{AVERAGE}: the mean of {', '.join(self.averaged)}",) if self.averaged else ()
        return Sheet(
            title=self.title,
            head=("run", *head),
            rows=tuple((run, *(cells[key] for key in head)) for run, cells in zip(names(runs), found, strict=True)),
            notes=(*self.notes, *told, *more),
            ranked=head,
        )


def names(runs: Sequence[Finished]) -> list[str]:
    """What runs are called: by their folders or, where two are called alike, as in Table 3."""
    folders = [run.folder.name for run in runs]
    return [table3.name(run) if folders.count(name) > 1 else name for run, name in zip(runs, folders, strict=True)]


def _sure(entry: Entry, found: Estimate | None) -> Entry:
    value = figure(entry)
    if value is None or found is None or found.value is None or abs(found.value - value) > ALIKE:
        return entry
    if found.low is None or found.high is None:
        return entry
    return Cell(value=value, low=found.low, high=found.high)
