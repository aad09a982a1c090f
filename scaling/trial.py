"""Trials: a probe, the run and the controls of the probe on the same questions.

Those count that were answered in all of these ways; what is drawn by chance counts with the mean of its draws.
Intervals and tests are clustered by video.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from harness import comparison, metrics
from harness.comparison import Compared, Pair
from harness.errors import NotProbed
from harness.probing import Grounded, Probe
from harness.records import Prediction, Record, Score

from .again import Line
from .grounded import Base, places

RUN = "run"
"""The name of the answers as they were."""

Draws = Mapping[int, Record]
"""Draw -> the record of a question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """The questions of a trial, asked in one way."""

    title: str
    frames: float | None
    """Mean number of frames that were shown."""
    evidence: float | None
    """Mean share of the frames near the cited times that were among them."""
    columns: Mapping[str, float | None]
    """The columns of the task, over the questions of the trial."""
    all: Mapping[str, float | None]
    """Leading metric -> its mean over all evaluated questions, those that were not probed as they were answered."""
    differences: Mapping[str, Compared]
    """Metric -> it against the run; nothing for the run itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A probe, the run and the controls of the probe, on the same questions."""

    title: str
    questions: int
    videos: int
    unanswered: int
    """Questions that were asked but not answered in all of these ways."""
    not_probed: Mapping[str, int]
    """Why the probe did not apply -> to how many questions that cite times."""
    arms: Mapping[str, Arm]
    against: Mapping[str, Mapping[str, Compared]]
    """Control -> metric -> the probe against it: below 0 the probe hurts more."""


class Answers:
    """The answers to the questions of one task."""

    def __init__(self, base: Base, probes: Mapping[str, Probe], seed: int) -> None:
        """Those of the run; others are added."""
        self.base, self.probes, self.seed = base, probes, seed
        self.records = {record.sample.id: record for record in base.records}
        self.questions = {question.sample.id: question for question in base.questions}
        scored = [_pair(self.records[sample], self.records[sample]) for sample in self.questions]
        self.leading = comparison.leading(scored)
        self.main = comparison.main(self.leading, base.task.columns)
        self.answers: dict[str, dict[str, dict[int, Record]]] = {name: {} for name in probes}
        self.asked: dict[str, set[str]] = {name: set() for name in probes}

    def add(self, name: str, line: Line) -> None:
        """An answer of a probe; one with an error only counts as asked."""
        sample = line.record.sample.id
        if sample in self.questions:
            self.asked[name].add(sample)
            if line.record.score is not None:
                self.answers[name].setdefault(sample, {})[line.draw] = line.record

    def trials(self) -> dict[str, Trial]:
        """A trial for each probe that is not merely a control of another."""
        controls = {name for probe in self.probes.values() for name in probe.against}
        own = [name for name, probe in self.probes.items() if probe.against or name not in controls]
        return {name: self._trial(name) for name in own}

    def _trial(self, name: str) -> Trial:
        probe = self.probes[name]
        controls = [control for control in probe.against if control in self.probes]
        names = [name, *controls]
        samples = [sample for sample in self.questions if all(sample in self.answers[each] for each in names)]
        asked = set.intersection(*(self.asked[each] for each in names))
        ways: dict[str, list[Draws]] = {RUN: [{0: self.records[sample]} for sample in samples]}
        ways |= {each: [self.answers[each][sample] for sample in samples] for each in names}
        means = {way: [mean_of(draws) for draws in answers] for way, answers in ways.items()}
        return Trial(
            title=probe.title,
            questions=len(samples),
            videos=len({record.sample.video for record in means[RUN]}),
            unanswered=len(asked) - len(samples),
            not_probed=dict(Counter(self._reasons(name)).most_common()),
            arms={way: self._arm(way, answers, means[RUN], means[way]) for way, answers in ways.items()},
            against={control: _compared(means[control], means[name]) for control in controls},
        )

    def _reasons(self, name: str) -> Iterator[str]:
        """Why a probe does not apply to questions that cite times."""
        for question in self.questions.values():
            try:
                self.base.changed(question, name, self.probes[name], self.seed, 0)
            except NotProbed as reason:
                yield str(reason)

    def _arm(self, way: str, answers: Sequence[Draws], run: Sequence[Record], means: Sequence[Record]) -> Arm:
        mine = {record.sample.id for record in means}
        everyone = [*(record for record in self.base.records if record.sample.id not in mine), *means]
        views = [(self.questions[r.sample.id], r.view.times) for draws in answers for r in draws.values() if r.view]
        drawn = [[each[draw] for each in answers if draw in each] for draw in sorted({*chain(*answers)})]
        columns = [self.base.task.overall(records) for records in drawn]
        return Arm(
            title="as it was" if way == RUN else self.probes[way].title,
            frames=metrics.mean(len(times) for _, times in views),
            evidence=metrics.mean(kept(question, times) for question, times in views),
            columns={name: metrics.mean(found.get(name) for found in columns) for name in self.base.task.columns},
            all={m: metrics.mean(r.score.values.get(m) for r in everyone if r.score) for m in self.leading},
            differences={} if way == RUN else _compared(run, means),
        )


def kept(question: Grounded, times: Sequence[float]) -> float:
    """The share of the frames near the cited times that are among those at some times."""
    cited = {question.view.times[place] for place in places(question)}
    return len(cited & {*times}) / len(cited)


def mean_of(draws: Draws) -> Record:
    """The record of the first draw, with each metric's mean over the draws that have it."""
    scores = [record.score for record in draws.values() if record.score]
    names = dict.fromkeys(name for score in scores for name in score.values)
    values = {name: metrics.mean(score.values.get(name) for score in scores) for name in names}
    return replace(draws[min(draws)], score=Score(values=values))


def _compared(before: Sequence[Record], after: Sequence[Record]) -> dict[str, Compared]:
    pairs = [_pair(one, other) for one, other in zip(before, after, strict=True)]
    return {metric: comparison.compare(pairs, metric) for metric in comparison.names(pairs)}


def _pair(before: Record, after: Record) -> Pair:
    votes, scores = [each.vote or Prediction() for each in (before, after)], (before.score, after.score)
    nothing = Score(values={})
    return Pair(
        sample=before.sample, before=votes[0], after=votes[1], scores=(scores[0] or nothing, scores[1] or nothing)
    )
