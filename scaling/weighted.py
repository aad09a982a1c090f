"""Votes in which a rollout has a weight: the heaviest answer, the weighted median span, the weighted median boxes.

With equal weights this is self-consistency (arXiv 2203.11171). An abstention is on the tally under "" and never wins.
Answers are compared by `metrics.normalize`. A tie goes to the answer of more rollouts, then to the one with the lowest
SHA-256 of (sample id, answer): no letter is favoured, and the order in which rollouts are given has no say. Weights
count in whole units, so that their sums do not depend on that order either. Where all weigh nothing, all weigh 1.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from harness import metrics
from harness.contracts import Signal
from harness.errors import UsageError
from harness.geometry import Box, Span
from harness.records import Prediction, Sample

UNITS = 10**9
"""Whole units in a weight of 1."""


@dataclass(frozen=True, slots=True)
class Weighted:
    """A voter. What a rollout weighs is the value of its signal, or what `weigh` makes of that; 1 without a signal."""

    signal: Signal | None = None
    weigh: Callable[[float], float] = float

    def weight(self, prediction: Prediction) -> float:
        """What a rollout weighs, 0 or more; UsageError when its signal is not on record."""
        if self.signal is None:
            return 1.0
        if self.signal.name not in prediction.signals:
            raise UsageError(
                f"the {self.signal.name} of rollout {prediction.rollout} is not on record; ask for it first"
            )
        return self.weigh(prediction.signals[self.signal.name])

    def __call__(self, sample: Sample, predictions: Sequence[Prediction]) -> Prediction:
        """One prediction that stands for all."""
        weights = units([self.weight(p) for p in predictions])
        heard = list(zip(predictions, weights, strict=True))
        spans = [(p.span, w) for p, w in heard if p.span is not None]
        boxes = [(p.boxes, w) for p, w in heard if p.boxes]
        tally = _answers(heard)
        winner = min(tally, key=lambda answer: (*(-n for n in tally[answer]), draw(sample, answer)), default="")
        voices = [(p, w) for p, w in heard if (said(p) == winner if tally else p.span is not None or p.boxes)]
        loudest = max((w for _, w in voices), default=0)
        speaker = min((p for p, w in voices if w == loudest), key=number, default=Prediction())
        return replace(
            speaker,
            span=median_span(spans) if spans else None,
            boxes=median_boxes(boxes) if boxes else {},
            rollout=speaker.rollout if tally else None,
            tally=_tally(heard, tally),
        )


def units(weights: Sequence[float]) -> list[int]:
    """Weights in whole units; all of them 1 when all are nothing.

    >>> units([0.2, 1.0]), units([0.0, 0.0])
    ([200000000, 1000000000], [1000000000, 1000000000])
    """
    found = [round(weight * UNITS) for weight in weights]
    return found if any(found) else [UNITS] * len(found)


def said(prediction: Prediction) -> str:
    """The answer as answers are compared; "" for none."""
    return _plain(prediction.answer) if prediction.answer else ""


@lru_cache(maxsize=1 << 16)
def _plain(answer: str) -> str:
    text = answer.strip()
    return metrics.normalize(text) or text


def draw(sample: Sample, text: str) -> str:
    """The lot of a candidate when nothing else decides: the lowest wins."""
    return hashlib.sha256(f"{sample.id}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()


def number(prediction: Prediction) -> int:
    """Which rollout it is: of those that say the same and weigh the same, the first drawn speaks."""
    return prediction.rollout or 0


def median_span(spans: Sequence[tuple[Span, int]]) -> Span:
    """The weighted median of the starts and that of the ends.

    >>> median_span([(Span(1, 4), 1), (Span(2, 9), 1), (Span(3, 5), 1)])
    Span(start=2, end=5)
    """
    return Span(*_medians([span for span, _ in spans], [w for _, w in spans]))


def median_boxes(votes: Sequence[tuple[Mapping[float, Box], int]]) -> dict[float, Box]:
    """At each second for which boxes of at least half the weight were given, the weighted median of each coordinate.

    >>> votes = [{1: Box(0, 0, 4, 4)}, {1: Box(2, 0, 8, 4), 2: Box(0, 0, 1, 1)}, {1: Box(4, 0, 6, 4)}]
    >>> median_boxes([(boxes, 1) for boxes in votes])
    {1: Box(x1=2, y1=0, x2=6, y2=4)}
    """
    all_weigh = sum(w for _, w in votes)
    votes = votes if all_weigh else [(boxes, 1) for boxes, _ in votes]
    seen: Counter[float] = Counter()
    for boxes, w in votes:
        seen.update(dict.fromkeys(boxes, w))
    enough = [second for second in sorted(seen) if 2 * seen[second] >= (all_weigh or len(votes))]
    found = {}
    for second in enough:
        known = [(boxes[second], w) for boxes, w in votes if second in boxes]
        found[second] = Box(*_medians([box for box, _ in known], [w for _, w in known]))
    return found


def _medians(rows: Sequence[Sequence[float]], weights: Sequence[int]) -> list[float]:
    """The weighted median of each column; all rows weigh 1 when all weigh nothing."""
    if any(weights) and not all(weights):
        rows, weights = [row for row, w in zip(rows, weights, strict=True) if w], [w for w in weights if w]
    columns = zip(*rows, strict=True)
    if len({*weights}) > 1:
        return [_weighted_median(sorted(zip(column, weights, strict=True))) for column in columns]
    middle, odd = divmod(len(rows), 2)
    ordered = map(sorted, columns)
    return [values[middle] if odd else (values[middle - 1] + values[middle]) / 2 for values in ordered]


def _weighted_median(ordered: Sequence[tuple[float, int]]) -> float:
    """The value with half of the weight on either side; midway between two when the halves part there."""
    total, below = sum(w for _, w in ordered), 0
    for number, (value, weight) in enumerate(ordered):
        below += weight
        if 2 * below > total:
            return value
        if 2 * below == total:
            return (value + ordered[number + 1][0]) / 2
    raise ValueError("no values")


def _answers(heard: Sequence[tuple[Prediction, int]]) -> dict[str, tuple[int, int]]:
    """Answer -> what it weighs, and in how many rollouts it was given."""
    found: dict[str, tuple[int, int]] = {}
    for prediction, weight in heard:
        if answer := said(prediction):
            before = found.get(answer, (0, 0))
            found[answer] = before[0] + weight, before[1] + 1
    return found


def _tally(heard: Sequence[tuple[Prediction, int]], answers: Mapping[str, tuple[int, int]]) -> dict[str, float]:
    """What each candidate weighed; "span" or "boxes" where there are no answers, "" for the silent."""
    spans, boxes = sum(w for p, w in heard if p.span is not None), sum(w for p, w in heard if p.boxes)
    found = {name: w for name, (w, _) in answers.items()} or ({"span": spans} if spans else {"boxes": boxes})
    found[""] = sum(w for _, w in heard) - sum(found.values())
    return {name: w / UNITS for name, w in sorted(found.items()) if w}
