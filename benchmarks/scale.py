"""Time and peak memory of a run, of the same command again, of verify and of vote, by the number of samples.

python benchmarks/scale.py --samples 1000,10000 --rollouts 2
python benchmarks/scale.py --samples 1000,10000,100000

Answers come from a file, so that all that is measured is the harness. Every command is a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from harness.plan import load

TASK = Path(__file__).with_name("questions.py")
TEXT = "The frame shows it well, and what comes next does not change that. " * 6


def measure(words: list[str]) -> tuple[float, float, float]:
    """Seconds, seconds of the processor and peak MB of a command."""
    begun = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "harness", *words], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"harness {' '.join(words)} ended with {process.returncode}")
    return time.perf_counter() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def commands(folder: Path, rollouts: int) -> dict[str, list[str]]:
    """What is measured, in order."""
    run, data, answers = str(folder / "run"), folder / "data", folder / "answers.jsonl"
    texts = [f"<think>{TEXT}</think><answer>{letter}</answer>" for letter in "ABAC"]
    answers.write_text(json.dumps({"default": True, "texts": texts}) + "\n")
    asked = ["run", "--tasks", str(TASK), "--data", str(data), "--out", run, "--engine", "scripted"]
    asked += ["--answers", str(answers), "-n", str(rollouts), "--temperature", "1", "--cache", str(folder / "cache")]
    return {
        "run": asked,
        "run again": asked,
        "verify": ["verify", run],
        "vote": ["vote", run, "--voters", "first,majority", "--n", str(rollouts)],
    }


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", default="1000,10000")
    parser.add_argument("--rollouts", type=int, default=2)
    asked = parser.parse_args()
    table = Table(box=None, pad_edge=False)
    for heading in ("command", "samples", "s", "processor s", "samples/processor s", "peak MB"):
        table.add_column(heading, justify="left" if heading == "command" else "right")
    for count in map(int, asked.samples.split(",")):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "data").mkdir()
            load(str(TASK)).demo(folder / "data", count, 0)
            for command, words in commands(folder, asked.rollouts).items():
                wall, used, peak = measure(words)
                rate = f"{count / used:.0f}"
                table.add_row(command, f"{count}", f"{wall:.1f}", f"{used:.1f}", rate, f"{peak:.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
