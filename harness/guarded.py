"""Videos, read in child processes (harness/guard.py): a file that brings the decoder down is an error of that file.

Pixels come back at the sizes that are asked for, as plain bytes.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness import plugins, video
from harness.codec import decode, encode
from harness.errors import VideoError
from harness.guard import Guard, Leash
from harness.pictures import pictures as plain
from harness.records import Edited, Frame
from harness.video import VideoInfo

if TYPE_CHECKING:
    from PIL.Image import Image

PATIENCE = 60.0
"""Seconds that may pass until a video is opened, or its next frame is there ..."""

PER_MEGABYTE = 2.0
"""... and more of them for each megabyte of the file, all of which may have to be gone through."""

FACTS = ("path", "width", "height", "duration", "fps", "broken")
COLUMNS = ("times", "ticks", "keys")
"""What a VideoInfo consists of: plain values, and arrays of 8 bytes a number."""

LENGTH = struct.Struct("<Q")
PLACE = struct.Struct("<Q?")
"""What comes before an image, or the reason why there is none: the place of the frame, and which of the two it is."""

GUARD = Guard()
"""The children of this process; they end with it."""


def probe(path: str, leash: Leash | None = None) -> VideoInfo:
    """`harness.video.probe` in a child process; VideoError when it crashes, hangs or takes too much memory as well."""
    asked = json.dumps(path).encode()
    (told,) = GUARD.call("harness.guarded:_probe", asked, patience(path), f"opening {path}", leash)
    return _info(bytes(told))


def pictures(
    decoder: str, info: VideoInfo, frames: Sequence[Frame], leash: Leash | None = None
) -> Iterator[tuple[Frame, Image | VideoError]]:
    """`harness.pictures.pictures` with the decoder of that name in a child process.

    When it crashes, hangs or takes too much memory, that is a VideoError of each frame which has not come by then.
    """
    from PIL.Image import frombytes

    if not frames:
        return
    left = dict(enumerate(frames))
    asked = json.dumps([decoder, [encode(frame) for frame in frames]]).encode()
    told = LENGTH.pack(len(asked)) + asked + _told(info)
    what = f"decoding {info.path}"
    try:
        for part in GUARD.call("harness.guarded:_pictures", told, patience(info.path), what, leash):
            place, good = PLACE.unpack_from(part)
            frame, data = left.pop(place), part[PLACE.size :]
            yield frame, frombytes("RGB", frame.size, data) if good else VideoError(str(data, "utf-8", "surrogatepass"))
    except VideoError as error:
        yield from ((frame, error) for frame in left.values())


def patience(path: str) -> float:
    """Seconds without a sign of life after which who reads that file is ended."""
    size = Path(path).stat().st_size if Path(path).is_file() else 0
    return PATIENCE + PER_MEGABYTE * size / 1e6


def _told(info: VideoInfo) -> bytes:
    columns = [getattr(info, name) for name in COLUMNS]
    facts = {name: getattr(info, name) for name in FACTS}
    head = json.dumps([facts, *map(len, columns)]).encode()
    return b"".join((LENGTH.pack(len(head)), head, *(column.tobytes() for column in columns)))


def _info(data: bytes) -> VideoInfo:
    """What `_told` wrote."""
    (length,) = LENGTH.unpack_from(data)
    at = LENGTH.size + length
    facts, *counts = json.loads(data[LENGTH.size : at])
    columns: dict[str, Any] = {}
    for name, count, kind in zip(COLUMNS, counts, (np.float64, np.int64, np.int64), strict=True):
        columns[name] = np.frombuffer(data, kind, count, at)
        at += columns[name].nbytes
    return VideoInfo(**facts, **columns)


def _probe(asked: bytes) -> Iterator[bytes]:
    """In the child."""
    yield _told(video.probe(json.loads(asked)))


def _pictures(asked: bytes) -> Iterator[bytes]:
    """In the child."""
    (length,) = LENGTH.unpack_from(asked)
    at = LENGTH.size + length
    decoder, data = json.loads(asked[LENGTH.size : at])
    frames = [decode(Edited if "masks" in each else Frame, each) for each in data]
    info = _info(asked[at:])
    places = {frame: place for place, frame in enumerate(frames)}
    for frame, image in plain(plugins.load("harness.decoders", decoder)().read, info, frames):
        if isinstance(image, VideoError):
            yield PLACE.pack(places[frame], False) + str(image).encode("utf-8", "surrogatepass")
        else:
            yield PLACE.pack(places[frame], True) + image.tobytes()
