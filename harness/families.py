"""The model families: pixel grid, coordinates, frame captions, and how the times of a video are told.

All that differs between them stands in `FAMILIES`; a new family is a row. Sources: the processors of transformers
(resizing, captions of Qwen3-VL), the cookbooks of Qwen (coordinates), arXiv 2510.20579, A.1 (captions of Qwen2.5-VL).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

from harness.errors import UsageError
from harness.records import Clip

T = TypeVar("T")

Clock = Literal["none", "positions", "captions"]
"""How a model learns the times of a video: not at all, by the positions of its tokens, or by text between them."""

PAIR = 2
"""Frames of a video that become one patch, in all families; a single image is such a pair of itself."""

GRAIN = 1 << 14
"""Steps of a second in which the spacing of a video is told: exact in single precision, which some engines take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What differs between model families."""

    name: str
    """As `model_type` in config.json."""
    factor: int
    """Frames are resized to multiples of this many pixels: a patch, times the patches that become one token."""
    grid: int | None
    """Boxes are written on a 0..grid scale; None means pixels of the resized frame."""
    before: str
    """What is written before a frame that is shown as an image; knows {number}, from 1, and {time} in seconds."""
    after: str
    clock: Clock
    min_pixels: int
    """An image is enlarged to this many pixels, where the budget allows it."""
    min_video_pixels: int
    """The same for a frame of a video."""
    sums: bool
    """Whether the bounds of a video hold for the pixels of all its frames together."""

    def resize(self, width: int, height: int, max_pixels: int, frames: int = 0) -> tuple[int, int]:
        """The (width, height) that the model is given: multiples of `factor`, area within the budget of a frame.

        `frames` is the length of a video; 0 is for images, which have other bounds.

        >>> FAMILIES["qwen2_5_vl"].resize(640, 480, 1280 * 28 * 28)
        (644, 476)
        """
        unit = self.factor
        count = whole = 1
        if frames and self.sums:
            count = max(frames, PAIR)
            whole = round(count / PAIR) * PAIR
            enlarge = max(1, unit / width, unit / height)
            width, height = int(width * enlarge), int(height * enlarge)
        most = max_pixels * count
        least = min(self.min_video_pixels if frames else self.min_pixels, most)
        w, h = round(width / unit) * unit, round(height / unit) * unit
        if whole * w * h > most:
            by = math.sqrt(count * width * height / most)
            w, h = (max(unit, math.floor(side / by / unit) * unit) for side in (width, height))
        elif whole * w * h < least:
            by = math.sqrt(least / (count * width * height))
            w, h = (math.ceil(side * by / unit) * unit for side in (width, height))
        return w, h

    def captions(self, clip: Clip) -> list[str]:
        """The text before each pair of frames of a video: the middle of its times; empty where times are not written.

        >>> from harness.records import Frame
        >>> FAMILIES["qwen3_vl"].captions(Clip(frames=(Frame(video="v", time=7.2, size=(32, 32)),)))
        ['<7.2 seconds>']
        """
        written = "<{:.1f} seconds>" if self.clock == "captions" else ""
        return [written.format((one + other) / 2) for one, other in pairs(clip.times)]

    def steps(self, clip: Clip, rate: float) -> list[int]:
        """Where each pair of frames of a video lies in time, for a model with `rate` positions a second.

        Frames that stray from an even spacing by half a position or less count as even. `rate` concerns only families
        that tell times by positions.
        """
        found = pairs(clip.times)
        if self.clock != "positions":
            return [*range(len(found))]
        if is_even(clip, rate):
            return [int(k * (spacing(clip) * rate)) for k in range(len(found))]
        middles = [(one + other) / 2 for one, other in found]
        return [int((middle - middles[0]) * rate + 1 / GRAIN) for middle in middles]


QWEN2_VL = Family(
    name="qwen2_vl",
    factor=28,
    grid=1000,
    before="Frame {number} at {time:.1f}s: ",
    after="\n",
    clock="none",
    min_pixels=56 * 56,
    min_video_pixels=128 * 28 * 28,
    sums=False,
)
QWEN3_VL = Family(
    name="qwen3_vl",
    factor=32,
    grid=1000,
    before="<{time:.1f} seconds>",
    after="",
    clock="captions",
    min_pixels=256 * 256,
    min_video_pixels=64 * 64,
    sums=True,
)

FAMILIES = {
    family.name: family
    for family in (
        replace(QWEN2_VL, name="qwen2_5_vl", grid=None, clock="positions"),
        QWEN3_VL,
        QWEN2_VL,
        replace(QWEN3_VL, name="qwen3_vl_moe"),
    )
}


def family(name: str) -> Family:
    """The family of that name; UsageError lists those known."""
    if name not in FAMILIES:
        raise UsageError(f"unknown model family {name!r}; set --family to one of: {', '.join(FAMILIES)}")
    return FAMILIES[name]


def positions_a_second(config: Any) -> float:
    """How finely the model of a config tells the times of a video; 1 where it does not tell them by positions."""
    return float(getattr(getattr(config, "vision_config", None), "tokens_per_second", 1.0))


def pairs(items: Sequence[T]) -> list[tuple[T, T]]:
    """What becomes one patch each; an odd last one is doubled, as the processors do.

    >>> pairs("abc")
    [('a', 'b'), ('c', 'c')]
    """
    return [(items[i], items[min(i + 1, len(items) - 1)]) for i in range(0, len(items), PAIR)]


def spacing(clip: Clip) -> float:
    """Seconds from one pair of frames to the next, taken as even."""
    times = clip.times
    mean = (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else 0.5
    return math.ceil(mean * PAIR * GRAIN) / GRAIN


def is_even(clip: Clip, rate: float) -> bool:
    """Whether all frames lie within half of one of `rate` positions a second of where an even spacing puts them."""
    times, step = clip.times, spacing(clip) / PAIR
    return all(abs(time - times[0] - i * step) <= 0.5 / rate for i, time in enumerate(times))
