"""One start of `harness reproduce`: its steps, then the claims and the page."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import UsageError
from harness.progress import clock
from harness.store import write_bytes

from .. import sheets
from . import claims, page, scale
from .plan import Plan
from .step import Step, is_done, run

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The command, before anything is looked up."""

    out: Path
    scale: str = "nano"
    from_checkpoints: bool = False
    seeds: int = 1
    jobs: int = 2
    data: Path | None = None
    stgr: Path | None = None
    base: str | None = None
    dry: bool = False

    def plan(self) -> Plan:
        """What this stands for; UsageError when it cannot be."""
        found = scale.find(self.scale, seeds=self.seeds, data=self.data, stgr=self.stgr, base=self.base)
        if self.from_checkpoints and not found.shipped:
            raise UsageError(f"no checkpoints of --scale {self.scale} ship; leave --from-checkpoints out")
        if self.from_checkpoints and self.seeds > 1:
            raise UsageError("one checkpoint of each way ships; leave --seeds out, or --from-checkpoints")
        return Plan(self.out, found, self.from_checkpoints)


def reproduce(asked: Asked, console: Console) -> int:
    """Carry out what is owed, judge the claims, write and print the page; the exit code."""
    plan = asked.plan()
    steps = plan.steps
    if asked.dry:
        for step in steps:
            console.print(step.command, highlight=False, markup=False, soft_wrap=True)
        return 0
    _check(plan)
    plan.out.mkdir(parents=True, exist_ok=True)
    try:
        _carry_out(plan, steps, asked.jobs, console)
    except KeyboardInterrupt:
        console.print("stopped; what is done is kept: the same command goes on", highlight=False)
        return 130
    found, tables = claims.findings(plan), list(page.tables(plan))
    for name, text in page.page(plan, found, tables, steps).items():
        write_bytes(plan.out / name, text.encode("utf-8", "replace"))
    sheets.show(console, [page.brief(found)])
    console.print(f"\n{plan.out / 'report.html'}", highlight=False, markup=False, soft_wrap=True)
    return 0


def _check(plan: Plan) -> None:
    """UsageError where data that the plan does not make is not there."""
    for flag, folder in (("--data", plan.scale.data), ("--stgr", plan.scale.stgr)):
        if folder is not None and not folder.is_dir():
            raise UsageError(
                f"there is no folder {folder} for {flag}; harness fetch brings benchmarks, docs/stgr.md says how to "
                "come by rows; --dry-run shows what would be done"
            )


def _carry_out(plan: Plan, steps: list[Step], jobs: int, console: Console) -> None:
    owed = [step for step in steps if not is_done(plan.out, step)]
    left = {step.name: step.minutes for step in owed}
    total, begun = sum(left.values()), time.monotonic()

    def say(step: Step, what: str) -> None:
        done = total - sum(left.values())
        rate = (time.monotonic() - begun) / done if done else 60.0 / jobs
        count = f"{len(steps) - len(left)}/{len(steps)}"
        words = f"{count} {what} {step.name}, about {clock(rate * sum(left.values()))} left"
        console.print(words, highlight=False, markup=False, soft_wrap=True)

    def ended(step: Step) -> None:
        left.pop(step.name)
        say(step, "done")

    run(plan.out, steps, jobs, plan.scale.threads, lambda step: say(step, "begun"), ended)
