"""What probes found: a table of scores and one of differences for each task; from probe.json.

Scores are per cent, differences points of them; intervals are of 95 %, clustered by video.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.contracts import Sheet

from . import sheets
from .comparison import interval, plain, points
from .table import per_cent, safe

if TYPE_CHECKING:
    from rich.console import Console

Data = Mapping[str, Any]

RUN = "run"
"""The answers as they were."""
SURE = 0.05
"""Below this p a difference is told as one."""


def show(console: Console, found: Data) -> None:
    """Print the tables of each task, with what leads."""
    for task in found["tasks"].values():
        sheets.show(console, tables(task, task["leading"]))


def markdown(found: Data, pictures: Mapping[str, str]) -> str:
    """The text of probe.md; `pictures` are the files of the tasks."""
    asked = found["settings"]
    lines = [
        "# Probes",
        "",
        "- questions of the run asked again with what they are shown changed, and nothing else",
        f"- {asked['near']} frames belong to a cited time; {asked['draws']} draws of what is drawn by chance, with the",
        f"  seed {asked['seed']}, count with their mean",
        f"- scores are per cent, differences points, with intervals of {asked['level']:.0%}, clustered by video, by",
        f"  Student's t and the CR1 error; p: sign-flips of whole videos, exact or of {asked['flips']} random flips",
        "- Holm: p adjusted over the main metric of each task and probe against its control",
        "",
    ]
    for name, task in found["tasks"].items():
        lines.append(sheets.markdown(tables(task)))
        if name in pictures:
            lines += [f"![What probes cost in {safe(task['title'])}]({pictures[name]})", ""]
    return "\n".join(lines)


def tables(task: Data, metrics: Sequence[str] | None = None) -> list[Sheet]:
    """The tables of a task; the differences of those metrics, or of all."""
    scores = Sheet(
        title=f"{task['title']} (version {task['version']}), per cent",
        head=("", "n", "frames", "evidence", *task["columns"].values()),
        rows=tuple(row for trial in task["trials"].values() for row in _scores(task, trial)),
        notes=(*about(task), "evidence: the share of the frames near the cited times that is shown"),
    )
    differing = Sheet(
        title=f"{task['title']}: differences, points",
        head=("metric", "", "against", "n", "before", "after", "differ", "interval", "p", "Holm"),
        rows=tuple(row for trial in task["trials"].values() for row in _differences(trial, metrics)),
        notes=tuple(said for trial in task["trials"].values() for said in verdicts(task, trial)),
    )
    return [scores, differing] if task["trials"] and task["probed"] else [scores]


def about(task: Data) -> Iterator[str]:
    """How answers cite, and what was not probed, in sentences."""
    share = per_cent(task["probed"] / task["evaluated"]) if task["evaluated"] else "-"
    cites = "-" if task["times"] is None else f"{task['times']:.2f} times and {task['boxes']:.2f} boxes"
    yield (
        f"{task['probed']} of {task['evaluated']} evaluated questions ({share} %) cite times; such an answer cites "
        f"{cites} in the mean"
    )
    for reason, number in task["not_probed"].items():
        yield f"  {number} not probed: {reason}"
    for trial in task["trials"].values():
        for reason, number in trial["not_probed"].items():
            yield f"  {number} not probed by {trial['title']}: {reason}"
        if trial["unanswered"]:
            yield f"  {trial['unanswered']} not answered in all ways of {trial['title']}"
    if task["missing"]:
        yield f"  UNFINISHED: {task['missing']} samples of the run were not asked yet"
    if task["partial"]:
        yield "  PARTIAL: some items were left out of the run"


def _scores(task: Data, trial: Data) -> Iterator[tuple[str | float | None, ...]]:
    for arm in trial["arms"].values():
        frames = "-" if arm["frames"] is None else f"{arm['frames']:.1f}"
        figures = (arm["columns"].get(name) for name in task["columns"])
        yield (arm["title"], str(trial["questions"]), frames, arm["evidence"], *figures)


def _differences(trial: Data, metrics: Sequence[str] | None) -> Iterator[tuple[str, ...]]:
    """Each arm against the run, then the probe against its controls."""
    titles = {name: arm["title"] for name, arm in trial["arms"].items()}
    pairs = [(titles[name], "the run", arm["differences"]) for name, arm in trial["arms"].items() if name != RUN]
    pairs += [(trial["title"], titles[name], compared) for name, compared in trial["against"].items()]
    for metric in metrics or dict.fromkeys(name for _, _, found in pairs for name in found):
        for one, other, found in pairs:
            if metric in found:
                each = found[metric]
                told = each["difference"]
                figures = (per_cent(each["before"]), per_cent(each["after"]), points(told["value"]))
                tests = (interval(told, points), plain(each["p"]), plain(each["holm"]))
                yield (metric, one, other, str(told["n"]), *figures, *tests)


def verdicts(task: Data, trial: Data) -> Iterator[str]:
    """What the differences to the first control say, in words."""
    for name, compared in [*trial["against"].items()][:1]:
        control = trial["arms"][name]["title"]
        for metric in task["leading"]:
            if (found := compared.get(metric)) is None or found["difference"]["value"] is None:
                continue
            value, p = found["difference"]["value"], plain(found["p"])
            if found["p"] >= SURE:
                said = f"no difference to {control} is established (p {p})"
            else:
                said = f"{'worse' if value < 0 else 'better'} than {control} by {abs(100 * value):.1f} points (p {p})"
            yield f"{trial['title']}, {metric}: {said}"
