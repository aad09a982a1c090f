"""Decoded frames on disk: lossless, checked when read, bounded in size."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import struct
import threading
import zlib
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from uuid import uuid4

import numpy as np

from harness.records import Edited, Frame
from harness.video import Pixels

HEADER = struct.Struct("<4sIII")
"""Magic, height, width, CRC-32 of the pixels."""

MAGIC = b"HFC1"

log = logging.getLogger(__name__)


class FrameCache:
    """A folder of frames; the longest unused ones go when it outgrows its limit. Threads and processes may share it."""

    def __init__(self, folder: Path, limit: int) -> None:
        """Keep up to `limit` bytes in a folder, which is made when the first frame comes."""
        self.folder, self.limit = folder, limit
        self._lock = threading.Lock()
        self._size: int | None = None
        """Bytes in the folder; None until it has been looked through."""
        self._writable = True

    def load(self, key: str) -> Pixels | None:
        """The frame of that key; None when it is not there. An entry that is not intact is deleted."""
        path = self._path(key)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        pixels = _unpack(data)
        with suppress(OSError):
            if pixels is None:
                path.unlink()
            else:
                os.utime(path)
        return pixels

    def store(self, key: str, pixels: Pixels) -> None:
        """Keep a frame. A folder that cannot be written to is warned of once and left alone."""
        if not self._writable:
            return
        path, data = self._path(key), _pack(pixels)
        part = path.with_suffix(f".{uuid4().hex}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(data)
            part.replace(path)
        except OSError as error:
            self._writable = False
            log.warning("cannot write to the frame cache %s (%s); going on without it", self.folder, error.strerror)
            with suppress(OSError):
                part.unlink()
            return
        with self._lock:
            self._size = self._measure() if self._size is None else self._size + len(data)
            if self._size > self.limit:
                self._evict()

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.zst"

    def _measure(self) -> int:
        return sum(size for _, size, _ in self._entries())

    def _entries(self) -> list[tuple[int, int, Path]]:
        found = []
        for path in self.folder.glob("*/*"):
            with suppress(OSError):
                stat = path.stat()
                found.append((stat.st_mtime_ns, stat.st_size, path))
        return found

    def _evict(self) -> None:
        """Delete down to nine tenths of the limit, so that it is not done for every frame."""
        entries = sorted(self._entries())
        size = sum(entry[1] for entry in entries)
        for _, length, path in entries:
            if size <= 0.9 * self.limit:
                break
            with suppress(OSError):
                path.unlink()
                size -= length
        self._size = size


def identity(video: str, software: str) -> str:
    """What a video's frames are filed under: it changes when the file or the software of the decoder does."""
    path = Path(video).resolve()
    stat = path.stat()
    return json.dumps([str(path), stat.st_size, stat.st_mtime_ns, software, *_software()])


def key(video: str, frame: Frame) -> str:
    """SHA-256 of a video's identity and what is asked of it."""
    crop = frame.crop and [frame.crop.x1, frame.crop.y1, frame.crop.x2, frame.crop.y2]
    masks = [list(mask) for mask in frame.masks] if isinstance(frame, Edited) else []
    asked = [video, frame.source, frame.size, crop, *([masks] if masks else [])]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()


@cache
def _software() -> tuple[str, ...]:
    return tuple(f"{name} {version(name)}" for name in ("av", "pillow"))


def _pack(pixels: Pixels) -> bytes:
    import zstandard

    raw = pixels.tobytes()
    height, width, _ = pixels.shape
    return HEADER.pack(MAGIC, height, width, zlib.crc32(raw)) + zstandard.ZstdCompressor(level=1).compress(raw)


def _unpack(data: bytes) -> Pixels | None:
    import zstandard

    try:
        magic, height, width, checksum = HEADER.unpack_from(data)
        body = data[HEADER.size :]
        if magic != MAGIC or zstandard.frame_content_size(body) != height * width * 3:
            return None
        raw = zstandard.ZstdDecompressor().decompress(body)
    except (struct.error, zstandard.ZstdError):
        return None
    if zlib.crc32(raw) != checksum:
        return None
    return np.frombuffer(raw, np.uint8).reshape(height, width, 3)
