"""How often `harness regress` cries when nothing changed, and when something did, on re-runs of real runs.

A run with several rollouts a question holds re-runs of its model: each question takes one of its rollouts, and a
candidate another one than its baseline. Nothing differs between the two but chance, so every "regressed" is a false
alarm. A second run, of a weaker checkpoint on the same questions, is a regression that is known.

harness run --tasks vstar --data data --model nano-sft -n 8 --temperature 1.0 --out runs/sft
harness run --tasks vstar --data data --model nano-base -n 8 --temperature 1.0 --out runs/base
python benchmarks/gate.py runs/sft --weaker runs/base --reruns 100
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from scipy.stats import binomtest

from harness.codec import encode
from harness.progress import Progress
from harness.records import Record
from harness.reports.regress.gate import gate
from harness.reports.regress.suite import Suite, Test
from harness.reports.regress.verdict import PASS, REGRESSED, UNCLEAR
from harness.schema import dumps
from harness.store import RECORDS, RUN, read_records, read_run
from harness.summary import restore

MARGINS = (1.0, 2.0, 5.0)
SAID = (PASS, UNCLEAR, REGRESSED, "lower")


class Rerun:
    """A run as the source of runs of one rollout a question."""

    def __init__(self, folder: Path) -> None:
        """Score each rollout of each question."""
        self.told = read_run(folder)
        tasks = {spec["name"]: restore(spec) for spec in self.told["settings"]["tasks"]}
        self.names = [*tasks]
        self.rollouts: list[list[bytes]] = []
        for record in read_records(folder):
            if record.score is not None:
                task = tasks[record.task]
                scores = [task.score(record.sample, each) for each in record.predictions]
                made = zip(record.predictions, scores, strict=True)
                self.rollouts.append([line(replace(record, vote=vote, score=score)) for vote, score in made])
        told = self.told["settings"]
        one = {"voter": "first", "decoding": {**told["decoding"], "n": 1}}
        self.told = {**self.told, "settings": {**told, **one}}

    def write(self, folder: Path, choice: list[int]) -> Path:
        """A run folder of the chosen rollout of each question."""
        folder.mkdir(exist_ok=True)
        (folder / RUN).write_text(json.dumps(self.told))
        lines = (rollouts[place % len(rollouts)] for rollouts, place in zip(self.rollouts, choice, strict=True))
        (folder / RECORDS).write_bytes(b"".join(lines))
        return folder

    def draw(self, rng: random.Random) -> tuple[list[int], list[int]]:
        """Two different rollouts of each question."""
        pairs = [rng.sample(range(len(rollouts)), 2) for rollouts in self.rollouts]
        return [one for one, _ in pairs], [other for _, other in pairs]


def line(record: Record) -> bytes:
    """A line of records.jsonl with nothing but the vote and its score."""
    return dumps(encode(replace(record, responses=(), predictions=())), RECORDS) + b"\n"


def verdicts(before: Path, after: Path, suites: list[Suite]) -> Iterator[tuple[float, str, bool]]:
    """Margin, verdict, and whether the candidate is shown to be lower at all, of each test."""
    for suite in suites:
        for test in gate(before, after, suite)["tests"]:
            yield test["margin"], test["result"]["verdict"], test["result"]["lower"]


def row(told: Counter[tuple[float, str]], margin: float, tests: int) -> str:
    """How often each was said, the alarms with an exact interval."""
    counts = [told[margin, said] for said in SAID]
    low, high = binomtest(counts[2], tests).proportion_ci()
    cells = " ".join(f"{count / tests:9.1%}" for count in counts)
    return f"{-margin:>7g} {cells}   [{low:.1%}, {high:.1%}]"


def measure(before: Rerun, after: Rerun | None, reruns: int, console: Console) -> None:
    """Gate so many re-runs, and print what was said."""
    rng, told = random.Random(0), Counter[tuple[float, str]]()
    suites = [Suite(tests=tuple(Test(task=name, margin=margin) for name in before.names)) for margin in MARGINS]
    with tempfile.TemporaryDirectory() as folder, Progress(console, reruns) as progress:
        for _ in range(reruns):
            one, other = before.draw(rng)
            baseline = before.write(Path(folder) / "baseline", one)
            candidate = (after or before).write(Path(folder) / "candidate", after.draw(rng)[0] if after else other)
            for margin, verdict, lower in verdicts(baseline, candidate, suites):
                told[margin, verdict] += 1
                told[margin, "lower"] += lower
            progress.advance(False)
    questions = len(before.rollouts)
    console.print(f"{reruns} re-runs of {', '.join(before.names)}, {questions} questions, alpha {Suite().alpha}")
    console.print(f"{'margin':>7} {'pass':>9} {'unclear':>9} {'regressed':>9} {'lower':>9}   95 % of regressed")
    for margin in MARGINS:
        console.print(row(told, margin, reruns * len(before.names)), highlight=False, markup=False)


def main() -> None:
    """Gate re-runs of the same checkpoint, then of a weaker one."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("run", type=Path, help="a run with several rollouts a question")
    parser.add_argument("--weaker", type=Path, help="a run of a weaker checkpoint, asked alike")
    parser.add_argument("--reruns", type=int, default=100)
    asked = parser.parse_args()
    console, same = Console(), Rerun(asked.run)
    console.print("The same checkpoint:")
    measure(same, None, asked.reruns, console)
    if asked.weaker:
        console.print("\nA weaker one:")
        measure(same, Rerun(asked.weaker), asked.reruns, console)


if __name__ == "__main__":
    main()
