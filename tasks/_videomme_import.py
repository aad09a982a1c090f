"""Video-MME's result files: a list of videos, each with its questions, each with a `response`.

{"video_id", "duration", "domain", "sub_category", "questions": [{"question_id", "task_type", "question", "options",
"answer", "response"}]}. A question without a response was never answered; one with an empty one is an abstention.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from harness.contracts import Imported, Task
from harness.records import Record, Response, Sample

from . import _annotations, _results, _videomme_rows
from ._annotations import Row


def imported(direct: Task, think: Task, path: Path, samples: Sequence[Sample]) -> Imported:
    """The records of a result file; with samples of a data folder, those of their questions.

    `think` reads the responses with an answer tag, `direct` the others.
    """
    rows, notes = _results.read(path)
    questions = [*_questions(rows)]
    _annotations.unique(questions, "question_id")
    known = {sample.id: sample for sample in samples}
    records = []
    for question in questions:
        sample = known.get(question.text("question_id")) if samples else _videomme_rows.sample(question, path.parent)
        if sample is None:
            question.fail("question_id", "a question of the data folder", question.data["question_id"])
        records.append(_record(think if "<answer>" in str(question.data.get("response")) else direct, question, sample))
    return Imported(records=tuple(records), notes=notes)


def _questions(rows: Sequence[Row]) -> Iterator[Row]:
    """The questions, each with the columns of its video."""
    for row in rows:
        video = {name: row.text(name) for name in ("video_id", "duration", "domain", "sub_category")}
        for question in row.rows("questions"):
            yield replace(question, data={**video, "videoID": video["video_id"], **question.data})


def _record(task: Task, row: Row, sample: Sample) -> Record:
    record = Record(task=task.name, version=task.version, sample=sample)
    if row.data.get("response") is None:
        return replace(record, error="no response in the result file")
    response = Response(rollout=0, text=row.text("response"), finish="stop")
    prediction = task.read(sample, _results.seen(sample.video), response)
    score = task.score(sample, prediction)
    return replace(record, responses=(response,), predictions=(prediction,), vote=prediction, score=score)
