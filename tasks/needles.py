"""Needles: questions on clips whose things are there for a second, on one or two of fifteen frames.

What is to be seen on many frames is still to be seen when two of them are gone; here an answer cannot do without the
frames that it rests on: the slice of the synthetic world in which evidence matters to an answer (docs/probes.md). Data
folder as that of shapes.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from harness.geometry import Span
from harness.records import Sample
from harness.shapes import questions
from harness.shapes.clip import Clip, make

from . import _demo
from .shapes import Shapes, found, told

DURATION, STAY = 15, 1.0
"""Seconds."""


@dataclass(frozen=True, kw_only=True)
class Needles(Shapes):
    """One clip gives four samples: what, choice, when and where."""

    name: ClassVar[str] = "needles"
    title: ClassVar[str] = "Needles"
    version: ClassVar[int] = 1
    columns: ClassVar[Mapping[str, str]] = {
        "what": "What",
        "mcq": "A-D",
        "when_1": "When tIoU",
        "where_1": "Where vIoU",
    }

    def clip(self, rng: random.Random) -> Clip:
        """A clip of DURATION whose things leave after STAY."""
        whole = make(_demo.FIRST_SEED + rng.randrange(_demo.FIRST_SEED))
        starts = map(float, rng.sample(range(DURATION - 1), len(whole.things)))
        things = (replace(t, span=Span(start, start + STAY)) for t, start in zip(whole.things, starts, strict=True))
        return replace(whole, duration=DURATION, things=tuple(things))

    def ask(self, clip: Clip, blank: Sample, rng: random.Random) -> list[Sample]:
        """The samples of a clip, on the form of `blank`."""
        what, choice, thing = questions.what(clip, rng), questions.choice(clip, rng), rng.choice(clip.things)
        return [*told(clip, blank, what, choice), *found(clip, blank, thing)]


task = Needles()
