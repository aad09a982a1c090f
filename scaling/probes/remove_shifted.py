"""The pattern of the evidence frames is removed elsewhere: every place moved on by the same number, around the end.

The two frames nearest to a time lie side by side, and a hole of two hides more than two holes of one. Here the holes
are as large as those of the evidence, so that what is left of the difference is where they are.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from harness.probing import Grounded, Probe
from harness.records import View

from ._places import cited, without


def change(asked: Grounded, others: Sequence[Grounded], rng: random.Random) -> View:
    """The view without the frames that lie a random number of places, the same for all, after the evidence."""
    places, count = cited(asked), len(asked.view.times)
    by = rng.randrange(1, count)
    return without(asked.view, [(place + by) % count for place in places])


probe = Probe(title="shifted removed", change=change, drawn=True)
