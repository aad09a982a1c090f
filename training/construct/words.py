"""The words in which models are asked: an annotator for a sample, a judge about a sentence and a crop.

What is to be written is that of arXiv 2510.20579, A.3, and what is judged that of A.4; their wording is ours.
A verifier is asked as harness.prompt.verify does.
"""

from __future__ import annotations

from collections.abc import Mapping

from harness.prompt import SYSTEM, YES_NO
from harness.records import Frame, Request

from .recipe import Annotator
from .sources import CAPTIONS, Item

NUMBERS: Mapping[str, str] = {
    "0-1000": "whole numbers from 0 to 1000, where 1000 is the full width or height of the frame",
    "0-1": "numbers from 0 to 1, where 1 is the full width or height of the frame",
    "pixels": "pixels of the images that you are shown, which are {image} (width x height)",
    "source-pixels": "pixels of the video, whose frames are {source} (width x height)",
}
"""The boxes of each coordinates of a recipe, in words."""

TASK = """Write one question about this video for training a model that must say what it sees, when and where.

The question is about one specific object or person and can be answered only by looking at the video. Neither question \
nor answer may name the {moments} or boxes that they rest on.
- key_frames: 1 to 5 frames on which the answer rests, {bounds}. Choose among those you are shown. \
Each has 1 to 3 salient objects, each with a short name that says which one it is ("woman in red"), the same on all \
frames, and one box around each instance of it.
- A box is [x1, y1, x2, y2], left, top, right, bottom, in {numbers}. \
It must hold the object closely and never nearly all of the frame.
- reasoning_process: a few full sentences that lead from what is seen to the answer. They mention every object of \
every key frame, each time in the form <obj>name</obj><box>[x1,y1,x2,y2]</box>at<t>{moment}</t>s, with a name, a box \
and a {moment} copied from key_frames. Cite nothing else, and write no <t> but with the {moment} of a key frame.

Answer with one JSON object and nothing else:
{{"question": "...", "answer": "...", "key_frames": [{{"{key}": {example}, "objects": [{{"name": "...", "boxes": \
[[x1, y1, x2, y2]]}}]}}], "reasoning_process": "..."}}"""


def annotate(
    item: Item, images: list[tuple[int, Frame]], source: tuple[int, int], seconds: float, total: int, how: Annotator
) -> Request:
    """Ask for a sample.

    `images` are the frames that are shown with their indices; `source` is the (width, height) of the video in pixels,
    `seconds` its length and `total` the number of its frames.
    """
    size = images[0][1].size if images else source
    numbers = NUMBERS[how.coordinates].format(image=f"{size[0]} x {size[1]}", source=f"{source[0]} x {source[1]}")
    if item.kind == CAPTIONS:
        told = "\n".join(f"Frames {each.start} to {each.end}: {each.text}" for each in item.captions)
        about = f"The video has {total} frames, counted from 0 to {total - 1}. What happens on them:\n{told}"
        bounds = "by their index, within the frames that are described"
        words = {"moments": "frames", "moment": "frame index", "key": "frame", "example": "40"}
        shown = [(f"Frame {index}: ", frame) for index, frame in images]
    else:
        segment = item.segment or (0.0, seconds)
        about = (
            f"The video is {seconds:.1f} s long. From {segment[0]:.1f} s to {segment[1]:.1f} s this happens: "
            f"{item.description}"
        )
        bounds = f"by their time in seconds, from {segment[0]:.1f} to {segment[1]:.1f}"
        words = {"moments": "times", "moment": "time", "key": "time", "example": "12.5"}
        shown = [(f"At {frame.time:.2f} s: ", frame) for _, frame in images]
    task = TASK.format(bounds=bounds, numbers=numbers, **words)
    return Request(
        system=SYSTEM,
        parts=(*(part for pair in shown for part in (*pair, "\n")), f"{about}\n\n{task}"),
        temperature=how.temperature,
        top_p=how.top_p,
        max_tokens=how.max_tokens,
        seed=how.seed,
    )


def judge(name: str, sentence: str, image: Frame) -> Request:
    """Ask whether a sentence, without its tags, agrees with the crop of what it cites: one token, Yes or No."""
    text = (
        f"\nThis image was cut from a video. It is said of the {name} on it: {sentence} Is this true? Answer Yes or No."
    )
    return Request(system=SYSTEM, parts=(image, text), choices=YES_NO, max_tokens=1)
