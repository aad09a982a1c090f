"""The questions of a finished run whose scored answer cites times, and why others are left out: what probes go over."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.contracts import Task
from harness.errors import NotProbed, UsageError
from harness.probing import Grounded, Probe
from harness.records import Record, View
from harness.store import key, read_records
from harness.summary import restore

from .evidence import past, told


@dataclass(frozen=True, slots=True)
class Base:
    """One task of a run as it was answered."""

    task: Task
    spec: Mapping[str, Any]
    """What run.json says of how it was asked."""
    records: list[Record] = field(default_factory=list)
    """Those that were evaluated, less their rollouts, in the order of their ids."""
    questions: list[Grounded] = field(default_factory=list)
    """Those of them that cite times, in the same order."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Why others are not probed -> how many."""

    def changed(self, question: Grounded, name: str, probe: Probe, seed: int, draw: int) -> View:
        """What is shown in a draw of a probe, the same whenever it is asked for; NotProbed where it does not apply."""
        rng = random.Random(repr((seed, name, *key(question.task, question.sample.id), draw)))
        return probe.change(question, self.questions, rng)


def read(folder: Path, run: Mapping[str, Any], near: int) -> dict[str, Base]:
    """The tasks of a run folder by name; UsageError when what was asked cannot be asked again."""
    if run["settings"]["decoding"] is None:
        raise UsageError(
            f"{folder} was answered elsewhere, so its questions cannot be asked again; run them here first"
        )
    found = {spec["name"]: Base(restore(spec), spec) for spec in run["settings"]["tasks"]}
    for base in found.values():
        if base.task.version != base.spec["version"]:
            raise UsageError(
                f"{folder} asked {base.task.name} of version {base.spec['version']} and there is version "
                f"{base.task.version} now, which would ask something else; run it again first"
            )
    records = [_light(record) for record in read_records(folder) if record.task in found]
    for record in sorted(records, key=lambda record: record.sample.id):
        base = found[record.task]
        if record.error is not None or record.score is None:
            base.left_out["it was not evaluated"] += 1
            continue
        base.records.append(record)
        try:
            base.questions.append(grounded(record, near))
        except NotProbed as reason:
            base.left_out[str(reason)] += 1
    return found


def grounded(record: Record, near: int) -> Grounded:
    """A record as probes see it; NotProbed where its answer cites no time."""
    if record.view is None:
        raise NotProbed("what was shown is not on record")
    claims = dict.fromkeys(record.vote.evidence if record.vote else ())
    timed = [claim for claim in claims if claim.time is not None and math.isfinite(claim.time)]
    if not timed:
        raise NotProbed("it cites no time")
    within = tuple(claim for claim in timed if claim.time is not None and not past(record.view, claim.time))
    if not within:
        raise NotProbed("it cites only times past the end of the video")
    return Grounded(task=record.task, sample=record.sample, view=record.view, claims=within, near=near)


def nearest(times: Sequence[float], time: float, count: int) -> set[int]:
    """The places of the `count` times that are nearest to one; of two as near, of the earlier one.

    >>> sorted(nearest((0.0, 2.0, 4.0, 6.0), 3.0, 2)), sorted(nearest((0.0, 2.0, 4.0), 2.0, 2))
    ([1, 2], [0, 1])
    """
    return set(sorted(range(len(times)), key=lambda place: (abs(times[place] - time), place))[:count])


def places(question: Grounded) -> set[int]:
    """The places of the frames that belong to the cited times."""
    times = told(question.view)
    return {place for time in question.times for place in nearest(times, time, question.near)}


def _light(record: Record) -> Record:
    return replace(record, responses=(), predictions=(), grades=())
