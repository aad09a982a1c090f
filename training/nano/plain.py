"""How a model answers plainly, whatever the prompt demands: no reasoning, no evidence, no tags."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from harness import prompt
from harness.geometry import Box
from harness.records import Evidence, Sample, View
from harness.shapes.clip import Clip

from .branches import Branch, Writer

ANSWER = "<|im_end|>\n<|im_start|>assistant\n"
DESCRIBE = f"\nDescribe the video.{ANSWER}"
"""What it is asked as well, to learn the names of what it sees."""


def answer(task: Any, sample: Sample, view: View) -> str:
    """The answer alone."""
    if sample.kind.startswith("when") and sample.span is not None:
        return f"{sample.evidence[0].label}: {sample.span.start:.1f}-{sample.span.end:.1f}"
    told: str = replace(task, prompt="direct").reference(sample, view)
    return told


def pointed(writer: Writer, view: View, claims: list[Evidence]) -> list[Branch]:
    """Where a named thing is, and what is somewhere."""
    name, time = claims[0].label, f"{claims[0].time:.1f}"
    place = prompt.write_box(view, claims[0].box or Box(0, 0, 0, 0))
    told = [
        writer.branch(f"\nWhere is the {name} at {time}?{ANSWER}", f"{name} {place}"),
        writer.branch(f"\nWhat is at {place} at {time}?{ANSWER}", name),
    ]
    return [*told, *writer.cited(view, claims)[1:]]


def described(writer: Writer, clip: Clip, view: View) -> Branch:
    """Everything in a clip: what, from when to when, and where at first and in the middle."""
    told = []
    for thing in sorted(clip.things, key=lambda each: each.span):
        start, end = thing.span
        middle = float(round((start + end) / 2))
        boxes = [prompt.write_box(view, clip.box(thing, time)) for time in (start, middle)]
        told.append(f"{thing.name}: {start:.1f}-{end:.1f}, {boxes[0]}, {middle:.1f} {boxes[1]}")
    return writer.branch(DESCRIBE, ". ".join(told))
