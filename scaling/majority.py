"""The plain vote (self-consistency, arXiv 2203.11171): the most frequent answer, the median span, the median boxes.

An abstention is on the tally under "" and never wins. Answers are compared by `metrics.normalize`. A tie goes to the
answer with the lowest SHA-256 of (sample id, answer): no letter and no rollout is favoured, and the order of the
rollouts has no say.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median

from harness import metrics
from harness.codec import encode
from harness.geometry import Box, Span
from harness.records import Prediction, Sample


def majority(sample: Sample, predictions: Sequence[Prediction]) -> Prediction:
    """One prediction that stands for all."""
    votes = [(_answer(p), p) for p in predictions]
    tally = Counter(answer for answer, _ in votes if answer)
    winner = min(tally, key=lambda answer: (-tally[answer], _draw(sample, answer)), default="")
    spans = [p.span for p in predictions if p.span is not None]
    boxes = [p.boxes for p in predictions if p.boxes]
    voices = [p for answer, p in votes if (answer == winner if tally else p.span is not None or p.boxes)]
    speaker = min(voices, key=lambda p: _draw(sample, _content(p)), default=Prediction())
    weights = {**tally} if tally else {"span": len(spans)} if spans else {"boxes": len(boxes)} if boxes else {}
    silent = len(predictions) - sum(weights.values())
    return replace(
        speaker,
        span=_span(spans) if spans else None,
        boxes=_boxes(boxes) if boxes else {},
        rollout=speaker.rollout if tally else None,
        tally={name: float(weight) for name, weight in sorted({**weights, "": silent}.items()) if weight},
    )


def _answer(prediction: Prediction) -> str:
    text = (prediction.answer or "").strip()
    return metrics.normalize(text) or text


def _draw(sample: Sample, text: str) -> str:
    return hashlib.sha256(f"{sample.id}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()


def _content(prediction: Prediction) -> str:
    return json.dumps(encode(replace(prediction, rollout=None)), sort_keys=True)


def _span(spans: Sequence[Span]) -> Span:
    """The median start and the median end.

    >>> _span([Span(1, 4), Span(2, 9), Span(3, 5)])
    Span(start=2, end=5)
    """
    return Span(median(s.start for s in spans), median(s.end for s in spans))


def _boxes(votes: Sequence[Mapping[float, Box]]) -> dict[float, Box]:
    """At each second that at least half of them have a box for, the median of each coordinate.

    >>> _boxes([{1: Box(0, 0, 4, 4)}, {1: Box(2, 0, 8, 4), 2: Box(0, 0, 1, 1)}, {1: Box(4, 0, 6, 4)}])
    {1: Box(x1=2, y1=0, x2=6, y2=4)}
    """
    seen = Counter(second for boxes in votes for second in boxes)
    return {
        second: _median_box([boxes[second] for boxes in votes if second in boxes])
        for second in sorted(seen)
        if 2 * seen[second] >= len(votes)
    }


def _median_box(boxes: Sequence[Box]) -> Box:
    return Box(
        median(b.x1 for b in boxes),
        median(b.y1 for b in boxes),
        median(b.x2 for b in boxes),
        median(b.y2 for b in boxes),
    )


voter = majority
