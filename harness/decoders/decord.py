"""decord, which crashes and hangs on some files, as a child process may (harness/guarded.py); needs the extra "decord".

It does not say which frame it gives, and after a seek, in some streams, it is another one than was asked for. So it
reads forward from the start, only files whose frames it counts and times like harness/video.py, and only from
containers in which it then gives the right ones; for any other file all frames are errors. A frame that it has mended
because the file is damaged cannot be told from a whole one: for such files trust pyav.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version

import numpy as np
from numpy.typing import NDArray

from harness.decoders import Decoder
from harness.errors import VideoError, missing_extra
from harness.video import Pixels, VideoInfo, opened

PACKAGES = ("decord", "eva-decord")
"""Two builds of one source. Not decord2, which gives other frames than were asked for on a busy machine."""

CONTAINERS = frozenset({"mov", "matroska"})
"""Others, such as TS and AVI, it enters in the middle or puts in another order."""

ROUNDING = 0.001
"""Seconds by which its times, kept in single precision, may be off; more in long videos."""


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
    left, decord = sorted(set(indices)), importlib.import_module("decord")
    try:
        _check_container(info)
        reader = decord.VideoReader(info.path, num_threads=1)
        _check_times(info, reader.get_frame_timestamp(list(range(len(reader))))[:, 0].astype(np.float64))
        for index in range(left[-1] + 1):
            picture = reader.next()
            if index == left[0]:
                yield index, _picture(info, picture.asnumpy())
                del left[0]
    except (VideoError, decord.DECORDError, StopIteration) as error:
        refused = VideoError(f"decord cannot read {info.path}; use --decoder pyav")
        yield from ((index, error if isinstance(error, VideoError) else refused) for index in left)


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


def _picture(info: VideoInfo, pixels: Pixels) -> Pixels:
    if pixels.shape != (info.height, info.width, 3):
        right = f"where {info.width}x{info.height} in three colours is right"
        raise VideoError(f"decord gives frames of {info.path} another shape, {right}; use --decoder pyav")
    return pixels
