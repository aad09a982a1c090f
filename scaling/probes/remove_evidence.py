"""The frames nearest to each cited time are removed (arXiv 2510.20579, Table 6): the necessity of what is cited.

If answers rest on the frames that they cite, they get worse without them, and more so than without others: removing any
frame changes the input, so that the comparison with the controls counts, not the one with the run itself.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from harness.probing import Grounded, Probe
from harness.records import View

from ._places import cited, without


def change(asked: Grounded, others: Sequence[Grounded], rng: random.Random) -> View:
    """The view without the frames nearest to the cited times."""
    return without(asked.view, cited(asked))


probe = Probe(title="evidence removed", change=change, against=("remove-random", "remove-shifted", "remove-swapped"))
