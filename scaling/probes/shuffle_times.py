"""Every frame is shown under the time of another one: whether an answer rests on when something is seen.

The pictures are all there, so that what needs no time stays as it is; answers that are made of times must get worse. It
has no control, as nothing is taken away: it is compared with the run itself.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from harness.errors import NotProbed
from harness.probing import Grounded, Probe
from harness.records import Edit, View


def change(asked: Grounded, others: Sequence[Grounded], rng: random.Random) -> View:
    """The view with its pictures moved along a random cycle, so that none is under its own time."""
    times = asked.view.times
    if len(times) < 2:
        raise NotProbed("it was shown a single frame")
    order = rng.sample(times, len(times))
    moved = dict(zip(order, [*order[1:], order[0]], strict=True))
    return replace(asked.view, edits=tuple(Edit(time=time, picture=moved[time]) for time in times))


probe = Probe(title="times shuffled", change=change, drawn=True)
