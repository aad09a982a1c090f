"""Frames arrive as they are in the file, and are decoded once."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

import harness.frames
from harness.errors import UsageError, VideoError
from harness.frames import Frames
from harness.geometry import Box
from harness.prompt import show
from harness.records import Edited, Frame, Request, Sample, View
from harness.video import VideoInfo, probe

WIDTH, HEIGHT = 160, 120


def of(video: str) -> Sample:
    return Sample(id="q", item="q", kind="what", video=video, question="?")


def write(path: Path, count: int = 60) -> str:
    random = np.random.default_rng(count)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=30, options={"g": "20", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        scene = random.integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
        for number in range(count):
            picture = np.ascontiguousarray(np.roll(scene, 4 * number, 1))
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode())
    return str(path)


@pytest.fixture
def video(tmp_path: Path) -> str:
    return write(tmp_path / "clip.mp4")


@pytest.fixture
def frames() -> Iterator[Frames]:
    made = Frames(threads=2)
    yield made
    made.close()


def source(video: str, index: int) -> Image.Image:
    with av.open(video) as container:
        frame = next(f for i, f in enumerate(container.decode(video=0)) if i == index)
        return Image.fromarray(frame.to_ndarray(format="rgb24"))


def wanted(view: View) -> list[Frame]:
    return [part for part in show(view) if isinstance(part, Frame)]


def same(left: Image.Image, right: Image.Image) -> bool:
    return left.mode == right.mode == "RGB" and left.size == right.size and left.tobytes() == right.tobytes()


def get(frames: Frames, *asked: Frame) -> list[Image.Image]:
    return asyncio.run(frames.get(asked))


def test_a_view_says_which_frames_at_which_size(video: str, frames: Frames) -> None:
    view = asyncio.run(frames.view(of(video), "uniform:3", "qwen2_5_vl", 10_000))
    assert view.times == pytest.approx((0, 1, 59 / 30), abs=0.02)
    assert (view.width, view.height, view.size) == (WIDTH, HEIGHT, (112, 84))
    assert view.duration == pytest.approx(2.0)
    with pytest.raises(UsageError):
        asyncio.run(frames.view(of(video), "uniform:none", "qwen2_5_vl", 10_000))


def test_frames_are_resized_with_bicubic(video: str, frames: Frames) -> None:
    whole, small = get(
        frames,
        Frame(video=video, time=17 / 30, size=(WIDTH, HEIGHT)),
        Frame(video=video, time=17 / 30, size=(84, 56)),
    )
    assert same(whole, source(video, 17))
    assert same(small, source(video, 17).resize((84, 56), Image.Resampling.BICUBIC))
    assert frames.decoded == 1


def test_crops_are_cut_from_the_source_frame(video: str, frames: Frames) -> None:
    crop = Frame(video=video, time=1.0, size=(56, 56), crop=Box(100.4, 50, 300, 80.6))
    (image,) = get(frames, crop)
    assert same(image, source(video, 30).crop((100, 50, WIDTH, 81)).resize((56, 56), Image.Resampling.BICUBIC))


@pytest.mark.parametrize(
    "box",
    [
        Box(WIDTH, 0, WIDTH + 50, 50),
        Box(-9, -9, -1, -1),
        Box(20, 20, 20, 40),
        Box(40, 20, 20, 40),
        Box(float("nan"), 0, 20, 40),
        Box(0, 0, float("inf"), 40),
    ],
)
def test_an_empty_crop_is_an_error_of_its_own(box: Box, video: str, frames: Frames) -> None:
    with pytest.raises(VideoError, match="covers nothing of the 160x120 frame at 1 s"):
        get(frames, Frame(video=video, time=1.0, size=(56, 56), crop=box))
    assert len(get(frames, Frame(video=video, time=1.0, size=(56, 56)))) == 1


def test_a_video_is_decoded_once_for_all_questions_and_rollouts(video: str, frames: Frames) -> None:
    async def rollout() -> list[Image.Image]:
        view = await frames.view(of(video), "uniform:16", "qwen2_5_vl", 20_000)
        return await frames.get(wanted(view))

    async def questions() -> list[list[Image.Image]]:
        return await asyncio.gather(*(rollout() for _ in range(5 * 8)))

    images = asyncio.run(questions())
    assert (frames.decoded, frames.passes) == (16, 1)
    assert all(same(a, b) for a, b in zip(images[0], images[-1], strict=True))
    asyncio.run(rollout())
    assert frames.passes == 1


def test_it_is_decoded_once_even_when_memory_holds_nothing(video: str) -> None:
    frames = Frames(memory_bytes=0, threads=2)

    async def questions() -> None:
        view = await frames.view(of(video), "uniform:8", "qwen2_5_vl", 20_000)
        await asyncio.gather(*(frames.get(wanted(view)) for _ in range(5)))

    asyncio.run(questions())
    assert (frames.decoded, frames.passes) == (8, 1)
    frames.close()


def test_memory_is_bounded(video: str) -> None:
    frames = Frames(memory_bytes=4 * 28 * 28 * 4, threads=1)
    asked = [Frame(video=video, time=i / 30, size=(28, 28)) for i in range(6)]
    get(frames, *asked)
    get(frames, *asked[2:])
    assert frames.decoded == 6
    get(frames, *asked[:2])
    assert frames.decoded == 8
    frames.close()


def test_a_second_run_reads_the_disk(video: str, tmp_path: Path) -> None:
    asked = [
        Frame(video=video, time=i / 30, size=(56, 28), crop=Box(0, 0, 80, 40) if i % 2 else None) for i in range(9)
    ]
    first, second = Frames(tmp_path / "cache"), Frames(tmp_path / "cache")
    images = get(first, *asked)
    again = get(second, *asked)
    assert (first.decoded, second.decoded) == (9, 0)
    assert all(same(a, b) for a, b in zip(images, again, strict=True))
    victim = next((tmp_path / "cache").rglob("*.zst"))
    victim.write_bytes(victim.read_bytes()[:-5])
    third = Frames(tmp_path / "cache")
    assert all(same(a, b) for a, b in zip(images, get(third, *asked), strict=True))
    assert third.decoded == 1
    for made in (first, second, third):
        made.close()


def test_another_file_of_that_name_is_decoded_anew(tmp_path: Path) -> None:
    video = write(tmp_path / "clip.mp4", 40)
    asked = Frame(video=video, time=1.0, size=(WIDTH, HEIGHT))
    (old,) = get(Frames(tmp_path / "cache"), asked)
    write(tmp_path / "clip.mp4", 50)
    (new,) = get(Frames(tmp_path / "cache"), asked)
    assert same(new, source(video, 30))
    assert not same(old, new)


def test_a_broken_file_is_tried_once(tmp_path: Path, frames: Frames, monkeypatch: pytest.MonkeyPatch) -> None:
    video = str(tmp_path / "broken.mp4")
    tries: list[str] = []
    Path(video).write_bytes(b"not a video")

    def count(path: str, _: object) -> VideoInfo:
        tries.append(path)
        return probe(path)

    monkeypatch.setattr(harness.frames, "probe", count)

    async def questions() -> list[object]:
        asked = Frame(video=video, time=0.0, size=(28, 28))
        views = [frames.view(of(video), "uniform:4", "qwen2_5_vl", 10_000) for _ in range(3)]
        return await asyncio.gather(*views, *(frames.get([asked]) for _ in range(3)), return_exceptions=True)

    for outcome in [*asyncio.run(questions()), *asyncio.run(questions())]:
        assert isinstance(outcome, VideoError)
        assert "broken.mp4 cannot be read as a video" in str(outcome)
    assert tries == [video]


def test_a_missing_frame_does_not_harm_the_others(video: str, tmp_path: Path, frames: Frames) -> None:
    async def both() -> Sequence[object]:
        good = Frame(video=video, time=0.0, size=(28, 28))
        bad = Frame(video=str(tmp_path / "none.mp4"), time=0.0, size=(28, 28))
        return await asyncio.gather(
            frames.get([good]), frames.get([good, bad]), frames.get([good]), return_exceptions=True
        )

    first, second, third = asyncio.run(both())
    assert isinstance(second, VideoError)
    assert isinstance(first, list)
    assert isinstance(third, list)


def test_who_goes_away_does_not_take_the_frames_along(
    video: str, frames: Frames, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = harness.frames._decode

    def slowly(*words: Any) -> Any:
        time.sleep(0.1)
        return plain(*words)

    monkeypatch.setattr(harness.frames, "_decode", slowly)
    asked = [Frame(video=video, time=1.0, size=(28, 28))]

    async def leave() -> None:
        leaver, stayer = asyncio.create_task(frames.get(asked)), asyncio.create_task(frames.get(asked))
        await asyncio.sleep(0.03)
        leaver.cancel()
        assert len(await stayer) == 1
        assert leaver.cancelled()

    asyncio.run(leave())
    assert frames.passes == 1


def test_a_fault_of_ours_reaches_who_asked(video: str, frames: Frames, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(harness.frames, "_decode", fail)
    with pytest.raises(MemoryError, match="no room"):
        get(frames, Frame(video=video, time=1.0, size=(28, 28)))


def test_what_is_painted_over_is_grey_and_all_else_is_as_it_was(frames: Frames, video: str, tmp_path: Path) -> None:
    shape: dict[str, Any] = {"video": video, "time": 0.5, "size": (WIDTH, HEIGHT)}
    plain, over = Frame(**shape), Edited(**shape, masks=(Box(10.5, 20, 40, 60), Box(-9, -9, 3, 3), Box(900, 0, 999, 9)))
    was, now = (np.asarray(image) for image in asyncio.run(frames.get([plain, over])))
    expected = was.copy()
    expected[20:60, 10:40] = expected[:3, :3] = 128
    assert np.array_equal(now, expected) and not np.array_equal(was, now)
    crop = Edited(**{**shape, "size": (20, 20)}, masks=over.masks, crop=Box(30, 50, 50, 70))
    assert np.array_equal(np.asarray(asyncio.run(frames.get([crop]))[0]), expected[50:70, 30:50])


def test_another_picture_is_shown_at_a_time(frames: Frames, video: str) -> None:
    shape: dict[str, Any] = {"video": video, "size": (WIDTH, HEIGHT)}
    moved, there = asyncio.run(frames.get([Edited(**shape, time=0.5, picture=1.0), Frame(**shape, time=1.0)]))
    assert np.array_equal(np.asarray(moved), np.asarray(there))


def test_the_disk_keeps_what_is_painted_over_apart(video: str, tmp_path: Path) -> None:
    shape: dict[str, Any] = {"video": video, "time": 0.5, "size": (WIDTH, HEIGHT)}
    asked = [Frame(**shape), Edited(**shape, masks=(Box(0, 0, 9, 9),)), Edited(**shape, masks=(Box(0, 0, 8, 8),))]
    for _ in range(2):
        made = Frames(tmp_path / "cache", threads=1)
        pictures = [np.asarray(asyncio.run(made.get([frame]))[0]) for frame in asked]
        made.close()
        assert [int((p[:9, :9] == 128).all(2).sum()) for p in pictures[1:]] == [81, 64]
        assert not (pictures[0][:9, :9] == 128).all()
    assert made.decoded == 0, "the second time all three came from disk"


def test_the_key_of_a_request_that_nothing_was_changed_in_is_what_it_was() -> None:
    request = Request(parts=("a", Frame(video="v", time=1.5, size=(4, 2)), "b"))
    told = {"video": "v", "time": 1.5, "size": [4, 2], "crop": None}
    rest = {"system": None, "n": 1, "first": 0, "temperature": 0.0, "top_p": 1.0, "repetition_penalty": 1.0}
    whole = {"parts": ["a", told, "b"], **rest, "max_tokens": 1024, "seed": 0, "choices": []}
    assert request.key == hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()
    for edit in ({"picture": 2.0}, {"masks": (Box(0, 0, 1, 1),)}):
        assert replace(request, parts=("a", Edited(video="v", time=1.5, size=(4, 2), **edit), "b")).key != request.key
