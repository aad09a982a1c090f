"""Damage small videos in many ways and read each as a run does: frames or one clear error, whatever is done to them.

python tests/faults/mutants.py --count 1000
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import resource
import struct
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np

from harness import guarded, prompt
from harness.errors import VideoError
from harness.frames import Frames
from harness.records import Frame, Sample
from harness.shapes import clip, render

SOURCES = {
    "a.mp4": "libx264",
    "b.mkv": "libx264",
    "c.webm": "libvpx-vp9",
    "d.avi": "mpeg4",
    "e.mov": "mjpeg",
    "f.ts": "mpeg2video",
    "g.mp4": "libx265",
}
"""Containers and codecs; those that are not built in are left out."""

SIZE, COUNT = (64, 48), 40
"""Width and height, and number of frames, of the videos that are damaged."""

ROOM = 256 << 20
"""Bytes by which this process may grow."""

CLOCKS = (
    *(b"mvhd", b"mdhd", b"tkhd", b"stts", b"stsz", b"elst", b"ctts", b"stsc", b"stco", b"stss", b"avih", b"strh"),
    *(b"\x44\x89", b"\x2a\xd7\xb1", b"\x23\xe3\x83"),
)
"""What stands before numbers that tell how long a video is: atoms of MP4, chunks of AVI, elements of Matroska."""

Mutation = Callable[[bytearray, random.Random], bytes | bytearray]


def write(path: Path, codec: str, seed: int) -> bool:
    """A small synthetic video; whether there is an encoder for it."""
    made = clip.make(seed)
    try:
        with av.open(str(path), "w") as out:
            stream: Any = out.add_stream(codec, rate=24)
            stream.width, stream.height = SIZE
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            if codec in ("libx264", "libx265"):
                stream.options = {"g": "12", "preset": "ultrafast", "x265-params": "log-level=none:pools=1"}
            for number in range(COUNT):
                picture = np.ascontiguousarray(render.frame(made, number / 10, SIZE))
                out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            out.mux(stream.encode())
    except (av.FFmpegError, ValueError):
        return False
    return True


def flips(data: bytearray, rng: random.Random) -> bytearray:
    """One to a few hundred bits turned round."""
    for _ in range(rng.choice((1, 5, 50, 300))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return data


def truncated(data: bytearray, rng: random.Random) -> bytearray:
    """The front of it."""
    return data[: rng.randrange(1, len(data))]


def headless(data: bytearray, rng: random.Random) -> bytearray:
    """Noise where its first bytes, or its last, say what it is."""
    count = min(rng.choice((4, 16, 64, 512)), len(data))
    at = rng.choice((0, len(data) - count))
    data[at : at + count] = rng.randbytes(count)
    return data


def huge(data: bytearray, rng: random.Random) -> bytes:
    """Width and height, wherever they are written, are beyond all sense."""
    big, found = rng.choice((0, 1, 16384, 32767, 65535)), bytes(data)
    for number in SIZE:
        for form in (">H", "<H", ">I", "<I"):
            found = found.replace(struct.pack(form, number), struct.pack(form, big))
        found = found.replace(struct.pack(">I", number << 16), struct.pack(">I", big << 16))
    return found


def endless(data: bytearray, rng: random.Random) -> bytearray:
    """Counts, times and durations in the headers are as large as they can be."""
    found = [at for name in CLOCKS if (at := data.find(name)) >= 0]
    for at in found:
        where = at + 4 * rng.randrange(1, 7)
        data[where : where + 4] = rng.choice((b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0", b"\0\xff\xff\xff"))
    return data


def holes(data: bytearray, rng: random.Random) -> bytearray:
    """A stretch of it is zeros."""
    at, count = rng.randrange(len(data)), rng.randrange(1, len(data))
    data[at : at + count] = bytes(len(data[at : at + count]))
    return data


def shuffled(data: bytearray, rng: random.Random) -> bytearray:
    """Two pieces change their places, or one comes twice."""
    a, b, c = sorted(rng.randrange(len(data)) for _ in range(3))
    return data[:a] + data[b:c] + data[a:b] + data[rng.choice((b, c)) :]


def noise(data: bytearray, rng: random.Random) -> bytes:
    """Nothing, or nothing of it."""
    return rng.choice((b"", rng.randbytes(len(data)), bytes(len(data)), b"<html>404</html>", bytes(data[:12])))


MUTATIONS: dict[str, Mutation] = {
    "bit flips": flips,
    "truncated": truncated,
    "wrong header": headless,
    "huge pictures": huge,
    "endless": endless,
    "holes": holes,
    "out of order": shuffled,
    "no video": noise,
    "wrong extension": lambda data, rng: data,
}


@dataclass
class Tally:
    """What became of the mutants of one kind."""

    outcomes: Counter[str] = field(default_factory=Counter)
    said: set[str] = field(default_factory=set)
    slowest: float = 0.0


def read(path: Path) -> tuple[str, str]:
    """Open it and fetch frames as a run does: the outcome, and what was said."""

    async def run() -> None:
        view = await frames.view(sample, "uniform:8", "qwen2_5_vl", 64 * 28 * 28)
        asked = [part for part in prompt.show(view) if isinstance(part, Frame)]
        await frames.get(asked)

    sample = Sample(id="q", item="q", kind="what", video=str(path), question="?")
    with closing(Frames(threads=1, partial=True)) as frames:
        try:
            asyncio.run(run())
            return "decoded", ""
        except VideoError as error:
            text = str(error)
    caught = ("ended the process", "came to nothing within", "GiB of memory")
    if any(words in text for words in caught):
        return "child lost", text
    return "fault" if re.search(r"failed \(\w+ in ", text) else "refused", text


def mutants(count: int, seed: int, patience: float) -> dict[str, Tally]:
    """Read so many; the kinds, containers and codecs take turns."""
    guarded.PATIENCE = patience
    tallies: defaultdict[str, Tally] = defaultdict(Tally)
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        sources = [Path(folder) / name for name, codec in SOURCES.items() if write(Path(folder) / name, codec, seed)]
        wholes = {path: path.read_bytes() for path in sources}
        for number in range(count):
            kind = list(MUTATIONS)[number % len(MUTATIONS)]
            source = sources[number // len(MUTATIONS) % len(sources)]
            suffix = (
                rng.choice((".mp4", ".avi", ".mkv", ".jpg", ".txt")) if kind == "wrong extension" else source.suffix
            )
            path = source.with_name(f"mutant{number}{suffix}")
            path.write_bytes(MUTATIONS[kind](bytearray(wholes[source]), rng))
            began = time.monotonic()
            outcome, said = read(path)
            tally = tallies[kind]
            tally.outcomes[outcome] += 1
            tally.slowest = max(tally.slowest, time.monotonic() - began)
            if outcome in ("child lost", "fault") or "\n" in said or (said and str(path) not in said):
                tally.said.add(f"{source.name}: {said.replace(folder, '')}")
            path.unlink()
    return tallies


def main() -> None:
    """Print a row for each kind; exit 1 when one came to an error that is not meant, or this process grew."""
    from rich.console import Console
    from rich.table import Table

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--patience", type=float, default=20.0, help="seconds until a child that hangs is ended")
    asked = parser.parse_args()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tallies = mutants(asked.count, asked.seed, asked.patience)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    columns = ("decoded", "refused", "child lost", "fault")
    table = Table("mutation", "tried", *columns, "survived", "slowest, s")
    for kind, tally in tallies.items():
        tried = tally.outcomes.total()
        table.add_row(kind, str(tried), *(str(tally.outcomes[c]) for c in columns), str(tried), f"{tally.slowest:.1f}")
    total = sum((tally.outcomes for tally in tallies.values()), Counter[str]())
    table.add_row("all", str(total.total()), *(str(total[c]) for c in columns), str(total.total()), "")
    table.caption = f"this process grew by {grown >> 20} MiB"
    Console(width=120).print(table)
    for kind, tally in tallies.items():
        for said in sorted(tally.said):
            sys.stdout.write(f"{kind}: {said}\n")
    if grown > ROOM or total["fault"]:
        sys.exit(f"{total['fault']} faults; this process grew by {grown >> 20} MiB and may by {ROOM >> 20}")


if __name__ == "__main__":
    main()
