"""Time our decoding against a plain sequential one and against other decoders, on a clip written here.

python benchmarks/decode.py --seconds 40 --frames 16 64

All of them give the same pictures, or the benchmark stops. decord and OpenCV take part where they are installed.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from harness.decoders.pyav import decode
from harness.video import VideoInfo, probe

Picture = NDArray[np.uint8]


def write(path: Path, seconds: int, gop: int, height: int) -> None:
    """Write a 30 frames-a-second H.264 clip of a noisy scene that pans."""
    width = height * 16 // 9 // 2 * 2
    random = np.random.default_rng(0)
    scene = random.integers(0, 255, (height // 8, width // 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    scene = np.pad(scene, ((0, height - scene.shape[0]), (0, width - scene.shape[1]), (0, 0)), mode="edge")
    with av.open(str(path), "w") as out:
        stream = out.add_stream(
            "libx264", rate=30, options={"g": str(gop), "bf": "3", "sc_threshold": "0", "preset": "veryfast"}
        )
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(30 * seconds):
            picture = np.ascontiguousarray(np.roll(scene, (number // 3, 2 * number), (0, 1)))
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode())


def sequential(info: VideoInfo, times: Sequence[float]) -> list[Picture]:
    """Decode everything up to the last frame that is wanted."""
    wanted, found = set(info.on_screen(times)), []
    with av.open(info.path) as container:
        container.streams.video[0].codec_context.thread_count = 1
        for index, frame in enumerate(container.decode(video=0)):
            if index in wanted:
                found.append(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))
            if index >= max(wanted):
                break
    return found


def naive(info: VideoInfo, times: Sequence[float]) -> list[Picture]:
    """Seek before every frame and decode up to it."""
    found = []
    with av.open(info.path) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        for tick in info.ticks[info.on_screen(times)]:
            container.seek(int(tick), stream=stream)
            frame = next(f for f in container.decode(stream) if f.pts is not None and f.pts >= tick)
            found.append(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))
    return found


def ours(info: VideoInfo, times: Sequence[float]) -> list[Picture]:
    """`harness.decoders.pyav.decode`."""
    return decode(info.path, times, info)


def decord(info: VideoInfo, times: Sequence[float]) -> list[Picture]:
    """decord's own way to several frames at once."""
    from decord import VideoReader

    return [*VideoReader(info.path, num_threads=1).get_batch(info.on_screen(times)).asnumpy()]


def opencv(info: VideoInfo, times: Sequence[float]) -> list[Picture]:
    """OpenCV's way: a seek before every frame."""
    import cv2

    found, video = [], cv2.VideoCapture(info.path, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    for index in info.on_screen(times):
        video.set(cv2.CAP_PROP_POS_FRAMES, index)
        found.append(cv2.cvtColor(video.read()[1], cv2.COLOR_BGR2RGB))
    return [np.asarray(picture, np.uint8) for picture in found]


METHODS: dict[str, Callable[[VideoInfo, Sequence[float]], list[Picture]]] = {
    "sequential": sequential,
    "seek each": naive,
    **({"decord": decord} if find_spec("decord") else {}),
    **({"OpenCV": opencv} if find_spec("cv2") else {}),
    "harness": ours,
}
"""Name -> what decodes the frames on screen at some times; each uses one thread."""


def main() -> None:
    """Print CPU seconds and ratios for each spacing of keyframes and number of frames."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=40)
    parser.add_argument("--height", type=int, default=720)
    parser.add_argument("--gop", type=int, nargs="+", default=[250, 30])
    parser.add_argument("--frames", type=int, nargs="+", default=[16, 64])
    args = parser.parse_args()
    title = f"CPU seconds, {args.seconds} s of {args.height}p30 H.264"
    others = [f"{name} / harness" for name in METHODS if name != "harness"]
    table = Table("GOP", "frames", "probe", *METHODS, *others, title=title)
    for gop in args.gop:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "clip.mp4"
            write(path, args.seconds, gop, args.height)
            for count in args.frames:
                table.add_row(str(gop), str(count), *measure(str(path), count))
    Console(width=160).print(table)


def measure(path: str, count: int) -> list[str]:
    """The cells of a row; stops when the methods do not give the same pictures."""
    began = time.process_time()
    info = probe(path)
    cost = {"probe": time.process_time() - began}
    times = info.times[np.rint(np.linspace(0, len(info.times) - 1, count)).astype(int)].tolist()
    pictures = {}
    for name, method in METHODS.items():
        began = time.process_time()
        pictures[name] = method(info, times)
        cost[name] = time.process_time() - began
    for name in METHODS:
        if not all(map(np.array_equal, pictures[name], pictures["sequential"])):
            raise SystemExit(f"{name} gave other pictures than a sequential decode")
    ratios = [cost[name] / cost["harness"] for name in METHODS if name != "harness"]
    return [*(f"{seconds:.2f}" for seconds in cost.values()), *(f"{ratio:.1f}x" for ratio in ratios)]


if __name__ == "__main__":
    main()
