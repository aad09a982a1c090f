"""The frames that another question's evidence would point to are removed, as many as the own evidence has.

The other question is of the same task and about another video; its cited times are mapped by how far they are into it.
If this hurts as much as removing the own evidence, it is the usual places that count, such as the middle of a video,
and not what was cited for this question.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from harness.errors import NotProbed
from harness.probing import Grounded, Probe
from harness.records import View

from ..evidence import told
from ._places import cited, without


def change(asked: Grounded, others: Sequence[Grounded], rng: random.Random) -> View:
    """The view without the frames nearest to the cited times of a random other question."""
    places, view = cited(asked), asked.view
    strangers = [other for other in others if other.view.video != view.video]
    if not strangers:
        raise NotProbed("no question about another video cites times")
    other, seen = rng.choice(strangers), told(view)
    times = [mapped(time, told(other.view), seen) for time in other.times]
    order = sorted(range(len(seen)), key=lambda place: (min(abs(seen[place] - time) for time in times), place))
    return without(view, order[: len(places)])


def mapped(time: float, source: Sequence[float], target: Sequence[float]) -> float:
    """The time that is as far between the first and the last of some times as one is between those of others.

    >>> mapped(5.0, (0.0, 10.0, 20.0), (100.0, 108.0))
    102.0
    """
    length = source[-1] - source[0]
    return target[0] + (target[-1] - target[0]) * ((time - source[0]) / length if length else 0.0)


probe = Probe(title="another's evidence removed", change=change, drawn=True, against=("remove-random",))
