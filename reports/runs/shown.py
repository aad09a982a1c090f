"""The figures of comparison.json: what leads for the terminal, every figure and group for comparison.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..comparison import Table, interval, plain, points
from ..table import grid, per_cent, safe

if TYPE_CHECKING:
    from rich.console import Console

Data = Mapping[str, Any]

LEFT = {
    "before_only": "asked in the first run alone",
    "after_only": "asked in the second run alone",
    "errors_before": "with an error in the first run",
    "errors_after": "with an error in the second run",
    "errors_both": "with an error in both",
}


def chosen(task: Data) -> list[str]:
    """The figures that a task is known by: those that lead, and the columns of its table."""
    return [name for name in dict.fromkeys((*task["leading"], *task["columns"])) if name in task["whole"]["figures"]]


def figures(found: Mapping[str, Data], names: Sequence[str]) -> Table:
    """A row for each figure."""
    rows = []
    for name in names:
        told, change = found[name], found[name]["difference"]
        row = [name, str(change["n"]), per_cent(told["before"]), per_cent(told["after"]), points(change["value"])]
        row += [interval(change, points), *(plain(told[p]) for p in ("p", "holm", "bh"))]
        flips = told["flips"]
        rows.append([*row, "-" if flips is None else f"{flips['fixed']}/{flips['broken']}"])
    return ["metric", "n", "before", "after", "differ", "interval", "p", "Holm", "BH", "+/-"], rows


def further(found: Mapping[str, Data], names: Sequence[str]) -> Table:
    """The same, and what there is no room for in a terminal."""
    head, rows = figures(found, names)
    more = [[per_cent(found[name]["detectable"]), plain(found[name]["mcnemar"]), found[name]["how"]] for name in names]
    return [*head, "detectable", "McNemar", "tested as"], [[*row, *rest] for row, rest in zip(rows, more, strict=True)]


def verdict(task: Data) -> str:
    """The answer on the main metric, in a sentence."""
    figure = task["whole"]["figures"].get(task["main"] or "")
    if figure is None or figure["holm"] is None or figure["difference"]["low"] is None:
        return "nothing can be said of the main metric"
    found, p = figure["difference"], f"p {plain(figure['holm'])} after Holm"
    if figure["holm"] < 0.05 and found["value"]:
        way = "higher" if found["value"] > 0 else "lower"
        return f"{task['main']} is {way} by {per_cent(abs(found['value']))} points {interval(found, points)}, {p}"
    least = figure["detectable"]
    power = f"; {per_cent(least)} points would have been found with a chance of 80 %" if least else ""
    change = f"{points(found['value'])} {interval(found, points)}"
    return f"no difference in {task['main']} is established: {change}, {p}{power}"


def about(task: Data) -> str:
    """What was compared, in a line."""
    left = [f"{number} {LEFT[name]}" for name, number in task["left"].items() if number]
    whole = task["whole"]
    told = f"{whole['samples']} questions of {whole['videos']} videos"
    return f"{told}; left out: {', '.join(left)}" if left else told


def show(console: Console, data: Data) -> None:
    """Print what leads of each task."""
    from rich.table import Table as Drawn
    from rich.text import Text

    for name, tasks in data["against"].items():
        for task in tasks.values():
            console.print()
            title = f"{task['title']} (version {task['version']}): {name} against {data['baseline']}; {about(task)}"
            console.print(Text(title, style="bold"), soft_wrap=True)
            for note in task["notes"]:
                console.print(Text(f"  {note}"), soft_wrap=True)
            head, rows = figures(task["whole"]["figures"], chosen(task))
            drawn = Drawn(box=None, padding=(0, 1, 0, 0), pad_edge=False)
            for number, heading in enumerate(head):
                drawn.add_column(Text(heading), justify="right" if number else "left", no_wrap=True, overflow="fold")
            for row in rows:
                drawn.add_row(*map(Text, row))
            console.print(drawn)
            console.print(Text(verdict(task)), soft_wrap=True)


def markdown(data: Data) -> str:
    """The text of comparison.md."""
    asked = data["settings"]
    lines = [
        f"# {', '.join(map(safe, data['against']))} against {safe(data['baseline'])}",
        "",
        "- the scored votes on the questions that both runs evaluated; scores are per cent, differences points of them",
        f"- intervals of {asked['level']:.0%}, clustered by video: of means by Student's t and the CR1 error, of",
        f"  others by percentiles of {asked['draws']} resamples of whole videos, in breakdowns of a quarter of them",
        f"- p: sign-flips of whole videos, exact or of {asked['flips']} random flips; of others by those resamples",
        "- Holm: p adjusted over the main metrics of all tasks; BH (Benjamini-Hochberg): over all figures and groups",
        "- +/-: questions with a higher and with a lower score than before (flips.md lists them)",
        f"- detectable: the least true difference that is found with a chance of {asked['power']:.0%}",
        "- McNemar takes the questions as independent, which those of one video are not",
    ]
    for name, tasks in data["against"].items():
        for task in tasks.values():
            lines += _section(data["baseline"], name, task)
    return "\n".join(lines).rstrip() + "\n"


def _section(first: str, name: str, task: Data) -> Iterator[str]:
    yield from ("", f"## {safe(task['title'])} (version {task['version']}): {safe(name)} against {safe(first)}", "")
    yield from (f"{about(task)}. {verdict(task)}.".replace("|", "\\|"), "")
    if task["notes"]:
        yield from (*(f"- differs: {safe(note)}" for note in task["notes"]), "")
    yield from grid(*further(task["whole"]["figures"], [*task["whole"]["figures"]]))
    for axis, values in task["by"].items():
        for metric in chosen(task):
            rows = []
            for value, group in values.items():
                if metric in group["figures"] and group["figures"][metric]["before"] is not None:
                    _, (row,) = further(group["figures"], [metric])
                    rows.append([value, *row[1:]])
            if rows:
                head, _ = further({}, [])
                yield from (f"### {safe(metric)} by {safe(axis)}", "")
                yield from grid([axis, *head[1:]], rows)
