"""Table 6 of the Open-o3-Video paper (arXiv 2510.20579), for any tasks: answers without the frames that they cite.

The paper gives the accuracy on 150 questions of Video-MME with 64 frames, without those near cited times, and without
as many random ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.contracts import Finished, Sheet
from harness.errors import UsageError
from harness.schema import loads, validate

from .comparison import interval, plain, points

FILE, PROBE, CONTROL, RUN = "probe.json", "remove-evidence", "remove-random", "run"
HEAD = ("run", "task", "as it was", "evidence removed", "random removed", "differ", "interval", "p", "n", "of")
NOTES = (
    "scores are over all evaluated questions, of which those that cite no time count as they were answered",
    "differ: evidence removed against random removed, in points, over the n questions that were asked again",
    "interval: of 95 %, clustered by video; p: of flipping the signs of whole videos",
)


def report(runs: Sequence[Finished]) -> list[Sheet]:
    """A row for each leading metric of each task of each run."""
    rows = tuple(row for run in runs for row in _rows(run.folder))
    return [Sheet(title="Without the frames that answers cite, per cent", head=HEAD, rows=rows, notes=NOTES)]


def _rows(folder: Path) -> Iterator[tuple[str | float | None, ...]]:
    for task in _read(folder)["tasks"].values():
        trial = task["trials"][PROBE]
        arms = [trial["arms"][way]["all"] for way in (RUN, PROBE, CONTROL)]
        for metric in task["leading"]:
            if (found := trial["against"][CONTROL].get(metric)) is not None:
                told = found["difference"]
                tests = (points(told["value"]), interval(told, points), plain(found["p"]), str(told["n"]))
                figures = (arm[metric] for arm in arms)
                yield (folder.name, f"{task['title']} {metric}", *figures, *tests, str(task["evaluated"]))


def _read(folder: Path) -> Mapping[str, Any]:
    """The probe.json of a run folder with evidence removed; UsageError without."""
    path = folder / FILE
    data: Any = loads(path.read_bytes(), str(path)) if path.is_file() else {"settings": {"probes": []}}
    if path.is_file():
        validate("probe", data, str(path))
    if not {PROBE, CONTROL} <= {*data["settings"]["probes"]}:
        raise UsageError(f"{folder} was not asked without its evidence; run: harness probe {folder}")
    return dict(data)
