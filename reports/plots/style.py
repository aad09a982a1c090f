"""How all pictures look: told apart without colours and by those who see few, the same bytes from the same figures."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from harness.stats import Estimate

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442")
"""Colours that can be told apart by those who see few (Okabe and Ito 2008)."""
GREY = "#777777"
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)), (0, (3, 1, 1, 1, 1, 1)))
HATCHES = ("", "////", "....", "xxxx", "\\\\\\\\", "oo", "++")
TINY = 1e-9
"""A standard error that is sums of the same numbers in another order."""
FORMATS = ("png", "pdf", "svg")
MODEST: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 9,
    "text.parse_math": False,
    "svg.hashsalt": "harness",
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
}
"""Letters stay letters in vector files, names in them are no chance, and dollars begin no formula."""
LETTERS = 110
"""Of a legend, that fit beside each other across ten inches."""


@dataclass(frozen=True, slots=True)
class Look:
    """What tells one run from the others."""

    colour: str
    marker: str
    dash: Any
    hatch: str

    @property
    def line(self) -> dict[str, Any]:
        """As matplotlib takes it for a line with points."""
        return {"color": self.colour, "marker": self.marker, "linestyle": self.dash}

    @property
    def bar(self) -> dict[str, Any]:
        """And for a bar."""
        return {"facecolor": f"{self.colour}66", "edgecolor": self.colour, "hatch": self.hatch, "linewidth": 0.6}


@contextmanager
def applied() -> Iterator[None]:
    """Sizes of letters and habits of files, for all that is drawn and written inside."""
    import matplotlib

    with matplotlib.rc_context(MODEST):
        yield


def look(number: int) -> Look:
    """Of the run of that number; marker and dash go on differing where colours come again.

    >>> look(0).marker, look(7).colour == look(0).colour, look(7).dash == look(0).dash
    ('o', True, False)
    """
    wheel = number % len(COLOURS)
    return Look(COLOURS[wheel], MARKERS[wheel], DASHES[number % len(DASHES)], HATCHES[wheel])


def figure(width: float, height: float) -> Figure:
    """An empty figure of that size in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def tidy(axes: Axes, grid: str = "both") -> None:
    """A light grid, and no frame above and at the right."""
    axes.grid(axis=grid, alpha=0.3, linewidth=0.6)  # type: ignore[arg-type]
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def legend(drawn: Figure, handles: Sequence[Any], labels: Sequence[str]) -> None:
    """Above all panels, which keep their height, with as many names beside each other as fit; none for one name."""
    if len(labels) < 2:
        return
    room, wide = LETTERS * drawn.get_figwidth() / 10, [len(label) + 8 for label in labels]
    across = len(labels) if sum(wide) <= room else max(1, int(room / max(wide)))
    drawn.set_figheight(drawn.get_figheight() + 0.2 * -(-len(labels) // across))
    drawn.legend(handles, labels, loc="outside upper center", ncols=across, frameon=False)


def dots(axes: Axes, look: Look, at: Sequence[float], found: Sequence[Estimate], *, across: bool = False) -> None:
    """Means in per cent with what of their intervals lies in 0..100; hollow where no interval is known.

    `at` are places on the other axis, which is the upright one with `across`.
    """
    for hollow in (False, True):
        part = [(x, e) for x, e in zip(at, found, strict=True) if e.value is not None and _sure(e) != hollow]
        if not part:
            continue
        places, values = [x for x, _ in part], [100 * (e.value or 0.0) for _, e in part]
        ends = [(max(0.0, e.low or 0.0), min(1.0, e.high or 0.0)) for _, e in part]
        reach = [[v - 100 * low for v, (low, _) in zip(values, ends, strict=True)],
                 [100 * high - v for v, (_, high) in zip(values, ends, strict=True)]]  # fmt: skip
        kept: dict[str, Any] = {} if hollow else {"xerr" if across else "yerr": reach}
        axes.errorbar(
            *((values, places) if across else (places, values)), **kept, color=look.colour, marker=look.marker,
            linestyle="none", markersize=4.5, elinewidth=1.2, capsize=2, clip_on=False, zorder=3,
            markerfacecolor="white" if hollow else look.colour,
        )  # fmt: skip


def _sure(found: Estimate) -> bool:
    return (found.error or 0.0) > TINY


def unsure(found: Iterable[Estimate]) -> dict[str, dict[str, Any]]:
    """The line of a legend that tells of hollow points, where there are some."""
    hollow = {"color": GREY, "marker": "o", "linestyle": "none", "markerfacecolor": "white"}
    some = any(estimate.value is not None and not _sure(estimate) for estimate in found)
    return {"no interval: one video, or all alike": hollow} if some else {}


def legend_of(runs: Sequence[str], **further: Any) -> tuple[list[Any], list[str]]:
    """Handles and labels of runs by their looks, and of further lines with what matplotlib takes for them."""
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], **look(number).line) for number in range(len(runs))]
    return [*handles, *(Line2D([], [], **line) for line in further.values())], [*runs, *further]


def wrapped(text: str, width: int = 30) -> str:
    """A long name in several lines.

    >>> wrapped("Artificial Intelligence and Applications", 24)
    'Artificial Intelligence\\nand Applications'
    """
    return "\n".join(textwrap.wrap(text, width)) or text


def encoded(drawn: Figure, form: str) -> bytes:
    """The file, the same for the same figure."""
    unsaid: dict[str, Any] = {"png": {"Software": None}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}[form]
    content = BytesIO()
    drawn.savefig(content, format=form, dpi=150, metadata=unsaid)
    return content.getvalue()
