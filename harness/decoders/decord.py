"""decord, in a child process with a deadline, as it crashes and hangs on some files; needs the extra "decord".

It does not say which frame it gives, and after a seek, in some streams, it is another one than was asked for. So it
reads forward from the start, only files whose frames it counts and times like harness/video.py, and only from
containers in which it then gives the right ones; for any other file all frames are errors. A frame that it has mended
because the file is damaged cannot be told from a whole one: for such files trust pyav.
"""

from __future__ import annotations

import importlib
import math
import os
import signal
import struct
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.connection import Connection

import numpy as np
from numpy.typing import NDArray

from harness.decoders import Decoder
from harness.errors import VideoError, missing_extra
from harness.video import Pixels, VideoInfo, opened

PACKAGES = ("decord", "eva-decord")
"""Two builds of one source. Not decord2, which gives other frames than were asked for on a busy machine."""

PATIENCE = 60.0
"""Seconds without a sign of life after which the child is killed."""

BEAT = 50
"""Frames that are passed over between two signs of life."""

CONTAINERS = frozenset({"mov", "matroska"})
"""Others, such as TS and AVI, it enters in the middle or puts in another order."""

ROUNDING = 0.001
"""Seconds by which its times, kept in single precision, may be off; more in long videos."""

PROCESSES = get_context("forkserver") if "forkserver" in get_all_start_methods() else get_context("spawn")
PROCESSES.set_forkserver_preload(["__main__", "decord", __name__])
"""A clean process, started once, of which each child is a copy: that takes no time."""

SHAPE = struct.Struct("<3Q")
"""What comes before the pixels of a frame: height, width, channels."""


def decoder() -> Decoder:
    """The decoder of this module; UsageError when decord is not installed."""
    for package in PACKAGES:
        try:
            return Decoder(software=f"{package} {version(package)}", read=read)
        except PackageNotFoundError:
            continue
    raise missing_extra("decord", "decord")


def read(info: VideoInfo, indices: Iterable[int]) -> Iterator[tuple[int, Pixels | VideoError]]:
    """Each frame of `info.times` with those indices once, with a VideoError in place of one that cannot be decoded."""
    left = sorted(set(indices))
    try:
        _check_container(info)
        child = _Child(info.path, left)
        try:
            _check_times(info, np.frombuffer(child.next(), np.float64))
            while left:
                if message := child.next():
                    yield left[0], _picture(info, message)
                    del left[0]
        finally:
            child.end()
    except VideoError as error:
        yield from ((index, error) for index in left)


class _Child:
    """A process that decodes. It sends plain bytes only, as what comes from a broken file is not to be trusted."""

    def __init__(self, path: str, order: Sequence[int]) -> None:
        self.path = path
        self.inbox, outbox = PROCESSES.Pipe(duplex=False)
        self.process = PROCESSES.Process(target=_serve, args=(outbox, path, order), daemon=True)
        self.process.start()
        outbox.close()

    def next(self) -> bytes:
        """What it sends next; VideoError when it is dead or stuck."""
        if not self.inbox.poll(PATIENCE):
            raise VideoError(f"decord gave nothing of {self.path} for {PATIENCE:g} s and was ended; use --decoder pyav")
        try:
            return self.inbox.recv_bytes()
        except (EOFError, OSError):
            self.process.join(1)
            code = self.process.exitcode or 0
            why = f"crashed on {self.path} ({signal.Signals(-code).name})" if code < 0 else f"cannot read {self.path}"
            raise VideoError(f"decord {why}; use --decoder pyav") from None

    def end(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.join(1)
        self.inbox.close()


def _check_container(info: VideoInfo) -> None:
    from av.stream import Disposition

    with opened(info.path) as (container, _):
        names = container.format.name
        videos = sum(not s.disposition & Disposition.attached_pic for s in container.streams.video)
    if not CONTAINERS & set(names.split(",")) or not len(info.keys):
        raise VideoError(f"decord gives other frames than asked for of {info.path} ({names}); use --decoder pyav")
    if videos > 1:
        raise VideoError(f"decord cannot be told which of the videos in {info.path} to read; use --decoder pyav")


def _check_times(info: VideoInfo, found: NDArray[np.float64]) -> None:
    """Its times count from the first frame, in some containers, and are floats of 32 bits."""
    if len(found) != len(info.times):
        numbers = f"{len(found)} frames in {info.path} where there are {len(info.times)}"
        raise VideoError(f"decord counts {numbers}; use --decoder pyav")
    times = info.times - info.times[0]
    if not np.allclose(found - found[0], times, rtol=1e-6, atol=ROUNDING):
        raise VideoError(f"decord gives the frames of {info.path} other times than its container; use --decoder pyav")


def _picture(info: VideoInfo, message: bytes) -> Pixels:
    shape = (info.height, info.width, 3)
    if message[: SHAPE.size] != SHAPE.pack(*shape) or len(message) != SHAPE.size + math.prod(shape):
        right = f"where {info.width}x{info.height} in three colours is right"
        raise VideoError(f"decord gives frames of {info.path} another shape, {right}; use --decoder pyav")
    return np.frombuffer(message, np.uint8, offset=SHAPE.size).reshape(shape)


def _serve(outbox: Connection, path: str, order: Sequence[int]) -> None:
    """In the child: the time of every frame, then the frames asked for, with empty messages in between."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    decord = importlib.import_module("decord")
    reader = decord.VideoReader(path, num_threads=1)
    starts = reader.get_frame_timestamp(list(range(len(reader))))[:, 0]
    outbox.send_bytes(np.ascontiguousarray(starts, np.float64).tobytes())
    wanted, last = set(order), order[-1]
    for index in range(last + 1):
        picture = reader.next()
        if index in wanted:
            pixels = picture.asnumpy()
            outbox.send_bytes(SHAPE.pack(*pixels.shape) + pixels.tobytes())
        elif index % BEAT == 0:
            outbox.send_bytes(b"")
