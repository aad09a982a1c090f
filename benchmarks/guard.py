"""What it costs to read videos in child processes, against reading them in this one; clips are written here.

python benchmarks/guard.py --seconds 40 --repeats 5
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from decode import write
from rich.console import Console
from rich.table import Table

from harness import guarded, pictures, video
from harness.decoders import pyav
from harness.records import Frame
from harness.video import VideoInfo

SIZE = 672, 364
"""What a frame of 720p is shown as within 262,144 pixels."""


def here(path: str, count: int) -> list[object]:
    """Opened and decoded in this process."""
    info = video.probe(path)
    return [image for _, image in pictures.pictures(pyav.read, info, asked(info, count))]


def in_child(path: str, count: int) -> list[object]:
    """The same in a child process."""
    info = guarded.probe(path)
    return [image for _, image in guarded.pictures("pyav", info, asked(info, count))]


def asked(info: VideoInfo, count: int) -> list[Frame]:
    """So many frames, evenly spread."""
    places = np.rint(np.linspace(0, len(info.times) - 1, count)).astype(int)
    return [Frame(video=info.path, time=float(info.times[place]), size=SIZE) for place in places]


def spent() -> tuple[float, float]:
    """Wall seconds, and CPU seconds of this process and the child that is idle."""
    children = [Path(f"/proc/{child.process.pid}/schedstat") for child in guarded.GUARD._idle]
    return time.perf_counter(), time.process_time() + sum(int(each.read_text().split()[0]) / 1e9 for each in children)


def cost(work: Callable[[str, int], list[object]], path: str, count: int) -> tuple[float, float]:
    """What a call costs: wall and CPU seconds."""
    before = spent()
    work(path, count)
    wall, cpu = (after - start for after, start in zip(spent(), before, strict=True))
    return wall, cpu


def main() -> None:
    """Print the least of some repeats; the two ways take turns, so that both see the same machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=40)
    parser.add_argument("--height", type=int, default=720)
    parser.add_argument("--gop", type=int, nargs="+", default=[250, 30])
    parser.add_argument("--frames", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    columns = ("GOP", "frames", "CPU s here", "in a child", "ratio", "wall s here", "in a child", "ratio")
    title = f"Opening and decoding {args.seconds} s of {args.height}p30 H.264, frames at {SIZE[0]}x{SIZE[1]}"
    table = Table(*columns, title=title)
    with tempfile.TemporaryDirectory() as folder:
        for gop in args.gop:
            path = Path(folder) / f"{gop}.mp4"
            write(path, args.seconds, gop, args.height)
            began = time.perf_counter()
            found = in_child(str(path), 2)
            if gop == args.gop[0]:
                table.caption = f"the first call, with the start of a child: {time.perf_counter() - began:.2f} s wall"
            if found != here(str(path), 2):
                raise SystemExit("a child gave other pictures")
            for count in args.frames:
                pairs = [[cost(work, str(path), count) for work in (here, in_child)] for _ in range(args.repeats)]
                plain, guard = ([min(c) for c in zip(*side, strict=True)] for side in zip(*pairs, strict=True))
                cells = [[plain[k], guard[k], guard[k] / plain[k]] for k in (1, 0)]
                table.add_row(str(gop), str(count), *(f"{cell:.3f}" for row in cells for cell in row))
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
