"""Adaptive keyframe sampling: which frames to show, by how well each fits the question (arXiv 2502.21271, CVPR 2025).

The rule is that of the released program (github.com/ncTimTang/AKS, frame_select.py), with its constants. Scores are
brought to 0..1. A stretch of the video whose best `count` scores stand out from its mean by more than `PEAK` is judged
to be worth its best frames; any other is halved, down to 2 ** -`DEPTH` of the video. A stretch gets its share of the
frames by its length: so a question about one moment gets that moment, and one about nothing in particular gets frames
from everywhere.

Two cases that the program does not provide for: with fewer frames than its smallest stretches it would show none there,
so here no stretch is worth less than one frame; with a number that is not a power of two it rounds shares down and
shows fewer than asked for, so here the best of the other frames make up the number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

PEAK = 0.8
"""How far the best scores must be above the mean, when all scores lie between 0 and 1 (its t1)."""

DEPTH = 5
"""How often a stretch is halved at most (its all_depth); its t2 of -100 lets every spread of scores pass."""


def choose(scores: Sequence[float], count: int) -> list[int]:
    """The places of the `count` frames to show, ascending; all of them when there are no more. Earlier wins a tie.

    >>> choose([0, 0, 0, 0, 9, 8, 0, 0, 0, 0, 0, 0, 0, 0], 2)
    [4, 5]
    >>> choose([1, 1, 1, 1, 1, 1, 1, 1], 2)
    [0, 4]
    """
    if len(scores) <= count:
        return [*range(len(scores))]
    values = np.asarray(scores, np.float64)
    spread = np.ptp(values)
    values = (values - values.min()) / spread if spread else np.zeros_like(values)
    places = np.arange(len(values))
    chosen = [place for part, share in _stretches(values, places, count) for place in _best(values, part, share)]
    rest = np.setdiff1d(places, chosen)
    return sorted([*chosen, *_best(values, rest, count - len(chosen))])


def _stretches(
    values: NDArray[np.float64], part: NDArray[np.intp], count: int, depth: int = 0
) -> Iterator[tuple[NDArray[np.intp], int]]:
    """The stretches that a part falls into, each with how many frames it is worth."""
    own = values[part]
    stands_out = np.mean(np.sort(own)[::-1][:count]) - np.mean(own) > PEAK
    if stands_out or depth == min(DEPTH, count.bit_length() - 1):
        yield part, count >> depth
        return
    middle = len(part) // 2
    yield from _stretches(values, part[:middle], count, depth + 1)
    yield from _stretches(values, part[middle:], count, depth + 1)


def _best(values: NDArray[np.float64], part: NDArray[np.intp], count: int) -> list[int]:
    return [int(place) for place in part[np.argsort(-values[part], kind="stable")[:count]]]
