"""Time starts of the command, beside those of Python alone.

python benchmarks/startup.py --times 15

Every start is a process of its own. The first of each is not counted: it may compile what it imports.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time

from rich.console import Console
from rich.table import Table

STARTS = {
    "python -c pass": ["-c", "pass"],
    "python -c 'import typer'": ["-c", "import typer"],
    "python -c 'import harness'": ["-c", "import harness"],
    "harness --help": ["-m", "harness", "--help"],
    "harness run --help": ["-m", "harness", "run", "--help"],
    "harness tasks": ["-m", "harness", "tasks"],
}


def start(words: list[str]) -> tuple[float, float]:
    """Seconds of one start, and of the processor."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    begun, before = time.perf_counter(), processor()
    subprocess.run([sys.executable, *words], check=True, capture_output=True, env=environment)
    return time.perf_counter() - begun, processor() - before


def processor() -> float:
    """Seconds of the processor that all starts have taken."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def modules(words: list[str]) -> int:
    """How many modules a start imports."""
    run = [sys.executable, "-X", "importtime", *words]
    said = subprocess.run(run, check=True, capture_output=True, text=True).stderr
    return sum(line.startswith("import time:") for line in said.splitlines()) - 1


def main() -> None:
    """Start each of them some times, in turn, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=9)
    asked = parser.parse_args()
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in STARTS}
    for words in STARTS.values():
        start(words)
    for _ in range(asked.times):
        for name, words in STARTS.items():
            taken[name].append(start(words))
    table = Table(box=None, pad_edge=False)
    for heading in ("start", "median s", "least s", "processor s", "modules"):
        table.add_column(heading, justify="left" if heading == "start" else "right")
    for name, found in taken.items():
        seconds, used = zip(*found, strict=True)
        figures = (statistics.median(seconds), min(seconds), statistics.median(used))
        table.add_row(name, *(f"{value:.3f}" for value in figures), str(modules(STARTS[name])))
    Console().print(table)


if __name__ == "__main__":
    main()
