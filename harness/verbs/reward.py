"""`harness reward`: what completions earn in training, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Option

if TYPE_CHECKING:
    from rich.console import Console

SHOWN = 5
"""Completions that are shown one by one, with the reasons."""


def reward(
    rows: Annotated[Path, Option(metavar="STGR.json", help="The rows that were asked about.")],
    completions: Annotated[
        Path, Option(metavar="FILE.jsonl", help="Lines of id, completion and, where known, progress and frame_size.")
    ],
    preset: Annotated[str, Option(help="paper, or released: as the released program.")] = "paper",
    adaptive: Annotated[bool, Option(help="Whether sigma shrinks from 4 to 1; it stays 4 without.")] = True,
    gate: Annotated[float, Option(metavar="SECONDS", help="How near to a key frame boxes count.")] = 3.0,
    no_gate: Annotated[bool, Option("--no-gate", help="Boxes count whatever their time.")] = False,
    sigma: Annotated[float | None, Option(metavar="SECONDS", help="A sigma that does not change.")] = None,
    evidence: Annotated[bool, Option(help="Whether evidence is rewarded.")] = True,
    family: Annotated[str, Option(help="Model family: how boxes are written.")] = "qwen2_5_vl",
    as_json: Annotated[bool, Option("--json", help="A line of JSON for each completion, with the reasons.")] = False,
) -> None:
    """Say what each completion would earn, component by component, and why.

    frame_size is [width, height] of the frames that the model saw, in which its boxes are; models that write boxes on
    a grid need none. progress, 0 to 1, is how far training is; 1 where a line does not say.
    """
    from collections import Counter
    from importlib import import_module

    from rich.console import Console

    from harness import schema

    rule = import_module("harness.training.rewards").Rule(preset, adaptive, None if no_gate else gate, sigma, evidence)
    made = import_module("harness.training.rewards.completions")
    notes: Counter[str] = Counter()
    known = made.Rows(import_module("harness.training.rows").read(rows, notes))
    for note, count in notes.items():
        typer.echo(f"{rows}: {note}: {count}", err=True)
    made.check(completions, known, family)
    found = (made.reward(each, rule, family) for each in made.read(completions, known, family))
    if as_json:
        for each in found:
            typer.echo(schema.dumps(each.as_json(), "a reward"))
    else:
        show(Console(), found)


def show(console: Console, found: Iterable[Any]) -> None:
    """Print the mean of each component over the completions that can earn it, and the first of them with reasons."""
    from rich.table import Table
    from rich.text import Text

    first, sums, counts, total, number = [], defaultdict[str, float](float), defaultdict[str, int](int), 0.0, 0
    for number, each in enumerate(found, 1):
        first += [each] if number <= SHOWN else []
        total += each.total
        for name, part in each.parts.items():
            sums[name] += part.value
            counts[name] += part.applies
    means = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    rows = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    means.add_column("component")
    means.add_column("mean", justify="right")
    means.add_column("of completions that can earn it", justify="right")
    for name in sums:
        means.add_row(name, f"{sums[name] / counts[name]:.3f}" if counts[name] else "-", f"{counts[name]} of {number}")
    means.add_row("sum", f"{total / number:.3f}", str(number))
    for heading in ("id", "component", "earns", "why"):
        rows.add_column(heading, justify="right" if heading == "earns" else "left")
    for each in first:
        rows.add_row(Text(str(each.completion.id)[:40]), "sum", f"{each.total:.3f}", Text(each.completion.row.task))
        for name, part in each.parts.items():
            if part.applies:
                rows.add_row("", name, f"{part.value:.3f}", Text(part.why))
    console.print(means)
    console.print(Text(f"\nThe first {len(first)} of {number}" if number > SHOWN else ""), soft_wrap=True)
    console.print(rows)
