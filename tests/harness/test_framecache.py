"""What was stored comes back bit for bit, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from harness.framecache import FrameCache, identity, key
from harness.geometry import Box
from harness.records import Frame
from harness.video import Pixels

KEY = "ab" * 32


def noise(seed: int, height: int = 20, width: int = 30) -> Pixels:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)


def entry(folder: Path) -> Path:
    (path,) = folder.rglob("*.zst")
    return path


def test_a_frame_comes_back_bit_for_bit(tmp_path: Path) -> None:
    cache = FrameCache(tmp_path / "c", 10**6)
    assert cache.load(KEY) is None
    cache.store(KEY, noise(1))
    again = FrameCache(tmp_path / "c", 10**6).load(KEY)
    assert again is not None
    assert np.array_equal(again, noise(1))


@pytest.mark.parametrize("at", [0, 5, 9, 13, 40, 300, -1])
def test_a_changed_byte_is_noticed(at: int, tmp_path: Path) -> None:
    cache = FrameCache(tmp_path, 10**6)
    cache.store(KEY, noise(1))
    data = bytearray(entry(tmp_path).read_bytes())
    data[at] ^= 0x10
    entry(tmp_path).write_bytes(data)
    assert cache.load(KEY) is None
    assert not list(tmp_path.rglob("*.zst"))


@pytest.mark.parametrize("length", [0, 3, 16, 17, 100])
def test_a_torn_entry_is_noticed(length: int, tmp_path: Path) -> None:
    cache = FrameCache(tmp_path, 10**6)
    cache.store(KEY, noise(1))
    entry(tmp_path).write_bytes(entry(tmp_path).read_bytes()[:length])
    assert cache.load(KEY) is None


def test_the_folder_stays_below_its_limit_and_keeps_what_was_used_last(tmp_path: Path) -> None:
    cache = FrameCache(tmp_path, 10 * 2000)
    names = [f"{i:02d}" * 32 for i in range(30)]
    for age, name in enumerate(names):
        cache.store(name, noise(age))
        for path in tmp_path.rglob(f"{name}.zst"):
            os.utime(path, (age, age))
        if age:
            assert cache.load(names[0]) is not None
        assert sum(p.stat().st_size for p in tmp_path.rglob("*.zst")) <= 10 * 2000
    assert cache.load(names[1]) is None
    assert cache.load(names[-2]) is not None


def test_a_cache_that_cannot_be_written_is_warned_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = FrameCache(tmp_path / "file", 10**6)
    cache.store(KEY, noise(1))
    cache.store(KEY, noise(2))
    assert cache.load(KEY) is None
    assert len(caplog.records) == 1


def test_the_key_changes_with_the_file_and_with_what_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    path.write_bytes(b"1")
    before = identity(str(path), "av 1")
    (tmp_path / "link.mp4").symlink_to(path)
    assert identity(str(tmp_path / "link.mp4"), "av 1") == before
    assert identity(str(path), "av 2") != before
    path.write_bytes(b"12")
    assert identity(str(path), "av 1") != before
    frames = [
        Frame(video="v", time=time, size=size, crop=crop)
        for time in (1.0, 1.5)
        for size in ((28, 56), (56, 28))
        for crop in (None, Box(0, 0, 4, 4), Box(0, 0, 4, 5))
    ]
    assert len({key(before, frame) for frame in frames}) == len(frames)
