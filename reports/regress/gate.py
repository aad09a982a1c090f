"""`harness regress`: a candidate against a baseline, test by test."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from harness import comparison, metrics, stats
from harness.codec import encode
from harness.comparison import Pair
from harness.errors import UsageError, nearest
from harness.stats import Estimate

from ..runs import differences
from ..runs.differences import Summed
from ..runs.paired import Left, Paired, pair
from ..runs.sides import Side, read
from .suite import Suite, Test
from .verdict import PASS, REGRESSED, UNCLEAR, Levels, Verdict, judge, levels

TAIL, MOST = 20, 20_000
"""Resamples that lie beyond an end of an interval, as far as that takes no more than MOST in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """One test of the suite, and what became of it."""

    task: str
    title: str
    metric: str
    margin: float
    """In points."""
    samples: int
    videos: int
    before: float | None
    after: float | None
    difference: float | None
    how: str
    """As in comparison.json."""
    left: Left
    lost: int
    """Questions that the candidate was to answer and did not."""
    notes: tuple[str, ...]
    result: Verdict


def gate(before: Path, after: Path, suite: Suite, *, anyway: bool = False) -> dict[str, Any]:
    """The content of regress.json."""
    sides = read(before), read(after)
    asked = _asked(suite, sides)
    pairs = pair(*sides, anyway=anyway, only={test.task for test in asked})
    tests = _named(asked, pairs)
    otherwise = [f"{task}: {each}" for task in dict.fromkeys(t.task for t in tests) for each in pairs[task].how]
    if otherwise and not anyway:
        raise UsageError(
            f"{after} was not asked as {before} was ({'; '.join(otherwise[:3])}), so that a difference need not be the "
            "checkpoint's; run it again in the same way, or give --anyway"
        )
    at = levels(suite.alpha, suite.looks, len(tests))
    found = [_tested(test, pairs[test.task], at, lost(sides[1], test.task, pairs[test.task])) for test in tests]
    verdicts = [each.result.verdict for each in found]
    failed = REGRESSED in verdicts or (suite.unclear == "fail" and UNCLEAR in verdicts)
    return {
        "format": 1,
        "baseline": before.resolve().name,
        "candidate": after.resolve().name,
        "verdict": next((each for each in (REGRESSED, UNCLEAR) if each in verdicts), PASS),
        "failed": failed,
        "settings": {"alpha": suite.alpha, "looks": suite.looks, "unclear": suite.unclear, **asdict(at)},
        "tests": encode(found),
    }


def _asked(suite: Suite, sides: tuple[Side, Side]) -> tuple[Test, ...]:
    """The tests of the suite; all tasks of the baseline where it has none."""
    asked = suite.tests or tuple(Test(task=name) for name in sides[0].parts)
    for test in asked:
        for side in sides:
            if test.task not in side.parts:
                raise UsageError(
                    f"{side.path} has no task {test.task!r}; {nearest(test.task, side.parts)}"
                    f"there are: {', '.join(side.parts)}; run it, or name the tests in a --suite"
                )
    return asked


def _named(asked: Sequence[Test], pairs: Mapping[str, Paired]) -> list[Test]:
    """The tests with the names of their metrics."""
    found: list[Test] = []
    for test in asked:
        paired = pairs[test.task]
        main = comparison.main(comparison.leading(_pairs(paired)), paired.told["columns"])
        if test.metric is None and main is None:
            raise UsageError(f"no sample of {test.task} is scored on both sides, so there is nothing to hold it to")
        found.append(replace(test, metric=test.metric or main))
        if any((each.task, each.metric) == (test.task, found[-1].metric) for each in found[:-1]):
            raise UsageError(
                f"the suite has {found[-1].metric} of {test.task} twice, as it is the main metric; drop one"
            )
    return found


def _pairs(paired: Paired) -> list[Pair]:
    return differences.pairs(paired.before, paired.after)


def lost(side: Side, task: str, paired: Paired) -> int:
    """Questions that the candidate was to answer and did not: with an error, or not asked yet."""
    part = side.parts[task]
    return paired.left.errors_after + max(0, int(part.told["samples"]) - len(part.cases))


def _tested(test: Test, paired: Paired, at: Levels, lost: int) -> Tested:
    told = _pairs(paired)
    measured = _single(test, told) if test.metric in comparison.names(told) else _summed(test, paired, at)
    return Tested(
        task=test.task,
        title=paired.told["title"],
        metric=test.metric or "",
        margin=test.margin,
        samples=measured.difference.n,
        videos=len(set(paired.videos)),
        before=measured.values[0],
        after=measured.values[1],
        difference=measured.difference.value,
        how=measured.how,
        left=paired.left,
        lost=lost,
        notes=paired.notes,
        result=judge(measured.difference, test.margin / 100, at, measured.draws, lost=lost / max(1, lost + len(told))),
    )


@dataclass(frozen=True, slots=True)
class _Measured:
    values: tuple[float | None, float | None]
    difference: Estimate
    draws: Sequence[float] | None = None
    how: str = differences.MEAN


def _single(test: Test, told: Sequence[Pair]) -> _Measured:
    """A metric of single samples."""
    scored = [(pair.sample.video, values) for pair in told if (values := pair.values(test.metric or "")) is not None]
    one, other = ([values[side] for _, values in scored] for side in (0, 1))
    return _Measured(
        (metrics.mean(one), metrics.mean(other)), stats.difference(one, other, [video for video, _ in scored])
    )


def _summed(test: Test, paired: Paired, at: Levels) -> _Measured:
    """A figure that the task makes of all samples."""
    metric = test.metric or ""
    if metric in paired.lacking:
        raise UsageError(
            f"the baseline does not keep what {metric} of {test.task} is made of; give the run folder as --baseline"
        )
    draws = min(MOST, max(stats.DRAWS, math.ceil(TAIL / at.high)))
    summed = Summed(paired.task.overall, paired.before, paired.after, draws=draws, only=metric)
    if metric not in summed.names:
        known = dict.fromkeys((*comparison.names(_pairs(paired)), *summed.names))
        raise UsageError(f"{test.task} has no metric {metric!r}; {nearest(metric, known)}there are: {', '.join(known)}")
    values = summed.values(metric)
    if metric in summed.means:
        return _Measured(values, summed.means[metric][0])
    if metric not in summed.wanted:
        return _Measured(values, summed.untold(values), None, differences.NONE)
    return _Measured(values, summed.resampled(metric), summed.drawn(metric), differences.RESAMPLED)
