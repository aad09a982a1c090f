"""How many questions and rollouts a second are read, scored, summed up and voted on again, from a run folder of V-STaR.

python benchmarks/scoring.py --questions 2000 --rollouts 8

Rollouts are reference answers to the same or to another question. The last row is a scorer without any care, for
scale: one regular expression, json.loads and the arithmetic, as a script would do it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table
from votes import describe

from harness import plugins
from harness.contracts import Task
from harness.plan import load
from harness.records import Record, Response, Sample, View
from harness.settings import configure
from harness.store import RECORDS, read_records, read_run
from harness.summary import summarise

VOTERS = ("first", "majority", "confidence", "consensus")
VIDEOS = 8


def questions(task: Task, root: Path, count: int) -> Iterator[tuple[Sample, View]]:
    """As many questions as wanted, made of those on a few videos."""
    task.demo(root, VIDEOS, 0)
    known = [*task.samples(root)]
    for number in range(count):
        sample = known[number % len(known)]
        item = f"{number // 5}:{sample.item}"
        view = View(
            video=sample.video,
            times=tuple(float(second) for second in range(16)),
            duration=16.0,
            width=320,
            height=240,
            size=(336, 252),
            family="qwen2_5_vl",
        )
        yield replace(sample, id=f"{item}:{sample.kind}", item=item), view


def answered(task: Task, asked: Sequence[tuple[Sample, View]], rollouts: int) -> Iterator[Record]:
    """Records of those questions; half of the rollouts are right."""
    rng, voter = random.Random(0), plugins.load("harness.scaling", "majority")
    alike: dict[str, list[Sample]] = {}
    for sample, _ in asked:
        alike.setdefault(sample.kind, []).append(sample)
    for sample, view in asked:
        said = [sample if rng.random() < 0.5 else rng.choice(alike[sample.kind]) for _ in range(rollouts)]
        responses = tuple(
            Response(rollout=k, text=task.reference(each, view), finish="stop", tokens=90, logprob=-9.0 * rng.random())
            for k, each in enumerate(said)
        )
        predictions = tuple(
            replace(task.read(sample, view, each), signals={"relevance": rng.choice((0.0, 1.0, 2.0))})
            for each in responses
        )
        vote = voter(sample, predictions)
        yield Record(
            task=task.name,
            version=task.version,
            sample=sample,
            view=view,
            request="0" * 64,
            responses=responses,
            predictions=predictions,
            vote=vote,
            score=task.score(sample, vote),
            seconds=1.0,
        )


def script(text: str, sample: Sample, view: View) -> float:
    """What a short script would make of a rollout: right or wrong, the overlap of spans, the mean overlap of boxes."""
    found = re.search(r"<answer>(.*?)</answer>", text, re.DOTALL)
    answer = found[1] if found else ""
    if sample.kind == "what":
        return float(answer.strip().lower() == (sample.answer or "").lower())
    if sample.kind.startswith("when"):
        numbers = [float(number) for number in re.findall(r"\d+(?:\.\d+)?", answer)]
        if sample.span is None or len(numbers) != 2:
            return 0.0
        (start, end), (low, high) = numbers, sample.span
        return max(0.0, min(end, high) - max(start, low)) / max(end - start + high - low, 1e-9)
    try:
        boxes = json.loads(answer)
    except ValueError:
        return 0.0
    overlap = 0.0
    for second, (x1, y1, x2, y2) in sample.boxes.items():
        a1, b1, a2, b2 = boxes.get(f"{second:g}", (0, 0, 0, 0))
        shared = max(0, min(x2, a2) - max(x1, a1)) * max(0, min(y2, b2) - max(y1, b1))
        overlap += shared / max((x2 - x1) * (y2 - y1) + (a2 - a1) * (b2 - b1) - shared, 1e-9)
    return overlap / max(1, len(sample.boxes))


def read(task: Task, records: Sequence[Record]) -> None:
    """Every rollout again."""
    for record in records:
        for response in record.responses:
            if record.view is not None:
                task.read(record.sample, record.view, response)


def score(task: Task, records: Sequence[Record]) -> None:
    """Every rollout by itself."""
    for record in records:
        for prediction in record.predictions:
            task.score(record.sample, prediction)


def vote(name: str, records: Sequence[Record]) -> None:
    """The vote of every question, and its score."""
    voter, task = plugins.load("harness.scaling", name), load("vstar")
    for record in records:
        task.score(record.sample, voter(record.sample, record.predictions))


def command(*words: object) -> Callable[[], object]:
    """`harness ...`, as a process of its own."""
    return lambda: subprocess.run([sys.executable, "-m", "harness", *map(str, words)], check=True, capture_output=True)


def processor() -> float:
    """Seconds of the processor so far, those of finished commands among them; rates are by these."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def steps(folder: Path, records: Sequence[Record], rollouts: int) -> dict[str, Callable[[], object]]:
    """What is timed."""
    task = load("vstar")
    official = configure(task, {"parser": "official"})
    sizes = ",".join(str(1 << power) for power in range(rollouts.bit_length()) if 1 << power <= rollouts)
    plain = ((each.text, r.sample, r.view) for r in records for each in r.responses if r.view)
    return {
        "records from disk": lambda: sum(1 for _ in read_records(folder)),
        "rollouts read": lambda: read(task, records),
        "rollouts read, as V-STaR's own program": lambda: read(official, records),
        "rollouts scored": lambda: score(task, records),
        **{f"votes of {name}, scored": lambda name=name: vote(name, records) for name in VOTERS},  # type: ignore[misc]
        "scores.json": lambda: summarise(folder, read_run(folder)),
        **{f"harness vote {name}": command("vote", folder, "--voters", name, "--n", sizes) for name in VOTERS},
        "a script without care: read and scored": lambda: sum(script(*each) for each in plain),
    }


def main() -> None:
    """Make the folder, time each step, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=2000)
    parser.add_argument("--rollouts", type=int, default=8)
    asked, task = parser.parse_args(), load("vstar")
    table = Table(box=None, pad_edge=False)
    for heading in ("step", "s", "processor s", "questions/s", "rollouts/s"):
        table.add_column(heading, justify="left" if heading == "step" else "right")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "data").mkdir()
        (folder / "run").mkdir()
        records = [*answered(task, [*questions(task, folder / "data", asked.questions)], asked.rollouts)]
        (folder / "run" / RECORDS).write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in records))
        describe(folder / "run", task, len(records))
        for step, work in steps(folder / "run", records, asked.rollouts).items():
            begun, before = time.perf_counter(), processor()
            work()
            seconds, used = time.perf_counter() - begun, processor() - before
            rates = (f"{asked.questions * each / used:,.0f}" for each in (1, asked.rollouts))
            table.add_row(step, f"{seconds:.2f}", f"{used:.2f}", *rates)
    Console().print(table)


if __name__ == "__main__":
    main()
