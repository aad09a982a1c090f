"""Every frame that `harness.video` gives is the one that a plain decode from the start gives."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

import harness.decoders.pyav
from harness.decoders.pyav import decode, read
from harness.errors import VideoError
from harness.video import Pixels, probe

SIZE = (96, 64)


def write(
    path: Path,
    pts: list[int],
    options: dict[str, str] | None = None,
    codec: str = "libx264",
    base: Fraction = Fraction(1, 600),
    shift: int = 0,
    front: bool = False,
) -> Path:
    """A clip whose pictures all differ; `shift` moves all packets back, as cutting without encoding does."""
    random = np.random.default_rng(7)
    scene = random.integers(0, 255, (SIZE[1] // 8, SIZE[0] // 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    with av.open(str(path), "w", options={"movflags": "faststart"} if front else {}) as out:
        stream = cast(VideoStream, out.add_stream(codec, rate=30, options={"threads": "1", **(options or {})}))
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.codec_context.time_base = base
        packets = []
        for number, at in enumerate(pts):
            picture = np.roll(scene, (number, 3 * number), (0, 1))
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = at, base
            packets += stream.encode(frame)
        for packet in [*packets, *stream.encode()]:
            packet.pts, packet.dts = (packet.pts or 0) - shift, (packet.dts or 0) - shift
            out.mux(packet)
    return path


def sequential(path: Path) -> list[tuple[float, Pixels]]:
    with av.open(str(path)) as container:
        frames = [(f.time, np.asarray(f.to_ndarray(format="rgb24"), np.uint8)) for f in container.decode(video=0)]
    return [(time, picture) for time, picture in frames if time is not None]


STEADY = [20 * i for i in range(300)]
JITTER = [int(x) for x in np.cumsum(np.random.default_rng(1).choice([10, 20, 25, 120, 600], 300))]
FILES = {
    "gop250.mp4": (STEADY, {"g": "250", "bf": "3", "sc_threshold": "0"}),
    "gop12.mp4": (STEADY, {"g": "12", "bf": "3"}),
    "gop1.mp4": (STEADY, {"g": "1"}),
    "short-gops.mp4": (STEADY, {"g": "3", "bf": "2", "keyint_min": "1"}),
    "pyramid.mp4": (STEADY, {"g": "60", "bf": "7", "x264-params": "b-pyramid=normal:ref=5"}),
    "open-gop.mp4": (STEADY, {"g": "24", "bf": "3", "x264-params": "open-gop=1"}),
    "refresh.mp4": (STEADY, {"g": "30", "bf": "0", "x264-params": "intra-refresh=1"}),
    "plain.mp4": (STEADY, {"g": "30", "bf": "0"}),
    "jitter.mp4": (JITTER, {"g": "25", "bf": "3"}),
    "jitter.mkv": (JITTER, {"g": "25", "bf": "3"}),
    "late.mp4": ([900 + t for t in STEADY], {"g": "25", "bf": "3"}),
    "late.mkv": ([900 + t for t in STEADY], {"g": "25", "bf": "3"}),
    "broadcast.ts": (STEADY, {"g": "25", "bf": "3"}),
    "old.avi": (STEADY, {"g": "25", "bf": "3"}),
    "one.mp4": ([0], {}),
}
OTHERS = {
    "hevc.mp4": ("libx265", {"x265-params": "keyint=48:bframes=4:log-level=none"}),
    "vp8.webm": ("libvpx", {"g": "40", "auto-alt-ref": "1", "lag-in-frames": "16"}),
    "vp9.webm": ("libvpx-vp9", {"g": "40", "lag-in-frames": "16", "deadline": "realtime"}),
    "mpeg4.mp4": ("mpeg4", {"g": "40", "bf": "2"}),
    "mpeg2.mpg": ("mpeg2video", {"g": "15", "bf": "2"}),
}


def check(path: Path) -> None:
    """Compare all frames, sparse ones, and the instants between them, with a sequential decode."""
    truth = sequential(path)
    info = probe(str(path))
    assert len(info.times) == len(truth)
    assert (info.width, info.height) == truth[0][1].shape[1::-1]
    assert all(np.array_equal(a, b) for a, (_, b) in zip(decode(str(path), info.times, info), truth, strict=True))
    if path.suffix != ".avi":
        assert list(info.times) == pytest.approx([t for t, _ in truth], abs=1e-9)
    random = np.random.default_rng(3)
    ends = np.append(info.times[1:], info.duration)
    for count in (1, 2, 5, 16, 64):
        chosen = random.integers(0, len(truth), count)
        inside = info.times[chosen] + random.uniform(0, 0.9, count) * (ends - info.times)[chosen]
        pictures = decode(str(path), inside, info)
        assert all(np.array_equal(a, truth[i][1]) for a, i in zip(pictures, chosen, strict=True)), (count, chosen)


@pytest.mark.parametrize("name", FILES)
def test_every_frame_is_exact(name: str, tmp_path: Path) -> None:
    pts, options = FILES[name]
    check(write(tmp_path / name, pts, options))


@pytest.mark.parametrize("name", OTHERS)
def test_other_codecs_are_exact(name: str, tmp_path: Path) -> None:
    codec, options = OTHERS[name]
    if codec not in av.codecs_available:
        pytest.skip(f"this PyAV cannot write {codec}")
    check(write(tmp_path / name, STEADY[:120], options, codec, Fraction(1, 30)))


def test_hidden_frames_of_a_cut_are_not_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "cut.mp4", STEADY, {"g": "60", "bf": "3"}, shift=11 * 20)
    info = probe(str(path))
    assert len(info.times) == 300 - 11
    assert info.times[0] == 0
    check(path)


def test_times_outside_give_the_first_and_the_last_frame(tmp_path: Path) -> None:
    path = str(write(tmp_path / "late.mp4", [900 + t for t in STEADY[:30]]))
    info = probe(path)
    assert info.times[0] == 1.5
    assert info.duration == pytest.approx(2.5)
    assert info.fps == pytest.approx(30)
    first, last = decode(path, [1.5, float(info.times[-1])])
    assert np.array_equal(decode(path, [-3.0])[0], first)
    assert np.array_equal(decode(path, [1e9])[0], last)


def test_a_time_written_with_three_decimals_finds_its_frame(tmp_path: Path) -> None:
    info = probe(str(write(tmp_path / "clip.mp4", STEADY[:90])))
    assert info.on_screen([round(float(t), 3) for t in info.times]) == list(range(90))


@pytest.mark.parametrize(("turn", "matrix"), [(90, (0, 1, -1, 0)), (180, (-1, 0, 0, -1)), (270, (0, -1, 1, 0))])
def test_rotation_is_applied(turn: int, matrix: tuple[int, ...], tmp_path: Path) -> None:
    path = write(tmp_path / "clip.mp4", STEADY[:20])
    upright = sequential(path)[13][1]
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    a, b, c, d = (value << 16 for value in matrix)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    info = probe(str(path))
    picture = decode(str(path), [info.times[13]], info)[0]
    # A track matrix turns clockwise; numpy turns the other way.
    assert np.array_equal(picture, np.rot90(upright, -turn // 90))
    assert (info.height, info.width) == picture.shape[:2]


def test_nothing_is_decoded_that_need_not_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(write(tmp_path / "clip.mp4", STEADY, {"g": "30", "bf": "0", "sc_threshold": "0"}))
    info = probe(path)
    assert len(info.keys) == 10
    seen: list[object] = []
    plain = harness.decoders.pyav._Reader._walk

    def walk(reader: Any, packets: Any) -> Iterator[Any]:
        for found, frame in plain(reader, packets):
            seen.append(found)
            yield found, frame

    monkeypatch.setattr(harness.decoders.pyav._Reader, "_walk", walk)
    assert [index for index, _ in read(info, [0, 91, 93, 240])] == [0, 91, 93, 240]
    assert len(seen) == 1 + 4 + 1


def bad(name: str, folder: Path) -> Path:
    path = folder / name
    if name == "empty.mp4":
        path.write_bytes(b"")
    elif name == "page.mp4":
        path.write_text("<!doctype html><html><body>404 Not Found</body></html>\n" * 20)
    elif name == "playlist.mp4":
        path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{folder}/other.ts\n#EXT-X-ENDLIST\n")
        write(folder / "other.ts", STEADY[:20])
    elif name == "no-index.mp4":
        whole = write(folder / "whole.mp4", STEADY).read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    elif name == "sound.m4a":
        with av.open(str(path), "w") as out:
            stream = out.add_stream("aac", rate=16000)
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate = 16000
            out.mux([*stream.encode(frame), *stream.encode()])
    elif name == "folder.mp4":
        path.mkdir()
    return path


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing.mp4", "there is no video file"),
        ("folder.mp4", "there is no video file"),
        ("empty.mp4", "is empty"),
        ("page.mp4", "cannot be read as a video"),
        ("playlist.mp4", "cannot be read as a video|holds no frames"),
        ("no-index.mp4", "cannot be read as a video"),
        ("sound.m4a", "has no video stream"),
    ],
)
def test_what_is_no_video_is_said_in_a_sentence(name: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=reason) as caught:
        probe(str(bad(name, tmp_path)))
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["front.mp4", "middle.mp4"])
def test_a_damaged_stretch_gives_errors_and_never_wrong_frames(name: str, tmp_path: Path) -> None:
    path = write(tmp_path / name, STEADY, {"g": "30", "bf": "3"}, front=True)
    truth = sequential(path)
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + len(data) // 2
    if name == "middle.mp4":
        data[start : start + 4000] = bytes(4000)
    else:
        del data[start:]
    path.write_bytes(data)
    info = probe(str(path))
    good = 0
    for index, picture in read(info, range(len(info.times))):
        if isinstance(picture, VideoError):
            assert f"{info.times[index]:.3f} s" in str(picture)
        else:
            good += 1
            assert np.array_equal(picture, truth[index][1])
    assert 60 < good < 300
