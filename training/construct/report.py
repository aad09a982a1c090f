"""How many items came in, and what each rule dropped and why: report.json, report.md and a table on the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.store import write, write_bytes

from .draft import RULES, Draft, Drop
from .sources import Item

if TYPE_CHECKING:
    from rich.console import Console

EXAMPLES = 3
"""Examples of what a rule dropped that report.md shows; report.json has them all."""
LONGEST = 300
"""Characters of an example."""

Data = Mapping[str, Any]


def told(
    states: Mapping[str, object], items: Sequence[Item], of: int, settings: Data, requests: Mapping[str, int]
) -> dict[str, Any]:
    """The content of report.json."""
    dropped = {name: state for name, state in states.items() if isinstance(state, Drop)}
    lost = {name: state.lost for name, state in states.items() if isinstance(state, Draft)}
    rules = []
    for rule, title in RULES.items():
        samples = [(name, drop.why) for name, drop in dropped.items() if drop.rule == rule]
        objects = [(name, drop.why) for name, drops in lost.items() for drop in drops if drop.rule == rule]
        drops = [{"id": name, "why": _short(why)} for name, why in samples + objects]
        found = {"samples": len(samples), "objects": len(objects), "drops": drops}
        rules.append({"rule": rule, "title": title, **found})
    return {
        "format": 1,
        "items": len(items),
        "of": of,
        "kinds": dict(Counter(item.kind for item in items)),
        "rows": len(states) - len(dropped),
        "requests": dict(requests),
        "rules": rules,
        "settings": dict(settings),
    }


def publish(folder: Path, data: Data, console: Console) -> None:
    """Write report.json and report.md, and print the table."""
    from rich.table import Table
    from rich.text import Text

    write(folder / "report.json", "build_report", data)
    write_bytes(folder / "report.md", "\n".join(markdown(data)).encode("utf-8", "replace"))
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for number, heading in enumerate(HEAD):
        table.add_column(Text(heading), justify="left" if number in (0, len(HEAD) - 1) else "right")
    for row in _rows(data):
        table.add_row(*map(Text, row))
    console.print()
    console.print(table)
    for line in (_asked(data), str(folder / "report.md")):
        console.print(Text(line), soft_wrap=True)


HEAD = ("rule", "samples dropped", "objects dropped", "left", "what it drops")


def _rows(data: Data) -> Iterator[tuple[str, ...]]:
    left = data["items"]
    partial = "" if left == data["of"] else f"PARTIAL: of {data['of']}"
    yield "came in", "", "", str(left), partial or ", ".join(f"{n} by {kind}" for kind, n in data["kinds"].items())
    for each in data["rules"]:
        left -= each["samples"]
        yield each["rule"], str(each["samples"]), str(each["objects"]), str(left), each["title"]
    yield "rows", "", "", str(data["rows"]), "written"


def markdown(data: Data) -> list[str]:
    """The lines of report.md."""
    lines = ["# What was made", "", f"| {' | '.join(HEAD)} |", "|---|---|---|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in _rows(data)]
    lines += ["", "Rules in the order in which they are looked at; a sample is dropped by the first.", "", _asked(data)]
    for each in data["rules"]:
        if each["drops"]:
            lines += ["", f"## {each['rule']}: {each['title']}", ""]
            lines += [f"- `{_safe(one['id'])}`: {_safe(one['why'])}" for one in each["drops"][:EXAMPLES]]
    return [*lines, ""]


def _asked(data: Data) -> str:
    found = ", ".join(f"{number} to {stage}" for stage, number in data["requests"].items())
    return f"requests answered: {found or 'none'}"


def _short(why: str) -> str:
    why = " ".join(why.split())
    return why if len(why) <= LONGEST else f"{why[: LONGEST - 3]}..."


def _safe(text: str) -> str:
    """Text of a model, without what Markdown would take for its own."""
    return " ".join(text.replace("`", "'").replace("<", "&lt;").replace("|", "\\|").split())
