"""The frames nearest to each cited time are kept, all others removed: the sufficiency of what is cited.

If what is cited is all that an answer needs, it stays as good with that alone. An answer may have needed more to know
what to cite; that it is worse here does not make its evidence wrong.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from harness.probing import Grounded, Probe
from harness.records import View

from ._places import cited, only


def change(asked: Grounded, others: Sequence[Grounded], rng: random.Random) -> View:
    """The view with the frames nearest to the cited times alone."""
    return only(asked.view, cited(asked))


probe = Probe(title="only evidence kept", change=change, against=("keep-random",))
