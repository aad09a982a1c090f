"""The content of probe.json: for each task of a run how its answers cite, and what the probes found (trial.py)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness import metrics, stats
from harness.codec import encode
from harness.multiplicity import holm
from harness.probing import Probe

from . import again
from .grounded import Base
from .trial import Answers, Trial


def document(
    folder: Path,
    run: Mapping[str, Any],
    bases: Mapping[str, Base],
    probes: Mapping[str, Probe],
    near: int,
    draws: int,
    seed: int,
) -> dict[str, Any]:
    """The content of probe.json."""
    found = {task: Answers(base, probes, seed) for task, base in bases.items()}
    for name, probe in probes.items():
        for line in again.read(folder, name):
            if line.record.task in found and line.draw < (draws if probe.drawn else 1):
                found[line.record.task].add(name, line)
    trials = {task: each.trials() for task, each in found.items()}
    tests = {
        (task, name): compared[main].p
        for task, each in found.items()
        if (main := each.main) is not None
        for name, trial in trials[task].items()
        for compared in [*trial.against.values()][:1]
        if main in compared
    }
    adjusted = holm(tests)
    settings = {"near": near, "draws": draws, "seed": seed, "level": stats.LEVEL, "flips": stats.FLIPS}
    told = {task: _told(each, trials[task], run["tasks"][task], adjusted) for task, each in found.items()}
    return {"format": 1, "settings": {"probes": [*probes], **settings}, "tasks": told}


def _told(
    found: Answers, trials: Mapping[str, Trial], told: Mapping[str, Any], adjusted: Mapping[tuple[str, str], float]
) -> dict[str, Any]:
    base, asked = found.base, found.base.questions
    for name, trial in trials.items():
        if (base.task.name, name) in adjusted and found.main is not None:
            first = next(iter(trial.against))
            figures = dict(trial.against[first])
            figures[found.main] = replace(figures[found.main], holm=adjusted[base.task.name, name])
            trials = {**trials, name: replace(trial, against={**trial.against, first: figures})}
    return {
        "title": told["title"],
        "version": base.task.version,
        "partial": told["items"] < told["all_items"],
        "missing": told["samples"] - len(base.records) - base.left_out["it was not evaluated"],
        "columns": dict(base.task.columns),
        "main": found.main,
        "leading": found.leading,
        "evaluated": len(base.records),
        "probed": len(asked),
        "not_probed": dict(base.left_out.most_common()),
        "boxes": metrics.mean(sum(claim.box is not None for claim in each.claims) for each in asked),
        "times": metrics.mean(len(each.times) for each in asked),
        "trials": encode(trials),
    }
