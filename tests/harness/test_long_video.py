"""A long video: memory is that of the frames that are shown, not of the video."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

WIDTH, HEIGHT, SECONDS = 320, 240, 3600
WHOLE = WIDTH * HEIGHT * 3 * SECONDS
"""Bytes of all frames of the clip: 829 MB."""

MEASURE = """
import asyncio, json, resource, sys
from harness import prompt
from harness.frames import Frames
from harness.records import Sample

def of(video):
    return Sample(id="q", item="q", kind="what", video=video, question="?")

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

async def main(path, recipe):
    frames = Frames(memory_bytes=0, threads=1)
    await frames.view(of(sys.argv[2]), recipe, "qwen2_5_vl", 64 * 28 * 28)
    before = peak()
    view = await frames.view(of(path), recipe, "qwen2_5_vl", 64 * 28 * 28)
    wanted = [part for part in prompt.show(view) if not isinstance(part, str)]
    images = await frames.get(wanted)
    shown = sum(4 * image.width * image.height for image in images)
    print(json.dumps([len(images), shown, peak() - before, view.duration]))
    frames.close()

asyncio.run(main(sys.argv[1], sys.argv[3]))
"""


def write(path: Path, seconds: int) -> Path:
    """A clip of one frame a second."""
    import av
    import numpy as np

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=1, options={"preset": "ultrafast", "g": "60"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        for second in range(seconds):
            picture[:16] = second % 256
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("long") / "hour.mp4", SECONDS)


@pytest.mark.parametrize("count", [64, 512])
def test_an_hour_takes_the_memory_of_its_shown_frames(hour: Path, tmp_path: Path, count: int) -> None:
    short = write(tmp_path / "short.mp4", 3)
    command = [sys.executable, "-c", MEASURE, str(hour), str(short), f"uniform:{count}"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    number, shown, grown, duration = json.loads(said)
    assert number == count and duration == pytest.approx(SECONDS)
    assert grown < 1.5 * shown + 40e6 < WHOLE / 2
