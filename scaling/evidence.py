"""What a rollout cites, as pixels: each claim is the crop of a frame that the model was shown.

Only a claim that says what, where and when can be looked at; made twice, it counts once. Its frame is that of the view
whose time, as the model was told it, is nearest to the time of the claim, of two as near the earlier one. Its crop is
the box, clipped to the frame and rounded outwards to whole pixels of the source video. There is none when the claim is
more than GRACE seconds past the end, or when nothing is left of the box.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from harness import parse, prompt
from harness.errors import UsageError
from harness.geometry import Box
from harness.records import Evidence, Frame, Prediction, Record, View

GRACE = 1.0
"""Seconds that a claim may lie past the end: models round times."""

PAST, EMPTY, OUTSIDE, AGAIN = (
    "claims past the end of the video",
    "claims with an empty box",
    "claims with a box outside of the frame",
    "claims made twice",
)


@dataclass(frozen=True, slots=True)
class Cited:
    """A claim that says what, where and when, and what is to be seen of it."""

    claim: Evidence
    crop: Frame | None
    """None when there is nothing to be seen."""
    fault: str = ""
    """Why not."""


def cited(record: Record, rollout: int) -> list[Cited]:
    """The claims of the rollout at that place of a record, each once; UsageError when its view is not on record."""
    if record.view is None:
        raise UsageError(
            f"what the model was shown of {record.sample.id} is not on record, so its evidence cannot be looked at; "
            "leave out voters and signals of evidence for answers made elsewhere"
        )
    claims = dict.fromkeys(record.predictions[rollout].evidence)
    return [found for claim in claims if (found := resolve(record.view, claim)) is not None]


def resolve(view: View, claim: Evidence) -> Cited | None:
    """What is to be seen of a claim; None when it does not say where or when."""
    if claim.box is None or claim.time is None:
        return None
    if past(view, claim.time):
        return Cited(claim, None, PAST)
    if not claim.box.area:
        return Cited(claim, None, EMPTY)
    box = whole(claim.box.clip(view.width, view.height))
    if box is None:
        return Cited(claim, None, OUTSIDE)
    return Cited(claim, prompt.crop(view, box, view.times[nearest(told(view), claim.time)]))


def past(view: View, time: float) -> bool:
    """Whether a time is more than GRACE seconds past the end of what was shown."""
    times = told(view)
    end = max(times[-1], view.start + view.duration) if times == view.times else times[-1]
    return time > end + GRACE


def told(view: View) -> tuple[float, ...]:
    """When each frame of a view is on screen, as the model was told, in seconds of the file."""
    if view.show != "released":
        return view.times
    return tuple(view.start + number / prompt.RELEASED_PACE for number in range(len(view.times)))


def nearest(times: tuple[float, ...], time: float) -> int:
    """The place of the time that is nearest; of two as near, of the earlier one. `times` ascend and are not empty.

    >>> nearest((0.0, 2.0, 4.0), 3.0), nearest((0.0, 2.0, 4.0), 3.1), nearest((0.0, 2.0, 4.0), 9.0)
    (1, 2, 2)
    """
    after = min(bisect_left(times, time), len(times) - 1)
    before = max(after - 1, 0)
    return before if time - times[before] <= times[after] - time else after


def whole(box: Box) -> Box | None:
    """The box in whole pixels that it touches; None when it has no area."""
    if not box.area:
        return None
    return Box(math.floor(box.x1), math.floor(box.y1), math.ceil(box.x2), math.ceil(box.y2))


@dataclass(slots=True)
class Census:
    """What became of the claims of rollouts; `claims` is the sum of `crops` and of all that is `dropped`."""

    rollouts: int = 0
    citing: int = 0
    """Rollouts with a crop."""
    claims: int = 0
    crops: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    """Reason -> claims without a crop, in one of the words of harness.parse or of this module."""

    def add(self, view: View, prediction: Prediction) -> None:
        """Count the claims of one rollout."""
        lost, claims, crops = parse.lost(prediction.problems), dict.fromkeys(prediction.evidence), 0
        lost[AGAIN] += len(prediction.evidence) - len(claims)
        for claim in claims:
            found = resolve(view, claim)
            if found is None:
                lost[parse.NO_BOX if claim.box is None else parse.NO_TIME] += 1
            elif found.crop is None:
                lost[found.fault] += 1
            else:
                crops += 1
        self.rollouts += 1
        self.citing += crops > 0
        self.claims += crops + lost.total()
        self.crops += crops
        self.dropped.update(+lost)

    def lines(self) -> list[str]:
        """The counts in sentences."""
        crops = f"evidence: {self.crops} of {self.claims} claims have a crop; {self.citing} of {self.rollouts} rollouts"
        return [f"{crops} have one", *(f"  {number} {what}" for what, number in self.dropped.most_common())]


def census(records: Iterable[Record]) -> Census:
    """What became of the claims of all rollouts whose view is on record."""
    found = Census()
    for record in records:
        if record.view is not None:
            for prediction in record.predictions:
                found.add(record.view, prediction)
    return found
