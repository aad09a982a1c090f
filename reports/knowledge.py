"""What models learned from the lectures of Video-MMMU (arXiv 2501.13826): the same questions before and after.

Before is the task videommmu_question_only, after is the Adaptation track of videommmu: in one run folder, or in two of
the same model. Delta-knowledge is what was gained as a share of what could be: (after - before) / (1 - before).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.contracts import Finished, Sheet
from harness.errors import UsageError
from harness.records import Sample, Score
from harness.store import differences, read_as

BEFORE, AFTER, TRACK = "videommmu_question_only", "videommmu", "Adaptation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What is read of a record."""

    task: str
    sample: Sample
    score: Score | None = None


@dataclass(frozen=True, slots=True)
class Learned:
    """The answers to the same questions before and after, as right or wrong."""

    before: tuple[bool, ...]
    after: tuple[bool, ...]

    @property
    def delta(self) -> float | None:
        """Delta-knowledge; None where nothing was left to learn.

        >>> Learned((True, False, False), (True, True, False)).delta
        0.5
        """
        wrong = len(self.before) - sum(self.before)
        return (sum(self.after) - sum(self.before)) / wrong if wrong else None

    def turned(self, right: bool) -> tuple[int, int]:
        """How many answers became right (or wrong), and how many could."""
        could = [after for before, after in zip(self.before, self.after, strict=True) if before is not right]
        return sum(after is right for after in could), len(could)


def report(runs: Sequence[Finished]) -> list[Sheet]:
    """A row for each model, from runs of both tasks; UsageError when one of the two is missing or asks otherwise."""
    notes: list[str] = []
    rows = tuple(_row(before, after, notes) for before, after in _pairs(runs))
    head = ("run", "questions", "before", "after", "Δknowledge", "wrong→right", "n", "right→wrong", "n")
    told = "before: the questions with their pictures alone; after: with the lectures; Δknowledge: (after - before) / "
    return [
        Sheet(title="Knowledge from lectures, per cent", head=head, rows=rows, notes=(f"{told}(100 - before)", *notes))
    ]


def _pairs(runs: Sequence[Finished]) -> Iterator[tuple[Finished, Finished]]:
    """The runs of both tasks, each model's together."""
    models: dict[str, list[Finished]] = {}
    for run in runs:
        if not {BEFORE, AFTER} & run.scores["tasks"].keys():
            raise UsageError(f"{run.folder} is no run of {AFTER} or {BEFORE}; leave it out")
        if {BEFORE, AFTER} <= run.scores["tasks"].keys():
            yield run, run
        else:
            models.setdefault(str(run.run["settings"]["model"]), []).append(run)
    for found in models.values():
        before, after = ([run for run in found if task in run.scores["tasks"]] for task in (BEFORE, AFTER))
        if len(before) != 1 or len(after) != 1:
            names = ", ".join(str(run.folder) for run in found)
            raise UsageError(f"{names}: there must be one run of {BEFORE} and one of {AFTER} of the same model")
        yield before[0], after[0]


def _row(before: Finished, after: Finished, notes: list[str]) -> tuple[str | float | None, ...]:
    one, other = _answers(before, BEFORE), _answers(after, AFTER)
    name = after.folder.name if before is after else f"{before.folder.name}, {after.folder.name}"
    _same_questions(one, other, name)
    notes += [f"{name}: {text}" for text in _told(before, after)]
    scores = [(_right(one[key]), _right(other[key])) for key in sorted(one)]
    known = [(b, a) for b, a in scores if b is not None and a is not None]
    if len(known) < len(scores):
        notes.append(f"{name}: {len(scores) - len(known)} questions without a score before or after are left out")
    if not known:
        raise UsageError(f"{name}: no question was scored before and after; look at report.md of the runs")
    learned = Learned(tuple(b for b, _ in known), tuple(a for _, a in known))
    gained, lost = learned.turned(True), learned.turned(False)
    return (
        name,
        str(len(known)),
        sum(learned.before) / len(known),
        sum(learned.after) / len(known),
        learned.delta,
        gained[0] / gained[1] if gained[1] else None,
        f"{gained[0]} of {gained[1]}",
        lost[0] / lost[1] if lost[1] else None,
        f"{lost[0]} of {lost[1]}",
    )


def _answers(run: Finished, task: str) -> dict[str, Line]:
    lines = (line for line in read_as(Line, run.folder) if line.task == task)
    return {line.sample.id: line for line in lines if line.sample.groups.get("track") == TRACK}


def _right(line: Line) -> bool | None:
    value = line.score.values.get("acc") if line.score else None
    return None if value is None else value == 1


def _same_questions(before: Mapping[str, Line], after: Mapping[str, Line], name: str) -> None:
    """UsageError unless both runs have the same questions with the same answers."""
    differ = sorted(before.keys() ^ after.keys())
    if differ:
        raise UsageError(
            f"{name}: {len(differ)} questions were asked only before or after, such as {differ[0]}; run both whole"
        )
    for key, line in before.items():
        one, other = line.sample, after[key].sample
        if (one.question, one.options, one.answer) != (other.question, other.options, other.answer):
            raise UsageError(f"{name}: {key} is not the same question before and after; use one version of the data")


def _told(before: Finished, after: Finished) -> list[str]:
    """What else than the lecture was not alike, in sentences."""
    found = [*differences(_settings(before, BEFORE), _settings(after, AFTER))]
    return [f"before and after were not asked alike: {'; '.join(found)}"] if found else []


def _settings(run: Finished, task: str) -> dict[str, Any]:
    """What may change an answer or its score, apart from how the video is shown."""
    settings = run.run["settings"]
    (asked,) = (each for each in settings["tasks"] if each["name"] == task)
    alike = {name: settings.get(name) for name in ("model", "engine", "voter", "seed", "adaptive")}
    decoding = asked.get("decoding", settings.get("decoding"))
    return {**alike, "version": asked["version"], "options": asked["options"], "decoding": decoding}
