"""How soon the page of `harness view` can be read: from going there until the list and a question are drawn.

harness run --tasks vstar --data data --model nano -n 8 --temperature 1.0 --out runs/nano
python benchmarks/viewer.py runs/nano --questions 300 3000 30000
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from rich.console import Console

from harness.codec import encode
from harness.records import Record
from harness.reports.view.build import Asked, view
from harness.schema import dumps
from harness.store import RECORDS, RUN, read_records

BROWSER = Path(__file__).parents[1] / "tests" / "reports" / "view" / "chromium.py"


def chromium(profile: Path) -> Any:
    """A browser, as the tests have it."""
    spec = importlib.util.spec_from_file_location("chromium", BROWSER)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Browser(profile)


def named(records: list[Record], count: int) -> Iterator[Record]:
    """So many records: those there are, again and again, under names of their own."""
    for n, record in enumerate(islice(cycle(records), count)):
        yield replace(record, sample=replace(record.sample, id=f"{record.sample.id}#{n}"))


def grown(run: Path, records: list[Record], count: int, folder: Path) -> Path:
    """A run folder of so many questions."""
    folder.mkdir()
    shutil.copy(run / RUN, folder)
    with (folder / RECORDS).open("wb") as file:
        file.writelines(dumps(encode(record), RECORDS) + b"\n" for record in named(records, count))
    return folder


def opened(browser: Any, page: Path) -> float:
    """Seconds until the list and the first question are drawn."""
    start = time.perf_counter()
    browser.open(page.resolve().as_uri(), "document.querySelector('.row') && document.querySelector('h2')")
    return time.perf_counter() - start


def main() -> None:
    """Open pages of growing size."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("run", type=Path, help="a finished run")
    parser.add_argument("--questions", type=int, nargs="+", default=[300, 3000])
    parser.add_argument("--times", type=int, default=5)
    asked = parser.parse_args()
    console, records = Console(), list(read_records(asked.run))
    console.print(f"{'questions':>10} {'rollouts':>9} {'written, s':>11} {'MB':>6} {'opened, s (median, max)':>24}")
    with tempfile.TemporaryDirectory() as folder, chromium(Path(folder) / "profile") as browser:
        for count in asked.questions:
            run = grown(asked.run, records, count, Path(folder) / f"run-{count}")
            start = time.perf_counter()
            view(Asked(runs=(run,), out=run / "view", frames=False), Console(quiet=True))
            written = time.perf_counter() - start
            size = sum(each.stat().st_size for each in (run / "view").rglob("*") if each.is_file()) / 1e6
            taken = [opened(browser, run / "view" / "index.html") for _ in range(asked.times)]
            said = f"{statistics.median(taken):.2f}, {max(taken):.2f}"
            told = f"{count:>10,} {len(records[0].responses):>9} {written:>11.1f} {size:>6.1f} {said:>24}"
            console.print(told, highlight=False)


if __name__ == "__main__":
    main()
