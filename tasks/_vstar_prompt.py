"""What V-STaR asks and how the reference answer is written; the five questions of an item are asked apart.

The chains are teacher-forced, as published: "where" of chain 1 is given the reference span, "when" of chain 2
the reference boxes, and no answer of the model enters a later question.
"""

from __future__ import annotations

import math

from harness import parse, prompt
from harness.records import Sample, View

KINDS = ("what", "when_1", "where_1", "where_2", "when_2")

SPAN = "From <t>start</t>s to <t>end</t>s"
BOXES = '{"second": [x1,y1,x2,y2], ...}'


def question(sample: Sample, view: View, think: str) -> tuple[str, str]:
    """The text before the frames, of which there is none, and the text after; `think` is what asks for reasoning."""
    return "", f"\n{_ask(sample, view)}\n{_form(sample.kind, think)}"


def _ask(sample: Sample, view: View) -> str:
    if sample.kind == "what":
        return sample.question
    if sample.kind == "when_1":
        return f"The video is {view.duration:.1f} seconds long. {sample.question}"
    if sample.kind == "where_1":
        return f"{sample.question}\nGive the box at each of these seconds: {', '.join(seconds(sample))}."
    if sample.kind == "where_2":
        return f"{sample.question}\nGive the box at each second it is seen, {len(sample.boxes)} boxes in all."
    boxes = ", ".join(prompt.write_box(view, sample.boxes[t]) for t in sorted(sample.boxes))
    return f"The video is {view.duration:.1f} seconds long. {sample.question}\nIt is seen in these boxes: {boxes}."


def _form(kind: str, think: str) -> str:
    if kind == "what":
        return f"{think}Then give the answer between <answer> and </answer>." if think else "Give only the answer."
    form = SPAN if kind.startswith("when") else BOXES
    return f"{think}Then answer as <answer>{form}</answer>." if think else f"Answer as {form}."


def seconds(sample: Sample) -> list[str]:
    """The whole seconds of the reference span, or those of the reference boxes when it holds none."""
    if sample.span is not None:
        whole = range(math.ceil(sample.span.start), math.floor(sample.span.end) + 1)
        if whole:
            return [str(t) for t in whole]
    return [parse.write_second(t) for t in sorted(sample.boxes)]


def reference(sample: Sample, view: View, scale: View, think: bool) -> str:
    """A response that scores 1.0; `scale` fixes the coordinates of the answer, `view` those of the reasoning."""
    if sample.kind == "what":
        answer = sample.answer or ""
    elif sample.kind.startswith("when"):
        answer = parse.write_span(sample.span) if sample.span else ""
    else:
        answer = parse.write_boxes(scale, sample.boxes)
    return f"{parse.write_think(view, sample.evidence)}<answer>{answer}</answer>" if think else answer
