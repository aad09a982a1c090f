"""How a row of STGR is put to a model, and how its reference is written: in the words that the benchmarks use.

A checkpoint is trained on the prompts that it will be evaluated with (tasks/), so that nothing but the model differs.
"""

from __future__ import annotations

import re

from harness import parse, prompt, schema
from harness.errors import DataError
from harness.geometry import Box
from harness.records import View

from .rows import CHOICE, OPEN, TEMPORAL, TEMPORAL_CHOICE, VISUAL, Row, numbers_of

THINK_IMAGE = (
    "First think between <think> and </think>, and cite what you see as <obj>object</obj><box>[x1,y1,x2,y2]</box>. "
)
SPAN = "From <t>start</t>s to <t>end</t>s"
PLACE = "<obj>object</obj><box>[x1,y1,x2,y2]</box>"

_PLACE = re.compile(r"<box>\s*\[([^\[\]<]{1,200})\]\s*</box>")
_CLAIM = re.compile(r"\s?<box>[^<]{0,200}</box>|\s?at\s?<t>[^<]{0,40}</t>\s?s\b|</?obj>")


def question(row: Row, view: View, evidence: bool = True) -> str:
    """The text after the frames."""
    think = (THINK_IMAGE if row.task == VISUAL else prompt.THINK) if evidence else prompt.WORDS
    before = f"The video is {view.duration:.1f} seconds long. " if row.task in (TEMPORAL, TEMPORAL_CHOICE) else ""
    asked = _located(row, row.question, view, "{}")
    return f"\n{before}{asked}\n{think}{_form(row)}"


def _form(row: Row) -> str:
    if row.task == TEMPORAL:
        return f"Then answer as <answer>{SPAN}</answer>."
    if row.task == TEMPORAL_CHOICE:
        return f"Then answer as <answer>letter\n{SPAN}</answer>."
    if row.task == CHOICE:
        return "Then give the letter of the best option between <answer> and </answer>."
    if row.box is not None:
        return f"Then answer as <answer>{PLACE}</answer>."
    return "Then give the answer between <answer> and </answer>."


def response(row: Row, view: View, evidence: bool = True) -> str:
    """The reference response, with boxes in the coordinates of the view; DataError when the row has no reasoning."""
    if not row.reasoning:
        raise DataError(f"the row {row.id!r} of {row.source} has no reasoning_process; train on the SFT file of STGR")
    thought = _located(row, row.reasoning.strip(), view)
    if not evidence:
        thought = _CLAIM.sub("", thought)
    return f"<think>{thought}</think><answer>{answer(row, view)}</answer>"


def answer(row: Row, view: View) -> str:
    """The reference answer as a model of the view's family writes it."""
    if row.task == TEMPORAL and row.span:
        return parse.write_span(row.span)
    if row.task == TEMPORAL_CHOICE and row.span:
        return f"{row.letter}\n{parse.write_span(row.span)}"
    if row.task == CHOICE and row.letter:
        return row.letter
    boxes = _by_second(row, view)
    return _located(row, row.answer.strip(), view) if boxes is None else parse.write_boxes(view, boxes)


def _by_second(row: Row, view: View) -> dict[float, Box] | None:
    """The boxes of an open answer that is a JSON object of fractions of the frame, {"3": [x1,y1,x2,y2], ...}."""
    if row.task != OPEN or not row.answer.startswith("{"):
        return None
    found = schema.loads(row.answer.encode(), f"the answer of the row {row.id!r}")
    return {float(second): Box(*box).scale(view.width, view.height) for second, box in found.items()}


def _located(row: Row, text: str, view: View, form: str = "<box>{}</box>") -> str:
    """The text with its boxes in the view's coordinates: fractions in videos, pixels of the original in images.

    A question tells them as benchmarks do, without tags.
    """

    def write(found: re.Match[str]) -> str:
        numbers = numbers_of(found[1])
        if numbers is None:
            raise DataError(f"the row {row.id!r} of {row.source} has a box that cannot be read: {found[0]!r}")
        width, height = row.image_size if row.task == VISUAL and row.image_size else (1.0, 1.0)
        box = Box(*numbers).scale(view.width / width, view.height / height)
        return form.format(prompt.write_box(view, box))

    return _PLACE.sub(write, text)
