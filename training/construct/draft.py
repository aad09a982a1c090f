"""A sample while it is made: from what an annotator wrote to a row, or to the rule that dropped it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.geometry import Box

from ..rows import GROUNDED, KeyFrame, Row
from .sources import Item

RULES = {
    "source": "the video is too short or too long, or the segment too much of it",
    "failed": "the video cannot be read, or a model did not answer",
    "unreadable": "the annotation is not JSON of the form that was asked for",
    "outside": "a key frame outside of the segment, or a box outside of the frame",
    "large": "a box that covers too much of the frame",
    "verify": "a crop that does not show what it is said to",
    "consistency": "reasoning that cites what the key frames and items do not hold",
    "judge": "a sentence that does not agree with the crop it is about",
}
"""What drops a sample, in the order in which it is looked at."""


@dataclass(frozen=True, slots=True)
class Drop:
    """Why a sample is dropped, or an object of it."""

    rule: str
    """A key of RULES."""
    why: str


@dataclass(frozen=True, slots=True)
class Moment:
    """A key frame and its objects."""

    time: float
    """Seconds."""
    items: Mapping[str, tuple[Box, ...]]
    """Object -> boxes, as fractions of the frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What an annotator wrote, with times in seconds, boxes as fractions and one spelling of each name."""

    item: Item
    width: int
    """Of the source video in pixels."""
    height: int
    question: str
    answer: str
    moments: tuple[Moment, ...]
    """In the order of time."""
    reasoning: str
    lost: tuple[Drop, ...] = ()
    """Objects that were dropped."""

    @property
    def boxes(self) -> list[tuple[float, str, Box]]:
        """All boxes: when, of what, where."""
        return [(m.time, name, box) for m in self.moments for name, boxes in m.items.items() for box in boxes]

    def row(self) -> Row:
        """The row of SFT; that of RL is the same without the reasoning."""
        return Row(
            id=self.item.id,
            source=self.item.source,
            task=GROUNDED,
            question=self.question,
            answer=self.answer,
            reasoning=self.reasoning,
            video=self.item.video,
            key_frames=tuple(KeyFrame(idx=idx, time=moment.time) for idx, moment in enumerate(self.moments)),
            key_items={idx: moment.items for idx, moment in enumerate(self.moments)},
        )
