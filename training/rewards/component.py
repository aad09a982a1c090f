"""One term of a reward, with the reason for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Component:
    """What a completion earns for one thing."""

    value: float
    """0..1; 0.0 where it does not apply."""
    applies: bool
    """Whether the row can earn it at all."""
    why: str
    """A short sentence with the numbers."""


def absent(why: str) -> Component:
    """A component that a row cannot earn.

    >>> absent("images have no time")
    Component(value=0.0, applies=False, why='images have no time')
    """
    return Component(0.0, False, why)


def earned(value: float, why: str) -> Component:
    """A component that a row can earn.

    >>> earned(1, "B is right").value
    1.0
    """
    return Component(float(value), True, why)
