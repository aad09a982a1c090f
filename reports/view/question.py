"""All that the page shows of one question in one run: the record, its text cut into mentions, its frames by name."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness import prompt
from harness.codec import encode
from harness.contracts import Signal
from harness.geometry import Box
from harness.records import Record, View

from . import grades, mentions, verdict
from .beside import Beside

NEAR = 0.5
"""Seconds within which a frame that was shown stands for the second of a box."""
EXTRA = 8
"""Frames beside those that were shown, at seconds of boxes that none of them is near; at most so many."""

Name = Callable[[str, float], str]
"""The picture of a video at a time, by its name in the page's folder."""


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells of records what the page shows."""

    beside: Beside
    signals: Sequence[Signal]
    name: Name

    def tell(self, record: Record) -> dict[str, Any]:
        """A question as data of the page; paths of this machine are not in it."""
        record = self.beside.complete(record)
        sample = replace(record.sample, video=Path(record.sample.video).name)
        view = replace(record.view, video=sample.video) if record.view else None
        return {
            "task": record.task,
            "version": record.version,
            "sample": encode(sample),
            "view": encode(view),
            "frames": [self._frame(record, *each) for each in pictures(record)],
            "status": verdict.status(record),
            "vote": encode(record.vote),
            "score": encode(record.score),
            "error": record.error and _short(record.error, record.sample.video),
            "seconds": record.seconds,
            "rollouts": [self._rollout(record, k) for k in range(max(len(record.responses), len(record.predictions)))],
            "probes": self.beside.probes(record),
        }

    def _frame(self, record: Record, time: float, told: float | None) -> dict[str, Any]:
        return {"time": time, "told": told, "file": self.name(record.sample.video, time)}

    def _rollout(self, record: Record, k: int) -> dict[str, Any]:
        response = record.responses[k] if k < len(record.responses) else None
        prediction = record.predictions[k] if k < len(record.predictions) else None
        given = grades.of(record, k, self.signals) if prediction else []
        vote = record.vote
        return {
            "said": _said(record.view, response.text, given) if response else [],
            "response": _without(encode(response), "text", "choice_logprobs") if response else None,
            "prediction": encode(prediction),
            "grades": given,
            "won": bool(vote and prediction and vote.rollout is not None and vote.rollout == prediction.rollout),
            "alike": bool(vote and prediction and verdict.alike(vote, prediction)),
        }


def pictures(record: Record) -> list[tuple[float, float | None]]:
    """The times of the frames that were shown, each with the time that the model was told of it; and, with None in its
    place, times of boxes of the reference and of the vote that no frame is near."""
    view = record.view
    shown = dict(zip(view.times, _told(view), strict=True)) if view else {}
    boxes = {*record.sample.boxes, *(record.vote.boxes if record.vote else ())}
    boxes |= {claim.time for claim in record.sample.evidence if claim.time is not None}
    far = [time for time in sorted(boxes) if not _near(sorted(shown), time)]
    extra = dict.fromkeys(_spread(far, EXTRA))
    return sorted({**extra, **shown}.items())


def _told(view: View) -> tuple[float, ...]:
    """When each frame is on screen, as the model was told, in seconds of the file."""
    if view.show != "released":
        return view.times
    return tuple(view.start + number / prompt.RELEASED_PACE for number in range(len(view.times)))


def _near(times: Sequence[float], time: float) -> bool:
    after = bisect_left(times, time)
    return any(abs(near - time) <= NEAR for near in times[max(0, after - 1) : after + 1])


def _spread(times: Sequence[float], most: int) -> list[float]:
    """At most so many of the times, from the first to the last.

    >>> _spread([0, 1, 2, 3, 4], 3), _spread([0, 1], 3)
    ([0, 2, 4], [0, 1])
    """
    if len(times) <= most:
        return [*times]
    return [times[round(place * (len(times) - 1) / (most - 1))] for place in range(most)]


def _said(view: View | None, text: str, given: Sequence[Mapping[str, Any]]) -> list[Any]:
    """The text in parts, with the grade that the crop of a mention was given."""
    said = mentions.cut(view, text)
    for part in said:
        if view and isinstance(part, dict) and part["claim"] and part["claim"]["box"]:
            crop = _whole(Box(*part["claim"]["box"]).clip(view.width, view.height))
            part["grade"] = next((each["choice"] for each in given if each["box"] == crop), None)
    return said


def _whole(box: Box) -> list[float]:
    return [math.floor(box.x1), math.floor(box.y1), math.ceil(box.x2), math.ceil(box.y2)]


def _without(data: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in names}


def _short(text: str, path: str) -> str:
    return text.replace(path, Path(path).name)
