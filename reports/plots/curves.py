"""What votes score against the number of rollouts: the curves of `harness vote`, run over run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from harness import schema

from .. import curves
from . import style
from .runs import Run, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FILE = "votes.json"
PER_ROW = 4
Found: TypeAlias = Mapping[str, curves.Data]
"""Name of a run -> what its votes.json tells of a task."""


def draw(runs: Sequence[Run], task: str) -> Figure | str:
    """A panel for each column of the report; colour and marker are those of a voter, the dash is that of a run."""
    found = {run.name: told for run in runs if (told := _votes(run, task)) and curves.drawable(told)}
    if not found:
        return f"no votes of {task} for more than one number of rollouts; run: harness vote RUN"
    return figure(found, title(runs, task))


def figure(found: Found, name: str) -> Figure:
    """The same from what is in votes.json."""
    columns = [*dict.fromkeys(column for told in found.values() for column in curves.drawable(told))]
    across = min(PER_ROW, len(columns))
    down = math.ceil(len(columns) / across)
    made = style.figure(2.7 * across + 0.6, 2.2 * down + 0.3)
    grid = [panel for row in made.subplots(down, across, squeeze=False) for panel in row]
    for panel, column in zip(grid, columns, strict=False):
        _panel(panel, found, column)
        panel.set_title(next(told["columns"][column] for told in found.values() if column in told["columns"]))
    for panel in grid[len(columns) :]:
        panel.set_visible(False)
    made.supxlabel(f"rollouts of a question of {name} (N)", fontsize=9)
    made.supylabel("expected score, per cent", fontsize=9)
    style.legend(made, *_legend(found))
    return made


def _voters(found: Found) -> list[str]:
    return [*dict.fromkeys(voter for told in found.values() for voter in told["voters"])]


def _looks(found: Found, number: int) -> list[style.Look]:
    """Of the voters in the run of that number."""
    own = [style.look(voter) for voter, _ in enumerate(_voters(found))]
    return own if len(found) < 2 else [replace(look, dash=style.look(number).dash) for look in own]


def _panel(panel: Axes, found: Found, column: str) -> None:
    voters = _voters(found)
    for number, told in enumerate(found.values()):
        if column in told["oracle"]:
            places, looks = [float(n) for n in told["n"]], _looks(found, number)
            for voter, points in told["voters"].items():
                curves.line(panel, places, points[column], looks[voters.index(voter)], voter)
            dash = (0, (1, 1)) if len(found) < 2 else style.look(number).dash
            curves.ceiling(panel, places, told["oracle"][column], dash)


def _legend(found: Found) -> tuple[list[Any], list[str]]:
    """Voters, the ceiling, and the dashes of runs where there are several."""
    from matplotlib.lines import Line2D

    several = len(found) > 1
    looks = _looks(found, 0)
    voters = {
        v: look.line | ({"linestyle": "none"} if several else {}) for v, look in zip(_voters(found), looks, strict=True)
    }
    best = {"best of N": {"color": style.GREY, "linestyle": "-" if several else (0, (1, 1)), "linewidth": 1}}
    dashes = {run: {"color": "black", "linestyle": style.look(k).dash} for k, run in enumerate(found) if several}
    lines = voters | best | dashes
    return [Line2D([], [], **line) for line in lines.values()], [*lines]


def _votes(run: Run, task: str) -> curves.Data | None:
    path = run.folder / FILE
    if not path.is_file():
        return None
    data = schema.loads(path.read_bytes(), str(path))
    schema.validate("votes", data, str(path))
    told: curves.Data | None = data["tasks"].get(task)
    return told
