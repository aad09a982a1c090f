"""Lookalikes: questions on clips whose things share a colour or a shape, so that the eye takes one for another.

Where a model is fooled it cites the wrong thing, which a second look at the cited place can show: the slice of the
synthetic world in which evidence matters to a vote. Data folder as that of shapes.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from harness import codec
from harness.records import Sample
from harness.shapes import questions
from harness.shapes.clip import Clip, make

from . import _demo
from .shapes import ANNOTATION, Shapes, evidence


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

    def demo(self, root: Path, count: int, seed: int) -> None:
        """Write `count` short clips with four samples each."""
        lines = []
        for index in range(count):
            rng = random.Random(f"demo:{self.name}:{seed}:{index}")
            things = rng.choice((3, 4))
            clip = make(_demo.FIRST_SEED + rng.randrange(_demo.FIRST_SEED), things=things, alike=True)
            name = f"lookalikes_{seed}_{index:04d}"
            _demo.write(clip, root / "videos" / f"{name}.mp4")
            lines += [json.dumps(codec.encode(sample)) for sample in _samples(clip, name, rng)]
        (root / ANNOTATION).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _samples(clip: Clip, name: str, rng: random.Random) -> list[Sample]:
    thing, other = rng.choice(clip.things), rng.choice(clip.things)
    what, choice = questions.what(clip, rng), questions.lookalike(clip, thing, rng)
    blank = Sample(id="", item=name, kind="", video=f"videos/{name}.mp4", question="")
    truth = replace(blank, span=other.span, boxes=clip.boxes(other), evidence=evidence(clip, [other]))
    made = [
        replace(blank, kind="what", question=what.text, answer=what.answer, evidence=evidence(clip, what.things)),
        replace(
            blank,
            kind="mcq",
            question=choice.text,
            answer=choice.answer,
            options=choice.options,
            evidence=evidence(clip, choice.things),
        ),
        replace(truth, kind="when_1", question=questions.when(other)),
        replace(truth, kind="where_1", question=questions.where(other)),
    ]
    things = str(len(clip.things))
    return [
        replace(s, id=f"{name}/{number}_{s.kind}", groups={"things": things, "kind": s.kind})
        for number, s in enumerate(made)
    ]


task = Lookalikes()
