"""PyAV, that is FFmpeg, in this process: the default. A frame is exact or it is an error."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from importlib.metadata import version
from itertools import chain, count
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from harness.decoders import Decoder
from harness.errors import VideoError
from harness.video import Pixels, VideoInfo, intact, opened, probe

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

SKIPPABLE = frozenset({"h264", "mpeg4", "mpeg2video"})
"""Codecs in which no frame at all depends on one that is marked as non-reference (in HEVC a higher layer may)."""


def decoder() -> Decoder:
    """The decoder of this module."""
    return Decoder(software=f"av {version('av')}", read=read)


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
    with opened(info.path) as (container, stream):
        reader = _Reader(info, container, stream, {int(info.ticks[i]) for i in order}, jump=True)
        for index in order:
            frame = reader.find(int(info.ticks[index]))
            if frame is None:
                lost.append(index)
            else:
                yield index, reader.picture(frame, index)
    if lost:
        yield from _read_all(info, lost, jump=not reader.gradual)


def _read_all(info: VideoInfo, order: Sequence[int], jump: bool) -> Iterator[tuple[int, Pixels | VideoError]]:
    with opened(info.path) as (container, stream):
        reader = _Reader(info, container, stream, None, jump)
        for index in order:
            frame = reader.find(int(info.ticks[index]))
            damage = VideoError(f"{info.frame(index)} is damaged; copy or download the file again")
            yield index, reader.picture(frame, index) if frame else damage


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

    def picture(self, frame: VideoFrame, index: int) -> Pixels | VideoError:
        """The frame in RGB, turned as it is to be displayed; VideoError when the video has changed its size."""
        picture = np.asarray(self.colours.reformat(frame, format="rgb24").to_ndarray(), np.uint8)
        picture = np.ascontiguousarray(np.rot90(picture, round(frame.rotation / 90)))
        height, width, _ = picture.shape
        if (width, height) == (self.info.width, self.info.height):
            return picture
        sizes = f"{width}x{height} in a video of {self.info.width}x{self.info.height}"
        return VideoError(f"{self.info.frame(index)} is {sizes}; convert it to one size")

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
            with suppress(av.FFmpegError, IndexError):
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
        for packet in intact(packets):
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
