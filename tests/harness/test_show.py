"""How frames are shown: as images, as a video, as a video without times; and what a run keeps of that."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness import prompt
from harness.engines import check
from harness.errors import EngineError
from harness.families import FAMILIES
from harness.frames import Frames
from harness.records import Clip, Frame, Request, Sample, View

SEEN = View(video="v", times=(0.0, 1.5, 4.0), duration=5, width=64, height=64, size=(56, 56), family="qwen2_5_vl")
FRAMES = tuple(Frame(video="v", time=time, size=(56, 56)) for time in SEEN.times)


def of(video: str) -> Sample:
    return Sample(id="q", item="q", kind="what", video=video, question="?")


def test_a_video_has_true_times_and_the_released_one_has_none() -> None:
    [video] = prompt.show(replace(SEEN, show="video"))
    [released] = prompt.show(replace(SEEN, show="released"))
    assert video == Clip(frames=FRAMES)
    assert released == Clip(frames=FRAMES, pace=2.0)
    assert video.times == SEEN.times
    assert released.times == (0.0, 0.5, 1.0)
    assert FAMILIES["qwen2_5_vl"].steps(released, 2) == [0, 2], "a second from pair to pair, as without metadata"


def test_a_request_is_known_by_how_it_is_shown() -> None:
    requests = [Request(parts=(*prompt.show(replace(SEEN, show=show)), "?")) for show in prompt.SHOWS]
    assert len({request.key for request in requests}) == 3
    assert [len(prompt.frames(request)) for request in requests] == [3, 0, 0]
    assert [len(prompt.clips(request)) for request in requests] == [0, 1, 1]
    assert [[entry["type"] for entry in prompt.messages(request)[0]["content"]] for request in requests[1:]] == [
        ["video", "text"]
    ] * 2


def test_an_engine_without_videos_says_so() -> None:
    request = Request(parts=(Clip(frames=FRAMES), "?"))
    with pytest.raises(EngineError, match="takes no videos; use --show images"):
        check(request)
    check(request, clips=True)


@pytest.mark.parametrize("show", prompt.SHOWS)
def test_a_run_keeps_how_frames_were_shown(run: Callable[..., Any], tmp_path: Path, show: str) -> None:
    assert run("--show", show, "--family", "qwen3_vl").code == 0
    told = json.loads((tmp_path / "run/run.json").read_text())
    assert told["settings"]["tasks"][0]["show"] == show
    records = [json.loads(line) for line in (tmp_path / "run/records.jsonl").read_text().splitlines()]
    assert {record["view"]["show"] for record in records} == {show}


def test_the_size_of_a_video_counts_all_its_frames(data: Path) -> None:
    """Qwen3-VL enlarges a small image, but not the frames of a video that has pixels enough in all."""
    video = str(next(data.rglob("*.mp4")))

    async def sizes() -> list[tuple[int, int]]:
        frames = Frames()
        try:
            return [
                (await frames.view(of(video), "uniform:4", "qwen3_vl", 1 << 20, show)).size for show in prompt.SHOWS
            ]
        finally:
            frames.close()

    image, film, released = asyncio.run(sizes())
    assert film == released
    assert image[0] * image[1] >= 65536 > film[0] * film[1]
