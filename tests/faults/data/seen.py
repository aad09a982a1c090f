"""What is seen in a clip: open questions whose answers cite evidence and are rated by a judge; many on few videos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from harness import metrics, parse, prompt, ratings
from harness.contracts import Task
from harness.records import Prediction, Record, Request, Response, Sample, Score, View
from harness.shapes import clip, render

VIDEOS, QUESTIONS = 2, 40


@dataclass(frozen=True, kw_only=True)
class Seen(Task):
    name: ClassVar[str] = "seen"
    title: ClassVar[str] = "Seen"
    version: ClassVar[int] = 1
    source: ClassVar[str] = "made for the tests; public domain"
    frames: ClassVar[str] = "uniform:6"
    max_pixels: ClassVar[int] = 16 * 28 * 28
    columns: ClassVar[Mapping[str, str]] = {"acc": "Acc"}
    judge_rule: ClassVar[str] = "2 and 3 are right"

    def samples(self, root: Path) -> list[Sample]:
        videos = sorted(root.absolute().glob("*.mp4"))
        return [
            Sample(
                id=f"q{number}",
                item=str(number),
                kind="what",
                video=str(videos[number % len(videos)]),
                question=f"What is seen ({number})?",
                answer="red",
            )
            for number in range(QUESTIONS)
        ]

    def request(self, sample: Sample, view: View) -> Request:
        return Request(parts=(*prompt.show(view), sample.question))

    def read(self, sample: Sample, view: View, response: Response) -> Prediction:
        evidence, claims = parse.evidence(view, response.text)
        answer, problems = parse.answer(response.text)
        return Prediction(answer=answer, evidence=evidence, rollout=response.rollout, problems=(*problems, *claims))

    def score(self, sample: Sample, prediction: Prediction) -> Score:
        return Score(values={"acc": metrics.exact_match(prediction.answer, sample.answer or "")})

    def aggregate(self, records: Sequence[Record]) -> Mapping[str, float | None]:
        return {"acc": metrics.mean(r.score.values["acc"] for r in records if r.score)}

    def ask_judge(self, sample: Sample, prediction: Prediction) -> Request | None:
        return ratings.ask(sample.question, sample.answer or "", prediction.answer) if prediction.answer else None

    def judged(self, sample: Sample, rating: int) -> Score:
        return Score(values={"acc": float(rating >= ratings.RIGHT_FROM)})

    def reference(self, sample: Sample, view: View) -> str:
        return f"<answer>{sample.answer}</answer>"

    def demo(self, root: Path, count: int, seed: int) -> None:
        for number in range(count):
            render.write(clip.make(1000 * seed + number), root / f"{number}.mp4")


task = Seen()
