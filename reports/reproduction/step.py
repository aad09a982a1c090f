"""The steps of a reproduction: commands of the harness, each done once, several at a time."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from harness import schema
from harness.errors import EngineError
from harness.store import write_bytes

DONE, LOGS = "done", "logs"
LAST_WORDS = 300
"""Characters of a log that an error repeats."""


@dataclass(frozen=True, slots=True)
class Step:
    """One command, with what must be there before."""

    name: str
    words: tuple[str, ...]
    """What stands behind `harness`."""
    after: tuple[str, ...] = ()
    """Names of steps."""
    minutes: float = 1.0
    """What it takes on one core, about."""

    @property
    def command(self) -> str:
        """As it would be typed."""
        import shlex

        return shlex.join(("harness", *self.words))


def is_done(folder: Path, step: Step) -> bool:
    """Whether that very command has been carried out for that folder."""
    path = folder / DONE / f"{step.name}.json"
    return path.is_file() and schema.loads(path.read_bytes(), str(path)) == list(step.words)


def carry_out(folder: Path, step: Step, threads: int | None, stop: threading.Event) -> None:
    """Run one command, with what it prints in logs/NAME.log; EngineError with its last words when it fails."""
    log = folder / LOGS / f"{step.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, **({} if threads is None else {"OMP_NUM_THREADS": str(threads)})}
    with log.open("ab") as file:
        command = [sys.executable, "-m", "harness", *step.words]
        with subprocess.Popen(command, stdout=file, stderr=file, stdin=subprocess.DEVNULL, env=environment) as child:
            while child.poll() is None:
                if stop.wait(0.2):
                    child.terminate()
    if stop.is_set():
        return
    if child.returncode:
        words = " ".join(log.read_text(encoding="utf-8", errors="replace")[-2 * LAST_WORDS :].split())[-LAST_WORDS:]
        raise EngineError(f"the step {step.name} failed ({step.command}): ... {words}; all of it is in {log}")
    (folder / DONE).mkdir(exist_ok=True)
    write_bytes(folder / DONE / f"{step.name}.json", schema.dumps(list(step.words), step.name) + b"\n")


def run(
    folder: Path,
    steps: Sequence[Step],
    jobs: int,
    threads: int | None,
    begun: Callable[[Step], None],
    ended: Callable[[Step], None],
) -> None:
    """Carry out what is not done yet, `jobs` at a time, each behind those it needs, the longest way to the end first.

    When one fails, or the caller is interrupted, the others are stopped; all go on where they were when started again.
    """
    owed = [step for step in steps if not is_done(folder, step)]
    missing = {step.name for step in owed}
    stop, under_way, ways = threading.Event(), dict[Future[None], Step](), ways_to_end(steps)
    with ThreadPoolExecutor(jobs) as pool:
        try:
            while owed or under_way:
                ready = [step for step in owed if not missing & set(step.after)]
                for step in sorted(ready, key=lambda each: -ways[each.name])[: jobs - len(under_way)]:
                    owed.remove(step)
                    begun(step)
                    under_way[pool.submit(carry_out, folder, step, threads, stop)] = step
                for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                    step = under_way.pop(future)
                    future.result()
                    missing.discard(step.name)
                    ended(step)
        except BaseException:
            stop.set()
            raise


def ways_to_end(steps: Sequence[Step]) -> dict[str, float]:
    """Name -> minutes from the begin of that step to the end of the last that needs it.

    >>> ways_to_end([Step("a", ()), Step("b", (), ("a",), 5.0)])
    {'b': 5.0, 'a': 6.0}
    """
    found: dict[str, float] = {}
    for step in reversed(steps):
        behind = (found[each.name] for each in steps if step.name in each.after)
        found[step.name] = step.minutes + max(behind, default=0.0)
    return found
