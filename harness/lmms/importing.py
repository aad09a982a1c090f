"""A log of lmms-eval as records: of one of our tasks, read and scored by it, or of a task that only lmms-eval has.

Documents are numbered as lmms-eval numbers them, and its log does not hold them. A sample of ours is found by the id
that a metric tells, else by its question and options in what was asked, else by its place in the data folder; what the
log says of it must agree with the data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from harness import metrics
from harness.contracts import Imported, Task
from harness.errors import DataError, UsageError
from harness.lmms.log import NAMES, Line, figures, lines, value
from harness.records import Record, Response, Sample, Score, View
from harness.settings import configure

SCORE = "score"
"""The metric by which a task of lmms-eval is known in a run folder: the first of its own that has a number."""


def imported(task: Task, path: Path, samples: Sequence[Sample]) -> Imported:
    """The records of a log; UsageError where the task needs its data folder, DataError where the two contradict."""
    found = lines(path)
    if not found:
        raise DataError(f"{path} holds no documents; give a file named like <date>_samples_<task>.jsonl")
    told = tuple(f"lmms-eval's own figure: {name} {figure:g}" for name, figure in figures(path).items())
    several = Counter(len(line.texts) > 1 for line in found)[True]
    if several:
        told += (f"{several} documents have several answers; the first was scored there, and is the vote here",)
    document = getattr(task, "document", None)
    if document is not None:
        records, notes = _theirs(task, document, found)
    elif samples:
        records, notes = _ours(task, found, samples)
    else:
        raise UsageError(
            f"{path} is a log of lmms-eval, which holds no questions; give the data of {task.name}: --data"
        )
    return Imported(records=tuple(records), notes=(*told, *notes))


def _record(task: Task, line: Line, sample: Sample) -> Record:
    """The answers of a document, read by the task; without an answer tag as if asked for the answer alone."""
    direct = configure(task, {"prompt": "direct"}) if hasattr(task, "prompt") else task
    view = View(video=sample.video, times=(), duration=0.0, width=1, height=1, size=(1, 1), family="qwen2_5_vl")
    responses = tuple(Response(rollout=k, text=text, finish="stop") for k, text in enumerate(line.texts))
    predictions = tuple((task if "<answer>" in r.text else direct).read(sample, view, r) for r in responses)
    vote = predictions[0]
    return Record(
        task=task.name,
        version=task.version,
        sample=sample,
        responses=responses,
        predictions=predictions,
        vote=vote,
        score=task.score(sample, vote),
    )


def _theirs(task: Task, document: Any, found: Sequence[Line]) -> tuple[list[Record], list[str]]:
    """The documents of a task of lmms-eval, with the values that its metrics gave them."""
    values = [{name: value(told) for name, told in line.metrics.items()} for line in found]
    every = dict.fromkeys(name for each in values for name in each)
    known = {name: [v for each in values if (v := each.get(name)) is not None] for name in every}
    fine = [name for name in every if known[name] and min(known[name]) >= 0 and max(known[name]) <= 1]
    notes = [f"{name} is left out: the log has no fraction for it" for name in every if name not in fine]
    if not fine:
        notes.append("no metric of the log has a value for each document: its letters are compared with its targets")
    elif fine[0] != SCORE:
        notes.append(f"{SCORE} is lmms-eval's {fine[0]}")
    records = []
    for line, each in zip(found, values, strict=True):
        video = next((told for name in ("videoID", "video_id", "video") if (told := line.told(name))), line.number)
        asks = line.told("question")
        text = line.text or asks or f"document {line.number}"
        sample = document(line.number, text, asks=asks, target=line.target, video=str(video))
        record = _record(task, line, sample)
        if fine:
            named = {SCORE if name == fine[0] else name: each.get(name) for name in fine}
            reason = None if all(v is not None for v in named.values()) else "the log has no value"
            record = replace(record, score=Score(values=named, reason=reason))
        records.append(record)
    return records, notes


def _ours(task: Task, found: Sequence[Line], samples: Sequence[Sample]) -> tuple[list[Record], list[str]]:
    """The samples of a task of ours, its answers read and scored by it."""
    search = Search(samples)
    chosen = [search(line) for line in found]
    twice = [name for name, count in Counter(sample.id for sample in chosen).items() if count > 1]
    if twice:
        raise DataError(f"{found[0].where.partition(',')[0]} has several documents for {twice[0]}; give other --data")
    records = [_record(task, line, sample) for line, sample in zip(found, chosen, strict=True)]
    pairs = [_both(line, record) for line, record in zip(found, records, strict=True)]
    known = [pair for pair in pairs if pair is not None]
    alike = sum(one == other for one, other in known)
    notes = [f"of {len(known)} documents that lmms-eval has scored, {alike} have the same score here"] if known else []
    return records, notes


def _both(line: Line, record: Record) -> tuple[float, float] | None:
    """The first value of lmms-eval, and ours; None where one is not known."""
    theirs = next((v for told in line.metrics.values() if (v := value(told)) is not None), None)
    ours = next(iter(record.score.values.values()), None) if record.score else None
    return None if theirs is None or ours is None else (theirs, ours)


class Search:
    """Finds the sample that a document of lmms-eval is."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        """Samples in the order of the data folder."""
        self.samples = samples
        self._ids: Mapping[str, Sample] = {sample.id: sample for sample in samples}
        self._words = {sample.id: _words(sample) for sample in samples}

    def __call__(self, line: Line) -> Sample:
        """The sample; DataError where there is none, or where what the log says of it is not what the data says."""
        said, named = _plain(line.text), (line.told(name) or "" for name in NAMES)
        by_id = next((self._ids[name] for name in named if name in self._ids), None)
        here = self.samples[line.number] if line.number < len(self.samples) else None
        if by_id is not None:
            return _checked(line, by_id)
        if here is not None and self._asks(said, here):
            return _checked(line, here)
        same = [sample for sample in self.samples if self._asks(said, sample)]
        fits = [sample for sample in same if _agrees(line, sample)] or same
        if len(fits) != 1:
            raise DataError(
                f"{line.where}: {len(fits) or 'no'} questions of the data folder are document {line.number}; "
                "give the --data of that task, in the order in which it is published"
            )
        return _checked(line, fits[0])

    def _asks(self, said: str, sample: Sample) -> bool:
        """Whether the question and all options stand in what was asked, where that is known."""
        return not said or all(words in said for words in self._words[sample.id])


def _checked(line: Line, sample: Sample) -> Sample:
    if not _agrees(line, sample):
        raise DataError(
            f"{line.where}: the target of document {line.number} is {str(line.target)[:40]!r}, but the answer to "
            f"{sample.id} is {sample.answer!r} in the data folder; give the --data of that task"
        )
    return sample


def _plain(text: str) -> str:
    """Letters and digits alone, as options are written in many ways."""
    return "".join(filter(str.isalnum, text))


def _words(sample: Sample) -> tuple[str, str]:
    """The question, and the options one after the other with their letters."""
    lettered = zip(ascii_uppercase, sample.options, strict=False)
    return _plain(sample.question), _plain("".join(f"{letter}{text}" for letter, text in lettered))


def _agrees(line: Line, sample: Sample) -> bool:
    """Whether the target is the answer: as a letter or as the text of an option; so is one that is neither."""
    told, letters = (line.target or "").strip(), ascii_uppercase[: len(sample.options)]
    if not told or sample.answer is None or len(sample.answer) != 1 or sample.answer not in letters:
        return True
    bare, options = told.strip("(). :"), [metrics.normalize(option) for option in sample.options]
    if len(bare) == 1 and bare in letters:
        return bare == sample.answer
    plain = metrics.normalize(told)
    return plain not in options or plain == options[letters.index(sample.answer)]
