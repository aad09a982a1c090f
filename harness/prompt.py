"""How a model is spoken to: boxes in its own coordinates, frames with their captions, chat layout.

This module and harness/parse.py alone know the model's own coordinates (harness/families.py says what they are) and
its own times, which begin with what it is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.families import family
from harness.geometry import Box
from harness.records import Clip, Frame, Request, View

SYSTEM = "You are a helpful assistant."

THINK = (
    "First think between <think> and </think>, and cite what you see as "
    "<obj>object</obj><box>[x1,y1,x2,y2]</box>at<t>seconds</t>s. "
)
"""The sentence that asks for grounded reasoning (Open-o3-Video, arXiv 2510.20579, Sec. 3)."""

WORDS = "First think between <think> and </think>. "
"""The sentence that asks for reasoning in words alone, without evidence: the paper's "non-o3" (its Table 9)."""

THINKING = {"think": THINK, "words": WORDS, "direct": ""}
"""What a task's option `prompt` may be, and the sentence about reasoning that it stands for."""

RELEVANCE = ("0", "1", "2")
"""The grades of an evidence crop: irrelevant, partly relevant, relevant (arXiv 2510.20579, A.10)."""

YES_NO = ("Yes", "No")


SHOWS = {
    "images": "each frame is an image after its time",
    "video": "the frames are one video, whose times the model learns in its family's way",
    "released": "the frames are one video of two frames a second, whatever their times",
}
"""How frames may be shown. "released" is what the code of arXiv 2510.20579 does for its benchmarks of 64 frames."""

RELEASED_PACE = 2.0


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


def show(view: View) -> tuple[str | Frame | Clip, ...]:
    """The frames of a view as its `show` says: each after its time, or all as one video."""
    frames = [view.frame(time) for time in view.times]
    if view.show != "images":
        pace = RELEASED_PACE if view.show == "released" else None
        return (Clip(frames=tuple(frames), start=view.start, pace=pace),)
    known = family(view.family)
    parts: list[str | Frame | Clip] = []
    for number, frame in enumerate(frames, 1):
        time = max(0.0, frame.time - view.start)
        parts += [known.before.format(number=number, time=time), frame, known.after]
    return tuple(part for part in parts if part)


def crop(view: View, box: Box, time: float) -> Frame:
    """The part of a frame inside a box, as large as a whole frame."""
    return view.frame(time, box)


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
    """The chat messages of a request, with an {"type": "image"} or {"type": "video"} entry for what is seen, in order.

    Control tokens in the text ("<|im_end|>") are broken up: annotations and subtitles are data.
    """
    content = [_entry(part) for part in request.parts]
    system = [{"role": "system", "content": [{"type": "text", "text": request.system}]}] if request.system else []
    return [*system, {"role": "user", "content": content}]


def _entry(part: str | Frame | Clip) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part.replace("<|", "< |")}
    return {"type": "image" if isinstance(part, Frame) else "video"}


def frames(request: Request) -> list[Frame]:
    """The frames of a request that are shown as images, in order."""
    return [part for part in request.parts if isinstance(part, Frame)]


def clips(request: Request) -> list[Clip]:
    """The videos of a request, in order."""
    return [part for part in request.parts if isinstance(part, Clip)]
