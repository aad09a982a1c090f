"""One side of a comparison: the scores of a run, sample by sample, from its folder or from a recorded baseline.

What is compared is the scored vote, so runs of different numbers of rollouts can be. Videos are known by the name of
their file, so that data folders may have moved; what is asked is known by a hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.codec import encode
from harness.contracts import Task
from harness.errors import DataError, UsageError
from harness.records import Prediction, Record, Sample, Score
from harness.schema import dumps, loads, validate
from harness.store import RUN, read_as, read_run
from harness.summary import restore

HASHED = ("kind", "question", "options", "part", "answer", "span", "boxes", "evidence", "context")
"""What makes a question the same question."""
DIGITS = 16
"""Of a hash, in hexadecimal: two of 3,000 questions have the same one with a chance of 1 in 4 x 10^12."""
DECIMALS = 6
"""Of a score in a recorded baseline."""


@dataclass(frozen=True, slots=True)
class Line:
    """What is read of a record: no rollouts, which are most of it."""

    task: str
    sample: Sample
    vote: Prediction | None
    score: Score | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One sample as a run answered it."""

    record: Record
    """Without rollouts; of a recorded baseline without texts."""
    asked: str
    """Hash of question and reference."""
    video: str
    """The name of the video's file."""

    @property
    def evaluated(self) -> bool:
        """Whether there is a score."""
        return self.record.score is not None and self.record.error is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One task of a side."""

    spec: Mapping[str, Any]
    """What run.json says of it under settings."""
    told: Mapping[str, Any]
    """And under tasks."""
    cases: Mapping[str, Case]
    """Sample id -> case, in the order of ids."""
    lacking: frozenset[str] = frozenset()
    """Figures that a recorded baseline cannot give, as they are made of more than what it keeps."""

    def task(self) -> Task:
        """The task with its options."""
        return restore(self.spec)


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A run, or what was recorded of one."""

    path: Path
    settings: Mapping[str, Any]
    parts: Mapping[str, Part]
    recorded: bool = False
    """Whether it is a baseline, which has scores and no answers."""


def digest(sample: Sample) -> str:
    """The hash of what is asked and of its reference, wherever the video lies and however results are broken down."""
    told = {name: encode(getattr(sample, name)) for name in HASHED}
    return hashlib.sha256(dumps(told, sample.id)).hexdigest()[:DIGITS]


def video_name(path: str) -> str:
    r"""The name of a file, of whichever system.

    >>> video_name("/data/a/7.mp4"), video_name(r"C:\data\7.mp4")
    ('7.mp4', '7.mp4')
    """
    return path.replace("\\", "/").rpartition("/")[2]


def read(path: Path) -> Side:
    """The side of a run folder or of a file that `harness regress record` wrote."""
    if path.is_dir():
        return _run(path)
    if not path.exists():
        raise UsageError(f"there is no {path}; give a run folder, or a baseline that harness regress record wrote")
    data = loads(path.read_bytes(), str(path))
    validate("baseline", data, str(path))
    return _recorded(path, data)


def _run(folder: Path) -> Side:
    run = read_run(folder)
    specs = {spec["name"]: spec for spec in run["settings"]["tasks"]}
    found: dict[str, dict[str, Case]] = {name: {} for name in specs}
    for line in read_as(Line, folder):
        if line.task not in found:
            raise DataError(f"{folder} has a record of the task {line.task!r}, which its {RUN} does not name")
        record = Record(
            task=line.task,
            version=specs[line.task]["version"],
            sample=line.sample,
            vote=line.vote,
            score=line.score,
            error=line.error,
        )
        case = Case(record=record, asked=digest(line.sample), video=video_name(line.sample.video))
        found[line.task][line.sample.id] = case
    parts = {
        name: Part(spec=spec, told=run["tasks"][name], cases=dict(sorted(found[name].items())))
        for name, spec in specs.items()
    }
    return Side(path=folder, settings=run["settings"], parts=parts)


def _recorded(path: Path, data: Mapping[str, Any]) -> Side:
    parts = {}
    for name, told in data["tasks"].items():
        spec = next((spec for spec in data["settings"]["tasks"] if spec["name"] == name), None)
        if spec is None:
            raise DataError(f"{path} has figures of {name}, which its settings do not name; record it again")
        try:
            cases = dict(_cases(name, spec["version"], told["samples"]))
        except (IndexError, ValueError) as error:
            raise DataError(f"{path} is damaged: the columns of {name} do not go together; record it again") from error
        parts[name] = Part(spec=spec, told=told["about"], cases=cases, lacking=frozenset(told["lacking"]))
    return Side(path=path, settings=data["settings"], parts=parts, recorded=True)


def _cases(task: str, version: int, found: Mapping[str, Any]) -> Sequence[tuple[str, Case]]:
    """The samples of a baseline from its columns."""
    columns = (found[name] for name in ("ids", "items", "kinds", "videos", "asked", "metrics", "values", "groups"))
    texts = found.get("texts", [None] * len(found["ids"]))
    cases = []
    for number, row in enumerate(zip(*columns, texts, strict=True)):
        id, item, kind, video, asked, metrics, values, groups, text = row
        question, answer = text or ("", None)
        named = {axis: found["group_names"][axis][place] for axis, place in zip(found["axes"], groups, strict=True)
                 if place is not None}  # fmt: skip
        sample = Sample(id=id, item=found["item_names"][item], kind=found["kind_names"][kind], video=str(video),
                        question=question, groups=named)  # fmt: skip
        vote = None if answer is None else Prediction(answer=answer)
        failed = found["errors"].get(str(number))
        scores = dict(zip(found["metric_names"][metrics], values, strict=True)) if failed is None else {}
        record = Record(task=task, version=version, sample=sample, error=failed,
                        vote=Prediction() if number in found["abstained"] else vote,
                        score=None if failed is not None else Score(values=scores))  # fmt: skip
        cases.append((id, Case(record=record, asked=asked, video=found["video_names"][video])))
    return cases


def bare(case: Case) -> Case:
    """A case less all that a baseline does not keep; what a task makes of many such is what it makes of a baseline."""
    record, sample = case.record, case.record.sample
    kept = Sample(id=sample.id, item=sample.item, kind=sample.kind, video=sample.video, question="",
                  groups=sample.groups)  # fmt: skip
    vote = Prediction() if record.vote is not None and record.vote.abstained else None
    score = None if record.score is None else Score(values=record.score.values)
    return replace(case, record=replace(record, sample=kept, vote=vote, score=score))


def rounded(case: Case) -> Case:
    """A case with scores as a baseline keeps them: what is compared with one must be of the same kind."""
    if case.record.score is None:
        return case
    values = {name: short(value) for name, value in case.record.score.values.items()}
    return replace(case, record=replace(case.record, score=replace(case.record.score, values=values)))


def short(value: float | None) -> float | None:
    """A score as a baseline keeps it.

    >>> short(1 / 3), short(1.0)
    (0.333333, 1)
    """
    if value is None:
        return None
    kept = round(value, DECIMALS)
    return int(kept) if kept == int(kept) else kept
