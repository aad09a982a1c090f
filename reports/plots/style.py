"""How all pictures look: told apart without colours and by those who see few, the same bytes from the same figures."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442")
"""Colours that can be told apart by those who see few (Okabe and Ito 2008)."""
GREY = "#777777"
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)), (0, (3, 1, 1, 1, 1, 1)))
HATCHES = ("", "////", "....", "xxxx", "\\\\\\\\", "oo", "++")
FORMATS = ("png", "pdf", "svg")
MODEST = {"font.size": 9, "axes.titlesize": 9, "svg.hashsalt": "harness", "svg.fonttype": "none", "pdf.fonttype": 42}
"""Letters stay letters in vector files, and names in them are no chance."""
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
    """Above all panels, with as many names beside each other as fit; none for a single name."""
    if len(labels) < 2:
        return
    room = LETTERS * drawn.get_figwidth() / 10
    across = max(1, min(len(labels), int(room / (max(map(len, labels)) + 8))))
    drawn.legend(handles, labels, loc="outside upper center", ncols=across, frameon=False)


def wrapped(text: str, width: int = 30) -> str:
    """A long name in several lines; dollars are no formulas.

    >>> wrapped("Artificial Intelligence and Applications", 24)
    'Artificial Intelligence\\nand Applications'
    """
    return "\n".join(textwrap.wrap(text, width)).replace("$", r"\$") or text


def encoded(drawn: Figure, form: str) -> bytes:
    """The file, the same for the same figure."""
    unsaid: dict[str, Any] = {"png": {"Software": None}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}[form]
    content = BytesIO()
    drawn.savefig(content, format=form, dpi=150, metadata=unsaid)
    return content.getvalue()
