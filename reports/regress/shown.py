"""A verdict as it is told: in the terminal, as Markdown for the page of a build, as JUnit XML for its tests."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from ..comparison import interval, points
from ..runs.shown import LEFT
from ..table import grid, per_cent, safe
from .verdict import PASS, REGRESSED, UNCLEAR

if TYPE_CHECKING:
    from rich.console import Console

Data = Mapping[str, Any]
STYLES = {PASS: "green", REGRESSED: "bold red", UNCLEAR: "yellow"}
FORBIDDEN = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold, even escaped."""


def word(test: Data) -> str:
    """The verdict, and that the candidate is lower where that is shown."""
    found = test["result"]
    lower = found["lower"] and found["verdict"] != REGRESSED
    return f"{found['verdict']}, but lower" if lower else str(found["verdict"])


def row(test: Data) -> list[str]:
    """A test as cells."""
    cells = [test["title"], test["metric"], str(test["samples"]), per_cent(test["before"]), per_cent(test["after"])]
    change = [points(test["difference"]), interval(test["result"], points), f"-{test['margin']:g}"]
    return [*cells, *change, word(test)]


HEAD = ("task", "metric", "n", "baseline", "candidate", "differ", "interval", "margin", "verdict")


def left(test: Data) -> str:
    """What is not in the figures of a test; nothing where all is."""
    return ", ".join(f"{number} {LEFT[name]}" for name, number in test["left"].items() if number)


def conclusion(data: Data) -> str:
    """The whole in a line."""
    counts = [f"{n} {name}" for name in STYLES if (n := sum(t["result"]["verdict"] == name for t in data["tests"]))]
    end = "the gate fails" if data["failed"] else "the gate passes"
    return f"{data['candidate']} against {data['baseline']}: {', '.join(counts)}; {end}"


def show(console: Console, data: Data) -> None:
    """Print the tests, why each verdict is what it is, and the whole in a line."""
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for number, heading in enumerate(HEAD):
        drawn.add_column(Text(heading), justify="right" if 1 < number < len(HEAD) - 1 else "left", overflow="fold")
    for test in data["tests"]:
        *cells, last = row(test)
        drawn.add_row(*map(Text, cells), Text(last, style=STYLES[test["result"]["verdict"]]))
    console.print(drawn)
    for test in data["tests"]:
        console.print(Text(f"{test['title']}, {test['metric']}: {test['result']['said']}"), soft_wrap=True)
        for note in [*test["notes"], *filter(None, [left(test)])]:
            console.print(Text(f"  {note}"), soft_wrap=True)
    console.print(Text(conclusion(data), style="bold"), soft_wrap=True)


def markdown(data: Data) -> str:
    """The text of regress.md."""
    asked = data["settings"]
    lines = [
        f"# {'Regressed' if data['verdict'] == REGRESSED else data['verdict'].capitalize()}",
        "",
        f"{safe(conclusion(data))}.",
        "",
        *grid(HEAD, [row(test) for test in data["tests"]]),
    ]
    for test in data["tests"]:
        found = test["result"]
        power = [
            f"an unchanged checkpoint passes with a chance of {found['chance']:.0%}" if found["chance"] else "",
            f"a drop of {per_cent(found['detectable'])} points is found with one of 80%" if found["detectable"] else "",
        ]
        lines.append(f"- **{safe(test['title'])}, {safe(test['metric'])}**: {safe(found['said'])}.")
        if any(power):
            lines.append(f"  With these questions {'; '.join(filter(None, power))}.")
        lines += [f"  - {safe(note)}" for note in [*test["notes"], *filter(None, [left(test)])]]
    return "\n".join(lines) + (
        "\n\nScores are per cent, differences points of them, candidate - baseline, paired and clustered by video. The "
        f"lower end of an interval is sure to {1 - asked['low']:.4g}, the upper one to {1 - asked['high']:.4g}: alpha "
        f"{asked['alpha']:g} over {asked['looks']} looks, and at the upper end over {len(data['tests'])} tests.\n"
    )


def junit(data: Data) -> bytes:
    """The content of junit.xml: a test case for each test; an unclear one is skipped unless it fails the gate."""
    failed = [t for t in data["tests"] if _fails(data, t)]
    skipped = [t for t in data["tests"] if t["result"]["verdict"] == UNCLEAR and not _fails(data, t)]
    counts = {"tests": len(data["tests"]), "failures": len(failed), "errors": 0, "skipped": len(skipped)}
    told = {"name": _clean(f"harness regress {data['candidate']}")}
    told |= {name: str(number) for name, number in counts.items()}
    root = ElementTree.Element("testsuites", told)
    suite = ElementTree.SubElement(root, "testsuite", told)
    for test in data["tests"]:
        case = ElementTree.SubElement(
            suite, "testcase", classname=_clean(f"regress.{test['task']}"), name=_clean(test["metric"]), time="0"
        )
        said = _clean(f"{word(test)}: {test['result']['said']}")
        if test in failed:
            ElementTree.SubElement(case, "failure", message=said, type=test["result"]["verdict"]).text = said
        elif test in skipped:
            ElementTree.SubElement(case, "skipped", message=said)
        ElementTree.SubElement(case, "system-out").text = "\n".join([said, *map(_clean, test["notes"]), left(test)])
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _fails(data: Data, test: Data) -> bool:
    verdict = test["result"]["verdict"]
    return bool(verdict == REGRESSED or (verdict == UNCLEAR and data["settings"]["unclear"] == "fail"))


def _clean(text: str) -> str:
    return FORBIDDEN.sub("\ufffd", text)
