"""Kill a run with SIGKILL at random moments, start it again each time, and compare with a run that was left alone.

python tests/faults/kill.py --kills 20
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from harness.plan import load
from harness.run import sample_seed
from harness.store import RECORDS, SCORES

DATA = Path(__file__).parents[1] / "harness" / "data"
VIDEOS, QUESTIONS = 2, 60


def make(root: Path) -> None:
    """A data folder of many questions on few videos."""
    root.mkdir()
    load(str(DATA / "colours.py")).demo(root, VIDEOS, 0)
    head = (root / "questions.csv").read_text().splitlines()[0]
    rows = [f"{k % VIDEOS}.mp4,Which colour is it ({k})?,red,here" for k in range(QUESTIONS)]
    (root / "questions.csv").write_text("\n".join([head, *rows]) + "\n")


def command(data: Path, out: Path, delay: float, log: Path) -> list[str]:
    """The same words each time."""
    words = ["run", "--tasks", str(DATA / "colours.py"), "--engine", str(DATA / "slow.py"), "--data", str(data)]
    words += ["--out", str(out), "--in-flight", "4", "-n", "2", "--temperature", "1", "--cache-gb", "0"]
    words += ["--engine-option", f"delay={delay}", "--engine-option", "fail=0.1", "--engine-option", f"log={log}"]
    return [sys.executable, "-c", "from harness.cli import main; main()", *words]


def whole_lines(path: Path) -> list[str]:
    """The ids in the records that are complete."""
    text = path.read_bytes() if path.exists() else b""
    return [json.loads(line)["sample"]["id"] for line in text.split(b"\n")[:-1]]


def kill_once(words: list[str], out: Path, rng: random.Random) -> bool:
    """Start and kill after a few more records, or some time; whether it was still running."""
    before = len(whole_lines(out / RECORDS))
    more, latest = rng.choice([0, 1, 2, 3]), time.monotonic() + rng.uniform(0.1, 20)
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and time.monotonic() < latest:
        if more and len(whole_lines(out / RECORDS)) >= before + more:
            break
        time.sleep(0.01)
    time.sleep(rng.uniform(0, 0.1))
    alive = process.poll() is None
    process.kill()
    process.wait()
    return alive


def main() -> None:
    """Exit 1 when something was lost, repeated or scored otherwise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rng = random.Random(asked.seed)
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        make(root / "data")
        log = root / "log"
        subprocess.run(command(root / "data", root / "alone", 0, log), check=True, capture_output=True)
        killed = runs = 0
        while killed < asked.kills:
            runs += 1
            killed += kill_until_done(root, root / f"killed{runs}", asked.kills - killed, rng)
            compare(root / "alone", root / f"killed{runs}")
        sys.stdout.write(f"{killed} kills in {runs} runs: the same scores.json, each sample once\n")


def kill_until_done(root: Path, out: Path, kills: int, rng: random.Random) -> int:
    """A run that is killed at most so often and then left to its end; how often it was."""
    words, log = command(root / "data", out, 0.3, root / "log"), root / "log"
    seeds = {f"q{k}": sample_seed(0, "colours", f"q{k}") for k in range(QUESTIONS)}
    killed = 0
    while killed < kills and len(done := whole_lines(out / RECORDS)) < QUESTIONS:
        log.write_text("")
        killed += kill_once(words, out, rng)
        again = {seeds[name] for name in done} & {int(line) for line in log.read_text().split() if line.isdigit()}
        if again:
            sys.exit(f"{len(again)} finished samples were asked again")
    subprocess.run(words, check=True, capture_output=True)
    return killed


def compare(alone: Path, killed: Path) -> None:
    """The same scores, each sample once."""
    counts = Counter(whole_lines(killed / RECORDS))
    if set(counts.values()) != {1} or len(counts) != QUESTIONS:
        sys.exit(f"records lost or doubled: {counts}")
    if (alone / SCORES).read_bytes() != (killed / SCORES).read_bytes():
        sys.exit("scores.json differs")


if __name__ == "__main__":
    main()
