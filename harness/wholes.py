"""Whole pictures of the source in memory, so that crops of frames that were shown need not be decoded again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from harness.decoders import Read
from harness.records import Frame
from harness.video import Pixels, VideoInfo

if TYPE_CHECKING:
    from PIL.Image import Image

    from harness.errors import VideoError


class Memory:
    """The images used last, up to a number of bytes. Threads may share it."""

    def __init__(self, limit: int) -> None:
        """Empty."""
        self.limit, self._size = limit, 0
        self._images: OrderedDict[Frame, Image] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, frame: Frame) -> Image | None:
        """The image of a frame; None when it is not there."""
        with self._lock:
            if frame in self._images:
                self._images.move_to_end(frame)
            return self._images.get(frame)

    def put(self, frame: Frame, image: Image) -> None:
        """Keep an image; those not used for longest go when there is no room."""
        with self._lock:
            if frame in self._images:
                self._size -= _bytes(self._images[frame])
            self._images[frame] = image
            self._size += _bytes(image)
            while self._size > self.limit:
                self._size -= _bytes(self._images.popitem(last=False)[1])


class Wholes:
    """The whole pictures of frames that were shown last, up to a number of bytes; 0 keeps none."""

    def __init__(self, limit: int) -> None:
        """Empty."""
        self._memory = Memory(limit)

    def beside(self, info: VideoInfo, frames: Sequence[Frame]) -> list[Frame]:
        """The whole pictures of frames that are about to be decoded, to be decoded with them."""
        if not self._memory.limit:
            return []
        return [*dict.fromkeys(_whole(info, frame) for frame in frames if frame.crop is None)]

    def keep(self, images: Mapping[Frame, Image | VideoError], wholes: Iterable[Frame]) -> None:
        """Take those that could be decoded."""
        for whole in wholes:
            image = images[whole]
            if not isinstance(image, Exception):
                self._memory.put(whole, image)

    def crops(self, info: VideoInfo, frames: Sequence[Frame]) -> tuple[list[Frame], Read]:
        """Those of the frames that are crops of pictures that are here, and what reads these pictures."""
        found: dict[int, Image] = {}
        crops = []
        for frame in frames:
            image = self._memory.get(_whole(info, frame)) if frame.crop else None
            if image is not None:
                crops.append(frame)
                found[info.on_screen([frame.source])[0]] = image

        def read(info: VideoInfo, indices: Iterable[int]) -> Iterator[tuple[int, Pixels | VideoError]]:
            yield from ((index, np.asarray(found[index])) for index in indices)

        return crops, read


def _whole(info: VideoInfo, frame: Frame) -> Frame:
    return Frame(video=frame.video, time=frame.source, size=(info.width, info.height))


def _bytes(image: Image) -> int:
    # Pillow keeps four bytes for an RGB pixel.
    return 4 * image.width * image.height
