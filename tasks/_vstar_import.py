"""V-STaR's result files: the rows of the annotation with the answers of a model added.

`answer_vqa` is the answer to "what"; `answer_temporal[_2]` and `answer_spatial[_2]` are what was read from the texts in
`answer_temporal_pre[_2]` and `answer_spatial_pre[_2]`; `VQA_score` is the judge's rating. A column that is not there
was never answered; one that is empty is an abstention. Boxes are in pixels of the source video.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness import parse
from harness.contracts import Imported, Task
from harness.records import Prediction, Record, Response, Sample, Score

from . import _results, _vstar_official, _vstar_rows
from ._annotations import Row
from ._vstar_metrics import judged

STORED = {
    "what": "answer_vqa",
    "when_1": "answer_temporal",
    "where_1": "answer_spatial",
    "where_2": "answer_spatial_2",
    "when_2": "answer_temporal_2",
}
TEXTS = {
    "what": "answer_vqa",
    "when_1": "answer_temporal_pre",
    "where_1": "answer_spatial_pre",
    "where_2": "answer_spatial_pre_2",
    "when_2": "answer_temporal_pre_2",
}
RATING = "VQA_score"
NO_RATING = -1
"""The rating that the published evaluator writes down when its judge gives no number."""


def imported(task: Task, parser: str, path: Path, samples: Sequence[Sample]) -> Imported:
    """The records of a result file; with samples of a data folder, those of their rows."""
    rows, notes = _results.read(path)
    if not any(column in row.data for row in rows for column in STORED.values()):
        rows[0].fail("answer_vqa", "answers beside the annotation", None)
    rated = any(RATING in row.data for row in rows)
    if not rated:
        notes = (*notes, f"{path} has no {RATING}: the answers to what are judged by exact match")
    reader = _Reader(task, parser, rated)
    records, ratings = [], {}
    for row, sample in _asked(rows, samples):
        records.append(reader.record(row, sample))
        if sample.kind == "what" and row.data.get(RATING) is not None:
            ratings[sample.id] = None if row.data[RATING] == NO_RATING else int(row.data[RATING])
    return Imported(records=tuple(records), ratings=ratings, notes=notes)


def _asked(rows: Sequence[Row], samples: Sequence[Sample]) -> Iterator[tuple[Row, Sample]]:
    """Each row with its samples, which are those of the data folder where there is one, whatever the order."""
    known: dict[object, list[Sequence[Sample]]] = {}
    for number in range(0, len(samples), len(STORED)):
        five = samples[number : number + len(STORED)]
        known.setdefault(_identity(five), []).append(five)
    for row in rows:
        five = _vstar_rows.samples(row, row.path.parent, {})
        if samples:
            waiting = known.get(_identity(five))
            if not waiting:
                row.fail("vid", "a row of the data folder, each once", row.data["vid"])
            five = waiting.pop(0)
        yield from ((row, sample) for sample in five)


def _identity(samples: Sequence[Sample]) -> object:
    return samples[0].item.rpartition(":")[0], samples[0].span, *(sample.question for sample in samples)


class _Reader:
    """Reads rows as one parser does."""

    def __init__(self, task: Task, parser: str, rated: bool) -> None:
        self.task, self.parser, self.rated = task, parser, rated
        self.published = parser != "tolerant"

    def record(self, row: Row, sample: Sample) -> Record:
        """What the file says of a sample."""
        stored, text = row.data.get(STORED[sample.kind]), row.data.get(TEXTS[sample.kind])
        record = Record(task=self.task.name, version=self.task.version, sample=sample)
        asked = STORED[sample.kind] in row.data or TEXTS[sample.kind] in row.data
        if not asked and not (self.published and row.data.get(STORED["what"])):
            return replace(record, error=f"no {STORED[sample.kind]} in the result file")
        responses = (Response(rollout=0, text=text, finish="stop"),) if isinstance(text, str) else ()
        prediction = self._prediction(row, sample, stored, responses)
        score = self.task.score(sample, prediction)
        if sample.kind == "what" and self.rated:
            score = self._rated(row, prediction)
        return replace(record, responses=responses, predictions=(prediction,), vote=prediction, score=score)

    def _prediction(self, row: Row, sample: Sample, stored: Any, responses: Sequence[Response]) -> Prediction:
        """What is stored; where nothing is, what our reader makes of the text, and "o3" for an empty list of times."""
        view = _results.seen(sample.video)
        read = [self.task.read(sample, view, response) for response in responses]
        text = read[0] if read else Prediction(rollout=0, problems=("no answer",))
        if sample.kind == "what":
            return replace(text, answer=stored or None, problems=()) if self.published and read else text
        if sample.kind.startswith("when"):
            span = _vstar_official.span(stored)
            if span is None and (not self.published or (self.parser == "o3" and stored == [])):
                return text
            return replace(text, span=span, problems=() if span else ("no two numbers",))
        if self.published:
            boxes = _vstar_official.boxes(view, stored, sample.boxes, _keys(row, sample))
        else:
            boxes, problems = parse.boxes(view, json.dumps(stored))
            return replace(text, boxes=boxes, problems=problems) if boxes else text
        return replace(text, boxes=boxes, problems=() if boxes else ("no boxes",))

    def _rated(self, row: Row, prediction: Prediction) -> Score:
        """What the judge said. An answer that it was not asked about, or gave no number for, has no rating."""
        value = row.data.get(RATING)
        if value is not None and (type(value) not in (int, float) or value not in (NO_RATING, 0, 1, 2, 3)):
            row.fail(RATING, "a rating from 0 to 3, or -1 for none", value)
        if prediction.answer is None:
            return Score(values={"rating": None, "acc": 0.0}, reason="no answer to rate")
        if value is None:
            return Score(values=judged(None), reason=f"no {RATING} in the row")
        if value == NO_RATING:
            values = {**judged(None), "acc": 0.0} if self.published else judged(None)
            return Score(values=values, reason="the judge gave no rating")
        return Score(values=judged(float(value)))


def _keys(row: Row, sample: Sample) -> dict[float, str]:
    """How the annotation writes the seconds: the published programs look a box up by that text."""
    stamps = [box["timestamp"] for box in row.data["bboxes"] if isinstance(box, dict) and "timestamp" in box]
    return _vstar_official.written(sample.boxes) | {float(stamp): str(stamp) for stamp in stamps}
