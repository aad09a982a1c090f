"""What votes score against the number of rollouts: the curves of `harness vote`, run over run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness import schema

from .. import curves
from . import style
from .runs import Run, title

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FILE = "votes.json"
PER_ROW = 4


def draw(runs: Sequence[Run], task: str) -> Figure | str:
    """A panel for each column of the report; colour and marker are those of a voter, the dash is that of a run."""
    found = {run.name: told for run in runs if (told := _votes(run, task)) and curves.drawable(told)}
    columns = [*dict.fromkeys(column for told in found.values() for column in curves.drawable(told))]
    if not columns:
        return f"no votes of {task} for more than one number of rollouts; run: harness vote RUN"
    across = min(PER_ROW, len(columns))
    down = math.ceil(len(columns) / across)
    figure = style.figure(2.7 * across + 0.6, 2.2 * down + 0.7)
    grid = [panel for row in figure.subplots(down, across, squeeze=False) for panel in row]
    voters = [*dict.fromkeys(voter for told in found.values() for voter in told["voters"])]
    for panel, column in zip(grid, columns, strict=False):
        for number, (name, told) in enumerate(found.items()):
            shown, places = f" ({name})" if len(found) > 1 else "", [float(n) for n in told["n"]]
            for voter, points in told["voters"].items():
                look = style.look(voters.index(voter))
                if len(found) > 1:
                    look = style.Look(look.colour, look.marker, style.look(number).dash, look.hatch)
                curves.line(panel, places, points[column], look, f"{voter}{shown}")
            curves.ceiling(panel, places, told["oracle"][column], f"best of N{shown}")
        heading = next(told["columns"][column] for told in found.values() if column in told["columns"])
        panel.set_title(heading)
    for panel in grid[len(columns) :]:
        panel.set_visible(False)
    figure.supxlabel(f"rollouts of a question of {title(runs, task)} (N)", fontsize=9)
    figure.supylabel("expected score of the vote, per cent", fontsize=9)
    style.legend(figure, *grid[0].get_legend_handles_labels())
    return figure


def _votes(run: Run, task: str) -> curves.Data | None:
    path = run.folder / FILE
    if not path.is_file():
        return None
    data = schema.loads(path.read_bytes(), str(path))
    schema.validate("votes", data, str(path))
    told: curves.Data | None = data["tasks"].get(task)
    return told
