"""Two answers to the same samples, by two voters or from two runs, compared metric by metric.

The samples of one video are not independent, so the difference, its interval and its p are clustered by video
(harness/stats.py); McNemar's p, which takes them as independent, is there because it is known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness import metrics, stats
from harness.records import Prediction, Sample, Score
from harness.stats import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One sample, answered in two ways."""

    sample: Sample
    before: Prediction
    after: Prediction
    scores: tuple[Score, Score]
    """Of `before` and of `after`."""

    def values(self, metric: str) -> tuple[float, float] | None:
        """A metric of both; None where one of them is not scored."""
        before, after = (score.values.get(metric) for score in self.scores)
        return None if before is None or after is None else (before, after)

    @property
    def differs(self) -> bool:
        """Whether the answers do, as answers are compared, or the spans or boxes."""
        one, other = ((metrics.normalize(p.answer or ""), p.span, p.boxes) for p in (self.before, self.after))
        return one != other


@dataclass(frozen=True, slots=True, kw_only=True)
class Flips:
    """What became of the samples."""

    fixed: int = 0
    """With a higher score than before."""
    broken: int = 0
    """With a lower score."""
    changed: int = 0
    """With another answer that is as far from right: of the same score, and that below 1."""
    same: int = 0
    """All others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One metric of both, over the samples that have it."""

    before: float | None
    after: float | None
    difference: Estimate
    """after - before, clustered by video."""
    p: float
    """Of the cluster sign-flip test, two-sided."""
    random_flips: int | None
    """How many flips were drawn for it; None when it is exact."""
    clusters_that_differ: int
    mcnemar: float | None
    """None for a metric that is not 0 or 1."""
    detectable: float | None
    """The least true difference that is found with a chance of 80 %; None where the error is not known or 0."""
    flips: Flips
    holm: float | None = None
    """p adjusted for all that is tested; None for a metric that is not the main one of its task."""


def compare(pairs: Sequence[Pair], metric: str) -> Compared:
    """One metric of all pairs that have it."""
    scored = [(pair, values) for pair in pairs if (values := pair.values(metric)) is not None]
    videos = [pair.sample.video for pair, _ in scored]
    before, after = [v[0] for _, v in scored], [v[1] for _, v in scored]
    difference = stats.difference(before, after, videos)
    tested = stats.sign_flip([b - a for a, b in zip(before, after, strict=True)], videos)
    flips = Flips(**Counter(_fate(pair, *values) for pair, values in scored))
    right_or_wrong = {*before, *after} <= {0.0, 1.0}
    return Compared(
        before=metrics.mean(before),
        after=metrics.mean(after),
        difference=difference,
        p=tested.p,
        random_flips=tested.flips,
        clusters_that_differ=tested.clusters,
        mcnemar=stats.mcnemar(flips.fixed, flips.broken) if right_or_wrong else None,
        detectable=difference.detectable(),
        flips=flips,
    )


def _fate(pair: Pair, before: float, after: float) -> str:
    if before != after:
        return "fixed" if after > before else "broken"
    return "changed" if pair.differs and after < 1 else "same"


def names(pairs: Sequence[Pair]) -> list[str]:
    """All metrics, in the order in which samples have them."""
    return list(dict.fromkeys(name for pair in pairs for score in pair.scores for name in score.values))


def leading(pairs: Sequence[Pair]) -> list[str]:
    """The metrics that are the first of a sample: what its task says of it before all else."""
    return list(dict.fromkeys(next(iter(s.values)) for pair in pairs for s in pair.scores if s.values))


def main(leading: Sequence[str], columns: Mapping[str, str]) -> str | None:
    """The one metric by which a task is judged: of the leading ones the first that is a column of its report.

    Where none is, the first that leads; None without a metric.
    """
    return next((name for name in columns if name in leading), leading[0] if leading else None)
