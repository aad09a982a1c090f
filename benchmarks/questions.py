"""A benchmark of as many questions as are wanted on a few videos, which reads its file line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import msgspec

from harness import metrics, parse, prompt
from harness.contracts import Task
from harness.records import Prediction, Record, Request, Response, Sample, Score, View
from harness.shapes import clip, render

LETTERS = "ABCD"
VIDEOS = 8
FILE = "questions.jsonl"


@dataclass(frozen=True, kw_only=True)
class Questions(Task):
    """Lettered questions without a meaning."""

    name: ClassVar[str] = "questions"
    title: ClassVar[str] = "Questions"
    version: ClassVar[int] = 1
    source: ClassVar[str] = "made up"
    frames: ClassVar[str] = "uniform:4"
    max_pixels: ClassVar[int] = 64 * 28 * 28
    columns: ClassVar[Mapping[str, str]] = {"acc": "Acc"}

    def samples(self, root: Path) -> Iterator[Sample]:
        """One a line."""
        with (root / FILE).open("rb") as file:
            for line in file:
                row = msgspec.json.decode(line)
                yield Sample(**row | {"video": str(root.absolute() / row["video"])})

    def request(self, sample: Sample, view: View) -> Request:
        """The frames, the question and its options."""
        return Request(parts=(*prompt.show(view), f"\n{sample.question} {' '.join(sample.options)}"))

    def read(self, sample: Sample, view: View, response: Response) -> Prediction:
        """The answer tag."""
        answer, problems = parse.answer(response.text)
        return Prediction(answer=answer, rollout=response.rollout, problems=problems)

    def score(self, sample: Sample, prediction: Prediction) -> Score:
        """Exact match."""
        return Score(values={"acc": float(prediction.answer == sample.answer)})

    def aggregate(self, records: Sequence[Record]) -> Mapping[str, float | None]:
        """Their mean."""
        return {"acc": metrics.mean(record.score.values["acc"] for record in records if record.score)}

    def reference(self, sample: Sample, view: View) -> str:
        """The letter."""
        return f"<answer>{sample.answer}</answer>"

    def demo(self, root: Path, count: int, seed: int) -> None:
        """Write `count` questions and their videos."""
        for number in range(VIDEOS):
            render.write(clip.make(1000 * seed + number), root / f"{number}.mp4")
        with (root / FILE).open("wb") as file:
            for number in range(count):
                file.write(msgspec.json.encode(_row(number)) + b"\n")


def _row(number: int) -> dict[str, object]:
    return {
        "id": f"question-{number:07d}",
        "item": f"row-{number // 3:07d}",
        "kind": "mcq",
        "video": f"{number % VIDEOS}.mp4",
        "question": f"What is on the table at the end, when it is looked at for the {number}th time?",
        "options": [f"A. the cup of row {number}", "B. a book", "C. a lamp that nobody has switched on", "D. nothing"],
        "answer": LETTERS[number % 3],
        "groups": {"length": ("short", "medium", "long")[number % 3], "domain": f"domain {number % 6}"},
    }


task = Questions()
