"""Table 13 of the Open-o3-Video paper (arXiv 2510.20579): one answer, majority and confidence, for any tasks.

All of it is in the votes.json that `harness vote` writes into a run folder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.contracts import PARTIAL, Cell, Entry, Finished, Sheet
from harness.errors import UsageError
from harness.schema import loads, validate

from .baseline import against
from .layout import names

FILE, ONE = "votes.json", "one answer"


@dataclass(frozen=True)
class Votes:
    """The report of one table: a row for each way to vote of each run, a column for each task."""

    def __call__(self, runs: Sequence[Finished]) -> list[Sheet]:
        """The table; UsageError for a run without votes."""
        return [_sheet(runs, intervals=False)]

    def sure(self, runs: Sequence[Finished], baseline: str | None = None) -> list[Sheet]:
        """The table with intervals; differences have none, as votes.json does not pair votes."""
        sheets = [_sheet(runs, intervals=True)]
        return against(sheets, baseline) if baseline else sheets


def _sheet(runs: Sequence[Finished], *, intervals: bool) -> Sheet:
    votes = {run.folder: _votes(run) for run in runs}
    tasks = {task: told for found in votes.values() for task, told in found["tasks"].items()}
    rows: list[tuple[Entry, ...]] = []
    marks = {}
    for run, name in zip(runs, names(runs), strict=True):
        found = votes[run.folder]["tasks"]
        for voter in (ONE, *votes[run.folder]["settings"]["voters"]):
            if any(told["partial"] or told["missing"] for told in found.values()):
                marks[len(rows)] = PARTIAL
            label = f"{name}, {voter}" if len(runs) > 1 else voter
            rows.append((label, *(_cell(found.get(task), voter, intervals) for task in tasks)))
    sizes = sorted({str(told["rollouts"]) for told in tasks.values()})
    notes = [f"a vote is of {' or '.join(sizes)} rollouts; {ONE}: the mean of single rollouts"]
    notes += ["intervals of 95 %, clustered by video, as in votes.md"] if intervals else []
    head = tuple(f"{told['title']} {told['columns'][_metric(told)]}" for told in tasks.values())
    return Sheet(title="Votes, per cent", head=("vote", *head), rows=tuple(rows), notes=tuple(notes),
                 ranked=head, marks=marks)  # fmt: skip


def _votes(run: Finished) -> Mapping[str, Any]:
    path = run.folder / FILE
    if not path.is_file():
        told = f"harness vote {run.folder} --voters majority,confidence"
        raise UsageError(f"{run.folder} has no {FILE}; make it with: {told}")
    data = loads(path.read_bytes(), str(path))
    validate("votes", data, str(path))
    return dict(data)


def _metric(told: Mapping[str, Any]) -> str:
    return "acc" if "acc" in told["columns"] else next(iter(told["columns"]))


def _cell(told: Mapping[str, Any] | None, voter: str, intervals: bool) -> Entry:
    if told is None:
        return None
    curves = told["base"] if voter == ONE else told["voters"].get(voter, {})
    points = curves.get(_metric(told))
    if not points or points[-1]["value"] is None:
        return None
    point = points[-1]
    value: float = point["value"]
    if not intervals or point["low"] is None or point["high"] is None:
        return value
    return Cell(value=value, low=point["low"], high=point["high"])


report = Votes()
