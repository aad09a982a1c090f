"""Time `harness vote` over many rollouts that are written here, and take its peak memory.

python benchmarks/votes.py --samples 10000 --rollouts 32 --voters first,majority,confidence
"""

from __future__ import annotations

import argparse
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
from rich.console import Console

from harness import plugins
from harness.contracts import Task
from harness.geometry import Box
from harness.manifest import described, identified, session
from harness.plan import Questions, load
from harness.records import Evidence, Prediction, Record, Response, Sample, Score
from harness.settings import Asked
from harness.store import RECORDS, RUN, write

LETTERS = "ABCD"
TEXT = "The frame shows it well, and what comes next does not change that. " * 6


def rollout(
    rng: random.Random, sample: Sample, k: int, skill: float, signals: list[str]
) -> tuple[Response, Prediction]:
    """One that is right with the chance `skill`; what speaks for it is higher then."""
    right = rng.random() < skill
    letter = sample.answer if right else rng.choice([*LETTERS, None])
    claims = tuple(
        Evidence(label="thing", time=rng.uniform(0, 60), box=Box(10.0, 20.0, rng.uniform(30, 600), 400.0))
        for _ in range(2)
    )
    speaks = dict.fromkeys(signals, rng.choice([0.0, 0.5, 1.0, 1.5, 2.0]) / (1 if right else 2))
    read = Prediction(answer=letter, evidence=claims, signals=speaks, rollout=k)
    text = f"<think>{TEXT}</think><answer>{letter}</answer>"
    return Response(rollout=k, text=text, finish="stop", tokens=90 + k, logprob=-40.0), read


def record(rng: random.Random, number: int, rollouts: int, signals: list[str]) -> Record:
    """One of four questions about a video."""
    sample = Sample(
        id=f"{number:06d}",
        item=f"{number:06d}",
        kind="mcq",
        video=f"/videos/{number // 4}.mp4",
        question="What is on the table at the end?",
        options=("a cup", "a book", "a lamp", "nothing"),
        answer=rng.choice(LETTERS),
    )
    skill = rng.betavariate(1, 1.5)
    made = [rollout(rng, sample, k, skill, signals) for k in range(rollouts)]
    responses, predictions = (tuple(each) for each in zip(*made, strict=True))
    return Record(
        task="videomme",
        version=1,
        sample=sample,
        responses=responses,
        predictions=predictions,
        vote=predictions[0],
        score=Score(values={"acc": float(predictions[0].answer == sample.answer)}),
        seconds=1.0,
    )


def make(folder: Path, samples: int, rollouts: int, signals: list[str]) -> None:
    """Write a run folder."""
    rng = random.Random(0)
    with (folder / RECORDS).open("wb") as file:
        for number in range(samples):
            file.write(msgspec.json.encode(record(rng, number, rollouts, signals)) + b"\n")
    describe(folder, load("videomme"), samples)


def describe(folder: Path, task: Task, samples: int) -> None:
    """Write run.json for records that were made up."""
    asked = Questions(
        plugin=task.name, task=task, root=folder, samples=(), items=samples, all_items=samples, fingerprint="0" * 64
    )
    spec = {**identified(asked), "frames": None, "max_pixels": None}
    settings = {"tasks": [spec], "model": None, "family": "unknown", "decoding": None, "voter": "first", "seed": 0}
    settings["engine"] = {"name": "scripted", "dtype": "auto", "options": {}, "answers": None}
    told = {**described(asked), "samples": samples}
    run = {"format": 1, "partial": False, "settings": {**settings, "limit": None}, "tasks": {task.name: told}}
    started = session(Asked(tasks=(task.name,), data=folder, out=folder))
    write(folder / RUN, "run", {**run, "places": {}, "sessions": [started]})


def main() -> None:
    """Write, vote in a process of its own, print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--rollouts", type=int, default=32)
    parser.add_argument("--voters", default="first,majority,confidence")
    parser.add_argument("--n", default="1,2,4,8,16,32")
    asked, console = parser.parse_args(), Console()
    voters = [plugins.load("harness.scaling", name) for name in asked.voters.split(",")]
    signals = [voter.signal.name for voter in voters if getattr(voter, "signal", None)]
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder), asked.samples, asked.rollouts, signals)
        console.print(f"{(Path(folder) / RECORDS).stat().st_size / 1e6:.0f} MB of records")
        words = ["vote", folder, "--voters", asked.voters, "--n", asked.n]
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", "from harness.cli import main; main()", *words], check=True)
        wall, used = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    console.print(
        f"{wall:.1f} s, of the processor {used.ru_utime + used.ru_stime:.1f} s; {used.ru_maxrss / 1e6:.2f} GB at most"
    )


if __name__ == "__main__":
    main()
