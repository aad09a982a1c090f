"""The boxes that an answer cites, on the frames of a view to which their times belong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from harness.errors import NotProbed
from harness.geometry import Box
from harness.probing import Grounded
from harness.records import Edit, View

from ..evidence import told, whole
from ..grounded import nearest


def cited(asked: Grounded) -> dict[int, list[Box]]:
    """Place of a frame -> the cited boxes in it, clipped, in whole pixels, each once; NotProbed without any."""
    times, found = told(asked.view), dict[int, list[Box]]()
    for claim in asked.claims:
        box = claim.box and whole(claim.box.clip(asked.view.width, asked.view.height))
        if box and claim.time is not None:
            for place in sorted(nearest(times, claim.time, asked.near)):
                if box not in found.setdefault(place, []):
                    found[place].append(box)
    if not found:
        raise NotProbed("it cites no box within the frame")
    return dict(sorted(found.items()))


def masked(view: View, boxes: Mapping[int, list[Box]], where: Callable[[Box], Box] = lambda box: box) -> View:
    """The view with those boxes of its frames painted over, or what `where` makes of each."""
    edits = (Edit(time=view.times[place], masks=tuple(map(where, found))) for place, found in boxes.items())
    return replace(view, edits=tuple(edits))
