"""What it would have saved, and cost, to stop early: the rules of `stopping`, replayed on the rollouts of a run.

Every rule votes on the first of the same rollouts that the full vote has, so both stand side by side: as a run with
that rule would have gone, or as it goes on average when the rollouts come in other orders.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from harness.contracts import Stop, Task, Voter
from harness.errors import UsageError
from harness.metrics import mean
from harness.records import Prediction, Record

from .pool import Pool, Rollouts, Scorer
from .stopping import rule as find
from .weighted import said

GROUPS = 50
"""Groups of videos, at most, that are left out in turn for an interval."""

Metrics = Mapping[str, float | None]


class Difference(NamedTuple):
    """Of a metric to that of all rollouts, with its interval of 95 %; None where there are too few videos for one."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One rule; means over the orders."""

    rule: str
    """"all" where every rollout is drawn."""
    rollouts: float
    """A sample."""
    waves: float
    """A sample: how often the engine is asked."""
    tokens: float
    """Generated, of all samples."""
    saved: float
    """Share of the tokens of all rollouts."""
    changed: float
    """Share of the samples whose vote is another: another answer as answers are compared, or another span or boxes."""
    metrics: Metrics
    differences: Mapping[str, Difference | None]
    """None where the metric is not known of one of the two."""


class Taken(NamedTuple):
    """What a rule made of one sample in one order."""

    record: Record
    drawn: int
    waves: int
    tokens: int


def replay(pool: Pool, voter: Voter, rules: Sequence[str], orders: int = 1, seed: int = 0) -> list[Row]:
    """A row for all rollouts, then one for each rule.

    The first order is that of the run, further ones are drawn with the seed. UsageError when the samples of the pool
    have not all the same number of rollouts, as those of a run that stopped early itself.
    """
    n = pool.n
    if any(len(r.predictions) != n for r in pool.samples):
        raise UsageError(f"the samples of {pool.task.name} have not all {n} rollouts; replay a run of all rollouts")
    full = [take(pool.task, voter, None, r, range(n)) for r in pool.samples]
    found = [_row("all", pool.task, [full], full)]
    for text in rules:
        stop, rng = find(text, voter), random.Random(seed)
        found.append(_row(text, pool.task, [_run(pool, voter, stop, k, rng) for k in range(orders)], full))
    return found


def _run(pool: Pool, voter: Voter, stop: Stop, number: int, rng: random.Random) -> list[Taken]:
    taken = []
    for rollouts in pool.samples:
        order = [*range(len(rollouts.predictions))]
        if number:
            rng.shuffle(order)
        taken.append(take(pool.task, voter, stop, rollouts, order))
    return taken


def take(task: Task, voter: Voter, stop: Stop | None, rollouts: Rollouts, order: Sequence[int]) -> Taken:
    """One sample as a run with that rule would draw it, if its rollouts came in that order."""
    sample, n, drawn, waves = rollouts.sample, len(order), 0, 0
    heard = [rollouts.predictions[k] for k in order]
    while drawn < n and (more := stop(sample, heard[:drawn], n) if stop else n):
        drawn, waves = min(n, drawn + more), waves + 1
    vote = voter(sample, heard[:drawn])
    record = Record(task=task.name, version=task.version, sample=sample, vote=vote, score=Scorer(task, sample)(vote))
    return Taken(record, drawn, waves, sum(rollouts.tokens[k] for k in order[:drawn]))


def _row(rule: str, task: Task, runs: Sequence[Sequence[Taken]], full: Sequence[Taken]) -> Row:
    size, tokens = max(1, len(full)), sum(t.tokens for t in full)
    every = [taken for run in runs for taken in run]
    spent = sum(t.tokens for t in every) / len(runs)
    pairs = [(t.record.vote, f.record.vote) for run in runs for t, f in zip(run, full, strict=True)]
    return Row(
        rule=rule,
        rollouts=sum(t.drawn for t in every) / len(runs) / size,
        waves=sum(t.waves for t in every) / len(runs) / size,
        tokens=spent,
        saved=1 - spent / tokens if tokens else 0.0,
        changed=sum(_differ(a, b) for a, b in pairs if a and b) / len(runs) / size,
        metrics=_average([task.aggregate([t.record for t in run]) for run in runs]),
        differences=differences(task, [[t.record for t in run] for run in runs], [t.record for t in full]),
    )


def _differ(one: Prediction, other: Prediction) -> bool:
    return (said(one), one.span, one.boxes) != (said(other), other.span, other.boxes)


def differences(
    task: Task, runs: Sequence[Sequence[Record]], full: Sequence[Record]
) -> Mapping[str, Difference | None]:
    """The mean over runs of each metric less that of `full`, which has the same samples in the same order.

    Intervals are those of the jackknife with t quantiles: each of at most 50 groups of videos is left out in turn. For
    a mean over videos of equal size it is the cluster-robust one (CR1). It serves for metrics that are no means, too.
    """
    groups = _groups([record.sample.video for record in full])

    def gap(left_out: int | None) -> Metrics:
        kept = [i for i, group in enumerate(groups) if group != left_out]
        ours = _average([task.aggregate([run[i] for i in kept]) for run in runs])
        theirs = task.aggregate([full[i] for i in kept])
        return {name: _less(value, theirs[name]) for name, value in ours.items()}

    less = [gap(group) for group in sorted(set(groups))]
    return {name: _interval(value, [each[name] for each in less]) for name, value in gap(None).items()}


def _groups(videos: Sequence[str]) -> list[int]:
    """The group of each video, drawn by lot."""
    known = sorted(set(videos))
    random.Random(0).shuffle(known)
    group = {video: number % GROUPS for number, video in enumerate(known)}
    return [group[video] for video in videos]


def _interval(value: float | None, less: Sequence[float | None]) -> Difference | None:
    from scipy.special import stdtrit

    if value is None:
        return None
    known, count = [each for each in less if each is not None], len(less)
    if len(known) < max(2, count):
        return Difference(value, None, None)
    centre = math.fsum(known) / count
    error = math.sqrt((count - 1) / count * math.fsum((each - centre) ** 2 for each in known))
    reach = float(stdtrit(count - 1, 0.975)) * error
    return Difference(value, value - reach, value + reach)


def _average(found: Sequence[Metrics]) -> dict[str, float | None]:
    """The mean of each metric; None where one of them has none."""
    return {
        name: None if any(each[name] is None for each in found) else mean(e[name] for e in found) for name in found[0]
    }


def _less(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other
