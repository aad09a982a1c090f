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
Table = tuple[Sequence[str], Sequence[Sequence[str]]]
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


def differences(metrics: Mapping[str, Data], first: str, name: str) -> Table:
    """A row for each metric of a voter against the first."""
    rows = []
    for metric, found in metrics.items():
        row = [metric, str(found["difference"]["n"]), per_cent(found["before"]), per_cent(found["after"])]
        row += [points(found["difference"]["value"]), interval(found["difference"], points)]
        rows.append([*row, plain(found["p"]), plain(found["holm"])])
    return ["metric", "n", first, name, "differ", "interval", "p", "Holm"], rows


def flips(metrics: Mapping[str, Data]) -> Table:
    """What became of the samples, and the tests that are made of it."""
    rows = []
    for metric, found in metrics.items():
        fates = [str(found["flips"][fate]) for fate in ("fixed", "broken", "changed", "same")]
        rows.append([metric, *fates, plain(found["mcnemar"]), per_cent(found["detectable"])])
    return ["metric", "fixed", "broken", "other, as wrong", "same", "McNemar p", "detectable"], rows


def signals(found: Mapping[str, Data]) -> Table:
    """How each signal orders rollouts."""
    rows = [
        [name, plain(told["within"]["value"]), interval(told["within"], plain), plain(told["pooled"])]
        + [str(told["pairs"]), per_cent(told["tied"])]
        for name, told in found.items()
    ]
    return ["signal", "within a question", "interval", "pooled", "pairs", "ties %"], rows


def placebos(name: str, why: Data) -> Table:
    """The vote beside those with other weights."""
    rows = [
        [placebo, per_cent(found["score"]), points(found["difference"]["value"])]
        + [interval(found["difference"], points), plain(found["p"])]
        for placebo, found in why["placebos"].items()
    ]
    return ["weights", "score", f"{name} gains", "interval", "p"], rows


def levels(found: Data) -> Table:
    """How the values of a signal, or the shares of votes, go with the score."""
    rows = []
    for level in found["levels"]:
        low, high, mean = (f"{level[name]:.3g}" for name in ("low", "high", "mean"))
        rows.append([low if low == high else f"{low} to {high}", str(level["n"]), mean, per_cent(level["score"])])
    return ["level", "n", "mean", "score"], rows


def about(task: Data) -> str:
    """What was compared, in a line."""
    left = [f"errors {task['errors']}"] if task["errors"] else []
    missing = task["planned"] - task["samples"] - task["errors"]
    left += [f"UNFINISHED: {missing} samples not asked yet"] if missing > 0 else []
    return "; ".join([f"{task['samples']} samples of {task['videos']} videos, {task['rollouts']} rollouts each", *left])


def rollouts(task: Data) -> str:
    """What the rollouts are like, in a line."""
    found = {name: per_cent(value) for name, value in task["shares"].items()}
    return (
        f"Questions whose rollouts all agree: {found['unanimous']} %. Rollouts that abstain: {found['abstained']} %, "
        f"that cite nothing: {found['without_claims']} %, that say of nothing both where and when: "
        f"{found['without_evidence']} %, that make more than ten claims: {found['many_claims']} %."
    )


def show(console: Console, data: Data) -> None:
    """Print what leads of each task."""
    from rich.table import Table as Drawn
    from rich.text import Text

    def draw(table: Table) -> None:
        head, rows = table
        drawn = Drawn(box=None, padding=(0, 1, 0, 0), pad_edge=False)
        for number, heading in enumerate(head):
            drawn.add_column(Text(heading), justify="right" if number else "left", no_wrap=True, overflow="fold")
        for row in rows:
            drawn.add_row(*map(Text, row))
        if rows:
            console.print(drawn)

    first, *others = data["voters"]
    for task in data["tasks"].values():
        console.print()
        console.print(Text(f"{task['title']} (version {task['version']}): {about(task)}", style="bold"), soft_wrap=True)
        for name in others:
            against = task["against"][name]
            leading = {metric: against["metrics"][metric] for metric in task["leading"]}
            draw(differences(leading, first, name))
            draw(flips(leading))
            for metric in leading:
                draw(placebos(name, against["why"][metric]))
                console.print(Text(f"{name}, {metric}: {against['verdict'][metric]}"), soft_wrap=True)
        for metric, found in task["signals"].items():
            head, rows = signals(found)
            draw(([f"signal, by {metric}", *head[1:]], rows))
        console.print(Text(rollouts(task)), soft_wrap=True)


def markdown(data: Data) -> str:
    """The text of compare.md."""
    first, *others = data["voters"]
    asked = data["settings"]
    lines = [
        f"# {', '.join(map(safe, others))} against {safe(first)}",
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
            f"{about(task)}. {rollouts(task)}",
            "",
        ]
        for name in others:
            lines += _against(task, first, name)
        for metric, found in task["signals"].items():
            lines += _titled(f"Signals, by {metric}", signals(found))
            for name, told in found.items():
                lines += _titled(f"{name}: its levels, by {metric}", levels(told))
    return "\n".join(lines).rstrip() + "\n"


def _against(task: Data, first: str, name: str) -> Iterator[str]:
    found = task["against"][name]
    yield from (f"### {safe(name)} against {safe(first)}", "")
    yield from (f"- {safe(metric)}: {safe(said)}" for metric, said in found["verdict"].items())
    yield from _titled("", differences(found["metrics"], first, name))
    yield from _titled("", flips(found["metrics"]))
    for metric, why in found["why"].items():
        yield from _titled(f"With other weights, by {metric}", placebos(name, why))
        for voter, told in why["calibration"].items():
            if told:
                said = f"ECE {plain(told['ece'])}, Brier {plain(told['brier'])}"
                yield from _titled(f"{voter}: share of the winner, by {metric}; {said}", levels(told))


def _titled(title: str, table: Table) -> Iterator[str]:
    head, rows = table
    if rows:
        yield ""
        yield from (safe(title), "") if title else ()
        yield from grid(head, rows)[:-1]
