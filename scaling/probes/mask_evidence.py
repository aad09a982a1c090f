"""The cited boxes are painted over in the frames nearest to their times: whether it matters where an answer looks.

If an answer rests on what is in its boxes, it gets worse when that is hidden, and more so than when as large a part of
the same frames is. The thing may be seen in other frames still, where nothing is hidden.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from harness.probing import Grounded, Probe
from harness.records import View

from . import _boxes


def change(asked: Grounded, others: Sequence[Grounded], rng: random.Random) -> View:
    """The view with the cited boxes painted over."""
    return _boxes.masked(asked.view, _boxes.cited(asked))


probe = Probe(title="evidence masked", change=change, against=("mask-elsewhere",))
