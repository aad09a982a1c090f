"""Kill run, vote, judge and probe with SIGKILL at random moments, start them again, and compare with one left alone.

python tests/faults/kill.py --kills 200
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.plan import load

DATA = Path(__file__).parent / "data"
TASK, ENGINE = str(DATA / "seen.py"), str(DATA / "steady.py")
VIDEOS = 2


@dataclass(frozen=True)
class Verb:
    """A verb of the command, and what it leaves in the run folder."""

    name: str
    words: Sequence[str]
    journals: str
    """The files that only grow, as a pattern."""
    result: str
    """The file that follows from them."""

    def command(self, root: Path, out: Path, delay: float) -> list[str]:
        """The same words each time."""
        words = [self.name, *([] if self.name == "run" else [str(out)]), *self.words]
        if self.name == "run":
            words += ["--data", str(root / "data"), "--out", str(out)]
        words += ["--engine-option", f"delay={delay}", "--engine-option", f"log={root / 'log'}", "--in-flight", "4"]
        return [sys.executable, "-c", "from harness.cli import main; main()", *words]

    def lines(self, out: Path) -> Counter[str]:
        """What each whole line of the journals is about; their first lines, but for those of records, are heads."""
        found: Counter[str] = Counter()
        for path in sorted(out.glob(self.journals)):
            whole = path.read_bytes().split(b"\n")[:-1]
            for line in map(json.loads, whole if self.name == "run" else whole[1:]):
                record = line.get("record", line)
                sample = record["sample"]
                name = sample["id"] if isinstance(sample, dict) else sample
                found[f"{path.name}:{name}:{line.get('draw')}:{sorted(line.get('signals', ()))}"] += 1
        return found


RUN = ("--tasks", TASK, "--engine", ENGINE, "-n", "2", "--temperature", "1", "--cache-gb", "0")
VERBS = (
    Verb("run", (*RUN, "--engine-option", "fail=0.1"), "records.jsonl", "scores.json"),
    Verb("vote", ("--voters", "majority,confidence", "--cache-gb", "0"), "signals.jsonl", "votes.json"),
    Verb("judge", ("--judge-engine", ENGINE, "--name", "steady"), "judge-steady.jsonl", "scores.json"),
    Verb("probe", ("--draws", "1", "--cache-gb", "0"), "probe-*.jsonl", "probe.json"),
)


@dataclass
class Tally:
    """What became of the kills of one verb."""

    kills: int = 0
    survived: int = 0
    """After which the same command went on to its end, or to the next kill."""
    lost: int = 0
    """Lines that were there and are no more, or should be there and are not."""
    doubled: int = 0
    """Lines that are there twice."""
    again: int = 0
    """Answers that were got again, as they were not on record yet."""
    differ: int = 0
    """Times that the result was another."""
    folders: int = 0

    @property
    def sound(self) -> bool:
        """Whether nothing went wrong."""
        return self.survived == self.kills and not self.lost and not self.doubled and not self.differ


def kill_once(verb: Verb, root: Path, out: Path, span: float, delay: float, rng: random.Random) -> tuple[bool, bool]:
    """Start and kill after a few more lines, or some time: whether it was still running, and whether it was well."""
    before = verb.lines(out).total()
    more, latest = rng.choice([0, 0, 1, 2, 5]), time.monotonic() + rng.uniform(0, span)
    words = verb.command(root, out, delay)
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and (more or time.monotonic() < latest):
        if more and verb.lines(out).total() >= before + more:
            break
        time.sleep(0.01)
    time.sleep(rng.uniform(0, 0.05))
    alive = process.poll() is None
    process.kill()
    return alive, process.wait() in (0, -9)


def kill_until_done(verb: Verb, root: Path, alone: Path, kills: int, delay: float, rng: random.Random) -> Tally:
    """One folder in which the verb is killed at most so often and then left to its end."""
    out, tally, kept = root / f"{verb.name}-killed", Tally(folders=1), Counter[str]()
    start_over(verb, root, out)
    (root / "log").write_text("")
    expected, span = verb.lines(alone), float((root / f"{verb.name}-seconds").read_text())
    while tally.kills < kills:
        alive, well = kill_once(verb, root, out, span, delay, rng)
        found = verb.lines(out)
        tally.lost += (kept - found).total()
        kept = found
        tally.kills += alive
        tally.survived += alive and well
        if not alive:
            break
    done = subprocess.run(verb.command(root, out, 0), capture_output=True, text=True)
    if done.returncode:
        sys.stdout.write(f"{verb.name}: {done.stdout}{done.stderr}\n")
        tally.survived = max(0, tally.survived - 1)
    found, asked = verb.lines(out), (root / "log").read_text().split()
    tally.lost += (kept - found).total() + len(expected.keys() - found.keys())
    tally.doubled += found.total() - len(found)
    tally.again += len(asked) - len({*asked})
    tally.differ += (out / verb.result).read_bytes() != (alone / verb.result).read_bytes()
    return tally


def start_over(verb: Verb, root: Path, out: Path) -> None:
    """A folder as it is before the verb."""
    shutil.rmtree(out, ignore_errors=True)
    if verb.name != "run":
        shutil.copytree(root / "base", out)


def main() -> None:
    """Print a row for each verb; exit 1 when something was lost, repeated or came out otherwise."""
    from rich.console import Console
    from rich.table import Table

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="in all; the verbs share them")
    parser.add_argument("--verbs", nargs="+", default=[verb.name for verb in VERBS])
    parser.add_argument("--delay", type=float, default=0.3, help="seconds that an answer takes at most")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rng, sound = random.Random(asked.seed), True
    table = Table("verb", "tried", "survived", "lost", "duplicated", "asked again", "other result", "folders")
    verbs = [verb for verb in VERBS if verb.name in asked.verbs]
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        (root / "data").mkdir()
        load(TASK).demo(root / "data", VIDEOS, 0)
        subprocess.run(Verb("run", RUN, "", "").command(root, root / "base", 0), check=True, capture_output=True)
        for verb in verbs:
            alone, whole = root / f"{verb.name}-alone", Tally()
            start_over(verb, root, alone)
            began = time.monotonic()
            subprocess.run(verb.command(root, alone, asked.delay), check=True, capture_output=True)
            (root / f"{verb.name}-seconds").write_text(str(time.monotonic() - began))
            while whole.kills < asked.kills // len(verbs):
                one = kill_until_done(verb, root, alone, asked.kills // len(verbs) - whole.kills, asked.delay, rng)
                whole = Tally(*(getattr(whole, name) + getattr(one, name) for name in Tally.__dataclass_fields__))
            sound &= whole.sound
            cells = (whole.kills, whole.survived, whole.lost, whole.doubled, whole.again, whole.differ, whole.folders)
            table.add_row(verb.name, *map(str, cells))
    Console(width=120).print(table)
    sys.exit(not sound)


if __name__ == "__main__":
    main()
