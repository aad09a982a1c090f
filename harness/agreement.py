"""How far two judges of one run agree: on the answers that both have rated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness import ratings
from harness.errors import DataError
from harness.ratings import GRADES, RIGHT_FROM

if TYPE_CHECKING:
    from rich.console import Console

Table = Sequence[Sequence[int]]
"""Counts: a row for each grade of the first judge, a column for each of the second."""


def raw(table: Table) -> float | None:
    """The share of answers that both grade the same; None without answers.

    >>> raw([[20, 5], [10, 15]])
    0.7
    """
    total = sum(map(sum, table))
    return sum(row[i] for i, row in enumerate(table)) / total if total else None


def kappa(table: Table, weight: Callable[[int, int], float] = lambda i, j: float(i != j)) -> float | None:
    """Cohen's kappa: 1 less the disagreement found over that expected by chance; None where chance leaves none.

    `weight` says how far two grades are apart; by its default all are equally far.

    >>> round(kappa([[20, 5], [10, 15]]), 6)
    0.4
    """
    total, size = sum(map(sum, table)), range(len(table))
    rows, columns = [sum(row) for row in table], [sum(row[j] for row in table) for j in size]
    found = sum(weight(i, j) * table[i][j] for i in size for j in size)
    chance = sum(weight(i, j) * rows[i] * columns[j] for i in size for j in size)
    return 1 - total * found / chance if chance else None


def squared(i: int, j: int) -> float:
    """The weight of quadratic kappa, for grades in an order."""
    return float((i - j) ** 2)


def confusion(pairs: Sequence[tuple[int, int]], grades: int = len(GRADES)) -> list[list[int]]:
    """The counts of pairs of grades.

    >>> confusion([(0, 1), (1, 1), (0, 1)], 2)
    [[0, 2], [0, 1]]
    """
    table = [[0] * grades for _ in range(grades)]
    for one, other in pairs:
        table[one][other] += 1
    return table


def rated_by_both(folder: Path, names: tuple[str, str]) -> list[tuple[int, int]]:
    """The ratings of the answers that both judges have rated; DataError when there are none."""
    one, other = (ratings.read(folder, name).ratings for name in names)
    both = [(one[key].rating, other[key].rating) for key in sorted(one.keys() & other.keys())]
    found = [(a, b) for a, b in both if a is not None and b is not None]
    if not found:
        raise DataError(f"{folder} has no answer that both {names[0]} and {names[1]} have rated")
    return found


def show(console: Console, folder: Path, names: tuple[str, str]) -> None:
    """Print the agreement of two judges, and how often each grade met each other one."""
    from rich.table import Table as Drawn
    from rich.text import Text

    pairs = rated_by_both(folder, names)
    table = confusion(pairs)
    cut = confusion([(int(a >= RIGHT_FROM), int(b >= RIGHT_FROM)) for a, b in pairs], 2)
    drawn = Drawn(box=None, pad_edge=False)
    drawn.add_column(Text(f"{names[0]} \\ {names[1]}"))
    for grade in GRADES:
        drawn.add_column(grade, justify="right")
    for grade, row in zip(GRADES, table, strict=True):
        drawn.add_row(grade, *map(str, row))
    right = [sum(pair[i] >= RIGHT_FROM for pair in pairs) / len(pairs) for i in (0, 1)]
    shares = f"right by {names[0]} {right[0]:.1%}, by {names[1]} {right[1]:.1%}"
    kappas = f"kappa {_told(kappa(table))}, quadratic kappa {_told(kappa(table, squared))}"
    lines = (
        f"{len(pairs)} answers rated by both; {shares}",
        f"grades 0-3: the same {raw(table):.1%}, {kappas}",
        f"right or wrong (from {RIGHT_FROM} on): the same {raw(cut):.1%}, kappa {_told(kappa(cut))}",
    )
    for line in lines:
        console.print(Text(line), soft_wrap=True)
    console.print(drawn)


def _told(value: float | None) -> str:
    return "not defined (one grade only)" if value is None else f"{value:.3f}"
