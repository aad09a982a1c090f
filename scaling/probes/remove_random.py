"""As many frames as the evidence has are removed at random (arXiv 2510.20579, Table 6): the control of removing it.

They are drawn from all frames that were shown, cited ones too, so that under "it is all the same which frames go" the
evidence is one draw like any other. What it finds is thus the effect of evidence against the average frame, which is
smaller than that against frames that are not cited. Random frames seldom lie side by side: see remove-shifted.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from harness.probing import Grounded, Probe
from harness.records import View

from ._places import cited, without


def change(asked: Grounded, others: Sequence[Grounded], rng: random.Random) -> View:
    """The view without as many frames as the evidence has."""
    return without(asked.view, rng.sample(range(len(asked.view.times)), len(cited(asked))))


probe = Probe(title="random removed", change=change, drawn=True)
