"""Which colour is seen: a benchmark in one file, on a table of videos, questions and answers."""

from __future__ import annotations

import csv
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from harness import metrics, parse, prompt
from harness.contracts import Task
from harness.errors import DataError
from harness.records import Prediction, Record, Request, Response, Sample, Score, View
from harness.shapes import clip, render

COLUMNS = {"video", "question", "answer", "place"}


@dataclass(frozen=True, kw_only=True)
class Colours(Task):
    """Open questions whose answer is the name of a colour."""

    name: ClassVar[str] = "colours"
    title: ClassVar[str] = "Colours"
    version: ClassVar[int] = 1
    source: ClassVar[str] = "made for the tests; public domain"
    frames: ClassVar[str] = "uniform:2"
    max_pixels: ClassVar[int] = 64 * 28 * 28
    columns: ClassVar[Mapping[str, str]] = {"acc": "Acc", "acc_first": "Acc of first"}

    strict: bool = False
    """Whether case matters."""
    polite: str = "Please answer."

    def samples(self, root: Path) -> list[Sample]:
        """One sample a row of questions.csv."""
        path = root / "questions.csv"
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        if not rows or set(rows[0]) != COLUMNS:
            raise DataError(f"{path}: expected rows with the columns {', '.join(sorted(COLUMNS))}")
        return [self._sample(root, number, row) for number, row in enumerate(rows)]

    def _sample(self, root: Path, number: int, row: Mapping[str, str]) -> Sample:
        return Sample(
            id=f"q{number}",
            item=row["video"],
            kind="what",
            video=str((root / row["video"]).absolute()),
            question=row["question"],
            answer=row["answer"],
            groups={"place": row["place"]},
        )

    def request(self, sample: Sample, view: View) -> Request:
        """The frames and the question."""
        return Request(parts=(*prompt.show(view), f"{sample.question} {self.polite}"))

    def read(self, sample: Sample, view: View, response: Response) -> Prediction:
        """The answer tag, or nothing."""
        answer, problems = parse.answer(response.text)
        return Prediction(answer=answer, rollout=response.rollout, problems=problems)

    def score(self, sample: Sample, prediction: Prediction) -> Score:
        """Exact match."""
        if self.strict:
            return Score(values={"acc": float(prediction.answer == sample.answer)})
        return Score(values={"acc": metrics.exact_match(prediction.answer, sample.answer or "")})

    def aggregate(self, records: Sequence[Record]) -> Mapping[str, float | None]:
        """Accuracy, and that of the first question of each video."""
        first = {r.sample.item: r for r in sorted(records, key=lambda r: r.sample.id, reverse=True)}.values()
        return {"acc": _mean(records), "acc_first": _mean([*first])}

    def reference(self, sample: Sample, view: View) -> str:
        """The answer in its tag."""
        return f"<answer>{sample.answer}</answer>"

    def demo(self, root: Path, count: int, seed: int) -> None:
        """Clips with one thing each, and three questions about it."""
        with (root / "questions.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, ["video", "question", "answer", "place"])
            table.writeheader()
            for number in range(count):
                made = clip.make(random.Random(f"{seed}:{number}").randrange(10**6), things=1)
                render.write(made, root / f"{number}.mp4")
                for kind in ("shape", "thing", "object"):
                    row = {"question": f"Which colour has the {kind}?", "answer": made.things[0].colour}
                    table.writerow({"video": f"{number}.mp4", **row, "place": "wide" if made.width > 170 else "narrow"})


def _mean(records: Sequence[Record]) -> float | None:
    return metrics.mean(r.score.values["acc"] for r in records if r.score is not None)


task = Colours()
