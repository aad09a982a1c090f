"""The frames near the times that an answer cites, and views of some frames."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from harness.errors import NotProbed
from harness.probing import Grounded
from harness.records import View

from ..grounded import places


def cited(asked: Grounded) -> list[int]:
    """The places of the frames near the cited times, ascending; NotProbed where those are all frames."""
    found = places(asked)
    if len(found) == len(asked.view.times):
        raise NotProbed("the frames near what it cites are all that it was shown")
    return sorted(found)


def only(view: View, some: Iterable[int]) -> View:
    """The view with the frames at those places alone."""
    return replace(view, times=tuple(view.times[place] for place in sorted(some)))


def without(view: View, some: Collection[int]) -> View:
    """The view without the frames at those places."""
    return only(view, (place for place in range(len(view.times)) if place not in some))
