"""The reward of the paper: r = r_acc + r_t + r_s + r_fmt (arXiv 2510.20579, equations 1-6).

docs/rewards.md says what was decided where the paper is silent.
"""

from __future__ import annotations

import math
import re

from harness import metrics, parse
from harness.geometry import Box, Span
from harness.records import View

from ..rows import CHOICE, GROUNDED, TEMPORAL, TEMPORAL_CHOICE, VISUAL, KeyFrame, Row
from .cited import Cited, read, thinking
from .component import Component, absent, earned
from .rouge import rouge
from .rule import Rule

NAMES = ("r_acc", "r_t", "r_s", "r_fmt")
OPTIONS = ("",) * 26
"""Of a question whose options are not known apart from its text."""

DIGITS = 9
"""Decimals of a second that count, so that 12.3 is 3 s from 9.3."""

_TAGS = re.compile(r"</?(?:think|answer)>")
_MARK = re.compile(r"option\s{0,3}:?", re.IGNORECASE)


def earn(row: Row, text: str, view: View, progress: float, rule: Rule) -> dict[str, Component]:
    """What a completion earns for its answer, the times and boxes of its thinking, and its form."""
    cited = read(view, thinking(text) or "")
    if rule.evidence:
        when, where = when_cited(row, cited, rule.sigma_at(progress)), where_cited(row, cited, view, rule.gate)
    else:
        when = where = absent("evidence is not rewarded")
    parts = (accuracy(row, text, view), when, where, form(row, text, cited, rule.evidence))
    return dict(zip(NAMES, parts, strict=True))


def accuracy(row: Row, text: str, view: View) -> Component:
    """Equation 2: the letter, the words, the box or the span of the answer, each 0..1.

    >>> row = Row(id=1, source="s", task=TEMPORAL, question="q", answer="[4.0, 10.0]")
    >>> view = View(video="", times=(), duration=0, width=1, height=1, size=(1, 1), family="qwen2_5_vl")
    >>> accuracy(row, "<answer>From <t>4</t>s to <t>7</t>s</answer>", view)
    Component(value=0.5, applies=True, why='[4, 7] overlaps [4, 10] by 0.500')
    """
    if row.task == VISUAL and row.box is None and "<box>" in row.answer:
        return absent("the box of the reference cannot be read or the row has no image_size")
    answer, problems = parse.answer(text)
    if answer is None:
        return earned(0, problems[0])
    if row.task == CHOICE:
        return _letter(row, answer)
    if row.task == TEMPORAL:
        return _span(row, answer)
    if row.task == TEMPORAL_CHOICE:
        letter, span = _letter(row, answer), _span(row, answer)
        return earned((letter.value + span.value) / 2, f"half for each: {letter.why}; {span.why}")
    if row.task == VISUAL and row.box is not None:
        return _place(row.box.scale(view.width, view.height), read(view, answer).boxes[:1])
    value = rouge(answer, row.answer)
    return earned(value, f"mean F1 of ROUGE-1, 2 and L is {value:.3f}")


def when_cited(row: Row, cited: Cited, sigma: float) -> Component:
    """Equation 4: how many of the cited times lie in the span, or how near to key frames they are.

    >>> row = Row(id=1, source="s", task=TEMPORAL, question="q", answer="[4.0, 10.0]")
    >>> when_cited(row, Cited(times=(4.0, 9.0, 11.0)), 1)
    Component(value=0.6666666666666666, applies=True, why='2 of 3 times lie in [4, 10]')
    >>> row = Row(id=1, source="s", task=GROUNDED, question="q", answer="a", key_frames=(KeyFrame(idx=0, time=2.0),))
    >>> [round(when_cited(row, Cited(times=(3.5,)), sigma).value, 3) for sigma in (4, 2, 1)]
    [0.932, 0.755, 0.325]
    """
    if row.task not in (TEMPORAL, TEMPORAL_CHOICE, GROUNDED):
        return absent("no times are known of this kind of question")
    count = len(cited.times)
    if not count:
        return earned(0, "no times cited")
    if row.task != GROUNDED:
        span = row.span or Span(math.inf, -math.inf)
        inside = sum(span.start <= time <= span.end for time in cited.times)
        return earned(inside / count, f"{inside} of {count} times lie in {_told(span)}")
    gaps = [nearest(row, time)[1] for time in cited.times]
    value = math.fsum(proximity(gap, sigma) for gap in gaps) / count
    return earned(value, f"{count} times are {sum(gaps) / count:.4g} s from key frames on average, σ {sigma:g}")


def where_cited(row: Row, cited: Cited, view: View, gate: float | None) -> Component:
    """Equation 5: how well the boxes cited at a time fit those of the nearest key frame, where it is near enough.

    An image is one frame without a time: its best cited box counts.
    """
    if row.task == VISUAL and row.box is not None:
        return _place(row.box.scale(view.width, view.height), cited.boxes)
    if row.task != GROUNDED or not any(row.key_items.values()):
        return absent("no boxes are known of this question")
    count = len(cited.times)
    if not count:
        return earned(0, "no times cited")
    near: dict[float, float] = {}
    for time in dict.fromkeys(cited.times):
        frame, gap = nearest(row, time)
        if gate is None or gap <= gate:
            known = [box for boxes in row.key_items.get(frame.idx, {}).values() for box in boxes]
            near[time] = best(cited.at.get(time, ()), [box.scale(view.width, view.height) for box in known])
    values = [near[time] for time in cited.times if time in near]
    within = "with no gate" if gate is None else f"within {gate:g} s of a key frame"
    told = f"{len(values)} of {count} times {within}"
    if values:
        told += f", where the best boxes overlap by {math.fsum(values) / len(values):.3f}"
    return earned(math.fsum(values) / count, told)


def form(row: Row, text: str, cited: Cited, evidence: bool) -> Component:
    """1.0 for thinking and answer with evidence in its right form, 0.5 without the evidence, else 0.

    >>> row = Row(id=1, source="s", task=TEMPORAL, question="q", answer="[4.0, 10.0]")
    >>> text = "<think>It.</think><answer>a</answer>"
    >>> form(row, text, Cited(times=(3.0,)), True).value, form(row, text, Cited(), True).value
    (1.0, 0.5)
    >>> form(row, "<answer>a</answer>", Cited(), True).why
    'not one <think>..</think> and one <answer>..</answer> alone'
    """
    if not framed(text):
        return earned(0, "not one <think>..</think> and one <answer>..</answer> alone")
    if not evidence:
        return earned(1, "thinking and answer")
    if not cited.clean:
        return earned(0.5, "thinking and answer, but evidence that is not well formed")
    if row.task in (TEMPORAL, TEMPORAL_CHOICE):
        right, what = bool(cited.times), "a time"
    elif row.task == VISUAL:
        right, what = bool(cited.boxes), "a box"
    else:
        right, what = 0 < cited.claims == cited.objects, "objects that all have box and time"
    return earned(1, f"thinking with {what}, and answer") if right else earned(0.5, f"thinking without {what}")


def proximity(gap: float, sigma: float) -> float:
    """Equation 6: exp(-gap² / 2σ²), both in seconds.

    >>> proximity(0, 1), round(proximity(1.5, 1), 3), proximity(1e308, 1)
    (1.0, 0.325, 0.0)
    """
    steps = gap / sigma
    return math.exp(-steps * steps / 2)


def nearest(row: Row, time: float) -> tuple[KeyFrame, float]:
    """The key frame nearest to a time, of several the first, and how many seconds it is away.

    >>> frames = (KeyFrame(idx=0, time=9.3), KeyFrame(idx=1, time=15.3))
    >>> nearest(Row(id=1, source="s", task=GROUNDED, question="q", answer="a", key_frames=frames), 12.3)[1]
    3.0
    """
    gaps = [round(abs(frame.time - time), DIGITS) for frame in row.key_frames]
    gap = min(gaps)
    return row.key_frames[gaps.index(gap)], gap


def best(cited: tuple[Box, ...], known: list[Box]) -> float:
    """The largest IoU of a cited box and a known one; 0 without.

    >>> best((Box(0, 0, 10, 10), Box(0, 0, 1, 1)), [Box(5, 0, 15, 10)])
    0.3333333333333333
    """
    return max((one.iou(other) for one in cited for other in known), default=0.0)


def framed(text: str) -> bool:
    """Whether a text is one think tag and one answer tag, each closed, and nothing else.

    >>> framed("<think>a</think> <answer>b</answer>"), framed("<think>a</think>So: <answer>b</answer>")
    (True, False)
    """
    found = list(_TAGS.finditer(text))
    if [tag.group() for tag in found] != ["<think>", "</think>", "<answer>", "</answer>"]:
        return False
    return not (text[: found[0].start()] + text[found[1].end() : found[2].start()] + text[found[3].end() :]).strip()


def chosen(answer: str) -> str | None:
    """The letter of an answer that may hold a span too: behind "Option:", else on a line of its own.

    >>> chosen("From <t>4</t>s to <t>7</t>s. Correct Option: B"), chosen("B\\nFrom 4 to 7"), chosen("A or B")
    ('B', 'B', None)
    """
    lines = _MARK.split(answer)[-1].strip().splitlines()
    letters = {parse.letter(line.strip().strip("[]"), OPTIONS)[0] for line in lines} - {None}
    return letters.pop() if len(letters) == 1 else None


def _letter(row: Row, answer: str) -> Component:
    letter = chosen(answer)
    if letter is None:
        return earned(0, "not one letter")
    right = letter == row.letter
    return earned(right, f"{letter} is {'right' if right else f'not {row.letter}'}")


def _span(row: Row, answer: str) -> Component:
    span, problems = parse.span(answer)
    if span is None or row.span is None:
        return earned(0, problems[0] if problems else "no span")
    value = metrics.tiou(span, row.span)
    return earned(value, f"{_told(span)} overlaps {_told(row.span)} by {value:.3f}")


def _place(known: Box, cited: tuple[Box, ...]) -> Component:
    value = best(cited, [known])
    return earned(value, f"overlap {value:.3f}, the best of {len(cited)}" if cited else "no box that can be read")


def _told(span: Span) -> str:
    return f"[{span.start:g}, {span.end:g}]"
