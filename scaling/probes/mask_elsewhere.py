"""Boxes of the size of the cited ones are painted over elsewhere in the same frames: the control of masking evidence.

Of 16 random places that is taken which overlaps least with the cited box. A box that is most of the frame overlaps
with itself wherever it goes, which makes the difference to the control smaller.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from harness.probing import Grounded, Probe
from harness.records import View

from ..controls import move
from . import _boxes


def change(asked: Grounded, others: Sequence[Grounded], rng: random.Random) -> View:
    """The view with boxes painted over that are as large as the cited ones."""
    return _boxes.masked(asked.view, _boxes.cited(asked), lambda box: move(box, asked.view, rng))


probe = Probe(title="elsewhere masked", change=change, drawn=True)
