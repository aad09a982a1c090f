"""What frames ask of the pictures of a video: a size, a crop, things painted over."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from harness.decoders import Read
from harness.errors import VideoError
from harness.geometry import Box
from harness.records import Edited, Frame
from harness.video import Pixels, VideoInfo

if TYPE_CHECKING:
    from PIL.Image import Image

MASK = (128, 128, 128)
"""The colour of what is painted over: grey, which is near 0 for a vision tower."""


def pictures(read: Read, info: VideoInfo, frames: Sequence[Frame]) -> Iterator[tuple[Frame, Image | VideoError]]:
    """Each frame as an RGB image of the size that it asks for, or why there is none, as they come in one pass."""
    wanted: defaultdict[int, list[Frame]] = defaultdict(list)
    for frame, index in zip(frames, info.on_screen([frame.source for frame in frames]), strict=True):
        if frame.crop is None or _inside(frame.crop, info.width, info.height):
            wanted[index].append(frame)
        else:
            box = ", ".join(f"{v:g}" for v in (frame.crop.x1, frame.crop.y1, frame.crop.x2, frame.crop.y2))
            where = f"the {info.width}x{info.height} frame at {frame.time:g} s of {info.path}"
            yield frame, VideoError(f"the box [{box}] covers nothing of {where}; there is no such crop")
    for index, picture in read(info, wanted) if wanted else ():
        for frame in wanted[index]:
            yield frame, picture if isinstance(picture, VideoError) else fit(picture, frame)


def _inside(box: Box, width: int, height: int) -> tuple[int, int, int, int] | None:
    """The whole pixels of a frame that a box touches; None when there are none."""
    part = box.clip(width, height)
    if not box.finite or not part.area:
        return None
    return math.floor(part.x1), math.floor(part.y1), math.ceil(part.x2), math.ceil(part.y2)


def fit(picture: Pixels, frame: Frame) -> Image:
    """What a frame asks for of the picture that is on screen then."""
    from PIL.Image import Resampling, fromarray

    image = fromarray(picture)
    if isinstance(frame, Edited):
        image = image.copy()
        for mask in frame.masks:
            if part := _inside(mask, image.width, image.height):
                image.paste(MASK, part)
    if frame.crop:
        image = image.crop(_inside(frame.crop, image.width, image.height))
    return image if image.size == frame.size else image.resize(frame.size, Resampling.BICUBIC)
