"""Pictures of what probes cost: one a task, a field for each leading metric, a bar for each way of asking; from
probe.json. Bars are differences to the run in points, with their intervals of 95 %.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .plots.style import COLOURS
from .probes import RUN

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Data = Mapping[str, Any]

PROBE, CONTROL = COLOURS[1], COLOURS[0]
GAP = 0.6
"""Between the bars of two probes, in widths of a bar."""


def draw(folder: Path, found: Data) -> dict[str, str]:
    """Write probe-TASK.png for each task with a figure; task -> name of the file."""
    from matplotlib.figure import Figure

    files = {}
    for name, task in found["tasks"].items():
        bars = [*_bars(task)]
        metrics = [m for m in task["leading"] if any(m in arm["differences"] for _, _, arm in bars)]
        if not metrics:
            continue
        figure = Figure(figsize=(2.2 + 2.9 * len(metrics), 1.1 + 0.32 * (bars[-1][0] + 1)), layout="constrained")
        grid = figure.subplots(1, len(metrics), squeeze=False, sharey=True)[0]
        for axes, metric in zip(grid, metrics, strict=True):
            _field(axes, bars, metric)
        grid[0].set_yticks([place for place, _, _ in bars], [arm["title"] for _, _, arm in bars])
        grid[0].invert_yaxis()
        figure.suptitle(f"{task['title']}: what changes against the run", fontsize=11)
        files[name] = f"probe-{name}.png"
        figure.savefig(folder / files[name], dpi=120, metadata={"Software": None})
    return files


def _bars(task: Data) -> Iterator[tuple[float, bool, Data]]:
    """Place of a bar, whether it is the probe's own, and its arm; the bars of a probe and its controls together."""
    place = 0.0
    for probe, trial in task["trials"].items():
        for name, arm in trial["arms"].items():
            if name != RUN and trial["questions"]:
                yield place, name == probe, arm
                place += 1
        place += GAP


def _field(axes: Axes, bars: list[tuple[float, bool, Data]], metric: str) -> None:
    before = next(arm["differences"][metric]["before"] for _, _, arm in bars if metric in arm["differences"])
    for place, own, arm in bars:
        told = arm["differences"].get(metric, {}).get("difference")
        if told is None or told["value"] is None:
            continue
        value = 100 * told["value"]
        axes.barh(place, value, 0.8, color=PROBE if own else CONTROL, hatch="" if own else "////", edgecolor="white")
        if told["low"] is not None:
            ends = [[value - 100 * told["low"]], [100 * told["high"] - value]]
            axes.errorbar(value, place, xerr=ends, color="black", capsize=2.5, linewidth=1)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.locator_params(axis="x", nbins=5)
    axes.set_xlabel(f"{metric}, points ({100 * before:.1f} in the run)")
    axes.grid(axis="x", alpha=0.25)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
