"""The reward of the program released with arXiv 2510.20579 (github.com/marinero4972/Open-o3-Video), part by part.

It departs from the paper in the ways that docs/rewards.md lists. Where the program would end with an error, what made
it do so counts 0. Its own code is not used; tests/training/data/released_rewards.jsonl is what it gives.
"""

from __future__ import annotations

import math

from harness.geometry import Box, Span
from harness.records import View

from ..rows import CHOICE, GROUNDED, OPEN, TEMPORAL, TEMPORAL_CHOICE, VISUAL, Row
from . import lookup
from .component import Component, absent, earned
from .rouge import rouge
from .rule import Rule

NAMES = (
    "ans_acc",
    "ans_tiou",
    "ans_viou",
    "thk_temporal_point",
    "thk_temporal_segment",
    "thk_spatial",
    "format",
)
LATE = 1.0
"""A claim counts when a key frame comes less than this many seconds after it, or at any time before it."""


def earn(row: Row, text: str, view: View, progress: float, rule: Rule) -> dict[str, Component]:
    """What a completion earns under each of the program's names."""
    said, thought = lookup.tagged(text, "answer"), lookup.tagged(text, "think")
    answer = (said or "").strip()
    parts = (
        _accuracy(row, answer),
        _span(row, answer),
        _answer_box(row, answer, view),
        _points(row, thought, rule.sigma_at(progress)),
        _segment(row, thought),
        _places(row, thought if said is not None else None, view),
        _form(row, text, thought, said),
    )
    return dict(zip(NAMES, parts, strict=True))


def _accuracy(row: Row, answer: str) -> Component:
    """The letter, as B, B., (B) or [B]; with a span only behind "Correct Option:"; or the words."""
    if row.task in (GROUNDED, OPEN):
        value = rouge(answer, (lookup.tagged(f"<answer>{row.answer}</answer>", "answer") or "").strip())
        return earned(value, f"mean F1 of ROUGE-1, 2 and L is {value:.3f}")
    if row.task == CHOICE:
        right = row.answer.strip()
    elif row.task == TEMPORAL_CHOICE:
        right = row.answer.partition("\n")[0].strip()
        behind = answer.split("Correct Option:")
        if len(behind) == 1:
            return earned(0, 'no "Correct Option:"')
        answer = behind[1].strip()
    else:
        return absent("not a question with words or letters as its answer")
    matches = answer in (right, f"{right}.", f"({right})", f"[{right}]")
    return earned(matches, f"{answer[:20]!r} is {'right' if matches else f'not {right}'}")


def _span(row: Row, answer: str) -> Component:
    """Intersection over hull of the first "<t>a</t>s to <t>b</t>s" of the answer."""
    if row.task not in (TEMPORAL, TEMPORAL_CHOICE) or row.span is None:
        return absent("not a question with a span as its answer")
    found = lookup.span(answer)
    if found is None:
        return earned(0, "no <t>a</t>s to <t>b</t>s with a <= b in the answer")
    value = Span(*found).iou(row.span)
    return earned(value, f"[{found[0]:g}, {found[1]:g}] overlaps {_told(row.span)} by {value:.3f}")


def _answer_box(row: Row, answer: str, view: View) -> Component:
    """IoU of the first box of the answer."""
    known = _reference(row, view)
    if known is None:
        return absent("not a question with a box as its answer")
    text = next(lookup.lists(answer), None)
    box = lookup.box(view, lookup.loaded(text)) if text else None
    if box is None:
        return earned(0, "no box that can be read in the answer")
    value = known.iou(box)
    return earned(value, f"overlap {value:.3f}")


def _points(row: Row, thought: str | None, sigma: float) -> Component:
    """exp(-gap² / 2σ²) to the nearest key frame, averaged over the cited times."""
    if row.task != GROUNDED:
        return absent("not a question with key frames")
    times = lookup.times(thought or "")
    if not times:
        return earned(0, "no times cited")
    gaps = [min(abs(time - frame.time) for frame in row.key_frames) for time in times]
    value = sum(math.exp(-(gap / sigma) * (gap / sigma) / 2) for gap in gaps) / len(gaps)
    return earned(value, f"{len(gaps)} times are {sum(gaps) / len(gaps):.4g} s from key frames, σ {sigma:g}")


def _segment(row: Row, thought: str | None) -> Component:
    """The share of cited times that lie in the span of the answer."""
    if row.task not in (TEMPORAL, TEMPORAL_CHOICE) or row.span is None:
        return absent("not a question with a span as its answer")
    times = lookup.times(thought or "")
    if not times:
        return earned(0, "no times cited")
    inside = sum(row.span.start <= time <= row.span.end for time in times)
    return earned(inside / len(times), f"{inside} of {len(times)} times lie in {_told(row.span)}")


def _places(row: Row, thought: str | None, view: View) -> Component:
    """For an image, the best box of the thinking; else the mean over claims of how well the boxes fit."""
    if row.task not in (VISUAL, GROUNDED):
        return absent("not a question with boxes")
    if row.task == VISUAL:
        known = _reference(row, view)
        if known is None:
            return absent("not a question with a box as its answer")
        boxes = [lookup.box(view, lookup.loaded(each)) for each in lookup.lists(thought or "")]
        value = max((known.iou(box) for box in boxes if box), default=0.0)
        return earned(value, f"overlap {value:.3f}, the best of {len(boxes)}")
    claims = lookup.claims(view, thought or "")
    if not claims:
        return earned(0, "no claims, or thinking or answer is not closed")
    total = sum(_fit(row, claim, view) for claim in claims)
    return earned(total / len(claims), f"the boxes of {len(claims)} claims overlap by {total / len(claims):.3f}")


def _fit(row: Row, claim: lookup.Claim, view: View) -> float:
    """Of the nearest key frame that the claim does not come before by a second or more, the object that fits best.

    An object's value is the mean over its boxes of the best claimed one; its name does not matter.
    """
    near = [frame for frame in row.key_frames if frame.time - claim.time < LATE]
    frame = min(near, key=lambda frame: abs(frame.time - claim.time), default=None)
    if frame is None or not math.isfinite(claim.time):
        return 0.0
    fits = [
        sum(max((box.scale(view.width, view.height).iou(b) for b in claim.boxes if b), default=0.0) for box in boxes)
        / len(boxes)
        for boxes in row.key_items.get(frame.idx, {}).values()
    ]
    return max(fits, default=0.0)


def _form(row: Row, text: str, thought: str | None, said: str | None) -> Component:
    """1.0 with evidence as the kind of question needs it, 0.5 without, 0 when tags are not closed."""
    if thought is None or said is None:
        return earned(0, "thinking or answer is missing or not closed")
    for where, names in ((text, ("think", "answer")), (thought, ("obj", "t", "box"))):
        for name in names:
            opened, closed = where.count(f"<{name}>"), where.count(f"</{name}>")
            if opened != closed:
                return earned(0, f"{opened} <{name}> but {closed} </{name}>")
    if row.task in (CHOICE, OPEN):
        return earned(1, "thinking and answer")
    counts = [thought.count(f"<{name}>") for name in ("obj", "t", "box")]
    if row.task in (TEMPORAL, TEMPORAL_CHOICE):
        right, what = counts[1] >= 2, "two times"
    elif row.task == VISUAL:
        right, what = all(counts) or lookup.named(text), "an object and its box"
    else:
        right, what = all(counts), "object, box and time"
    return earned(1, f"thinking with {what}, and answer") if right else earned(0.5, f"thinking without {what}")


def _reference(row: Row, view: View) -> Box | None:
    return row.box.scale(view.width, view.height) if row.task == VISUAL and row.box else None


def _told(span: Span) -> str:
    return f"[{span.start:g}, {span.end:g}]"
