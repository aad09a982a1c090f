"""What a reproduction found, claim by claim, with the tables and pictures that it rests on: report.md, report.html."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from harness import plugins
from harness.contracts import Finished, Sheet
from harness.store import read_run
from harness.summary import summarise

from .. import html
from ..comparison import interval, plain, points
from ..sheets import markdown
from ..table import per_cent, safe
from .claim import LEVEL, Finding
from .plan import MODEL, WAYS, Plan
from .step import Step

NOTES = (
    "figures are per cent, gains points of them; n: questions or items that both answered",
    "intervals of 95 % and p (sign-flips of whole videos, two-sided) take the questions of a video together",
    f"Holm: the p adjusted for all claims; reproduced, contradicted: below {LEVEL}, and the gain above 0, or below 0",
    "not established: the difference is too small for this many questions, or not there",
)


def claims(findings: Sequence[Finding]) -> Sheet:
    """A row for each claim."""
    rows = tuple(
        (
            told(each),
            each.verdict,
            per_cent(each.better),
            per_cent(each.worse),
            f"{points(each.gain.value)} {interval({'low': each.gain.low, 'high': each.gain.high}, points)}",
            str(each.gain.n),
            plain(each.p),
            plain(each.holm),
            each.claim.published,
        )
        for each in findings
    )
    head = ("claim", "verdict", "here", "against", "gain", "n", "p", "Holm", "paper")
    return Sheet(title="Claims of arXiv 2510.20579", head=head, rows=rows, notes=NOTES)


def told(finding: Finding) -> str:
    """A claim in words."""
    claim = finding.claim
    return f"{claim.says} (Table {claim.table}; {claim.measure})"


def brief(findings: Sequence[Finding]) -> Sheet:
    """The same in few columns, for the terminal."""
    rows = tuple(
        (
            told(each),
            f"{points(each.gain.value)} {interval({'low': each.gain.low, 'high': each.gain.high}, points)}",
            plain(each.holm),
            each.verdict,
        )
        for each in findings
    )
    return Sheet(title="Claims of arXiv 2510.20579", head=("claim", "gain", "Holm", "verdict"), rows=rows, notes=NOTES)


def tables(plan: Plan) -> Iterator[Sheet]:
    """The paper's tables, of the runs of the reproduction."""
    asked = {name: plan.runs(name) for name in ("base", *(way for way in WAYS if way != "words-sft"))}
    seed = plan.runs(MODEL)[0].name
    general = [plan.out / "general" / name for name in ("base", seed, plan.runs("words")[0].name)]
    for name, folders in (
        ("table1", [asked["base"][0], asked[MODEL][0]]),
        ("table2", general),
        ("table3", list(dict.fromkeys(run for runs in asked.values() for run in runs))),
        ("table6", [asked[MODEL][0]]),
        ("table13", [plan.out / "votes"]),
    ):
        yield from plugins.load("harness.reports", name)([_finished(folder) for folder in folders])


def _finished(folder: Path) -> Finished:
    run = read_run(folder)
    return Finished(folder=folder, run=run, scores=summarise(folder, run))


def pictures(folder: Path) -> list[str]:
    """What was drawn, relative to the folder."""
    found = [*folder.glob("*.png"), *folder.glob("pictures/*.png"), *folder.glob("votes/votes-*.png")]
    found += folder.glob("runs/*/probe-*.png")
    return sorted(path.relative_to(folder).as_posix() for path in found)


def summary(plan: Plan, findings: Sequence[Finding]) -> str:
    """What came out, in two sentences."""
    counts = Counter(each.verdict for each in findings)
    told = ", ".join(f"{number} {verdict}" for verdict, number in counts.most_common())
    trained = "the checkpoints that ship" if plan.from_checkpoints else f"{plan.scale.seeds} training(s) of each way"
    return f"Of {len(findings)} tests of claims: {told}. Scale {plan.scale.name}, with {trained}."


def page(plan: Plan, findings: Sequence[Finding], sheets: Sequence[Sheet], steps: Sequence[Step]) -> dict[str, str]:
    """File name -> text."""
    title = "Open-o3-Video, reproduced"
    found, drawn = [claims(findings), *sheets], pictures(plan.out)
    lines = [
        f"# {title}",
        f"{safe(summary(plan, findings))} [Evidence viewer](view/index.html)",
        markdown(found),
        *(f"![{safe(picture)}]({picture})" for picture in drawn),
        "## Commands",
        "\n".join(f"    {step.command}" for step in steps),
    ]
    body = [
        f"<h1>{title}</h1>",
        f'<p>{escape(summary(plan, findings))} <a href="view/index.html">Evidence viewer</a></p>',
        html.fragment(found),
        *(f'<img src="{escape(picture)}" alt="{escape(picture)}" loading="lazy" width="900">' for picture in drawn),
        f"<h2>Commands</h2><pre>{escape(chr(10).join(step.command for step in steps))}</pre>",
    ]
    return {"report.md": "\n\n".join(lines) + "\n", "report.html": html.document(title, "\n".join(body))}
