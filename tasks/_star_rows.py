"""STAR's annotation: a row as a sample. What it holds besides (programs, situation graphs) is not read."""

from __future__ import annotations

from pathlib import Path
from string import ascii_uppercase

from harness.errors import DataError
from harness.geometry import Span
from harness.records import Sample

from . import _annotations
from ._annotations import Row

TYPES = ("Interaction", "Sequence", "Prediction", "Feasibility")
HIDDEN = "the answers of the test split are not published (EvalAI challenge 1325 has them); take STAR_val.json"


def sample(row: Row, root: Path, videos: str) -> Sample:
    """The sample of a row; its video lies in the folder of that name, and is shown from `start` to `end`."""
    question, video = row.text("question_id"), row.text("video_id")
    kind = question.partition("_")[0]
    if kind not in TYPES:
        row.fail("question_id", f"one of {', '.join(TYPES)} before the first _", question)
    options = _options(row)
    return Sample(
        id=question,
        item=question,
        kind="mcq",
        video=_annotations.video(row, "video_id", root, root / videos / f"{video}.mp4"),
        part=_part(row),
        question=row.text("question"),
        options=options,
        answer=_letter(row, options),
        groups={"type": kind},
    )


def _options(row: Row) -> tuple[str, ...]:
    choices = sorted(row.rows("choices"), key=lambda choice: choice.number("choice_id"))
    if not choices or [choice.number("choice_id") for choice in choices] != [*range(len(choices))]:
        row.fail("choices", "choices with the ids 0, 1, 2 ...", row.data["choices"])
    return tuple(choice.text("choice") for choice in choices)


def _letter(row: Row, options: tuple[str, ...]) -> str:
    if "answer" not in row.data:
        raise DataError(f"{row.path}, row {row.index}: no answer: {HIDDEN}")
    answer = row.text("answer")
    return ascii_uppercase[options.index(answer)] if answer in options else row.fail("answer", "a choice", answer)


def _part(row: Row) -> Span:
    part = Span(row.number("start"), row.number("end"))
    return part if 0 <= part.start < part.end else row.fail("start", "seconds before those of end", part.start)
