"""A run as a baseline that fits into a repository: scores and what they are of, no answers, no texts, no videos.

Columns rather than rows, names once, hashes for questions: about 60 bytes a question before git compresses it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.schema import dumps, validate, whole
from harness.store import read_run, write_bytes

from ..runs.sides import Case, Part, bare, read, short


def record(run: Path, out: Path, *, texts: bool = False) -> dict[str, int]:
    """Write the baseline of a run folder; task -> questions."""
    if not run.is_dir():
        raise UsageError(f"{run} is no run folder; a baseline is recorded from one")
    told, side = read_run(run), read(run)
    if not any(part.cases for part in side.parts.values()):
        raise UsageError(f"{run} has no samples, so there is nothing to record")
    data = {
        "format": 1,
        "settings": told["settings"],
        "versions": told["sessions"][-1]["versions"] if told["sessions"] else {},
        "recorded": told["sessions"][-1]["started"] if told["sessions"] else None,
        "tasks": {name: _part(part, texts) for name, part in side.parts.items()},
    }
    validate("baseline", json.loads(dumps(data, str(out))), str(out))
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write to --out {out}: {error.strerror}") from error
    write_bytes(out, whole(text).encode() + b"\n")
    return {name: len(part.cases) for name, part in side.parts.items()}


def _part(part: Part, texts: bool) -> dict[str, Any]:
    return {"about": part.told, "lacking": _lacking(part), "samples": columns([*part.cases.values()], texts)}


def _lacking(part: Part) -> list[str]:
    """The figures that the task makes of more than what a baseline keeps."""
    task, cases = part.task(), [*part.cases.values()]
    full, kept = (task.overall([case.record for case in each]) for each in (cases, [bare(case) for case in cases]))
    return sorted(name for name, value in full.items() if value != kept.get(name))


def columns(cases: Sequence[Case], texts: bool) -> dict[str, Any]:
    """The samples of a task."""
    samples = [case.record.sample for case in cases]
    scores: list[Mapping[str, float | None]] = [
        case.record.score.values if case.evaluated and case.record.score else {} for case in cases
    ]
    items, kinds, metrics = (_Names(), _Names(), _Names())
    videos: dict[str, int] = {}
    axes = [*dict.fromkeys(axis for sample in samples for axis in sample.groups)]
    groups = {axis: _Names() for axis in axes}
    found: dict[str, Any] = {
        "ids": [sample.id for sample in samples],
        "items": [items.place(sample.item) for sample in samples],
        "kinds": [kinds.place(sample.kind) for sample in samples],
        "videos": [videos.setdefault(sample.video, len(videos)) for sample in samples],
        "asked": [case.asked for case in cases],
        "metrics": [metrics.place(tuple(values)) for values in scores],
        "values": [[short(value) for value in values.values()] for values in scores],
        "groups": [
            [groups[axis].place(s.groups[axis]) if axis in s.groups else None for axis in axes] for s in samples
        ],
        "abstained": [n for n, case in enumerate(cases) if case.record.vote is not None and case.record.vote.abstained],
        "errors": {str(n): case.record.error or "no score" for n, case in enumerate(cases) if not case.evaluated},
    }
    names = {case.record.sample.video: case.video for case in cases}
    found |= {"item_names": items.names, "kind_names": kinds.names, "metric_names": metrics.names, "axes": axes,
              "video_names": [names[video] for video in videos],
              "group_names": {axis: each.names for axis, each in groups.items()}}  # fmt: skip
    if texts:
        votes = [case.record.vote for case in cases]
        found["texts"] = [[s.question, vote.answer if vote else None] for s, vote in zip(samples, votes, strict=True)]
    return found


class _Names:
    """Names by number."""

    def __init__(self) -> None:
        self._places: dict[Any, int] = {}

    def place(self, name: Any) -> int:
        return self._places.setdefault(name, len(self._places))

    @property
    def names(self) -> list[Any]:
        return [list(name) if isinstance(name, tuple) else name for name in self._places]
