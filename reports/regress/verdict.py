"""Whether a difference is a regression: a test of non-inferiority with a margin.

An interval of the difference, candidate - baseline, is held against -margin: below it the candidate has regressed,
above it it passes, across it neither is shown. Each end is one-sided. The lower one, by which a checkpoint passes, is
at alpha / looks: that all tests must pass needs no further price (Berger, Technometrics 24 (1982) 295). The upper one,
by which an alarm is raised, is at alpha / (looks x tests), as any test can raise it (Bonferroni). So over all looks at
one baseline a false alarm comes with a chance of at most alpha, and so does a false pass of one test.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from harness.stats import POWER, Estimate

PASS, REGRESSED, UNCLEAR = "pass", "regressed", "unclear"
NORMAL = NormalDist()
FAR = 100
"""So many times the questions there are would be needed: then their number is of no use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """How sure the two ends of an interval are."""

    low: float
    """Chance that the truth lies below the lower end."""
    high: float
    """Chance that it lies above the upper end."""


def levels(alpha: float, looks: int, tests: int) -> Levels:
    """Those of one of several tests, at one of several looks.

    >>> levels(0.05, 10, 2)
    Levels(low=0.005, high=0.0025)
    """
    return Levels(low=alpha / looks, high=alpha / looks / tests)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is said of one test. Differences are fractions, as metrics are."""

    verdict: str
    """"pass", "regressed" or "unclear"."""
    lower: bool
    """Whether the candidate is shown to be lower at all."""
    low: float | None
    high: float | None
    """The one-sided ends of the interval."""
    chance: float | None
    """Of passing, with as many questions, for a candidate that is no different."""
    detectable: float | None
    """The drop that is called a regression with a chance of 80 %."""
    needed: int | None
    """Questions with which a candidate that is no different passes with a chance of 80 %; None for enough."""
    said: str


def judge(
    found: Estimate, margin: float, at: Levels, draws: Sequence[float] | None = None, lost: float = 0.0
) -> Verdict:
    """The verdict on a difference; `draws` are those of the bootstrap for a figure that is no mean.

    `lost` is the share of questions that the candidate left without an answer: as many as could hide the margin, and
    it cannot pass.
    """
    low, high = ends(found, at, draws)
    if low is None or high is None or found.value is None:
        why = f"nothing can be said: {found.note or 'there is no figure'}"
        return Verdict(verdict=UNCLEAR, lower=False, low=None, high=None, chance=None, detectable=None, needed=None,
                       said=why)  # fmt: skip
    error = (found.value - low) / NORMAL.inv_cdf(1 - at.low)
    few = found.value - low <= unseen(at.low, found.clusters)
    chance, needed = _power(found, error, margin, at, few)
    verdict = REGRESSED if high < -margin else PASS if low > -margin and lost < margin else UNCLEAR
    return Verdict(
        verdict=verdict,
        lower=high < 0,
        low=low,
        high=high,
        chance=chance,
        detectable=margin + (NORMAL.inv_cdf(1 - at.high) + NORMAL.inv_cdf(POWER)) * error,
        needed=needed if needed > found.n else None,
        said=_said(verdict, found, (low, high), margin, needed, None if few else chance, lost),
    )


def ends(found: Estimate, at: Levels, draws: Sequence[float] | None) -> tuple[float | None, float | None]:
    """Both ends of the interval: by Student's t, or by the percentiles of a bootstrap.

    Neither knows of what was not seen, and where few videos differ that is most of it. So the ends are never nearer
    than the largest share of videos of which none would be seen (Clopper and Pearson, Biometrika 26 (1934) 404).

    >>> same = Estimate(value=0.0, error=0.0, low=0.0, high=0.0, n=600, clusters=200)
    >>> [round(end, 4) for end in ends(same, Levels(low=0.05, high=0.05), None) if end is not None]
    [-0.0149, 0.0149]
    """
    if found.value is None or found.low is None or found.clusters < 2:
        return None, None
    if draws is None:
        low, high = found.bound(at.low), found.bound(1 - at.high)
    else:
        import numpy

        low, high = (float(end) for end in numpy.quantile(draws, [at.low, 1 - at.high]))
    least, most = found.value - unseen(at.low, found.clusters), found.value + unseen(at.high, found.clusters)
    return min(least, least if low is None else low), max(most, most if high is None else high)


def unseen(alpha: float, videos: int) -> float:
    """The largest share of which none is seen among so many with a chance of alpha."""
    return float(1 - alpha ** (1 / videos))


def _power(found: Estimate, error: float, margin: float, at: Levels, few: bool) -> tuple[float, int]:
    """The chance that a candidate that is no different passes, and the questions for a chance of 80 %.

    Where `few` videos differ it is as if none did.
    """
    if few:
        enough = math.log(at.low) / math.log1p(-margin)
        return float(found.clusters > enough), math.ceil(found.n * enough / found.clusters)
    sure, power = NORMAL.inv_cdf(1 - at.low), NORMAL.inv_cdf(POWER)
    return NORMAL.cdf(margin / error - sure), math.ceil(found.n * ((sure + power) * error / margin) ** 2)


def _said(
    verdict: str,
    found: Estimate,
    ends: tuple[float, float],
    margin: float,
    needed: int,
    chance: float | None,
    lost: float,
) -> str:
    low, high, most = (f"{100 * each:+.1f}" for each in (*ends, -margin))
    lower = ", and lower for certain" if ends[1] < 0 and verdict != REGRESSED else ""
    change = f"{100 * (found.value or 0.0):+.1f} points, between {low} and {high}{lower}"
    if verdict == REGRESSED:
        return f"{change}: all of it below the margin of {most}"
    if verdict == PASS:
        return f"{change}: all of it above the margin of {most}"
    if lost >= margin and ends[0] > -margin:
        return f"{change}, but {lost:.1%} of the questions have no answer, which could hide the margin of {most}"
    across = f"{change}: the margin of {most} lies within"
    more = f"about {needed - found.n} more questions" if needed < FAR * found.n else "very many more questions"
    if chance is None:
        return f"{across}, as {found.clusters} videos of which hardly any differs are too few; {more} would do"
    unchanged = f"a checkpoint that is no different passes with a chance of {chance:.0%}"
    if needed > found.n:
        return f"{across}; {unchanged}, and with {more} of {POWER:.0%}"
    return f"{across}, though {unchanged}: this one may well be lower"
