"""As many frames as the evidence has are kept at random: the control of keeping it alone.

What it scores is what the question gives away without its evidence, and what few frames of a video show by chance.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from harness.probing import Grounded, Probe
from harness.records import View

from ._places import cited, only


def change(asked: Grounded, others: Sequence[Grounded], rng: random.Random) -> View:
    """The view with as many frames as the evidence has."""
    return only(asked.view, rng.sample(range(len(asked.view.times)), len(cited(asked))))


probe = Probe(title="only random kept", change=change, drawn=True)
