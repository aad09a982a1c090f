"""Values in levels of about equal mass, as tables and pictures of reliability have them."""

from __future__ import annotations

from collections.abc import Sequence


def split(values: Sequence[float], most: int) -> list[list[int]]:
    """The places of the values in at most so many levels, ascending; equal values are in the same level.

    >>> split([2.0, 0.0, 1.0, 0.0], 15)
    [[1, 3], [2], [0]]
    """
    at: dict[float, list[int]] = {}
    for place, value in enumerate(values):
        at.setdefault(value, []).append(place)
    found: dict[int, list[int]] = {}
    below = 0
    for value in sorted(at):
        middle = below + len(at[value]) / 2
        found.setdefault(int(most * middle / len(values)), []).extend(at[value])
        below += len(at[value])
    return [*found.values()]
