"""Lookalikes: questions on clips whose things share a colour or a shape, so that the eye takes one for another.

Where a model is fooled it cites the wrong thing, which a second look at the cited place can show: the slice of the
synthetic world in which evidence matters to a vote. Data folder as that of shapes.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from harness.records import Sample
from harness.shapes import questions
from harness.shapes.clip import Clip, make

from . import _demo
from .shapes import Shapes, found, told


@dataclass(frozen=True, kw_only=True)
class Lookalikes(Shapes):
    """One clip of three or four things gives four samples: what, choice, when and where."""

    name: ClassVar[str] = "lookalikes"
    title: ClassVar[str] = "Lookalikes"
    version: ClassVar[int] = 1
    columns: ClassVar[Mapping[str, str]] = {
        "what": "What",
        "mcq": "A-D",
        "when_1": "When tIoU",
        "where_1": "Where vIoU",
    }

    def clip(self, rng: random.Random) -> Clip:
        """A clip of three or four things that are alike."""
        things = rng.choice((3, 4))
        return make(_demo.FIRST_SEED + rng.randrange(_demo.FIRST_SEED), things=things, alike=True)

    def ask(self, clip: Clip, blank: Sample, rng: random.Random) -> list[Sample]:
        """The samples of a clip, on the form of `blank`."""
        thing, other = rng.choice(clip.things), rng.choice(clip.things)
        what, choice = questions.what(clip, rng), questions.lookalike(clip, thing, rng)
        return [*told(clip, blank, what, choice), *found(clip, blank, other)]


task = Lookalikes()
