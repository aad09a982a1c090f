"""The subsets of k of the n rollouts of a sample: all of them, or random ones, and the chances that follow from them.

What k rollouts score is estimated from n by the mean over all subsets of size k: without bias, and with the least
variance that n rollouts allow (Hoeffding, Ann. Math. Stat. 19 (1948) 293; for pass@k: Chen, arXiv 2107.03374). At k = n
nothing is left to average over.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

ALL_UP_TO = 500
"""Of so many subsets all are gone through; of more, random ones."""
PARTS, IN_A_PART = 16, 16
"""Random subsets are drawn in parts, whose spread tells the error of what is estimated from them."""


@dataclass(frozen=True, slots=True)
class Subsets:
    """Subsets of the rollouts 0..n-1, the same for all samples, as rollouts have no order."""

    masks: Bools
    """[parts, subsets, n]: one part with all of them, or the parts of random ones."""

    @property
    def exact(self) -> bool:
        """Whether these are all."""
        return len(self.masks) == 1


def subsets(n: int, k: int, seed: int = 0) -> Subsets:
    """All subsets of k of n, or independent random ones where there are more than ALL_UP_TO."""
    if comb(n, k) <= ALL_UP_TO:
        chosen = np.array(list(combinations(range(n), k)), dtype=np.intp)[None]
    else:
        lots = np.random.default_rng([seed, n, k]).random((PARTS, IN_A_PART, n))
        chosen = lots.argsort(-1)[..., :k]
    masks = np.zeros((*chosen.shape[:2], n), dtype=bool)
    np.put_along_axis(masks, chosen, True, axis=-1)
    return Subsets(masks)


def first_chances(n: int, k: int) -> Floats:
    """The chance of each of n in order to be the first of a random subset of k.

    >>> first_chances(4, 2).tolist()
    [0.5, 0.3333333333333333, 0.16666666666666666, 0.0]
    """
    return np.array([comb(n - 1 - rank, k - 1) / comb(n, k) for rank in range(n)])


def pass_at(n: int, right: int, k: int) -> float:
    """pass@k: the chance that some of k are right, of which there are `right` among n (Chen, arXiv 2107.03374).

    >>> pass_at(4, 1, 2)
    0.5
    """
    return 1 - comb(n - right, k) / comb(n, k)


def best_of(values: Floats, k: int) -> Floats:
    """The best of k of n values in the mean over all subsets in which one is scored: pass@k for values of 0 and 1.

    `values` is [..., n] with NaN for what is not scored; the result is [...], NaN where nothing is.
    """
    best_first = -np.sort(-values, axis=-1)
    return mean_under(first_chances(values.shape[-1], k), best_first)


def mean_under(chances: Floats, values: Floats) -> Floats:
    """The mean of the values [..., n] under the chances of each, given that it is scored; NaN where nothing is.

    >>> mean_under(np.array([0.5, 0.25, 0.25]), np.array([1.0, 0.0, np.nan])).item()
    0.6666666666666666
    """
    scored = ~np.isnan(values)
    total = (chances * scored).sum(-1)
    found = (chances * np.where(scored, values, 0.0)).sum(-1)
    means: Floats = np.divide(found, total, out=np.full(total.shape, np.nan), where=total > 0)
    return means
