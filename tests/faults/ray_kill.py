"""A run on two Ray nodes of this machine, with a worker killed in its middle, against the same run in one process.

python tests/faults/ray_kill.py --engine transformers
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil

from harness.store import RECORDS, SCORES

WORKER = "ray::Worker"
"""How the title of a worker's process begins."""


def words(data: Path, out: Path, engine: list[str], asked: argparse.Namespace) -> list[str]:
    """The command of a run."""
    task = ["run", "--tasks", "vstar", "--data", str(data), "--out", str(out), "--cache-gb", "0"]
    drawn = ["-n", str(asked.rollouts), "--temperature", "1", "--in-flight", str(asked.in_flight)]
    command = [sys.executable, "-c", "from harness.cli import main; main()"]
    return [*command, *task, *drawn, "--dtype", "float32", "--engine", *engine]


def records(out: Path) -> list[dict[str, Any]]:
    """Those that are complete, by sample, without times, and without log-probabilities, which round by the batch."""
    path = out / RECORDS
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    found = [json.loads(line) | {"seconds": None} for line in lines]
    for record in found:
        record["responses"] = [each | {"logprob": None} for each in record["responses"]]
    return sorted(found, key=lambda record: str(record["sample"]["id"]))


def workers() -> list[int]:
    """The processes of the workers on the nodes that were started here."""
    return [each.pid for each in psutil.Process().children(recursive=True) if each.cmdline()[0].startswith(WORKER)]


def run(command: list[str], out: Path, kill_after: int | None = None) -> tuple[float, str]:
    """Seconds that a run took, and what was killed when it had so many records."""
    begun, killed = time.monotonic(), "-"
    with out.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        while process.poll() is None:
            if kill_after is not None and len(records(out)) >= kill_after:
                there = workers()
                os.kill(there[0], signal.SIGKILL)
                killed, kill_after = f"1 of {len(there)} workers after {len(records(out))} records", None
            time.sleep(0.05)
    if process.returncode:
        sys.exit(out.with_suffix(".log").read_text()[-3000:])
    return time.monotonic() - begun, killed


def main() -> None:
    """Exit 1 when something was lost, repeated or scored otherwise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", default="transformers", help="that of the workers, and of the run in one process")
    parser.add_argument("--videos", type=int, default=20)
    parser.add_argument("--rollouts", type=int, default=4)
    parser.add_argument("--in-flight", type=int, default=8)
    asked = parser.parse_args()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        made = ["data", "shapes", "--tasks", "vstar", "--out", str(root / "data"), "--count", str(asked.videos)]
        subprocess.run([sys.executable, "-m", "harness", *made], check=True, capture_output=True)
        alone, spread = root / "alone", root / "spread"
        seconds = {"one process": run(words(root / "data", alone, [asked.engine], asked), alone)}
        cluster: Any = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        try:
            for _ in range(2):
                cluster.add_node(num_cpus=1)
            options = ["--engine-option", f"engine={asked.engine}", "--engine-option", f"address={cluster.address}"]
            command = words(root / "data", spread, ["ray", *options], asked)
            seconds["two Ray nodes"] = run(command, spread, kill_after=len(records(alone)) // 2)
        finally:
            cluster.shutdown()
        tell(alone, spread, seconds)


def tell(alone: Path, spread: Path, seconds: dict[str, tuple[float, str]]) -> None:
    """The table, and exit 1 when the runs are not the same."""
    same = (alone / SCORES).read_bytes() == (spread / SCORES).read_bytes()
    rows = [["run", "killed", "samples", "recorded twice", "errors", "seconds"]]
    for name, out in (("one process", alone), ("two Ray nodes", spread)):
        counts = Counter(record["sample"]["id"] for record in records(out))
        doubled, failed = sum(counts.values()) - len(counts), sum(bool(each["error"]) for each in records(out))
        taken, killed = seconds[name]
        rows.append([name, killed, str(len(counts)), str(doubled), str(failed), f"{taken:.1f}"])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        sys.stdout.write("  ".join(map(str.ljust, row, widths)).rstrip() + "\n")
    equal = sum(one == other for one, other in zip(records(alone), records(spread), strict=False))
    verdict = "the same" if same else "DIFFERS"
    sys.stdout.write(f"scores.json {verdict}; {equal} of {len(records(alone))} records equal\n")
    if not same:
        sys.exit(1)


if __name__ == "__main__":
    main()
