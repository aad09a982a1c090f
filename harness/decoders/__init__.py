"""Decoders: what gives the pixels of a video's frames; one file each, with the function `decoder()`.

When each frame is on screen is read by harness/video.py whichever of them is used, so that a view never depends on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from harness.errors import VideoError
from harness.video import Pixels, VideoInfo

Read = Callable[[VideoInfo, Iterable[int]], Iterator[tuple[int, Pixels | VideoError]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoder:
    """What a module of this room makes."""

    software: str
    """Name and version of what decodes; frames on disk are filed under it."""
    read: Read
    """Each frame with those indices of `info.times` once, with a VideoError in place of one that cannot be had."""
