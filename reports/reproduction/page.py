"""What a reproduction found, claim by claim, with the tables that it rests on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness import plugins
from harness.contracts import Finished, Sheet
from harness.store import read_run
from harness.summary import summarise

from ..comparison import interval, plain, points
from ..sheets import markdown
from ..table import per_cent, safe
from .claim import LEVEL, Finding
from .plan import MODEL, WAYS, Plan
from .step import Step

PAGE = "report.md"
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
            f"{each.claim.says} (Table {each.claim.table})",
            each.claim.published,
            each.claim.measure,
            per_cent(each.better),
            per_cent(each.worse),
            f"{points(each.gain.value)} {interval({'low': each.gain.low, 'high': each.gain.high}, points)}",
            str(each.gain.n),
            plain(each.p),
            plain(each.holm),
            each.verdict,
        )
        for each in findings
    )
    head = ("claim", "paper", "measured by", "here", "against", "gain", "n", "p", "Holm", "verdict")
    return Sheet(title="Claims of arXiv 2510.20579", head=head, rows=rows, notes=NOTES)


def tables(plan: Plan) -> Iterator[Sheet]:
    """The paper's tables, of the runs of the reproduction."""
    trained = [run for name in ("base", *(way for way in WAYS if way != "words-sft")) for run in plan.runs(name)]
    yield from plugins.load("harness.reports", "table3")(_finished(trained))
    general = ["base", plan.runs(MODEL)[0].name, plan.runs("words")[0].name]
    yield from plugins.load("harness.reports", "table2")(_finished([plan.out / "general" / name for name in general]))


def _finished(folders: Sequence[Path]) -> list[Finished]:
    return [
        Finished(folder=folder, run=run, scores=summarise(folder, run))
        for folder in folders
        for run in [read_run(folder)]
    ]


def pictures(folder: Path) -> list[Path]:
    """What was drawn, relative to the folder."""
    found = [*folder.glob("*.png"), *(folder / "votes").glob("votes-*.png"), *folder.glob("runs/*/probe-*.png")]
    return sorted(path.relative_to(folder) for path in found)


def page(plan: Plan, findings: Sequence[Finding], sheets: Sequence[Sheet], steps: Sequence[Step]) -> str:
    """The text of report.md."""
    counts = Counter(each.verdict for each in findings)
    told = ", ".join(f"{number} {verdict}" for verdict, number in counts.most_common())
    trained = "the checkpoints that ship" if plan.from_checkpoints else "checkpoints trained for it"
    lines = [
        f"# Open-o3-Video, reproduced at the scale {safe(plan.scale.name)}",
        "",
        f"Of {len(findings)} tests of claims: {told}. With {trained}; {plan.scale.seeds} of each way of training.",
        "The [evidence viewer](view/index.html) shows the answers of the trained model beside those of its base.",
        "",
        markdown([claims(findings), *sheets]),
        *(f"![{safe(path.stem)}]({path.as_posix()})\n" for path in pictures(plan.out)),
        "## Commands",
        "",
        *(f"    {step.command}" for step in steps),
    ]
    return "\n".join(lines) + "\n"
