"""Odd videos, made here, and what each decoder does with them: exact frames or an error, never a crash or a hang.

python benchmarks/videos.py --decoders pyav decord

Every picture is compared with a plain decode from start to end; of a damaged file, with that of the whole one.
"""

from __future__ import annotations

import argparse
import struct
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.stream import Disposition
from numpy.typing import NDArray

from harness import plugins
from harness.errors import HarnessError, VideoError
from harness.guarded import pictures, probe
from harness.records import Frame
from harness.video import VideoInfo

Picture = NDArray[np.uint8]
Truth = list[tuple[float, Picture]]
"""The time and the pixels of each frame."""

NEAR = 1.0
"""Mean difference in brightness, of 255, up to which it is the same frame with its colours spread in another way."""

BRIGHTNESS = (0.299, 0.587, 0.114)
"""Weights of red, green and blue (ITU-R BT.601)."""

H264 = {"g": "12", "bf": "3", "preset": "ultrafast"}
"""Keyframes often, and pictures that are stored in another order than they are shown."""


@dataclass(frozen=True, kw_only=True)
class Clip:
    """How a clip is written, all of whose pictures differ."""

    codec: str = "libx264"
    options: dict[str, str] | None = None
    size: tuple[int, int] = (96, 64)
    pix_fmt: str = "yuv420p"
    starts: Sequence[int] = tuple(range(0, 800, 20))
    base: Fraction = Fraction(1, 600)
    """Seconds that `starts` count."""
    shift: int = 0
    """By how much all packets are moved back, as cutting without encoding does."""
    aspect: Fraction | None = None
    """Width of a pixel through its height."""
    muxer: dict[str, str] | None = None
    format: str | None = None
    cover: bool = False
    """Whether a picture for the shelf comes with it."""
    videos: int = 1

    def write(self, path: Path) -> Path:
        """Write it; the path."""
        with av.open(str(path), "w", format=self.format, options=self.muxer or {}) as out:
            cover = self._cover(out) if self.cover else []
            packets = [packet for seed in range(self.videos) for packet in self._encode(out, 7 + seed)]
            for packet in [*cover, *sorted(packets, key=lambda p: p.dts)]:
                packet.pts, packet.dts = packet.pts - self.shift, packet.dts - self.shift
                out.mux(packet)
        return path

    def _encode(self, out: Any, seed: int) -> list[Any]:
        options = H264 if self.options is None else self.options
        stream = out.add_stream(self.codec, rate=30, options={"threads": "1", **options})
        stream.width, stream.height, stream.pix_fmt = *self.size, self.pix_fmt
        stream.codec_context.time_base = self.base
        stream.codec_context.sample_aspect_ratio = self.aspect or Fraction(0)
        packets = []
        for picture, start in zip(scenes(self.size, len(self.starts), seed), self.starts, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = start, self.base
            packets += stream.encode(frame)
        return [*packets, *stream.encode()]

    @staticmethod
    def _cover(out: Any) -> list[Any]:
        stream = out.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuvj420p"
        stream.disposition = Disposition.attached_pic
        frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
        frame.pts = 0
        return [*stream.encode(frame), *stream.encode()]


def scenes(size: tuple[int, int], count: int, seed: int) -> Iterator[Picture]:
    """Blocks of all colours that move."""
    width, height = size
    random = np.random.default_rng(seed)
    scene = random.integers(0, 255, (height // 8 + 1, width // 8 + 1, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    for number in range(count):
        yield np.ascontiguousarray(np.roll(scene, (number, 3 * number), (0, 1))[:height, :width])


Make = Callable[[Path], Path]
"""Writes a file; what it gives is the file in which the frames are as they should be."""


def turned(path: Path) -> Path:
    """Held upright by its header, as phones write it."""
    data = bytearray(Clip().write(path).read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    data[at : at + 36] = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def damaged(path: Path, how: Callable[[bytearray], bytearray], clip: Clip) -> Path:
    """A file with something done to its bytes."""
    whole = clip.write(path.with_name(f"whole-{path.name}"))
    path.write_bytes(how(bytearray(whole.read_bytes())))
    return whole


def cut_off(data: bytearray) -> bytearray:
    """Six tenths of it."""
    return data[: len(data) * 6 // 10]


def emptied(data: bytearray) -> bytearray:
    """Zeros in the middle, where a download left a hole."""
    at = len(data) // 2
    data[at : at + 800] = bytes(800)
    return data


def flipped(data: bytearray) -> bytearray:
    """A few bits in its second half."""
    for at in np.random.default_rng(3).integers(len(data) // 2, len(data) * 9 // 10, 4):
        data[at] ^= 4
    return data


def unknown(data: bytearray) -> bytearray:
    """In a codec that nobody has."""
    return data.replace(b"avc1", b"zzz1")


def joined(path: Path, second: Clip) -> Path:
    """Two recordings, one behind the other."""
    path.write_bytes(Clip().write(path).read_bytes() + second.write(path.with_name("second.ts")).read_bytes())
    return path


def sound(path: Path) -> Path:
    """No pictures."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        out.mux([*stream.encode(frame), *stream.encode()])
    return path


def text(path: Path, content: str) -> Path:
    """Words."""
    path.write_text(content)
    return path


def folder(path: Path) -> Path:
    """A directory."""
    path.mkdir()
    return path


JITTER = tuple(int(t) for t in np.cumsum(np.random.default_rng(1).choice([10, 20, 25, 120, 600], 40)))
VP9, FRONT = {"g": "12", "deadline": "realtime", "cpu-used": "8"}, {"movflags": "faststart"}
MPEG2 = Clip(codec="mpeg2video", options={"g": "12", "bf": "2"}, base=Fraction(1, 30), starts=range(40))
HEVC = {"x265-params": "keyint=12:bframes=3:log-level=none"}
AV1 = {"g": "12", "preset": "12"}

READABLE: dict[str, Make] = {
    "b-frames.mp4": Clip().write,
    "variable-rate.mp4": Clip(starts=JITTER).write,
    "variable-rate.mkv": Clip(starts=JITTER).write,
    "edit-list.mp4": Clip(shift=220).write,
    "open-gop.mp4": Clip(options={**H264, "x264-params": "open-gop=1"}).write,
    "gradual-refresh.mp4": Clip(options={"g": "10", "bf": "0", "x264-params": "intra-refresh=1"}).write,
    "starts-late.mkv": Clip(starts=range(900, 1700, 20)).write,
    "rotated.mp4": turned,
    "wide-pixels.mp4": Clip(aspect=Fraction(4, 3)).write,
    "10-bit-hevc.mp4": Clip(codec="libx265", pix_fmt="yuv420p10le", options=HEVC).write,
    "hevc.mkv": Clip(codec="libx265", options=HEVC).write,
    "vp8.webm": Clip(codec="libvpx", options=VP9).write,
    "vp9.webm": Clip(codec="libvpx-vp9", options=VP9).write,
    "av1.mp4": Clip(codec="libsvtav1", options=AV1).write,
    "h264.avi": Clip().write,
    "mpeg4.avi": Clip(codec="mpeg4", options={"g": "12"}).write,
    "motion-jpeg.avi": Clip(codec="mjpeg", pix_fmt="yuvj420p", options={}).write,
    "broadcast.ts": Clip().write,
    "starts-twice.ts": partial(joined, second=Clip()),
    "mpeg2.mpg": MPEG2.write,
    "interlaced.mp4": Clip(options={**H264, "flags": "+ilme+ildct"}).write,
    "grey.mp4": Clip(pix_fmt="gray").write,
    "full-range.mp4": Clip(pix_fmt="yuvj420p").write,
    "alpha.mov": Clip(codec="qtrle", pix_fmt="argb", options={"g": "12"}).write,
    "alpha.webm": Clip(codec="libvpx-vp9", pix_fmt="yuva420p", options={**VP9, "auto-alt-ref": "0"}).write,
    "with-cover.mp4": Clip(cover=True).write,
    "two-videos.mkv": Clip(videos=2).write,
    "no-duration.mkv": Clip(muxer={"live": "1"}).write,
    "fragments.mp4": Clip(muxer={"movflags": "frag_keyframe+empty_moov"}).write,
    "no-container.h264": Clip().write,
    "moving.gif": Clip(codec="gif", pix_fmt="rgb8", options={}).write,
    "odd-size.mp4": Clip(size=(97, 63), pix_fmt="yuv444p").write,
    "one-pixel.mkv": Clip(codec="ffv1", size=(1, 1), pix_fmt="yuv444p", options={}, starts=(0,)).write,
    "8k.mp4": Clip(size=(7680, 4320), options={"preset": "ultrafast"}, starts=(0,)).write,
    "30-hours.mkv": Clip(size=(32, 32), starts=range(0, 1800 * 36000, 36000)).write,
}
"""Name -> a file all of whose frames can be had."""

DAMAGED: dict[str, Make] = {
    "cut-off.mp4": partial(damaged, how=cut_off, clip=Clip(muxer=FRONT)),
    "cut-off.mkv": partial(damaged, how=cut_off, clip=Clip()),
    "cut-off.avi": partial(damaged, how=cut_off, clip=Clip(codec="mpeg4", options={"g": "12"})),
    "cut-off.ts": partial(damaged, how=cut_off, clip=Clip()),
    "hole.mp4": partial(damaged, how=emptied, clip=Clip(muxer=FRONT)),
    "hole.mkv": partial(damaged, how=emptied, clip=Clip()),
    "changes-size.ts": partial(joined, second=Clip(size=(64, 48), starts=range(880, 1680, 20))),
}
"""Name -> a file some of whose frames can be had."""

FLIPPED: dict[str, Make] = {"flipped-bits.mp4": partial(damaged, how=flipped, clip=Clip(muxer=FRONT))}
"""Damage that a codec may hide without a word: its frames need not be exact."""

UNREADABLE: dict[str, Make] = {
    "no-index.mp4": partial(damaged, how=cut_off, clip=Clip()),
    "unknown-codec.mp4": partial(damaged, how=unknown, clip=Clip()),
    "endless.mkv": Clip(starts=(0, 600 * 10**7)).write,
    "sound.m4a": sound,
    "page.mp4": partial(text, content="<!doctype html><html><body>404 Not Found</body></html>\n" * 20),
    "playlist.mp4": partial(text, content="#EXTM3U\n#EXTINF:9,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n"),
    "empty.mp4": partial(text, content=""),
    "folder.mp4": folder,
}
"""Name -> a file that is no video or has no frame that can be had."""

ODD = {**READABLE, **DAMAGED, **FLIPPED, **UNREADABLE}


@dataclass(kw_only=True)
class Outcome:
    """What a decoder did with a file: numbers of frames."""

    exact: int = 0
    near: int = 0
    """The right frame with its colours spread over the pixels in another way."""
    wrong: int = 0
    errors: int = 0
    said: str = ""
    """The first error, or why the file as a whole is refused."""

    def __str__(self) -> str:
        """As in the table."""
        found = (f"{n} {word}" for word, n in vars(self).items() if n and word != "said")
        return "; ".join(filter(None, (", ".join(found), self.said)))


def sequential(path: Path) -> Truth:
    """A plain decode of the first video that is no cover."""
    with av.open(str(path)) as container:
        stream = next(s for s in container.streams.video if not s.disposition & Disposition.attached_pic)
        stream.codec_context.thread_count = 1
        return [
            (f.time or 0.0, np.rot90(np.asarray(f.to_ndarray(format="rgb24")), round(f.rotation / 90)))
            for f in container.decode(stream)
        ]


def read(decoder: str, info: VideoInfo) -> Iterator[tuple[int, Picture | VideoError]]:
    """All frames of a video at their own size, decoded in a child process."""
    size = info.width, info.height
    places = {Frame(video=info.path, time=time, size=size): place for place, time in enumerate(info.times.tolist())}
    for frame, image in pictures(decoder, info, list(places)):
        yield places[frame], image if isinstance(image, VideoError) else np.asarray(image)


def judge(path: Path, whole: Path, decoder: str) -> Outcome:
    """Read all frames of a file and compare each with that of the whole one."""
    try:
        info = probe(str(path))
    except VideoError as error:
        return Outcome(said=str(error))
    truth, outcome = sequential(whole), Outcome(said=info.broken or "")
    times = np.array([time for time, _ in truth])
    for index, picture in read(decoder, info):
        if isinstance(picture, VideoError):
            outcome.errors += 1
            outcome.said = outcome.said or str(picture)
            continue
        place = index if len(truth) == len(info.times) else int(np.abs(times - info.times[index]).argmin())
        right = truth[place][1]
        if picture.shape == right.shape and np.array_equal(picture, right):
            outcome.exact += 1
        elif picture.shape == right.shape and difference(picture, right) <= NEAR:
            outcome.near += 1
        else:
            outcome.wrong += 1
    return outcome


def difference(left: Picture, right: Picture) -> float:
    """Of two pictures, in brightness, on the mean."""
    return float(np.abs((left.astype(float) - right) @ np.array(BRIGHTNESS)).mean())


def main() -> None:
    """Make them all and print the table."""
    from rich.console import Console
    from rich.table import Table

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decoders", nargs="+", default=["pyav", "decord"])
    names = parser.parse_args().decoders
    av.logging.set_level(None)
    try:
        decoders = {name: plugins.load("harness.decoders", name)() for name in names}
    except HarnessError as error:
        raise SystemExit(str(error)) from error
    table = Table("video", *(f"{name} ({decoder.software})" for name, decoder in decoders.items()))
    with tempfile.TemporaryDirectory() as scratch:
        for name, make in ODD.items():
            path = Path(scratch) / name
            whole = make(path)
            outcomes = [judge(path, whole, decoder) for decoder in names]
            table.add_row(name, *(str(outcome).replace(f"{scratch}/", "") for outcome in outcomes))
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
