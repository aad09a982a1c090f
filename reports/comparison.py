"""The figures of compare.json: tables for the terminal, compare.md with every metric and level.

Scores are per cent, differences points of them; p is that of the cluster sign-flip test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .table import grid, per_cent, safe

if TYPE_CHECKING:
    from rich.console import Console

Data = Mapping[str, Any]
Table = tuple[Sequence[str], list[Sequence[str]]]
"""Head and rows."""


def points(value: float | None) -> str:
    """A difference as it is printed.

    >>> points(0.0123), points(None)
    ('+1.2', '-')
    """
    return "-" if value is None else f"{round(100 * value, 1) + 0.0:+.1f}"


def plain(value: float | None) -> str:
    """A figure between 0 and 1 that is no share, such as a p.

    >>> plain(0.04321), plain(0.00001), plain(1.0)
    ('0.043', '<0.001', '1.000')
    """
    if value is None:
        return "-"
    return "<0.001" if value < 0.0005 else f"{value:.3f}"


def interval(found: Data, told: Callable[[float | None], str]) -> str:
    """An interval as it is printed."""
    return "-" if found["low"] is None else f"[{told(found['low'])}, {told(found['high'])}]"


def differences(task: Data, first: str, names: Sequence[str], *, every: bool) -> Table:
    """A row for each voter and metric; without `every` only the metrics that lead."""
    head = ["metric", "n", "voter", first, "it", "difference", "interval", "p", "Holm", "McNemar", "detectable"]
    rows = []
    for name in names:
        for metric, found in task["against"][name]["metrics"].items():
            if every or metric in task["leading"]:
                row = [metric, str(found["difference"]["n"]), name, per_cent(found["before"]), per_cent(found["after"])]
                row += [points(found["difference"]["value"]), interval(found["difference"], points)]
                row += [plain(found["p"]), plain(found["holm"]), plain(found["mcnemar"]), points(found["detectable"])]
                rows.append(row)
    return head, rows


def flips(task: Data, names: Sequence[str], metrics: Sequence[str]) -> Table:
    """What became of the samples."""
    rows = []
    for name in names:
        for metric in metrics:
            found = task["against"][name]["metrics"][metric]["flips"]
            rows.append([metric, name, *(str(found[fate]) for fate in ("fixed", "broken", "changed", "same"))])
    return ["metric", "voter", "fixed", "broken", "changed, as wrong", "same"], rows


def signals(task: Data, metrics: Sequence[str]) -> Table:
    """How each signal orders rollouts."""
    rows = []
    for metric in metrics:
        for name, found in task["signals"][metric].items():
            row = [metric, name, plain(found["within"]["value"]), interval(found["within"], plain)]
            rows.append([*row, plain(found["pooled"]), str(found["pairs"]), per_cent(found["tied"])])
    return ["metric", "signal", "within a question", "interval", "pooled", "pairs", "ties %"], rows


def placebos(task: Data, names: Sequence[str], metrics: Sequence[str]) -> Table:
    """The votes beside those with other weights."""
    rows = []
    for name in names:
        for metric in metrics:
            for placebo, found in task["against"][name]["why"][metric]["placebos"].items():
                row = [metric, name, placebo, per_cent(found["score"]), points(found["difference"]["value"])]
                rows.append([*row, interval(found["difference"], points), plain(found["p"])])
    return ["metric", "voter", "with weights", "it", "voter gains", "interval", "p"], rows


def reliability(task: Data, names: Sequence[str], metric: str) -> Iterator[tuple[str, Table]]:
    """How the winner's share of a vote, and each signal, goes with the score: a title and a table each."""
    head = ["level", "n", "mean", "score"]
    seen = {}
    for name in names:
        for voter, found in task["against"][name]["why"][metric]["calibration"].items():
            if found:
                seen[f"share of the winner, {voter}; ECE {plain(found['ece'])}, Brier {plain(found['brier'])}"] = found
    seen |= {f"signal {name}": found for name, found in task["signals"][metric].items()}
    for title, found in seen.items():
        yield f"{metric}: {title}", (head, [_level(level) for level in found["levels"]])


def _level(level: Data) -> list[str]:
    low, high, mean = (f"{level[name]:.3g}" for name in ("low", "high", "mean"))
    return [low if low == high else f"{low} to {high}", str(level["n"]), mean, per_cent(level["score"])]


def about(task: Data) -> str:
    """What was compared, in a line."""
    left = [f"errors {task['errors']}"] if task["errors"] else []
    missing = task["planned"] - task["samples"] - task["errors"]
    left += [f"UNFINISHED: {missing} samples not asked yet"] if missing else []
    return "; ".join([f"{task['samples']} samples of {task['videos']} videos, {task['rollouts']} rollouts each", *left])


def rollouts(task: Data) -> str:
    """What the rollouts are like, in a line."""
    found = task["shares"]
    return (
        f"questions whose rollouts all agree {per_cent(found['unanimous'])} %; rollouts that abstain "
        f"{per_cent(found['abstained'])} %, cite nothing {per_cent(found['without_claims'])} %, say nowhere what is "
        f"where and when {per_cent(found['without_evidence'])} %, make more than ten claims "
        f"{per_cent(found['many_claims'])} %"
    )


def answers(task: Data, names: Sequence[str], metrics: Sequence[str], first: str) -> Iterator[str]:
    """The verdicts, a line each."""
    for name in names:
        for metric in metrics:
            yield f"{name} against {first}, {metric}: {task['against'][name]['verdict'][metric]}"


def show(console: Console, data: Data) -> None:
    """Print what leads of each task."""
    from rich.table import Table as Drawn
    from rich.text import Text

    def draw(table: Table) -> None:
        head, rows = table
        drawn = Drawn(box=None, padding=(0, 1, 0, 0), pad_edge=False)
        for number, heading in enumerate(head):
            drawn.add_column(Text(heading), justify="right" if number > 1 else "left")
        for row in rows:
            drawn.add_row(*map(Text, row))
        if rows:
            console.print(drawn)

    first, *others = data["voters"]
    for task in data["tasks"].values():
        main = [task["main"]] if task["main"] else []
        console.print()
        console.print(Text(f"{task['title']} (version {task['version']}): {about(task)}", style="bold"), soft_wrap=True)
        draw(differences(task, first, others, every=False))
        draw(flips(task, others, task["leading"]))
        draw(signals(task, main))
        draw(placebos(task, others, main))
        for line in (*answers(task, others, main, first), rollouts(task)):
            console.print(Text(line), soft_wrap=True)


def markdown(data: Data) -> str:
    """The text of compare.md."""
    first, *others = data["voters"]
    asked = data["settings"]
    lines = [
        f"# {', '.join(others)} against {first}",
        "",
        "- voters on the same rollouts, all of them; scores are per cent, differences points of them",
        f"- intervals of {asked['level']:.0%}, clustered by video: of differences by Student's t and the CR1 error,",
        f"  of the concordance within a question by a bootstrap with {asked['draws']} draws",
        f"- p: sign-flips of whole videos, exact or of {asked['flips']} random flips; Holm: p adjusted over the main",
        "  metric of each task and voter; McNemar takes the samples as independent, which they are not",
        f"- detectable: the least true difference that is found with a chance of {asked['power']:.0%}",
        f"- shuffled: mean of {asked['shuffles']} shuffles of the weights among the rollouts of a question",
    ]
    lines += ["- **partial run**: some items were left out when it was asked"] if data["partial"] else []
    for task in data["tasks"].values():
        lines += [
            "",
            f"## {safe(task['title'])} (version {task['version']})",
            "",
            f"{about(task)}; {rollouts(task)}.",
            "",
        ]
        lines += [*(f"- {safe(line)}" for line in answers(task, others, task["leading"], first)), ""]
        every = [differences(task, first, others, every=True), flips(task, others, task["leading"])]
        every += [signals(task, task["leading"]), placebos(task, others, task["leading"])]
        for head, rows in every:
            lines += grid(head, rows) if rows else []
        for metric in task["leading"]:
            for title, (head, rows) in reliability(task, others, metric):
                lines += [safe(title), "", *grid(head, rows)]
    return "\n".join(lines)
