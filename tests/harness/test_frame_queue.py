"""Frames of many videos at once: who has to wait for whom, and who has not."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

import harness.frames
from harness.frames import Frames
from harness.records import Frame
from harness.shapes import clip, render


@pytest.fixture
def video(tmp_path: Path) -> str:
    render.write(clip.make(5), tmp_path / "clip.mp4")
    return str(tmp_path / "clip.mp4")


HANG = """
import time
from harness.decoders import Decoder

def read(info, indices):
    time.sleep(1000)
    yield from ()

def decoder():
    return Decoder(software="none", read=read)
"""


def test_closing_does_not_wait_for_a_decoder_that_hangs(video: str, tmp_path: Path) -> None:
    (tmp_path / "hang.py").write_text(HANG)
    frames = Frames(decoder=str(tmp_path / "hang.py"))

    async def ask() -> None:
        await asyncio.wait_for(frames.get([Frame(video=video, time=1.0, size=(28, 28))]), 2)

    with pytest.raises(TimeoutError):
        asyncio.run(ask())
    begun = time.monotonic()
    frames.close()
    assert time.monotonic() - begun < 10


def test_frames_that_are_decoded_do_not_wait_for_those_of_other_videos(
    tmp_path: Path, video: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    videos = [str(shutil.copy(video, tmp_path / f"{number}.mp4")) for number in range(4)]
    frames, plain = Frames(tmp_path / "cache", threads=1), harness.frames._decode
    decoded: list[None] = []
    seen: dict[str, int] = {}

    def slowly(*words: Any) -> Any:
        time.sleep(0.2)
        decoded.append(None)
        return plain(*words)

    monkeypatch.setattr(harness.frames, "_decode", slowly)

    async def one(name: str) -> None:
        await frames.get([Frame(video=name, time=1.0, size=(28, 28))])
        seen[name] = len(decoded)

    async def all_of_them() -> None:
        await asyncio.gather(*map(one, videos))

    asyncio.run(all_of_them())
    frames.close()
    assert len(decoded) == 4 and min(seen.values()) < 4
