"""A video file: how large its pictures are and when each of them is on screen.

Times are the container's presentation times in seconds. The frame on screen at a time is the last one
that began by then; before the first frame it is the first.

Pictures are turned as the file says, and not stretched where it says that pixels are not square: so OpenCV and decord
give them, with which annotations are made, and it is in these pixels that boxes are counted. Of several videos in a
file the first counts; a cover is none.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness import extent
from harness.errors import VideoError
from harness.geometry import Span

if TYPE_CHECKING:
    from av import Packet
    from av.container import InputContainer
    from av.video.stream import VideoStream

Pixels = NDArray[np.uint8]
"""An RGB picture: height x width x 3."""

ROUNDING = 0.0005
"""Seconds by which a time may fall short of a frame's start, so that times written with three decimals find it."""

UNTIMED = frozenset({"avi"})
"""Containers that number frames in coding order: their pictures are counted from the start instead."""

LONGEST = 1000 * 3600.0
"""Seconds; who says that it lasts longer has times that are damaged."""

LARGEST = 1 << 26
"""Pixels of a picture; 8K has half as many."""

MOST = 1 << 24
"""Frames of a video; 77 hours at 60 frames a second."""

NONE = -(1 << 63)
"""A time that is not known, among those that are (libavutil's AV_NOPTS_VALUE)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VideoInfo:
    """What is known of a video before its frames are decoded."""

    path: str
    width: int
    """Width in pixels as displayed, that is after rotation, but not stretched."""
    height: int
    duration: float
    """When the last frame leaves the screen, in seconds."""
    fps: float
    """Average frames a second."""
    times: NDArray[np.float64]
    """Exact presentation times of all frames, ascending, in seconds."""
    ticks: NDArray[np.int64]
    """The same in the container's unit; 0, 1, 2 ... where pictures are counted."""
    keys: NDArray[np.int64]
    """Ticks of the keyframes; empty where pictures are counted."""
    broken: str | None = None
    """In a sentence, that the file breaks off; the frames are those before that."""

    def on_screen(self, times: ArrayLike) -> list[int]:
        """The index of the frame on screen at each time."""
        found = np.searchsorted(self.times, np.asarray(times, np.float64) + ROUNDING, side="right") - 1
        return [int(i) for i in np.maximum(found, 0)]

    def within(self, part: Span) -> VideoInfo:
        """The same with the frames of that part alone; VideoError when the video ends before it."""
        if part.start >= self.duration or part.end < part.start:
            end = f"{self.path} ends at {self.duration:.1f} s"
            raise VideoError(f"there is no part from {part.start:g} to {part.end:g} s: {end}; check the annotation")
        first, last = np.searchsorted(self.times, [part.start - ROUNDING, part.end + ROUNDING])
        if first == last:
            (first,) = self.on_screen([part.start])
        chosen = slice(first, max(last, first + 1))
        return replace(self, times=self.times[chosen], ticks=self.ticks[chosen])

    def frame(self, index: int) -> str:
        """A frame in words, for messages."""
        return f"the frame at {self.times[index]:.3f} s of {self.path}"


def probe(path: str) -> VideoInfo:
    """Read all presentation times and decode a frame; VideoError when it is not a video that can be read."""
    with opened(path) as (container, stream):
        index = _scan(container, stream)
        rate = float(stream.average_rate or 0)
    times = index.times
    if not len(times):
        raise VideoError(f"{path} holds no frames; copy or download it again")
    span = float(times[-1] - times[0])
    if not 0 <= span <= LONGEST:
        raise VideoError(f"{path} says that it lasts {span / 3600:.0f} hours; its times are damaged, convert it")
    fps = (len(times) - 1) / span if span else rate or 1.0
    info = VideoInfo(
        path=path,
        width=0,
        height=0,
        duration=max(index.end, float(times[-1]) + (0.0 if index.end > times[-1] else 1 / fps)),
        fps=fps,
        times=times,
        ticks=index.ticks,
        keys=index.keys,
        broken=_broken(path, index),
    )
    width, height = _size(path)
    return replace(info, width=width, height=height)


def _broken(path: str, index: _Index) -> str | None:
    reason = extent.missing(path) or index.fault
    return f"{path} breaks off at {index.times[-1]:.1f} s: it {reason}" if reason else None


def _size(path: str) -> tuple[int, int]:
    """(width, height) of the first picture that can be decoded."""
    import av

    with opened(path) as (container, stream):
        for packet in intact(container.demux(stream)):
            with suppress(av.FFmpegError):
                for frame in packet.decode():
                    return (
                        (frame.height, frame.width) if round(frame.rotation / 90) % 2 else (frame.width, frame.height)
                    )
    raise VideoError(f"no frame of {path} can be decoded; copy or download it again, or convert it to H.264")


class _Index(NamedTuple):
    times: NDArray[np.float64]
    ticks: NDArray[np.int64]
    keys: NDArray[np.int64]
    end: float
    fault: str | None = None


class _Packets(NamedTuple):
    """The packets of a stream in the order of the file; a column each, so that long videos fit in memory."""

    pts: NDArray[np.int64]
    dts: NDArray[np.int64]
    length: NDArray[np.int64]
    key: NDArray[np.bool_]
    hidden: NDArray[np.bool_]


def _scan(container: InputContainer, stream: VideoStream) -> _Index:
    unit = stream.time_base or Fraction(1)
    packets, fault = _packets(container, stream)
    timed, visible = packets.pts != NONE, ~packets.hidden
    keys, shown = np.unique(packets.pts[timed & packets.key]), timed & visible
    complete = len(np.unique(packets.pts[shown])) == np.count_nonzero(visible)
    if not complete or not len(keys) or UNTIMED & set(container.format.name.split(",")):
        rate = stream.average_rate or stream.guessed_rate or Fraction(25)
        return _count(packets, unit, 1 / rate)._replace(fault=fault)
    # What comes before the first keyframe cannot be decoded.
    shown &= packets.pts >= keys[0]
    order = np.argsort(packets.pts[shown])
    ticks = packets.pts[shown][order]
    end = (int(ticks[-1]) + int(packets.length[shown][order[-1]])) * unit if len(ticks) else 0
    return _Index(_seconds(ticks, unit), ticks, keys, float(end), fault)


def _packets(container: InputContainer, stream: VideoStream) -> tuple[_Packets, str | None]:
    """All of them up to where the file breaks off, and why it does."""
    import av

    cells, fault = array("q"), None
    try:
        for p in container.demux(stream):
            if p.size:
                times = (NONE if p.pts is None else p.pts, NONE if p.dts is None else p.dts)
                cells.extend((*times, p.duration or 0, p.is_keyframe, p.is_discard))
                if len(cells) > 5 * MOST:
                    raise VideoError(f"{stream.container.name} has more than {MOST:,} frames; cut it into parts")
    except (av.FFmpegError, IndexError) as error:
        # PyAV knows the streams that were there at the start; damage can look like a further one.
        fault = f"cannot be read any further ({error.strerror if isinstance(error, av.FFmpegError) else error})"
    pts, dts, length, key, hidden = np.array(cells, np.int64).reshape(-1, 5).T
    return _Packets(pts, dts, length, key.astype(bool), hidden.astype(bool)), fault


def _count(packets: _Packets, unit: Fraction, interval: Fraction) -> _Index:
    order = np.arange(len(packets.dts), dtype=np.int64)
    known = packets.dts[packets.dts != NONE]
    steps = np.diff(known)
    if np.any(steps > 0):
        # What a recording says of its rate is often not so; one that was started twice has times twice.
        interval = Fraction(float(np.median(steps[steps > 0]))) * unit
    starts = np.unique(known)
    times = _seconds(starts, unit) if len(starts) == len(order) else _seconds(order, interval)
    end = float(times[-1]) + float(int(packets.length[-1]) * unit) if len(order) else 0.0
    return _Index(times, order, np.array([], np.int64), end)


def _seconds(ticks: NDArray[np.int64], unit: Fraction) -> NDArray[np.float64]:
    return ticks.astype(np.float64) * unit.numerator / unit.denominator


def intact(packets: Iterator[Packet[VideoStream]]) -> Iterator[Packet[VideoStream]]:
    """The packets up to where the file breaks off."""
    import av

    with suppress(av.FFmpegError, IndexError):
        yield from packets


@contextmanager
def opened(path: str) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The file and its first video; VideoError when it is not a video that can be read."""
    import av
    from av.stream import Disposition

    if not Path(path).is_file():
        raise VideoError(f"there is no video file {path}; check the data folder")
    if not Path(path).stat().st_size:
        raise VideoError(f"{path} is empty; copy or download it again")
    try:
        # A playlist posing as a video must not make us open what it names elsewhere.
        container = av.open(f"file:{path}", options={"protocol_whitelist": "file"}, metadata_errors="replace")
    except (av.FFmpegError, OSError) as error:
        reason = error.strerror or type(error).__name__
        raise VideoError(f"{path} cannot be read as a video ({reason}); copy or download it again") from error
    with container:
        streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
        if not streams:
            raise VideoError(f"{path} has no video stream; give a file with pictures")
        if streams[0].codec_context is None:
            raise VideoError(f"{path} is in a video format that cannot be decoded here; convert it to H.264")
        context = streams[0].codec_context
        if context.width * context.height > LARGEST:
            raise VideoError(f"{path} says that its pictures are {context.width}x{context.height}; convert it")
        context.thread_count, context.options = 1, {"max_pixels": str(LARGEST)}
        yield container, streams[0]
