"""`harness regress`: a candidate against a baseline, test by test."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from harness import comparison, stats
from harness.codec import encode
from harness.comparison import Pair
from harness.errors import UsageError, nearest

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
    pairs = pair(*sides, anyway=anyway)
    tests = _tests(suite, sides, pairs)
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


def _tests(suite: Suite, sides: tuple[Side, Side], pairs: Mapping[str, Paired]) -> list[Test]:
    """Those of the suite, with the names of their metrics; all tasks of the baseline where it has none."""
    asked = suite.tests or tuple(Test(task=name) for name in sides[0].parts)
    found = []
    for test in asked:
        for side in sides:
            if test.task not in side.parts:
                raise UsageError(
                    f"{side.path} has no task {test.task!r}; {nearest(test.task, side.parts)}"
                    f"there are: {', '.join(side.parts)}; run it, or leave it out of the suite"
                )
        paired = pairs[test.task]
        known = _pairs(paired)
        main = comparison.main(comparison.leading(known), paired.told["columns"])
        if test.metric is None and main is None:
            raise UsageError(f"no sample of {test.task} is scored on both sides, so there is nothing to hold it to")
        found.append(replace(test, metric=test.metric or main))
    if twice := {
        each.task for each in found if [(t.task, t.metric) for t in found].count((each.task, each.metric)) > 1
    }:
        raise UsageError(f"the suite has the main metric of {', '.join(sorted(twice))} twice; leave one out")
    return found


def _pairs(paired: Paired) -> list[Pair]:
    return differences.pairs(paired.before, paired.after)


def lost(side: Side, task: str, paired: Paired) -> int:
    """Questions that the candidate was to answer and did not: with an error, or not asked yet."""
    part = side.parts[task]
    return paired.left.errors_after + max(0, part.told["samples"] - len(part.cases))


def _tested(test: Test, paired: Paired, at: Levels, lost: int) -> Tested:
    metric, margin = test.metric or "", test.margin / 100
    told = _pairs(paired)
    share = lost / max(1, lost + len(told))
    videos = len(set(paired.videos))
    if metric in comparison.names(told):
        scored = [(pair.sample.video, values) for pair in told if (values := pair.values(metric)) is not None]
        one, other = ([values[side] for _, values in scored] for side in (0, 1))
        found, draws, how = stats.difference(one, other, [video for video, _ in scored]), None, differences.MEAN
        values = (sum(one) / len(one), sum(other) / len(other)) if scored else (None, None)
    else:
        values, found, draws, how = _summed(test, paired, at)
    return Tested(
        task=test.task,
        title=paired.told["title"],
        metric=metric,
        margin=test.margin,
        samples=found.n,
        videos=videos,
        before=values[0],
        after=values[1],
        difference=found.value,
        how=how,
        left=paired.left,
        lost=lost,
        notes=paired.notes,
        result=judge(found, margin, at, draws, share),
    )


def _summed(
    test: Test, paired: Paired, at: Levels
) -> tuple[tuple[float | None, float | None], stats.Estimate, list[float] | None, str]:
    """A figure that the task makes of all samples: values, difference, draws, how it was tested."""
    metric = test.metric or ""
    draws = min(MOST, max(stats.DRAWS, math.ceil(TAIL / at.high)))
    summed = Summed(paired.task.overall, paired.before, paired.after, draws=draws, only=metric)
    if metric in paired.lacking:
        raise UsageError(
            f"the baseline does not keep what {metric} of {test.task} is made of; give the run folder as --baseline"
        )
    if metric not in summed.names:
        known = dict.fromkeys((*comparison.names(_pairs(paired)), *summed.names))
        raise UsageError(f"{test.task} has no metric {metric!r}; {nearest(metric, known)}there are: {', '.join(known)}")
    values = summed.values(metric)
    if metric in summed.means:
        return values, summed.means[metric][0], None, differences.MEAN
    if metric not in summed.wanted:
        return values, summed.untold(values), None, differences.NONE
    estimate = summed.resampled(metric)
    return values, estimate, summed.drawn(metric), differences.RESAMPLED
