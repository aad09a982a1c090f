"""A claim of the paper, the test that it is put to, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from harness import stats
from harness.multiplicity import holm
from harness.stats import Estimate

LEVEL = 0.05
"""The p, adjusted for all claims, below which a difference counts as established."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What the paper says, in words and in figures."""

    table: str
    """Where it says so."""
    says: str
    """One sentence, of two things of which the first is better."""
    published: str
    """The paper's figures, per cent."""
    measure: str
    """What is compared here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What came of it: the gain of the first over the second, which the paper says is above 0."""

    claim: Claim
    better: float | None = None
    """The figure of the one that should be better."""
    worse: float | None = None
    gain: Estimate
    p: float | None = None
    """Of sign-flips of whole videos, two-sided."""
    holm: float | None = None
    """The same, adjusted for all claims."""
    note: str = ""

    @property
    def verdict(self) -> str:
        """ "reproduced", "contradicted", or "not established" where the test cannot tell."""
        if self.gain.value is None or self.holm is None:
            return "not tested"
        if self.holm >= LEVEL or self.gain.value == 0:
            return "not established"
        return "reproduced" if self.gain.value > 0 else "contradicted"


Values = Mapping[str, tuple[str, float]]
"""Sample or item -> its video and its figure, a fraction."""


def paired(claim: Claim, better: Values, worse: Values, note: str = "") -> Finding:
    """The claim put to the questions that both have, clustered by video.

    >>> one, other = {"a": ("v", 1.0), "b": ("w", 0.5)}, {"a": ("v", 0.5), "b": ("w", 0.25)}
    >>> found = paired(Claim(table="", says="", published="", measure=""), one, other)
    >>> found.gain.value, found.p, found.better
    (0.375, 0.5, 0.75)
    """
    shared = [key for key in better if key in worse]
    videos = [better[key][0] for key in shared]
    one, other = ([values[key][1] for key in shared] for values in (better, worse))
    differences = [a - b for a, b in zip(one, other, strict=True)]
    return Finding(
        claim=claim,
        better=_mean(one),
        worse=_mean(other),
        gain=stats.mean(differences, videos),
        p=stats.sign_flip(differences, videos).p if shared else None,
        note=note,
    )


def averaged(tasks: Mapping[str, Values]) -> Values:
    """The figures of several tasks, scaled so that their mean is the mean of the means of the tasks.

    >>> found = averaged({"x": {"1": ("v", 1.0)}, "y": {"1": ("v", 0.0), "2": ("v", 0.5)}})
    >>> round(sum(value for _, value in found.values()) / len(found), 6)
    0.625
    """
    number = sum(len(values) for values in tasks.values())
    return {
        f"{task}/{key}": (f"{task}/{video}", value * number / (len(tasks) * len(values)))
        for task, values in tasks.items()
        for key, (video, value) in values.items()
    }


def adjusted(findings: Sequence[Finding]) -> list[Finding]:
    """The same with p adjusted for all that are tested."""
    tested = {number: each.p for number, each in enumerate(findings) if each.p is not None}
    found = holm(tested)
    return [replace(each, holm=found.get(number)) for number, each in enumerate(findings)]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
