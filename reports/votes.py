"""What votes score: a table a task of voters against the number of rollouts, and one over all tasks; from votes.json.

Figures are per cent with one decimal. Intervals are of 95 %, clustered by video.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .table import grid, per_cent, safe

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

Data = Mapping[str, Any]

ORACLE = "best of N"
"""The row of the ceiling."""


def show(console: Console, votes: Data) -> None:
    """Print a table for each task, and the summary."""
    from rich.text import Text

    for task in votes["tasks"].values():
        console.print()
        console.print(Text(f"{task['title']} ({marks(task)}), per cent", style="bold"), soft_wrap=True)
        table = _frame(head(task))
        for label, cells in rows(task):
            table.add_row(Text(label, style="" if any(cells) else "bold"), *cells)
        console.print(table)
        for voter, headings, found in stopping(task):
            console.print(Text(early(voter, task)))
            table = _frame(headings)
            for each in found:
                table.add_row(*each)
            console.print(table)
        for line in notes(votes, task):
            console.print(Text(line), soft_wrap=True)
    console.print()
    console.print(Text("All tasks at their largest N, per cent", style="bold"), soft_wrap=True)
    names, lines = summary(votes)
    table = _frame(["", *names])
    for label, cells in lines:
        table.add_row(Text(label), *cells)
    console.print(table)


def _frame(headings: Sequence[str]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for heading in headings:
        table.add_column(Text(heading), justify="right" if heading != headings[0] else "left", overflow="fold")
    return table


def markdown(votes: Data, pictures: Mapping[str, str]) -> str:
    """The text of votes.md; `pictures` are the files of the curves of each task."""
    lines = ["# Votes", "", "Figures are per cent; intervals are of 95 %, clustered by video.", ""]
    names, found = summary(votes)
    lines += ["## All tasks at their largest N", "", *grid(["", *names], [[label, *cells] for label, cells in found])]
    for name, task in votes["tasks"].items():
        lines += [f"## {safe(task['title'])} ({safe(marks(task))})", ""]
        lines += grid(head(task), [[label, *cells] for label, cells in rows(task)])
        for voter, headings, cells in stopping(task):
            lines += [
                f"{safe(voter)}, stopped early, against all {task['rollouts']} rollouts:",
                "",
                *grid(headings, cells),
            ]
        for line in notes(votes, task):
            lines += [safe(line), ""]
        if name in pictures:
            lines += [f"![Curves of {safe(task['title'])}]({pictures[name]})", ""]
    return "\n".join(lines)


def marks(task: Data) -> str:
    """What must be said beside the title of a task."""
    said = [f"version {task['version']}"]
    if task["partial"]:
        said.append("PARTIAL")
    if task["missing"]:
        said.append(f"UNFINISHED: {task['missing']} samples missing")
    return ", ".join(said)


def head(task: Data) -> list[str]:
    """The headings of a task's table."""
    return ["N", *map(str, task["n"]), f"95 % at {task['n'][-1]}"]


def rows(task: Data) -> Iterator[tuple[str, list[str]]]:
    """Column by column the figures of each voter and of the best rollout; then what they cost."""
    blank = [""] * (len(task["n"]) + 1)
    for column, heading in task["columns"].items():
        yield heading, blank
        for name, found in {**task["voters"], ORACLE: task["oracle"]}.items():
            points = found[column]
            yield f"  {name}", [*map(_figure, points), _interval(points[-1])]
    yield "Cost of a sample", blank
    yield "  tokens", [*(f"{cost['tokens']:.0f}" for cost in task["cost"]), ""]
    yield "  seconds", [*(f"{cost['seconds']:.2f}" for cost in task["cost"]), ""]


def early(voter: str, task: Data) -> str:
    """The title of the table of rules of stopping early."""
    return f"{voter}, stopped early, against all {task['rollouts']} rollouts"


def stopping(task: Data) -> Iterator[tuple[str, list[str], list[list[str]]]]:
    """For each voter whose rules of stopping early were replayed: its name, headings and rows."""
    for voter, found in task["adaptive"].items():
        lines = [
            ["rollouts", *(f"{rule['rollouts']:.2f}" for rule in found)],
            ["waves", *(f"{rule['waves']:.2f}" for rule in found)],
            ["tokens saved", *(per_cent(rule["saved"]) for rule in found)],
            ["votes changed", *(per_cent(rule["changed"]) for rule in found)],
        ]
        full, *rules = found
        for name, heading in task["columns"].items():
            if full["metrics"].get(name) is not None:
                told = (_differs(rule["differences"].get(name)) for rule in rules)
                lines.append([heading, per_cent(full["metrics"][name]), *told])
        yield voter, ["rule", *(rule["rule"] for rule in found)], lines


def _differs(found: Sequence[float | None] | None) -> str:
    value, low, high = found or (None, None, None)
    if value is None:
        return "-"
    interval = "" if low is None or high is None else f" [{100 * low:+.1f}, {100 * high:+.1f}]"
    return f"{100 * value:+.1f}{interval}"


def _figure(point: Data) -> str:
    return ("" if point["error"] is None else "~") + per_cent(point["value"])


def _interval(point: Data) -> str:
    return "-" if point["low"] is None else f"{per_cent(point['low'])} to {per_cent(point['high'])}"


def notes(votes: Data, task: Data) -> Iterator[str]:
    """What must be known to read a task's table."""
    yield (
        f"{task['samples']} samples of {task['videos']} videos, {task['rollouts']} rollouts each; not evaluated: "
        f"{task['errors']}. A figure at N is the mean over subsets of N of the {task['rollouts']} rollouts. "
        f"The row first is a single rollout, {ORACLE} a ceiling: the best rollout in each column. "
        "Seconds are from the question to the last rollout with other samples under way, in proportion to the rollouts."
    )
    if task["most_rollouts"] > task["rollouts"]:
        yield (f"Some samples have up to {task['most_rollouts']} rollouts; the first {task['rollouts']} of each count.")
    errors = [
        point["error"]
        for found in task["voters"].values()
        for points in found.values()
        for point in points
        if point["error"] is not None
    ]
    if errors:
        yield (
            f"~ is an estimate from {votes['settings']['subsets']['else']} random subsets; "
            f"its standard error is at most {100 * max(errors):.2f}."
        )


def summary(votes: Data) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """Voters, and for each column of each task what they score with the most rollouts, and half their intervals."""
    tasks = votes["tasks"].values()
    voters = [v for v in votes["settings"]["voters"] if any(t["voters"][v] != _flat(t) for t in tasks)]
    lines = []
    for task in tasks:
        for column, heading in task["columns"].items():
            kinds = [task["base"], *(task["voters"][v] for v in voters), task["oracle"]]
            label = f"{task['title']} {heading} (N={task['n'][-1]})"
            lines.append((label, [_with_half(found[column][-1]) for found in kinds]))
    return ["one rollout", *voters, ORACLE], lines


def _flat(task: Data) -> dict[str, list[Any]]:
    """The curves of a voter that is a single rollout."""
    return {column: points * len(task["n"]) for column, points in task["base"].items()}


def _with_half(point: Data) -> str:
    half = "" if point["low"] is None else f" ±{per_cent((point['high'] - point['low']) / 2)}"
    return _figure(point) + half
