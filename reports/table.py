"""The figures of a run: tables for the terminal, report.md with every breakdown; from run.json and scores.json only.

Figures are per cent with one decimal; LGM is not bounded by 100.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.contracts import PAPER

if TYPE_CHECKING:
    from rich.console import Console

SMALL = 8
"""The terminal shows the first breakdown of at most this many values."""

HEADINGS = {"acc": "accuracy", "tiou": "tIoU", "viou": "vIoU"}
"""Metrics in words."""

Data = Mapping[str, Any]


def per_cent(value: float | None) -> str:
    """A fraction as it is printed.

    >>> per_cent(0.60784), per_cent(None)
    ('60.8', '-')
    """
    return "-" if value is None else f"{round(100 * value, 1) + 0.0:.1f}"


def marks(run: Data, scores: Data, name: str) -> str:
    """What must be said beside the title of a task: that the run is partial or not finished."""
    told, task = run["tasks"][name], scores["tasks"][name]
    return ", ".join([f"version {task['version']}", *lacking(told, task)])


def lacking(told: Data, task: Data) -> list[str]:
    """What is missing of a task in a run."""
    said = []
    if task["partial"]:
        said.append(f"PARTIAL: {told['items']} of {told['all_items']} items")
    if task["counts"]["samples"] < told["samples"]:
        said.append(f"UNFINISHED: {task['counts']['samples']} of {told['samples']} samples")
    return said


def counts(found: Mapping[str, int]) -> str:
    """The counts in a line."""
    graded = f"; {found['grades']} grades, {found['grade_tokens']} prompt tokens" if "grades" in found else ""
    return (
        f"{found['samples']} samples of {found['items']} items; evaluated {found['evaluated']}, "
        f"errors {found['errors']}, not scored {found['unscored']}, abstentions {found['abstentions']}; "
        f"{found['rollouts']} rollouts, truncated {found['truncated']}, {found['tokens']} tokens{graded}"
    )


def stopped(run: Data, scores: Data) -> str:
    """How many rollouts were drawn where votes were settled early."""
    asked = run["settings"]
    found = [task["counts"] for task in scores["tasks"].values()]
    drawn, n = sum(each["rollouts"] for each in found), asked["decoding"]["n"]
    most = n * sum(each["evaluated"] for each in found)
    return f"adaptive: {asked['adaptive']}; {drawn} rollouts were drawn where {n} a sample would be {most}"


def show(console: Console, run: Data, scores: Data) -> None:
    """Print a table for each task."""
    from rich.table import Table
    from rich.text import Text

    if run["settings"].get("adaptive"):
        console.print(Text(stopped(run, scores)), soft_wrap=True)
    for name, task in scores["tasks"].items():
        told = run["tasks"][name]
        table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
        small = _small(told)
        table.add_column(Text(f"by {small}" if small else ""))
        for heading in told["columns"].values():
            table.add_column(Text(heading), justify="right")
        table.add_column("n", justify="right")
        for label, row in _rows(task, told, small):
            table.add_row(Text(label), *row)
        console.print()
        console.print(Text(f"{told['title']} ({marks(run, scores, name)}), per cent", style="bold"), soft_wrap=True)
        console.print(table)
        for line in (counts(task["counts"]), *_judges(task)):
            console.print(Text(line), soft_wrap=True)
        for reason, number in sorted(task["errors"].items(), key=lambda each: -each[1])[:3]:
            console.print(Text(f"  {number} x {' '.join(reason.split())}"), soft_wrap=True)
        if notes := task.get("notes"):
            told_of = f"{sum(notes.values())} samples were evaluated with a video that is not whole; see report.md"
            console.print(Text(told_of), soft_wrap=True)


def _judged_rows(task: Data, told: Data) -> Iterator[tuple[str, list[str]]]:
    for name, judge in task.get("judges", {}).items():
        unrated = judge["counts"]["unjudged"]
        yield f"judge {name}", _cells(judge["evaluated"], told, task["counts"]["evaluated"] - unrated)


def _judged_by(axis: str, task: Data, told: Data) -> Iterator[list[str]]:
    for name, judge in task.get("judges", {}).items():
        for value, part in judge["by"].get(axis, {}).items():
            scored = task["by"][axis][value]["counts"]["evaluated"] - part["counts"]["unjudged"]
            yield [f"{value}, judge {name}", *_cells(part["evaluated"], told, scored)]


def _judges(task: Data) -> Iterator[str]:
    """What must be said of each judge: who, what was rated and what was not, and what a rating is worth."""
    for name, judge in task.get("judges", {}).items():
        found = judge["counts"]
        rated = "-" if judge["mean_rating"] is None else f"{judge['mean_rating']:.2f}"
        expected = "" if judge["expected_rating"] is None else f", expected {judge['expected_rating']:.2f}"
        yield (
            f"judge {name} ({judge['model'] or 'no model'}, {judge['engine']}, question version {judge['version']}): "
            f"{found['judged']} of {found['answers']} answers judged, unjudged {found['unjudged']} (not scored); "
            f"mean rating {rated}{expected}; {judge['rule']}"
        )


def _small(told: Data) -> str | None:
    return next((axis for axis, values in told["groups"].items() if 1 < len(values) <= SMALL), None)


def _rows(task: Data, told: Data, small: str | None) -> Iterator[tuple[str, list[str]]]:
    yield "overall", _cells(task["evaluated"], told, task["counts"]["evaluated"])
    if task["counts"]["evaluated"] < task["counts"]["samples"]:
        yield "errors as wrong", _cells(task["all"], told, task["counts"]["samples"])
    yield from _judged_rows(task, told)
    for value, part in task["by"].get(small, {}).items():
        yield value, _cells(part["evaluated"], told, part["counts"]["evaluated"])


def _cells(metrics: Mapping[str, float | None], told: Data, number: int) -> list[str]:
    return [*(per_cent(metrics.get(name)) for name in told["columns"]), str(number)]


def markdown(run: Data, scores: Data) -> str:
    """The text of report.md."""
    lines = ["# Report", "", *_about(run, scores), ""]
    for name, task in scores["tasks"].items():
        lines += _section(run, scores, name, task)
    return "\n".join(lines)


def _about(run: Data, scores: Data) -> list[str]:
    asked = run["settings"]
    model, decoding = asked["model"], asked["decoding"]
    lines = [
        f"- model: {model['name'] if model else 'none'}; engine: {asked['engine']['name']}, {asked['engine']['dtype']}",
        f"- decoding: {_listed(decoding) if decoding else 'not known, answers were made elsewhere'}",
        f"- voter: {asked['voter']}; seed: {asked['seed']}",
        "- figures are per cent; n is the number of evaluated samples",
    ]
    if asked.get("preset", PAPER) != PAPER:
        lines.append(f"- preset: {asked['preset']}")
    if scorer := asked.get("video", {}).get("scorer"):
        lines.append(f"- key frames: chosen by {safe(' '.join(filter(None, (scorer['name'], scorer['model']))))}")
    if asked.get("adaptive"):
        lines.append(f"- {stopped(run, scores)}")
    if run["partial"]:
        lines.append(f"- **partial run**: {asked['limit']} items a task, drawn with the seed")
    if not scores["finished"]:
        lines.append("- **not finished**: some samples have not been asked yet")
    return lines


def _listed(values: Data) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _how(spec: Data) -> str:
    """Frames and decoding of a task."""
    if spec["frames"] is None:
        return "Frames not known"
    own = f"; decoding {_listed(spec['decoding'])}" if "decoding" in spec else ""
    return f"Frames {spec['frames']}, at most {spec['max_pixels']} pixels each{own}"


def _section(run: Data, scores: Data, name: str, task: Data) -> list[str]:
    told = run["tasks"][name]
    spec = next(spec for spec in run["settings"]["tasks"] if spec["name"] == name)
    options = ", ".join(f"{key}={value}" for key, value in spec["options"].items())
    lines = [f"## {safe(told['title'])} ({marks(run, scores, name)})", "", safe(told["source"]), "",
             f"{_how(spec)}; {options or 'no options'}.", "",
             f"{counts(task['counts'])}.", ""]  # fmt: skip
    for line in _judges(task):
        lines += [f"{safe(line)}.", ""]
    lines += grid(["", *told["columns"].values(), "n"], [[label, *row] for label, row in _overall(task, told)])
    for axis, values in task["by"].items():
        rows = [[v, *_cells(p["evaluated"], told, p["counts"]["evaluated"])] for v, p in values.items()]
        rows += _judged_by(axis, task, told)
        lines += grid([axis, *told["columns"].values(), "n"], rows)
    lines += grid(["metric", "evaluated", "all, errors as wrong", ""], [
        [key, per_cent(value), per_cent(task["all"][key]), task["reasons"].get(key, "")]
        for key, value in task["evaluated"].items()
    ])  # fmt: skip
    if notes := task.get("notes"):
        lines += grid(["evaluated all the same", "samples"], [[note, str(n)] for note, n in notes.items()])
    if task["errors"]:
        lines += grid(["error", "samples"], [[reason, str(n)] for reason, n in task["errors"].items()])
    return lines


def _overall(task: Data, told: Data) -> Iterator[tuple[str, list[str]]]:
    yield "evaluated", _cells(task["evaluated"], told, task["counts"]["evaluated"])
    yield "all, errors as wrong", _cells(task["all"], told, task["counts"]["samples"])
    yield from _judged_rows(task, told)


def grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table in Markdown, and an empty one."""
    return ruled([*map(safe, head)], [[*map(safe, row)] for row in rows])


def ruled(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The same of cells that are Markdown already."""
    aligned = [":--", *("--:" for _ in head[1:])]
    return [f"| {' | '.join(row)} |" for row in (head, aligned, *rows)] + [""]


def safe(text: str) -> str:
    """Text that stays in its cell."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
