"""`harness compare RUN`: voters on the same rollouts, each against the first, and whether signals are any good.

Every sample is voted with all of its rollouts, and scored by its task. No model is asked, and the same run gives the
same figures. Signals that are not in the records are those of the journal that `harness vote` keeps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness import comparison, multiplicity, plugins, stats
from harness.codec import encode
from harness.comparison import Compared, Pair
from harness.contracts import Voter
from harness.errors import UsageError
from harness.records import Prediction
from harness.store import read_run

from . import diagnosis, placebo, pool, signals
from .diagnosis import Calibration, Discrimination, Gap, Question, Shares
from .placebo import Placebo, Trial
from .pool import Pool, Rollouts, Scorer
from .verdict import verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """What explains a difference, or that there is none."""

    signal: str | None
    """What the voter weighs by."""
    gap: Gap
    calibration: Mapping[str, Calibration | None]
    """Voter -> calibration of its vote shares; None for scores that are not 0 or 1."""
    placebos: Mapping[str, Placebo]
    uneven: int | None
    """Questions where equal weights do not give the majority: 0 for a voter that only weighs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """A voter against the first one."""

    metrics: Mapping[str, Compared]
    why: Mapping[str, Why]
    """Leading metric -> what explains it."""
    verdict: Mapping[str, str] = field(default_factory=dict)
    """Leading metric -> the answer in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCompared:
    """The voters on one task."""

    title: str
    version: int
    planned: int
    """Samples of the run."""
    samples: int
    """Those that were evaluated."""
    errors: int
    videos: int
    rollouts: int
    """That every sample has."""
    main: str | None
    """The metric by which the task is judged, and over which Holm's adjustment goes."""
    leading: tuple[str, ...]
    """The metrics that are the first of a sample."""
    shares: Shares
    signals: Mapping[str, Mapping[str, Discrimination]]
    """Leading metric -> signal -> how it orders rollouts."""
    against: Mapping[str, Against]
    """Voter -> it against the first one."""


def compare(folder: Path, names: Sequence[str]) -> dict[str, Any]:
    """The content of compare.json: the voters of those names, or files, against the first of them."""
    short = [Path(name).stem if name.endswith(".py") else name for name in names]
    if len(set(short)) < 2 or len(set(short)) < len(short):
        raise UsageError("two voters or more are compared, each named once; give --voters majority,confidence")
    run, found = read_run(folder), [plugins.load("harness.scaling", name) for name in names]
    voters: dict[str, Voter] = dict(zip(short, found, strict=True))
    pools = pool.read(folder, run, signals.read(folder))
    for each in pools:
        for name, voter in zip(names, found, strict=True):
            complete(folder, each, name, voter)
    if not any(each.samples for each in pools):
        raise UsageError(f"{folder} has no evaluated samples, so there is nothing to compare")
    tasks = {each.task.name: _task(each, voters, run["tasks"][each.task.name]) for each in pools}
    return {
        "format": 1,
        "voters": short,
        "partial": run["partial"],
        "settings": {
            "level": stats.LEVEL,
            "power": stats.POWER,
            "flips": stats.FLIPS,
            "draws": stats.DRAWS,
            "shuffles": placebo.SHUFFLES,
            "bins": diagnosis.BINS,
        },
        "tasks": encode(_judged(tasks)),
    }


def complete(folder: Path, rollouts: Pool, name: str, voter: Voter) -> None:
    """UsageError when what a voter weighs by is not on record for every rollout."""
    signal = signal_of(voter)
    lacking = [s for s in rollouts.samples if signal and any(signal not in p.signals for p in s.predictions)]
    if lacking:
        raise UsageError(
            f"{folder} has no {signal} for {len(lacking)} of {len(rollouts.samples)} samples of {rollouts.task.name}, "
            f"by which {name} weighs; run `harness vote {folder} --voters {name}` first"
        )


def signal_of(voter: Voter) -> str | None:
    """The name of what a voter weighs by."""
    signal = getattr(voter, "signal", None)
    return None if signal is None else str(signal.name)


def _task(rollouts: Pool, voters: Mapping[str, Voter], told: Mapping[str, Any]) -> TaskCompared:
    samples, (first, *others) = rollouts.samples, voters
    scorers = {s.sample.id: Scorer(rollouts.task, s.sample) for s in samples}
    votes = {name: [voter(s.sample, s.predictions) for s in samples] for name, voter in voters.items()}
    pairs = {name: _pairs(samples, votes[first], votes[name], scorers) for name in others}
    leading = comparison.leading([pair for each in pairs.values() for pair in each])
    asked = {metric: diagnosis.questions(samples, scorers, metric) for metric in leading}
    against = {}
    for name in others:
        figures = {metric: comparison.compare(pairs[name], metric) for metric in comparison.names(pairs[name])}
        why = {m: _why((first, name), voters[name], m, asked[m], pairs[name], scorers) for m in leading}
        against[name] = Against(metrics=figures, why=why)
    return TaskCompared(
        title=told["title"],
        version=rollouts.task.version,
        planned=told["samples"],
        samples=len(samples),
        errors=rollouts.errors,
        videos=len({s.video for s in samples}),
        rollouts=rollouts.n,
        main=comparison.main(leading, told["columns"]),
        leading=tuple(leading),
        shares=diagnosis.shares(samples),
        signals={metric: _signals(asked[metric]) for metric in leading},
        against=against,
    )


def _pairs(
    samples: Sequence[Rollouts],
    before: Sequence[Prediction],
    after: Sequence[Prediction],
    scorers: Mapping[str, Scorer],
) -> list[Pair]:
    return [
        Pair(sample=s.sample, before=a, after=b, scores=(scorers[s.sample.id](a), scorers[s.sample.id](b)))
        for s, a, b in zip(samples, before, after, strict=True)
    ]


def _signals(asked: Sequence[Question]) -> dict[str, Discrimination]:
    names = sorted({name for q in asked for p in q.rollouts.predictions for name in p.signals})
    return {name: found for name in names if (found := diagnosis.discrimination(asked, name)).samples}


def _why(
    names: tuple[str, str],
    voter: Voter,
    metric: str,
    asked: Sequence[Question],
    pairs: Sequence[Pair],
    scorers: Mapping[str, Scorer],
) -> Why:
    by_sample = {pair.sample.id: pair for pair in pairs}
    theirs = [by_sample[question.rollouts.sample.id] for question in asked]
    signal = signal_of(voter)
    trial = None
    if signal is not None:
        trial = Trial(voter=voter, signal=signal, metric=metric, asked=asked, pairs=theirs, scorers=scorers)
    scored = [(pair, values) for pair in theirs if (values := pair.values(metric)) is not None]
    calibration = (
        diagnosis.calibration([(pair.before, values[0]) for pair, values in scored]),
        diagnosis.calibration([(pair.after, values[1]) for pair, values in scored]),
    )
    return Why(
        signal=signal,
        gap=diagnosis.gap(theirs, metric, asked),
        calibration=dict(zip(names, calibration, strict=True)),
        placebos=trial.placebos() if trial else {},
        uneven=trial.uneven() if trial else None,
    )


def _judged(tasks: Mapping[str, TaskCompared]) -> dict[str, TaskCompared]:
    """The same with p adjusted over the main metrics, and with the answers in words."""
    tests = {
        (task, voter): against.metrics[told.main].p
        for task, told in tasks.items()
        for voter, against in told.against.items()
        if told.main is not None
    }
    adjusted = multiplicity.holm(tests)
    found = {}
    for task, told in tasks.items():
        against = {}
        for voter, each in told.against.items():
            figures = dict(each.metrics)
            if told.main is not None:
                figures[told.main] = replace(figures[told.main], holm=adjusted[task, voter])
            against[voter] = replace(each, metrics=figures, verdict=_verdicts(told, figures, each.why))
        found[task] = replace(told, against=against)
    return found


def _verdicts(told: TaskCompared, figures: Mapping[str, Compared], why: Mapping[str, Why]) -> dict[str, str]:
    said = {}
    for metric, each in why.items():
        order = told.signals[metric].get(each.signal or "")
        signal = (each.signal, order) if each.signal is not None and order is not None else None
        said[metric] = verdict(figures[metric], each.gap, signal, each.placebos.get("shuffled"))
    return said
