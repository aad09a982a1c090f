"""A video file: when each of its frames is on screen, and the pixels of those asked for.

Times are the container's presentation times in seconds. The frame on screen at a time is the last one
that began by then; before the first frame it is the first. A frame is exact or it is an error.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.errors import VideoError

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

Pixels = NDArray[np.uint8]
"""An RGB picture: height x width x 3."""

ROUNDING = 0.0005
"""Seconds by which a time may fall short of a frame's start, so that times written with three decimals find it."""

SKIPPABLE = frozenset({"h264", "mpeg4", "mpeg2video"})
"""Codecs in which no frame at all depends on one that is marked as non-reference (in HEVC a higher layer may)."""

UNTIMED = frozenset({"avi"})
"""Containers that number frames in coding order: their pictures are counted from the start instead."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VideoInfo:
    """What is known of a video before its frames are decoded."""

    path: str
    width: int
    """Width in pixels as displayed, that is after rotation."""
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

    def on_screen(self, times: ArrayLike) -> list[int]:
        """The index of the frame on screen at each time."""
        found = np.searchsorted(self.times, np.asarray(times, np.float64) + ROUNDING, side="right") - 1
        return [int(i) for i in np.maximum(found, 0)]


def probe(path: str) -> VideoInfo:
    """Read all presentation times and decode the first frame; VideoError when it is not a video that can be read."""
    with _open(path) as (container, stream):
        times, ticks, keys, end = _scan(container, stream)
        rate = float(stream.average_rate or 0)
    if not len(times):
        raise VideoError(f"{path} holds no frames; copy or download it again")
    span = float(times[-1] - times[0])
    fps = (len(times) - 1) / span if span else rate or 1.0
    end = max(end, float(times[-1]) + (0.0 if end > times[-1] else 1 / fps))
    info = VideoInfo(path=path, width=0, height=0, duration=end, fps=fps, times=times, ticks=ticks, keys=keys)
    height, width, _ = decode(path, times[:1], info)[0].shape
    return replace(info, width=width, height=height)


def decode(path: str, times: ArrayLike, info: VideoInfo | None = None) -> list[Pixels]:
    """The frame on screen at each of the times; VideoError when one of them cannot be decoded."""
    info = info or probe(path)
    wanted = info.on_screen(times)
    found: dict[int, Pixels] = {}
    for index, picture in read(info, wanted):
        if isinstance(picture, VideoError):
            raise picture
        found[index] = picture
    return [found[index] for index in wanted]


def read(info: VideoInfo, indices: Iterable[int]) -> Iterator[tuple[int, Pixels | VideoError]]:
    """Each frame of `info.times` with those indices once, with a VideoError in place of one that cannot be decoded."""
    order, lost = sorted(set(indices)), []
    with _open(info.path) as (container, stream):
        reader = _Reader(info, container, stream, {int(info.ticks[i]) for i in order}, jump=True)
        for index in order:
            frame = reader.find(int(info.ticks[index]))
            if frame is None:
                lost.append(index)
            else:
                yield index, reader.picture(frame)
    if lost:
        yield from _read_all(info, lost, jump=not reader.gradual)


def _read_all(info: VideoInfo, order: Sequence[int], jump: bool) -> Iterator[tuple[int, Pixels | VideoError]]:
    with _open(info.path) as (container, stream):
        reader = _Reader(info, container, stream, None, jump)
        for index in order:
            frame = reader.find(int(info.ticks[index]))
            where = f"the frame at {info.times[index]:.3f} s of {info.path}"
            damage = VideoError(f"{where} is damaged; copy or download the file again")
            yield index, reader.picture(frame) if frame else damage


class _Index(NamedTuple):
    times: NDArray[np.float64]
    ticks: NDArray[np.int64]
    keys: NDArray[np.int64]
    end: float


def _scan(container: InputContainer, stream: VideoStream) -> _Index:
    unit = stream.time_base or Fraction(1)
    packets = [p for p in map(_Entry.of, _intact(container.demux(stream))) if p.size]
    keys = sorted({p.pts for p in packets if p.key and p.pts is not None})
    shown = sorted((p.pts, p.length) for p in packets if p.pts is not None and not p.hidden)
    complete = len({pts for pts, _ in shown}) == sum(not p.hidden for p in packets)
    if not complete or not keys or UNTIMED & set(container.format.name.split(",")):
        return _count(packets, unit, 1 / (stream.average_rate or stream.guessed_rate or Fraction(25)))
    # What comes before the first keyframe cannot be decoded.
    shown = [(pts, length) for pts, length in shown if pts >= keys[0]]
    ticks = np.array([pts for pts, _ in shown], np.int64)
    end = sum(shown[-1]) if shown else 0
    return _Index(_seconds(ticks, unit), ticks, np.array(keys, np.int64), float(end * unit))


def _count(packets: Sequence[_Entry], unit: Fraction, interval: Fraction) -> _Index:
    order = np.arange(len(packets), dtype=np.int64)
    starts = [p.dts for p in packets if p.dts is not None]
    timed = len(set(starts)) == len(packets)
    times = _seconds(np.array(sorted(starts), np.int64), unit) if timed else _seconds(order, interval)
    end = times[-1] + packets[-1].length * unit if len(packets) else 0
    return _Index(times, order, np.array([], np.int64), float(end))


class _Entry(NamedTuple):
    pts: int | None
    dts: int | None
    length: int
    size: int
    key: bool
    hidden: bool

    @classmethod
    def of(cls, packet: Packet[VideoStream]) -> _Entry:
        p = packet
        return cls(p.pts, p.dts, p.duration or 0, p.size, p.is_keyframe, p.is_discard)


def _seconds(ticks: NDArray[np.int64], unit: Fraction) -> NDArray[np.float64]:
    return ticks * unit.numerator / unit.denominator


class _Reader:
    """Goes through a file, decoding forward, and jumps when a keyframe lies before the frame that is looked for."""

    def __init__(
        self,
        info: VideoInfo,
        container: InputContainer,
        stream: VideoStream,
        only: Collection[int] | None,
        jump: bool,
    ) -> None:
        from av.video.reformatter import VideoReformatter

        self.info, self.container, self.stream, self.jump = info, container, stream, jump
        self.only = only if len(info.keys) and stream.codec_context.name in SKIPPABLE else None
        """The ticks that matter; frames on which none of them depends are left out. None: all of them matter."""
        self.segment = 0
        """Index of the last keyframe that went to the decoder."""
        self.entry: int | None = None
        """The keyframe jumped to, until it has come out of the decoder as a whole picture."""
        self.gradual = False
        """Whether there are keyframes from which the picture only builds up, so that one cannot jump to them."""
        self.broken: set[int] = set()
        """Segments in which something could not be decoded."""
        self.frames = self._walk(container.demux(stream))
        self.colours = VideoReformatter()
        self.held: tuple[int, VideoFrame] | None = None
        """A frame that came when an earlier one was looked for."""

    def find(self, tick: int) -> VideoFrame | None:
        """The frame of that tick, not before the last one found; None when it cannot be decoded."""
        from av.video.frame import PictureType

        segment = self._segment(tick)
        if self.jump and segment > self.segment:
            self._seek(segment)
        while item := self.held or next(self.frames, None):
            found, frame = item
            self.held = item if found > tick else None
            if found == self.entry and frame.pict_type == PictureType.I:
                self.entry = None
            if found >= tick:
                if found == tick and self.entry is None and not self._damaged(segment):
                    return frame
                break
        self.gradual |= self.entry is not None
        return None

    def picture(self, frame: VideoFrame) -> Pixels:
        """The frame in RGB, turned as it is to be displayed."""
        picture = self.colours.reformat(frame, format="rgb24").to_ndarray()
        return np.ascontiguousarray(np.rot90(picture, round(frame.rotation / 90)))

    def _segment(self, tick: int) -> int:
        return int(np.searchsorted(self.info.keys, tick, side="right")) - 1

    def _damaged(self, segment: int) -> bool:
        return segment in self.broken or (not self.jump and min(self.broken, default=segment + 1) <= segment)

    def _seek(self, key: int) -> None:
        import av

        # Containers look for decoding times, so a seek can land on a later keyframe than it was given.
        for target in range(key, -1, -1):
            packets: Iterator[Packet[VideoStream]] = iter(())
            first = []
            with suppress(av.FFmpegError):
                self.container.seek(int(self.info.keys[target]), stream=self.stream)
                packets = self.container.demux(self.stream)
                first = [next(packets)]
            if first and first[0].pts is not None and first[0].pts <= self.info.keys[key]:
                break
        self.segment, self.entry, self.held = key, int(self.info.keys[key]), None
        self.broken.clear()
        self.frames = self._walk(chain(first, packets))

    def _walk(self, packets: Iterator[Packet[VideoStream]]) -> Iterator[tuple[int, VideoFrame]]:
        import av

        context, counted = self.stream.codec_context, count()
        for packet in _intact(packets):
            if packet.is_keyframe and packet.pts is not None:
                self.segment = max(self.segment, self._segment(packet.pts))
            needed = self.only is None or packet.is_keyframe or not packet.size or packet.pts in self.only
            context.skip_frame = "DEFAULT" if needed else "NONREF"
            frames: Sequence[VideoFrame] = ()
            try:
                frames = packet.decode()
            except av.FFmpegError:
                self.broken.add(self.segment)
                if not len(self.info.keys):
                    return
            for frame in frames:
                found = frame.pts if len(self.info.keys) else next(counted)
                if found is not None:
                    if frame.is_corrupt:
                        self.broken.add(self._segment(found))
                    yield found, frame


def _intact(packets: Iterator[Packet[VideoStream]]) -> Iterator[Packet[VideoStream]]:
    """The packets up to where the file breaks off."""
    import av

    with suppress(av.FFmpegError):
        yield from packets


@contextmanager
def _open(path: str) -> Iterator[tuple[InputContainer, VideoStream]]:
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
        streams[0].codec_context.thread_count = 1
        yield container, streams[0]
