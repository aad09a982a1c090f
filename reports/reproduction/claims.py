"""The claims of the Open-o3-Video paper (arXiv 2510.20579) that are put to the test, with its own figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness import schema, stats
from harness.errors import DataError

from ..table import HEADINGS
from . import figures
from .claim import Claim, Finding, adjusted, averaged, paired
from .plan import MODEL, Plan
from .scale import GENERAL

MAM = "mAM of V-STaR"
TRAINED: tuple[tuple[Claim, str, str], ...] = tuple(
    (Claim(table=table, says=says, published=published, measure=MAM), better, worse)
    for table, says, published, better, worse in (
        ("1", "The trained model grounds its answers better than the base", "33.7 > 19.3", MODEL, "base"),
        ("3", "SFT alone is better than the base", "28.5 > 19.3", "sft", "base"),
        ("3", "Reinforcement learning alone is better than the base", "30.4 > 19.3", "rl", "base"),
        ("3", "Reinforcement learning improves on SFT", "33.7 > 28.5", MODEL, "sft"),
        ("3", "SFT helps reinforcement learning", "33.7 > 30.4", MODEL, "rl"),
        ("3", "GSPO is better than GRPO", "33.7 > 32.8", MODEL, "grpo"),
        ("5", "Adaptive temporal proximity helps", "33.7 > 33.0", MODEL, "no-ada"),
        ("5", "Temporal gating helps", "33.7 > 32.3", MODEL, "no-gat"),
        ("9", "Reasoning with evidence grounds better than reasoning in words", "46.6 > 41.0, mLGM", MODEL, "words"),
    )
)
"""Claim, and the checkpoints of which the first is said to be better."""
WHAT = Claim(
    table="9",
    says="Reasoning with evidence answers better than reasoning in words",
    published="61.0 > 58.6",
    measure="accuracy of V-STaR's what",
)
GAINS = Claim(
    table="2",
    says="The trained model is better at video understanding in general",
    published="48.7 > 45.1",
    measure="mean of five benchmarks",
)
VOTES: tuple[tuple[str, str, str], ...] = (
    ("Votes weighed by evidence beat majority votes", "confidence", "38.5 > 37.3 and 54.1 > 53.1"),
    ("Majority votes beat single answers", "first", "37.3 < 37.5 and 53.1 > 52.3"),
)
"""Statement, the voter that is compared with majority, and the paper's figures on WorldSense and Video-MMMU."""
FAITHFUL = Claim(
    table="6",
    says="Taking away the frames that are cited hurts more than taking away others",
    published="68.7 - 66.0 > 68.7 - 68.0",
    measure="",
)


def findings(plan: Plan) -> list[Finding]:
    """What came of all claims, with p adjusted for all of them."""
    return adjusted([*_trained(plan), *_general(plan), *_words(plan), *_votes(plan.out / "votes"), *_probed(plan)])


def _trained(plan: Plan) -> Iterator[Finding]:
    for claim, better, worse in TRAINED:
        yield paired(claim, figures.mam(plan.runs(better)), figures.mam(plan.runs(worse)))


def _general(plan: Plan) -> Iterator[Finding]:
    model, base = (
        {task: figures.leading([plan.out / "general" / name], task) for task in GENERAL}
        for name in (plan.runs(MODEL)[0].name, "base")
    )
    yield paired(GAINS, averaged(model), averaged(base))


def _words(plan: Plan) -> Iterator[Finding]:
    better, worse = (figures.leading(plan.runs(way), "vstar", "what") for way in (MODEL, "words"))
    yield paired(WHAT, better, worse)


def _votes(folder: Path) -> Iterator[Finding]:
    found = _read(folder / "compare.json", "compare")
    for says, voter, published in VOTES:
        for task in found["tasks"].values():
            for metric in task["leading"]:
                told = task["against"][voter]["metrics"][metric]
                claim = Claim(table="13", says=says, published=published, measure=_measure(task, metric))
                yield _told(claim, told, 1 if voter == "confidence" else -1)


def _measure(task: Mapping[str, Any], metric: str) -> str:
    return f"{HEADINGS.get(metric, metric)} of {task['title']}"


def _told(claim: Claim, told: Mapping[str, Any], sign: int) -> Finding:
    """A comparison of a run folder; -1 turns it, so that what should be better comes first."""
    one, other = (told["after"], told["before"])[::sign]
    low, high = sorted((told["difference"]["low"], told["difference"]["high"]), key=lambda end: sign * (end or 0.0))
    gain = {**told["difference"], "low": _times(low, sign), "high": _times(high, sign)}
    gain["value"] = _times(gain["value"], sign)
    return Finding(claim=claim, better=one, worse=other, gain=stats.Estimate(**gain), p=told["p"])


def _times(value: float | None, sign: int) -> float | None:
    return None if value is None else sign * value


def _probed(plan: Plan) -> Iterator[Finding]:
    """Each leading metric of V-STaR without the frames that are cited, and without as many others."""
    found = _read(plan.runs(MODEL)[0] / "probe.json", "probe")
    for task in found["tasks"].values():
        against = task["trials"]["remove-evidence"]["against"]["remove-random"]
        for metric in task["leading"]:
            claim = replace(FAITHFUL, measure=_measure(task, metric))
            yield _told(claim, against[metric], -1)


def _read(path: Path, kind: str) -> Any:
    if not path.is_file():
        raise DataError(f"there is no {path}, which the claims are judged by; start the reproduction again")
    data = schema.loads(path.read_bytes(), str(path))
    schema.validate(kind, data, str(path))
    return data
