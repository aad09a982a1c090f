"""What nano is shown of a clip: which frames of it, and their pixels."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np

from harness.families import FAMILIES
from harness.records import Frame, View
from harness.shapes import render
from harness.shapes.clip import Clip

from . import model

if TYPE_CHECKING:
    from numpy.typing import NDArray


def look(clip: Clip, rng: random.Random) -> View:
    """The view of a clip as `fps:1:16` gives it; now and then sampled otherwise, or with frames missing."""
    last = clip.frame_count - 1
    odd = rng.random()
    if clip.duration > 16 or odd < 0.1:
        count = 16 if clip.duration > 16 else rng.randint(6, 16)
        chosen = [round(k * last / (count - 1)) for k in range(count)]
    else:
        chosen = [int(second * clip.rate + 1e-6) for second in range(clip.duration)]
    if odd > 0.88:
        for _ in range(rng.randint(1, 3)):
            chosen.remove(rng.choice(chosen))
    size = FAMILIES["qwen2_5_vl"].resize(clip.width, clip.height, model.MAX_PIXELS)
    times = tuple(index / clip.rate for index in chosen)
    return View(
        video="",
        times=times,
        duration=clip.frame_count / clip.rate,
        width=clip.width,
        height=clip.height,
        size=size,
        family="qwen2_5_vl",
    )


def draw(clip: Clip, view: View, resized: bool) -> list[NDArray[np.uint8]]:
    """The frames of a view: drawn at its size, or at the clip's and resized as harness/frames.py does."""
    from PIL import Image

    if not resized:
        return [render.frame(clip, time, view.size) for time in view.times]
    whole = [Image.fromarray(render.frame(clip, time)) for time in view.times]
    return [np.asarray(image.resize(view.size, Image.Resampling.BICUBIC)) for image in whole]


def cut(clip: Clip, frame: Frame, rng: random.Random) -> NDArray[np.uint8]:
    """The pixels of a crop, as harness/frames.py would give them."""
    from PIL import Image

    assert frame.crop is not None
    box = frame.crop.clip(clip.width, clip.height)
    corners = (int(box.x1), int(box.y1), max(int(box.x1) + 1, round(box.x2)), max(int(box.y1) + 1, round(box.y2)))
    image = Image.fromarray(render.frame(clip, frame.time)).crop(corners)
    return np.asarray(image.resize(frame.size, Image.Resampling.BICUBIC))
