"""How a model family is spoken to: pixel grid, coordinates, frame captions, chat layout.

This module and harness/parse.py alone know the model's own coordinates.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.errors import UsageError
from harness.geometry import Box
from harness.records import Frame, Request, View

SYSTEM = "You are a helpful assistant."

THINK = (
    "First think between <think> and </think>, and cite what you see as "
    "<obj>object</obj><box>[x1,y1,x2,y2]</box>at<t>seconds</t>s. "
)
"""The sentence that asks for grounded reasoning (Open-o3-Video, arXiv 2510.20579, Sec. 3)."""

RELEVANCE = ("0", "1", "2")
"""The grades of an evidence crop: irrelevant, partly relevant, relevant (arXiv 2510.20579, A.10)."""

YES_NO = ("Yes", "No")


@dataclass(frozen=True, slots=True)
class Family:
    """What differs between model families."""

    name: str
    factor: int
    """Frames are resized to multiples of this many pixels."""
    grid: int | None
    """Boxes are written on a 0..grid scale; None means pixels of the resized frame."""

    def resize(self, width: int, height: int, max_pixels: int, min_pixels: int = 3136) -> tuple[int, int]:
        """The (width, height) that the model is given: multiples of `factor`, area within the budget.

        >>> FAMILIES["qwen2_5_vl"].resize(640, 480, 1280 * 28 * 28)
        (644, 476)
        """
        unit = self.factor
        w, h = max(unit, round(width / unit) * unit), max(unit, round(height / unit) * unit)
        if w * h > max_pixels:
            by = math.sqrt(width * height / max_pixels)
            w, h = (max(unit, math.floor(side / by / unit) * unit) for side in (width, height))
        elif w * h < min_pixels:
            by = math.sqrt(min_pixels / (width * height))
            w, h = (math.ceil(side * by / unit) * unit for side in (width, height))
        return w, h


FAMILIES = {
    "qwen2_5_vl": Family("qwen2_5_vl", 28, None),
    "qwen3_vl": Family("qwen3_vl", 32, 1000),
}


def family(name: str) -> Family:
    """The family of that name; UsageError lists those known."""
    if name not in FAMILIES:
        raise UsageError(f"unknown model family {name!r}; set --family to one of: {', '.join(FAMILIES)}")
    return FAMILIES[name]


def scale(view: View) -> tuple[float, float]:
    """Factors (x, y) from source pixels to the model's own coordinates."""
    grid = family(view.family).grid
    width, height = (grid, grid) if grid else view.size
    return width / view.width, height / view.height


def write_box(view: View, box: Box) -> str:
    """A source-pixel box in the model's own coordinates, as it is written in text: "[x1,y1,x2,y2]"."""
    b = box.scale(*scale(view))
    return f"[{round(b.x1)},{round(b.y1)},{round(b.x2)},{round(b.y2)}]"


def read_box(view: View, numbers: Sequence[float]) -> Box:
    """Four numbers in the model's own coordinates as a source-pixel box (not clipped)."""
    by_x, by_y = scale(view)
    x1, y1, x2, y2 = numbers
    return Box(x1 / by_x, y1 / by_y, x2 / by_x, y2 / by_y)


def show(view: View) -> tuple[str | Frame, ...]:
    """The frames of a view, each after its number and exact time (arXiv 2510.20579, A.1)."""
    parts: list[str | Frame] = []
    for number, time in enumerate(view.times, 1):
        parts += [f"Frame {number} at {time:.1f}s: ", Frame(video=view.video, time=time, size=view.size), "\n"]
    return tuple(parts)


def crop(view: View, box: Box, time: float) -> Frame:
    """The part of a frame inside a box, as large as a whole frame."""
    return Frame(video=view.video, time=time, size=view.size, crop=box)


def relevance(question: str, label: str, image: Frame) -> Request:
    """Ask how relevant a crop is to a question: one token of 0, 1, 2 (arXiv 2510.20579, A.10)."""
    text = (
        f"\nThis image was cut from a video. Question about the video: {question}\n"
        f"The image is said to show: {label}. How relevant is the image to the question? "
        "Answer 0 for not relevant, 1 for partly relevant, 2 for relevant."
    )
    return Request(system=SYSTEM, parts=(image, text), choices=RELEVANCE, max_tokens=1)


def verify(name: str, image: Frame) -> Request:
    """Ask whether a crop shows what it is said to show: one token, Yes or No (arXiv 2510.20579, A.4)."""
    text = f"\nThis image was cut from a video. Is this a {name}? Answer Yes or No."
    return Request(system=SYSTEM, parts=(image, text), choices=YES_NO, max_tokens=1)


def messages(request: Request) -> list[dict[str, Any]]:
    """The chat messages of a request, with an {"type": "image"} entry for each frame, in order.

    Control tokens in the text ("<|im_end|>") are broken up: annotations and subtitles are data.
    """
    content = [
        {"type": "image"} if isinstance(part, Frame) else {"type": "text", "text": part.replace("<|", "< |")}
        for part in request.parts
    ]
    system = [{"role": "system", "content": [{"type": "text", "text": request.system}]}] if request.system else []
    return [*system, {"role": "user", "content": content}]


def frames(request: Request) -> list[Frame]:
    """The frames of a request, in order."""
    return [part for part in request.parts if isinstance(part, Frame)]
