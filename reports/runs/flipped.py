"""The questions whose score changed from one run to the other, with both answers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from harness.comparison import Pair
from harness.records import Prediction

from .differences import pairs
from .paired import Paired
from .sides import Side

SHOWN = 200
"""Questions of a fate that flips.md lists of a task; comparison.json has them all."""
LONG = 160
"""Characters of a question or an answer that it shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flipped:
    """One question."""

    sample: str
    video: str
    question: str
    fate: str
    """"fixed" or "broken"."""
    metric: str
    """The first metric of the sample."""
    scores: tuple[float, float]
    reference: str | None
    answers: tuple[str | None, str | None]
    """As words; None where they are not on record."""
    seen: tuple[str | None, str | None]
    """Where each answer is shown with its evidence, from the folder of the comparison; None for a baseline."""


def flipped(paired: Paired, before: Side, after: Side, out: Path) -> list[Flipped]:
    """The questions with another score, the largest changes first, by the first metric of each."""
    found = []
    for pair in pairs(paired.before, paired.after):
        metric = next(iter(pair.scores[0].values), None)
        values = pair.values(metric) if metric is not None else None
        if metric is None or values is None or values[0] == values[1]:
            continue
        sample = pair.sample
        reference = _reference(pair)
        votes = (None if before.recorded else pair.before), (None if after.recorded else pair.after)
        found.append(
            Flipped(
                sample=sample.id,
                video=sample.video,
                question=sample.question,
                fate="fixed" if values[1] > values[0] else "broken",
                metric=metric,
                scores=values,
                reference=None if reference.abstained else words(reference),
                answers=(words(votes[0]), words(votes[1])),
                seen=(link(before, paired.task.name, sample.id, out), link(after, paired.task.name, sample.id, out)),
            )
        )
    return sorted(found, key=lambda each: (-abs(each.scores[1] - each.scores[0]), each.sample))


def _reference(pair: Pair) -> Prediction:
    """The reference in the form of the answers: a question of when may have boxes as well."""
    sample = pair.sample
    if sample.answer is not None:
        return Prediction(answer=sample.answer)
    timed = any(vote.span is not None and not vote.boxes for vote in (pair.before, pair.after))
    return Prediction(span=sample.span) if timed or not sample.boxes else Prediction(boxes=sample.boxes)


def words(vote: Prediction | None) -> str | None:
    """An answer as a line; None where there is none on record.

    >>> words(Prediction(answer="B")), words(Prediction())
    ('B', 'abstains')
    """
    if vote is None:
        return None
    if vote.answer is not None:
        return vote.answer
    if vote.boxes:
        return "; ".join(f"{time:g} s {[round(edge) for edge in box]}" for time, box in sorted(vote.boxes.items()))
    return "abstains" if vote.span is None else f"{vote.span.start:g} to {vote.span.end:g} s"


def link(side: Side, task: str, sample: str, out: Path) -> str | None:
    """The address of a question in the page of a run, relative to `out`; nothing in it can leave the address.

    The page is written by harness view; of a baseline there is none.
    """
    if side.recorded:
        return None
    page = Path(os.path.relpath(side.path.absolute(), out.absolute())) / "view" / "index.html"
    return f"{quote(page.as_posix())}#{quote(task, safe='')}/{quote(sample, safe='')}"


def markdown(data: Mapping[str, Any]) -> str:
    """The text of flips.md, from the content of comparison.json."""
    lines = []
    for name, tasks in data["against"].items():
        lines += [f"# What changed from {escaped(data['baseline'])} to {escaped(name)}", ""]
        for told in tasks.values():
            for fate in ("broken", "fixed"):
                rows = [each for each in told["flipped"] if each["fate"] == fate]
                lines += [f"## {escaped(told['title'])}: {len(rows)} {fate}", ""]
                lines += [line for each in rows[:SHOWN] for line in _row((data["baseline"], name), each)]
                if len(rows) > SHOWN:
                    lines.append(f"- and {len(rows) - SHOWN} more, which comparison.json lists")
                lines.append("")
    return "\n".join(lines)


def _row(names: Sequence[str], each: Mapping[str, Any]) -> Iterator[str]:
    said = [
        f"{_linked(name, seen)} {score:.2f}{'' if answer is None else f' {short(answer)}'}"
        for name, seen, score, answer in zip(names, each["seen"], each["scores"], each["answers"], strict=True)
    ]
    asked = f": {short(each['question'])}" if each["question"] else ""
    reference = f"; reference {short(each['reference'])}" if each["reference"] is not None else ""
    yield f"- {short(each['sample'])}{asked}  "
    yield f"  {', '.join(said)}{reference}"


def _linked(name: str, address: str | None) -> str:
    return escaped(name) if address is None else f"[{escaped(name)}]({address})"


def short(text: str) -> str:
    """A text that stays in its line and is not taken for Markdown."""
    line = " ".join(text.split())
    return escaped(line if len(line) <= LONG else f"{line[: LONG - 3]}...")


def escaped(text: str) -> str:
    r"""Text in which nothing is Markdown or HTML.

    >>> escaped("[a](b) *c* <d>")
    '\\[a\\]\\(b\\) \\*c\\* &lt;d&gt;'
    """
    found = "".join(f"\\{c}" if c in r"\`*_[]()#|!~" else c for c in " ".join(text.split()))
    return found.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
