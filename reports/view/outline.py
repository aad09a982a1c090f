"""The list of the page: a short row for each question, in columns, with texts that repeat written once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from string import ascii_uppercase
from typing import Any

from harness.records import Prediction, Record, Sample
from harness.store import Key

from . import verdict

CHANGES = ("fixed", "broken", "changed", "same", "unpaired")
"""Of a pair: a higher score, a lower one, another answer of the same score, neither; only in one run, or not scored."""

LONG = 160
"""Characters of an answer in the list."""


@dataclass(frozen=True, slots=True)
class Side:
    """What one run made of a question."""

    status: str
    score: float | None
    answer: str
    reference: str
    dissent: int
    rollouts: int
    vote: Prediction | None
    chunk: int
    """The file that holds the rest, and the place in it."""
    place: int


@dataclass(slots=True)
class Row:
    """A question, and what each run made of it: run -> side."""

    task: str
    sample: Sample
    sides: dict[int, Side] = field(default_factory=dict)


def side(record: Record, chunk: int, place: int) -> Side:
    """What a run made of a question."""
    sample, vote = record.sample, record.vote
    boxed = any(prediction.boxes for prediction in record.predictions)
    due = Prediction(answer=sample.answer, span=None if boxed else sample.span, boxes=sample.boxes)
    return Side(
        status=verdict.status(record),
        score=verdict.score(record),
        answer=told(vote, sample.options)[:LONG] if vote else "",
        reference=told(due, sample.options)[:LONG],
        dissent=verdict.dissent(record),
        rollouts=len(record.predictions),
        vote=vote,
        chunk=chunk,
        place=place,
    )


def told(said: Prediction, options: Sequence[str] = ()) -> str:
    """An answer in few words.

    >>> from harness.geometry import Span
    >>> told(Prediction(answer="B"), ["pear", "plum"]), told(Prediction(span=Span(2, 4.5))), told(Prediction())
    ('B. plum', '2 to 4.5 s', '')
    """
    if said.answer is not None:
        number = ascii_uppercase.find(said.answer) if len(said.answer) == 1 else -1
        return f"{said.answer}. {options[number]}" if 0 <= number < len(options) else said.answer
    if said.span is not None:
        return f"{round(said.span.start, 2):g} to {round(said.span.end, 2):g} s"
    return f"{len(said.boxes)} boxes" if said.boxes else ""


def change(one: Side | None, other: Side | None) -> str:
    """One of CHANGES."""
    if one is None or other is None or one.score is None or other.score is None:
        return "unpaired"
    if one.score != other.score:
        return "fixed" if other.score > one.score else "broken"
    return "same" if one.vote and other.vote and verdict.alike(one.vote, other.vote) else "changed"


class Texts:
    """Texts by number, each kept once."""

    def __init__(self) -> None:
        """None yet."""
        self.numbers: dict[str, int] = {}

    def column(self, texts: Iterable[str | None]) -> list[int]:
        """The numbers of texts; -1 for none."""
        return [-1 if text is None else self.numbers.setdefault(text, len(self.numbers)) for text in texts]


def columns(rows: Mapping[Key, Row], runs: int, videos: Mapping[str, int]) -> dict[str, Any]:
    """The rows as columns; texts but ids are numbers of `texts`, and videos numbers of theirs."""
    texts, found = Texts(), [*rows.values()]
    samples, sides = [row.sample for row in found], [[row.sides.get(run) for row in found] for run in range(runs)]
    axes = dict.fromkeys(axis for sample in samples for axis in sample.groups)
    return {
        "task": texts.column(row.task for row in found),
        "id": [sample.id for sample in samples],
        "kind": texts.column(sample.kind for sample in samples),
        "video": [videos[sample.video] for sample in samples],
        "question": texts.column(sample.question for sample in samples),
        "options": texts.column(" / ".join(sample.options) for sample in samples),
        "reference": texts.column(next(iter(row.sides.values())).reference for row in found),
        "groups": [
            {"axis": axis, "value": texts.column(sample.groups.get(axis) for sample in samples)} for axis in axes
        ],
        "sides": [_columns(each, texts) for each in sides],
        "change": [CHANGES.index(change(*pair)) for pair in zip(*sides, strict=True)] if runs == 2 else None,
        "texts": [*texts.numbers],
    }


def _columns(sides: Sequence[Side | None], texts: Texts) -> dict[str, Any]:
    return {
        "status": [-1 if side is None else verdict.STATUSES.index(side.status) for side in sides],
        "score": [side.score if side else None for side in sides],
        "answer": texts.column(side.answer if side else None for side in sides),
        "dissent": [side.dissent if side else 0 for side in sides],
        "rollouts": [side.rollouts if side else 0 for side in sides],
        "chunk": [side.chunk if side else -1 for side in sides],
        "place": [side.place if side else -1 for side in sides],
    }
