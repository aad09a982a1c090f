"""STAR: situated reasoning, four kinds of questions with options on parts of Charades' videos (arXiv 2405.09711).

Data folder: STAR_val.json, and Charades_v1_480/<video_id>.mp4.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from harness import metrics
from harness.dataset import Dataset, Web
from harness.errors import DataError
from harness.geometry import Span
from harness.records import Record, Sample
from harness.shapes.clip import Clip
from harness.shapes.events import MAKERS
from harness.shapes.questions import LETTERS, Question

from . import _annotations, _demo, _star_rows
from ._choice import Choice, accuracy

ANNOTATION, TEST = "STAR_val.json", "STAR_test.json"
VIDEOS = "Charades_v1_480"


@dataclass(frozen=True, kw_only=True)
class Star(Choice):
    """The validation split, as the answers of the test split are not published; a row gives one sample."""

    name: ClassVar[str] = "star"
    title: ClassVar[str] = "STAR"
    version: ClassVar[int] = 1
    source: ClassVar[str] = "arXiv 2405.09711; annotation csbobby/STAR_Benchmark (Apache-2.0), videos of Charades"
    frames: ClassVar[str] = "uniform:64"
    max_pixels: ClassVar[int] = 512 * 512
    columns: ClassVar[Mapping[str, str]] = {
        "mean": "Mean",
        "acc": "Acc",
        "interaction": "Interaction",
        "sequence": "Sequence",
        "prediction": "Prediction",
        "feasibility": "Feasibility",
    }

    dataset: ClassVar[Dataset | None] = Dataset(
        more=(
            Web(
                url="https://star-benchmark.s3.us-east.cloud-object-storage.appdomain.cloud/Question_Answer_SituationGraph/STAR_val.json",
                name=ANNOTATION,
            ),
            Web(
                url="https://ai2-public-datasets.s3-us-west-2.amazonaws.com/charades/Charades_v1_480.zip",
                name="Charades_v1_480.zip",
            ),
        ),
        licence="annotation Apache-2.0; videos under the licence of Charades",
        homepage="https://github.com/csbobby/STAR_Benchmark",
        items=7098,
    )

    def samples(self, root: Path) -> list[Sample]:
        """One sample a row, in the order of the file."""
        root = _annotations.folder(root, ANNOTATION)
        if not (root / ANNOTATION).is_file() and (root / TEST).is_file():
            raise DataError(f"{root} has {TEST} and no {ANNOTATION}: {_star_rows.HIDDEN}")
        rows = _annotations.read(root / ANNOTATION)
        _annotations.unique(rows, "question_id")
        return [_star_rows.sample(row, root, VIDEOS) for row in rows]

    def aggregate(self, records: Sequence[Record]) -> Mapping[str, float | None]:
        """Accuracy over all questions and for each type, and the mean of the types of which there are any."""
        types = {
            kind.lower(): accuracy([record for record in records if record.sample.groups.get("type") == kind])
            for kind in _star_rows.TYPES
        }
        return {"mean": metrics.mean(types.values()), "acc": accuracy(records), **types}

    def demo(self, root: Path, count: int, seed: int) -> None:
        """Write `count` clips and their questions as published, each about a part of its clip."""
        rows: list[dict[str, object]] = []
        for name, _, clip, rng in _demo.clips(self.name, count, seed, things=4):
            _demo.write(clip, root / VIDEOS / f"{name}.mp4")
            part, asked = _demo.part(clip, rng, _asked)
            rows += [_demo_row(f"{len(rows) + number}", name, part, each) for number, each in enumerate(asked)]
        (root / ANNOTATION).write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def _asked(clip: Clip, rng: random.Random) -> list[Question]:
    return [asked for make in MAKERS if (asked := make(clip, rng)) is not None]


def _demo_row(number: str, video: str, part: Span, asked: Question) -> dict[str, object]:
    # A thing keeps its direction, so that what it does at the end of the part is what it will do next.
    kind = "Prediction" if asked.topic == "Motion" else asked.topic
    return {
        "question_id": f"{kind}_T1_{number}",
        "question": asked.text,
        "video_id": video,
        "start": part.start,
        "end": part.end,
        "answer": asked.options[LETTERS.index(asked.answer)],
        "question_program": [],
        "choices": [{"choice_id": k, "choice": text, "choice_program": []} for k, text in enumerate(asked.options)],
        "situations": {},
    }


task = Star()
