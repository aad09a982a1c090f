"""Errors, intervals and tests for scores that come in clusters: the questions about one video are not independent.

Pure functions on plain sequences or numpy arrays; scores are fractions in 0..1, differences lie in -1..1. What cannot
be known (no samples, one cluster) is None with a note, never NaN. Draws have a seed. Values that are not finite and
lengths that differ are a fault of the caller: ValueError.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]
    Values: TypeAlias = Sequence[float] | Array
    Clusters: TypeAlias = Iterable[Hashable] | None

LEVEL = 0.95
"""The chance that an interval covers what it is for."""
POWER = 0.8
"""The chance with which an effect of the least detectable size is found."""
FLIPS, DRAWS = 10_000, 2_000
"""Random sign-flips of a test, and resamples of a bootstrap."""
ENUMERATED = 16
"""Up to this many clusters all sign-flips are looked at, whatever the differences are."""
WHOLE_WORK = 10**8
"""Up to this many steps the distribution over all sign-flips of whole differences is made instead."""
TINY = 1e-9
"""Sums that are nearer than this are equal: they may be of the same numbers in another order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure, its standard error and its interval."""

    value: float | None
    error: float | None = None
    low: float | None = None
    high: float | None = None
    n: int
    clusters: int
    note: str | None = None
    """Why something is missing, or what is odd."""

    def detectable(self, power: float = POWER, level: float = LEVEL) -> float | None:
        """The least true value that a test at 1 - level finds with that power: (t_level + t_power) * error.

        None where there is no error. Source: Miller, arXiv 2411.00640, Sec. 5, with Student's t for the normal.

        >>> round(Estimate(value=0.0, error=0.01, n=5000, clusters=5000).detectable(), 4)
        0.028
        """
        if not self.error:
            return None
        free = self.clusters - 1
        return (_t(1 - (1 - level) / 2, free) + _t(power, free)) * self.error

    def bound(self, chance: float) -> float | None:
        """The value below which the truth lies with that chance, by Student's t; None where the error is not known."""
        if self.value is None or self.error is None:
            return None
        return self.value + (_t(chance, self.clusters - 1) * self.error if self.error else 0.0)


def mean(values: Values, clusters: Clusters = None, level: float = LEVEL) -> Estimate:
    """The mean of scores in clusters, its CR1 standard error and t interval with clusters - 1 degrees of freedom.

    Without `clusters` each score is one of its own, and the error is the usual one. Source: Miller, arXiv 2411.00640,
    Sec. 2.2, with the CR1 factor G / (G - 1) of Cameron and Miller, J. Human Resources 50 (2015) 317.

    >>> found = mean([1, 1, 0, 0, 1], ["a", "a", "b", "b", "c"])
    >>> found.value, round(found.error, 4), found.n, found.clusters
    (0.6, 0.3666, 5, 3)
    >>> mean([]).note, mean([1, 0], ["a", "a"]).note
    ('no samples', 'one cluster tells no error')
    """
    scores = _floats(values)
    places, number = _places(clusters, len(scores))
    if not len(scores):
        return Estimate(value=None, n=0, clusters=0, note="no samples")
    value = math.fsum(scores) / len(scores)
    if number == 1:
        return Estimate(value=value, n=len(scores), clusters=1, note="one cluster tells no error")
    if scores.min() == scores.max():
        one, said = float(scores[0]), "all are equal: the interval has no width"
        return Estimate(value=one, error=0.0, low=one, high=one, n=len(scores), clusters=number, note=said)
    error = clustered_error(scores, places)
    half = _t(1 - (1 - level) / 2, number - 1) * error
    return Estimate(value=value, error=error, low=value - half, high=value + half, n=len(scores), clusters=number)


def difference(before: Values, after: Values, clusters: Clusters = None, level: float = LEVEL) -> Estimate:
    """The mean of `after` - `before` on the same samples, as `mean` gives it.

    >>> difference([0, 0, 1, 1], [1, 0, 1, 1]).value
    0.25
    """
    one, other = _floats(before), _floats(after)
    if len(one) != len(other):
        raise ValueError(f"{len(one)} scores cannot be paired with {len(other)}")
    return mean(other - one, clusters, level)


def clustered_error(values: Values, clusters: Clusters = None, *, corrected: bool = True) -> float:
    """The standard error of a mean of scores in two or more clusters: the root of the summed squares of cluster sums.

    `corrected` multiplies its square by G / (G - 1), which is CR1; without, it is Miller's (arXiv 2411.00640, eq. 4).

    >>> round(clustered_error([1, 1, 0, 0], "aabb", corrected=False), 6)
    0.353553
    """
    scores = _floats(values)
    sums = _sums(scores - math.fsum(scores) / max(1, len(scores)), clusters)
    if len(sums) < 2:
        raise ValueError("one cluster tells no error")
    factor = len(sums) / (len(sums) - 1) if corrected else 1.0
    return math.sqrt(factor * math.fsum(sums * sums)) / len(scores)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignFlip:
    """What a two-sided sign-flip test found: p is never 0, and 1 where nothing differs."""

    p: float
    clusters: int
    """Those whose summed difference is not 0: the others say nothing."""
    flips: int | None = None
    """How many were drawn by chance; None when p is exact."""


def sign_flip(differences: Values, clusters: Clusters = None, *, flips: int = FLIPS, seed: int = 0) -> SignFlip:
    """How often the summed difference would be as far from 0 if the sign of each cluster were a coin's.

    Exact over all flips when the differences are whole, as those of right and wrong are, or at most ENUMERATED clusters
    have one; else (1 + as far) / (1 + flips) over random ones. Sources: Fisher's randomisation test; the +1 rule of
    Phipson and Smyth, Stat. Appl. Genet. Mol. Biol. 9 (2010) 39.

    >>> sign_flip([1, 1, 1, 1, 1]).p, sign_flip([1, 1, 1, 1, 1], "aabbb").p, sign_flip([0, 0]).p
    (0.0625, 0.5, 1.0)
    """
    import numpy

    scores = _floats(differences)
    sizes = abs(_sums(scores, clusters))
    sizes, found = sizes[sizes > TINY], abs(math.fsum(scores))
    number = len(sizes)
    if not number:
        return SignFlip(p=1.0, clusters=0)
    if not (sizes % 1).any() and number * sizes.sum() <= WHOLE_WORK:
        return SignFlip(p=_whole(sizes.astype(int), round(found)), clusters=number)
    if number <= ENUMERATED:
        ways = numpy.zeros(1)
        for size in sizes:
            ways = numpy.concatenate((ways + size, ways - size))
        return SignFlip(p=float((abs(ways) >= found - TINY).mean()), clusters=number)
    return SignFlip(p=_drawn(sizes, found, flips, seed), clusters=number, flips=flips)


def _whole(sizes: Array, found: int) -> float:
    """The chance under all flips, from the distribution of the sum of those sizes that are flipped."""
    import numpy

    total = int(sizes.sum())
    chance = numpy.zeros(total + 1)
    chance[0] = 1.0
    for size in sizes:
        chance[size:], chance[:size] = (chance[size:] + chance[:-size]) / 2, chance[:size] / 2
    far = float(chance[abs(total - 2 * numpy.arange(total + 1)) >= found].sum())
    return min(1.0, max(far, sys.float_info.min))


def _drawn(sizes: Array, found: float, flips: int, seed: int) -> float:
    import numpy

    chance, step, far = numpy.random.default_rng(seed), max(1, 2**22 // len(sizes)), 0
    for begin in range(0, flips, step):
        signs = chance.integers(0, 2, (min(step, flips - begin), len(sizes)))
        far += int((abs((2 * signs - 1) @ sizes) >= found - TINY).sum())
    return (1 + far) / (1 + flips)


def mcnemar(fixed: int, broken: int) -> float:
    """The exact two-sided p of McNemar's test, given how many became right and how many became wrong.

    It takes the samples as independent, which those of one video are not. Source: McNemar, Psychometrika 12 (1947) 153,
    with the binomial in place of chi-squared.

    >>> mcnemar(6, 1), mcnemar(0, 0)
    (0.125, 1.0)
    """
    number = fixed + broken
    tail = sum(math.comb(number, k) for k in range(min(fixed, broken) + 1))
    return min(1.0, max(2 * tail / (1 << number), sys.float_info.min))


def bootstrap(
    statistic: Callable[[Array], float | None],
    clusters: Iterable[Hashable],
    *,
    draws: int = DRAWS,
    seed: int = 0,
    level: float = LEVEL,
) -> Estimate:
    """The percentile interval of a figure that is no mean: whole clusters are drawn with replacement.

    `statistic` is given the numbers of the samples drawn, an array of integers, and may find no figure in them (None).
    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), Sec. 13.3.

    >>> found = bootstrap(lambda drawn: float(max(drawn)), "aabbcc")
    >>> found.value, found.low, found.high
    (5.0, 1.0, 5.0)
    """
    import numpy

    names = list(clusters)
    places, number = _places(names, len(names))
    value = statistic(numpy.arange(len(names))) if names else None
    if value is None or number == 1:
        said = "one cluster tells no error" if names and value is not None else "no samples with a figure"
        return Estimate(value=value, n=len(names), clusters=number, note=said)
    order, sizes = numpy.argsort(places, kind="stable"), numpy.bincount(places)
    begins, chance, found = numpy.cumsum(sizes) - sizes, numpy.random.default_rng(seed), []
    for _ in range(draws):
        drawn = chance.integers(0, number, number)
        lengths = sizes[drawn]
        within = numpy.arange(lengths.sum()) - numpy.repeat(numpy.cumsum(lengths) - lengths, lengths)
        figure = statistic(order[numpy.repeat(begins[drawn], lengths) + within])
        if figure is not None:
            found.append(figure)
    note = f"{draws - len(found)} of {draws} resamples have no figure" if len(found) < draws else None
    if 2 * len(found) < draws:
        return Estimate(value=value, n=len(names), clusters=number, note=note)
    low, high, error = *map(float, numpy.quantile(found, [(1 - level) / 2, (1 + level) / 2])), float(numpy.std(found))
    return Estimate(value=value, error=error, low=low, high=high, n=len(names), clusters=number, note=note)


def wilson(hits: int, number: int, level: float = LEVEL) -> tuple[float, float]:
    """The interval of a share of few independent trials; of none it is all of 0..1.

    Source: Wilson, J. Am. Stat. Assoc. 22 (1927) 209.

    >>> tuple(round(end, 4) for end in wilson(8, 10)), wilson(0, 0)
    ((0.4902, 0.9433), (0.0, 1.0))
    """
    if not number:
        return 0.0, 1.0
    z2 = NormalDist().inv_cdf((1 + level) / 2) ** 2
    middle = (hits + z2 / 2) / (number + z2)
    half = math.sqrt(z2 * (hits * (number - hits) / number + z2 / 4)) / (number + z2)
    return (0.0 if hits == 0 else middle - half), (1.0 if hits == number else middle + half)


def _t(chance: float, free: int) -> float:
    """The quantile of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(free, chance))


def _floats(values: Values) -> Array:
    import numpy

    found = numpy.asarray(values, dtype=float)
    if found.ndim != 1 or not numpy.isfinite(found).all():
        raise ValueError("scores must be a row of finite numbers")
    return found


def _places(clusters: Clusters, number: int) -> tuple[Array, int]:
    """The number of the cluster of each sample, and how many clusters there are."""
    import numpy

    if clusters is None:
        return numpy.arange(number), number
    known: dict[Hashable, int] = {}
    places = [known.setdefault(name, len(known)) for name in clusters]
    if len(places) != number:
        raise ValueError(f"{number} scores have {len(places)} clusters")
    return numpy.asarray(places, dtype=int), len(known)


def _sums(scores: Array, clusters: Clusters) -> Array:
    import numpy

    places, number = _places(clusters, len(scores))
    return numpy.bincount(places, weights=scores, minlength=number)
