"""The benchmark of colours.py, with answers that a judge rates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from harness import plugins, ratings
from harness.records import Prediction, Request, Sample, Score

Colours: Any = type(plugins.load("harness.tasks", str(Path(__file__).with_name("colours.py"))))


@dataclass(frozen=True, kw_only=True)
class Judged(Colours):  # type: ignore[misc]
    judge_rule: ClassVar[str] = "2 and 3 are right"

    def ask_judge(self, sample: Sample, prediction: Prediction) -> Request | None:
        if prediction.answer is None:
            return None
        return ratings.ask(sample.question, sample.answer or "", prediction.answer)

    def judged(self, sample: Sample, rating: int) -> Score:
        return Score(values={"acc": float(rating >= ratings.RIGHT_FROM)})


task = Judged()
