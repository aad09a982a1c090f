"""What the model said of the crops that a rollout cites, matched to rollouts by what was asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from harness import plugins
from harness.codec import encode
from harness.contracts import Signal
from harness.records import Frame, Record

ROOM = "harness.scaling"


def signals() -> list[Signal]:
    """The signals of all voters that are installed; a run names its voter, but no file that it names is run."""
    voters = (plugins.load(ROOM, name) for name in plugins.names(ROOM))
    found = (getattr(voter, "signal", None) for voter in voters)
    return [*{signal.name: signal for signal in found if signal is not None}.values()]


def of(record: Record, rollout: int, known: Sequence[Signal]) -> list[dict[str, Any]]:
    """The grades of a rollout: which crop was looked at, and what was said of it; each question once."""
    if record.view is None or not record.grades:
        return []
    grades = {grade.request: grade for grade in record.grades}
    there = [signal for signal in known if signal.name in record.predictions[rollout].signals]
    asked = {key: crop for signal in there for key, crop in _asked(record, rollout, signal)}
    return [
        {
            "time": crop.time,
            "box": encode(crop.crop),
            "choice": grades[key].choice,
            "logprobs": encode(grades[key].logprobs),
            "error": grades[key].error,
        }
        for key, crop in asked.items()
        if key in grades
    ]


def _asked(record: Record, rollout: int, signal: Signal) -> Iterator[tuple[str, Frame]]:
    for request in signal.ask(record, rollout):
        crops = [part for part in request.parts if isinstance(part, Frame) and part.crop is not None]
        if len(crops) == 1:
            yield request.key, crops[0]
