"""Crops of frames that were shown are cut from memory, and are what a pass over the video gives."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import VideoError
from harness.frames import Frames
from harness.geometry import Box
from harness.records import Frame
from harness.shapes import clip, render

SMALL = (56, 56)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, tuple[int, int]]:
    shown, path = clip.make(5), tmp_path_factory.mktemp("wholes") / "clip.mp4"
    render.write(shown, path)
    return str(path), (shown.width, shown.height)


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize(("kept", "passes"), [(0, 2), (1, 2), (2, 1)])
def test_crops_of_frames_that_were_shown_are_not_decoded_again(
    kept: int, passes: int, small: bool, made: tuple[str, tuple[int, int]], tmp_path: Path
) -> None:
    video, whole = made
    frames = Frames(tmp_path / "cache", whole_bytes=kept * 4 * whole[0] * whole[1])
    shown = [Frame(video=video, time=time, size=SMALL if small else whole) for time in (1.0, 2.0)]
    crops = [replace(frame, crop=Box(9, 5, 60 + frame.time, 80)) for frame in shown]

    async def ask() -> list[bytes]:
        await frames.get(shown)
        found = await frames.get(crops)
        with pytest.raises(VideoError, match="covers nothing"):
            await frames.get([replace(shown[0], crop=Box(whole[0], 0, whole[0] + 9, 9))])
        return [image.tobytes() for image in found]

    found = asyncio.run(ask())
    frames.close()
    assert frames.passes == passes
    plain = Frames()
    assert found == [image.tobytes() for image in asyncio.run(plain.get(crops))]
    plain.close()
