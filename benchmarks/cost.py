"""What the benchmarks of cost share: clips, contenders in processes of their own that take turns, and one table.

A contender starts its engine, answers a question to warm up, and then does the same work as often as it is told to. Its
clock runs from the first question to the last score, with the engine loaded.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from harness.engines import vllm
from harness.plan import load

Said = dict[str, list[str]]
"""Sample -> the texts of its rollouts."""


@dataclass(kw_only=True)
class Work:
    """What a pass over all questions took."""

    seconds: float = 0.0
    cpu: float = 0.0
    """Seconds of all cores, engine included."""
    decoded: int = 0
    """Times that a video was gone through."""
    calls: int = 0
    """Requests that the engine was asked."""
    tokens: int = 0
    """Generated, by rollouts."""
    prompt_tokens: int = 0
    """Of the prompts of all rollouts."""
    said: Said = field(default_factory=dict)


class Contender(Protocol):
    """One way to get the work done; made with the flags and the folder of the data."""

    async def start(self) -> None:
        """Load the model and warm up."""
        ...

    async def forget(self) -> None:
        """Empty the caches of the engine."""
        ...

    async def answer(self, folder: Path) -> Work:
        """Do the work once; `folder` is empty and its own."""
        ...

    async def close(self) -> None:
        """End the engine."""
        ...


Make = Callable[[Namespace, Path], Contender]


def flags(about: str | None, **defaults: Any) -> argparse.ArgumentParser:
    """The flags that all benchmarks of cost have, with some of their defaults."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="nano", help="a shipped name or a folder")
    parser.add_argument("--task", default="videomme", help="videomme asks three questions a video, vstar five")
    parser.add_argument("--videos", type=int, default=4)
    parser.add_argument("--seconds", type=int, default=20, help="length of a video")
    parser.add_argument("--height", type=int, default=360, help="of a video in pixels")
    parser.add_argument("-n", type=int, default=8, help="rollouts a question")
    parser.add_argument("--voter", default="confidence", help="confidence is by relevance")
    parser.add_argument("--rounds", type=int, default=3, help="passes of each contender")
    parser.add_argument("--max-tokens", type=int, default=320, help="of a rollout")
    parser.add_argument("--frames", help="as of harness run")
    parser.add_argument("--max-pixels", type=int, help="of a frame")
    parser.add_argument("--engine-option", action="append", default=[], metavar="KEY=VALUE", help="of every contender")
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    parser.set_defaults(**defaults)
    return parser


def contest(
    parser: argparse.ArgumentParser, contenders: Mapping[str, Make], title: str, *more: Callable[[Path], None]
) -> None:
    """Print what each contender takes, and how often it takes what the first one does."""
    asked = parser.parse_args()
    if asked.contender:
        serve(contenders[asked.contender](asked, asked.data), asked.data)
        return
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch) / "data"
        write(data, asked)
        for add in more:
            add(data)
        with started(contenders, data) as ask:
            works: dict[str, list[Work]] = {name: [] for name in contenders}
            for number in range(asked.rounds):
                order = [*contenders] if number % 2 == 0 else [*contenders][::-1]
                for name in order:
                    works[name].append(ask(name))
    show(works, title)


def write(data: Path, asked: Namespace) -> None:
    """A task of the synthetic world, its clips enlarged and played again and again up to their length."""
    task = load(asked.task)
    task.demo(data / task.name, asked.videos, 0)
    for path in sorted((data / task.name).rglob("*.mp4")):
        enlarge(path, asked.height, asked.seconds)


def enlarge(path: Path, height: int, seconds: int) -> None:
    """Give a clip another size and length; 25 frames a second of H.264."""
    import av

    with av.open(str(path)) as source:
        shape = (source.streams.video[0].width, source.streams.video[0].height)
        width = height * shape[0] // shape[1] // 2 * 2
        pictures = [frame.reformat(width, height, "yuv420p") for frame in source.decode(video=0)]
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"preset": "veryfast", "crf": "23"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(25 * seconds):
            picture = pictures[number % len(pictures)]
            picture.pts, picture.time_base = number, Fraction(1, 25)
            out.mux(stream.encode(picture))
        out.mux(stream.encode())


@contextmanager
def started(contenders: Mapping[str, Make], data: Path) -> Iterator[Callable[[str], Work]]:
    """Start all contenders; what asks one of them for a pass. All end with the context."""
    processes = {}
    try:
        for name in contenders:
            command = [sys.executable, *sys.argv, "--contender", name, "--data", str(data)]
            processes[name] = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            heard(name, processes[name])

        def ask(name: str) -> Work:
            process = processes[name]
            assert process.stdin is not None
            process.stdin.write("again\n")
            process.stdin.flush()
            return Work(**json.loads(heard(name, process)))

        yield ask
    finally:
        for process in processes.values():
            process.communicate(timeout=60)


def heard(name: str, process: subprocess.Popen[str]) -> str:
    """The next line of a contender."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"{name} ended before its work was done; what it said is above")
    return line


def serve(contender: Contender, data: Path) -> None:
    """The side of the contender: a line when it has started, and one for each pass."""
    settle()
    # What libraries print must not come between the lines.
    lines = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    async def work() -> None:
        await contender.start()
        print("started", file=lines)
        for _ in sys.stdin:
            await contender.forget()
            with tempfile.TemporaryDirectory(dir=data.parent) as folder:
                done = await timed(partial(contender.answer, Path(folder)))
            print(json.dumps(dataclasses.asdict(done)), file=lines)
        await contender.close()

    asyncio.run(work())


now = time.perf_counter


def settle() -> None:
    """The surroundings of vLLM, the same for all contenders."""
    for key, value in (vllm.ENVIRONMENT | vllm.CPU_ENVIRONMENT).items():
        os.environ.setdefault(key, value)


async def timed(answer: Callable[[], Awaitable[Work]]) -> Work:
    """A pass, with its time where it does not tell that itself."""
    before, began = cpu(), time.perf_counter()
    done = await answer()
    done.seconds = done.seconds or time.perf_counter() - began
    done.cpu = cpu() - before
    return done


def cpu() -> float:
    """CPU seconds of this process and of those that it has started."""
    import psutil

    me = psutil.Process()
    return sum(sum(each.cpu_times()[:2]) for each in (me, *me.children(recursive=True)))


def show(works: Mapping[str, Sequence[Work]], title: str) -> None:
    """The table, and whether all contenders did the same."""
    from rich.console import Console
    from rich.table import Table

    first, *_ = works
    columns = (
        "seconds",
        "CPU seconds",
        "videos decoded",
        "requests",
        "tokens",
        "prompt tokens",
        "times the first",
        "in CPU",
    )
    table = Table("", *columns, title=f"{title}; median (least to most) of {len(works[first])} passes")
    for name, passes in works.items():
        pairs = [*zip(passes, works[first], strict=True)]
        ratios = ([a.seconds / b.seconds for a, b in pairs], [a.cpu / b.cpu for a, b in pairs])
        last = passes[-1]
        table.add_row(
            name,
            spread([one.seconds for one in passes]),
            spread([one.cpu for one in passes]),
            *(f"{value:,}" for value in (last.decoded, last.calls, last.tokens, last.prompt_tokens)),
            *map(spread, ratios),
        )
    Console(width=180).print(table)
    base = works[first][0].said
    for name, passes in works.items():
        if not passes[-1].said:
            continue
        texts = [(a, b) for key in base for a, b in zip(base[key], passes[-1].said.get(key, []), strict=False)]
        total = sum(map(len, base.values()))
        same = sum(a == b for a, b in texts)
        Console().print(f"{name}: {same} of {total} rollouts say what those of {first} say", highlight=False)


def spread(values: Sequence[float]) -> str:
    """The median, and the least and the most."""
    middle = statistics.median(values)
    return f"{middle:.2f} ({min(values):.2f} to {max(values):.2f})"
