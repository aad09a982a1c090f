"""The measures: pure functions on plain values, used by tasks and by rewards alike.

Fractions in 0..1 throughout. A reference second without a predicted box counts 0, a missing span counts 0;
None stands for "not scored" and is left out of means.
"""

from __future__ import annotations

import math
import re
import string
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence

from harness.geometry import Box, Span

EPS = 1e-6
"""LGM takes ln(max(1 - x, EPS)), so that a perfect component weighs 13.8 rather than infinity."""

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION = str.maketrans(dict.fromkeys(string.punctuation, " "))


def tiou(predicted: Span | None, reference: Span) -> float:
    """Temporal IoU of two spans, intersection over hull; 0 without a prediction.

    >>> tiou(Span(2, 6), Span(0, 4))
    0.3333333333333333
    >>> tiou(None, Span(0, 4))
    0.0
    """
    return 0.0 if predicted is None else predicted.iou(reference)


def box_ious(predicted: Mapping[float, Box], reference: Mapping[float, Box]) -> list[float]:
    """IoU at each reference second, in order; 0 where the prediction has no box.

    >>> box_ious({3: Box(0, 0, 10, 10)}, {3: Box(5, 0, 15, 10), 4: Box(0, 0, 1, 1)})
    [0.3333333333333333, 0.0]
    """
    return [predicted[t].iou(reference[t]) if t in predicted else 0.0 for t in sorted(reference)]


def mean(values: Iterable[float | None]) -> float | None:
    """The mean of those that are not None; None when there are none.

    >>> mean([1.0, None, 0.5])
    0.75
    """
    known = [v for v in values if v is not None]
    return math.fsum(known) / len(known) if known else None


def viou(predicted: Mapping[float, Box], reference: Mapping[float, Box]) -> float | None:
    """Mean over the reference seconds of the IoU there; None without reference boxes.

    >>> viou({3: Box(0, 0, 10, 10)}, {3: Box(0, 0, 10, 10), 4: Box(0, 0, 1, 1)})
    0.5
    """
    return mean(box_ious(predicted, reference))


def ap_at(predicted: Mapping[float, Box], reference: Mapping[float, Box], threshold: float) -> float | None:
    """AP@vIoU=m of V-STaR: the share of reference seconds with IoU >= m (no average precision).

    >>> ap_at({3: Box(0, 0, 10, 10)}, {3: Box(5, 0, 15, 10), 4: Box(0, 0, 1, 1)}, 0.3)
    0.5
    """
    return mean(recall_at(iou, threshold) for iou in box_ious(predicted, reference))


def recall_at(iou: float, threshold: float) -> float:
    """R@1 of one sample: whether the IoU is at or above the threshold.

    >>> recall_at(0.5, 0.5), recall_at(0.49, 0.5)
    (1.0, 0.0)
    """
    return float(iou >= threshold)


def arithmetic_mean(what: float, when: float, where: float) -> float:
    """AM of accuracy, m_tIoU and m_vIoU (arXiv 2503.11495, Sec. 4.2).

    >>> round(arithmetic_mean(0.6078, 0.1667, 0.0647), 4)
    0.2797
    """
    return (what + when + where) / 3


def log_geometric_mean(what: float, when: float, where: float) -> float:
    """LGM: minus a third of the sum of ln(1 - x); a component above 1 - EPS counts as 1 - EPS.

    Not bounded by 1: three perfect components give -ln(EPS) = 13.8.

    >>> round(log_geometric_mean(0.6078, 0.1667, 0.0647), 4)
    0.3951
    >>> round(log_geometric_mean(1, 1, 1), 2)
    13.82
    """
    return -sum(math.log(max(1 - x, EPS)) for x in (what, when, where)) / 3


def normalize(text: str) -> str:
    """Lower case, without punctuation, articles and repeated spaces.

    >>> normalize("The red  Star.")
    'red star'
    """
    plain = text.lower().translate(_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", plain).split()) or " ".join(plain.split())


def exact_match(predicted: str | None, reference: str) -> float:
    """Whether two answers are the same words after `normalize`; 0 for an abstention.

    >>> exact_match("A red star.", "red star"), exact_match("star", "red star"), exact_match(None, "star")
    (1.0, 0.0, 0.0)
    """
    return float(predicted is not None and normalize(predicted) == normalize(reference))


def expected(logprobs: Mapping[str, float]) -> float:
    """The expected grade under the log-probabilities of the grades, renormalised over them.

    >>> round(expected({"0": math.log(0.1), "1": math.log(0.1), "2": math.log(0.2)}), 6)
    1.25
    """
    weights = {float(grade): math.exp(logprob) for grade, logprob in logprobs.items()}
    total = math.fsum(weights.values())
    return math.fsum(grade * weight for grade, weight in weights.items()) / total if total else 0.0


def auroc(hits: Sequence[float], misses: Sequence[float]) -> float | None:
    """The chance that a hit scores above a miss, ties counting half (Mann-Whitney U); None without both.

    >>> auroc([2.0, 1.5, 1.0], [0.5, 1.0])
    0.9166666666666666
    """
    if not hits or not misses:
        return None
    order = sorted(misses)
    wins = sum((bisect_left(order, hit) + bisect_right(order, hit)) / 2 for hit in hits)
    return wins / (len(hits) * len(misses))
