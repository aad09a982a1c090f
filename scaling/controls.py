"""Signals that should be worth less than relevance, if it is the evidence that makes relevance worth something.

Each is graded and summed up as the signal that it is the control of; only what is shown differs. With random crops the
scorer is shown as large a part of the same frame, elsewhere; with the question only, the same words and no image.
"""

from __future__ import annotations

import random
from dataclasses import replace

from harness.geometry import Box
from harness.records import Record, Request, View

from .evidence import Cited
from .relevance import Relevance, digit, expectation, look

TRIES = 16
"""Places that are drawn for a crop; the one that overlaps least with the claim's own is taken."""


def elsewhere(record: Record, claim: Cited) -> Request:
    """The question about a crop of equal size at another place of the frame, drawn by sample and claim.

    A box as large as the frame has no other place: its control is the crop itself.
    """
    if claim.crop is None or claim.crop.crop is None or record.view is None:
        raise ValueError("only a claim with a crop has a control")
    own = claim.crop.crop
    rng = random.Random(repr((record.task, record.sample.id, claim.claim.label, claim.crop.time, *own)))
    moved = replace(claim.crop, crop=move(own, record.view, rng))
    return look(record, replace(claim, crop=moved))


def move(box: Box, view: View, rng: random.Random) -> Box:
    """A box of that size, which is whole pixels, elsewhere in the frame: of TRIES places that which overlaps least."""
    width, height = box.x2 - box.x1, box.y2 - box.y1
    right, down = int(view.width - width), int(view.height - height)
    corners = [(rng.randint(0, right), rng.randint(0, down)) for _ in range(TRIES)]
    return min((Box(x, y, x + width, y + height) for x, y in corners), key=box.iou)


def unseen(record: Record, claim: Cited) -> Request:
    """The question in the same words, without the crop."""
    asked = look(record, claim)
    return replace(asked, parts=tuple(part for part in asked.parts if isinstance(part, str)))


random_crop = Relevance("random-crop", digit, elsewhere)
question_only = Relevance("question-only", digit, unseen)
expected_random_crop = Relevance("expected-random-crop", expectation, elsewhere)
expected_question_only = Relevance("expected-question-only", expectation, unseen)

CONTROLS = {
    "relevance": (random_crop, question_only),
    "expected": (expected_random_crop, expected_question_only),
}
"""Name of a signal -> its controls."""
