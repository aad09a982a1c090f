"""In which direction does a thing move? A benchmark on clips of the synthetic world, and a report on it.

Data folder: moves.json, a list of {"video", "question", "options", "answer"}, and the videos beside it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from harness import metrics, parse, prompt
from harness.contracts import Finished, Sheet, Task
from harness.errors import DataError
from harness.records import Prediction, Record, Request, Response, Sample, Score, View
from harness.shapes import clip, events, render


@dataclass(frozen=True, kw_only=True)
class Moves(Task):
    """One question a video, four options."""

    name: ClassVar[str] = "moves"
    title: ClassVar[str] = "Moves"
    version: ClassVar[int] = 1
    source: ClassVar[str] = "synthetic"
    frames: ClassVar[str] = "fps:1:16"
    max_pixels: ClassVar[int] = 112 * 112
    columns: ClassVar[Mapping[str, str]] = {"acc": "Acc"}

    def samples(self, root: Path) -> list[Sample]:
        path = root / "moves.json"
        try:
            rows = json.loads(path.read_text(encoding="utf-8"))
            return [
                Sample(
                    id=row["video"],
                    item=row["video"],
                    kind="mcq",
                    video=str(root.absolute() / Path(row["video"]).name),
                    question=row["question"],
                    options=tuple(row["options"]),
                    answer=row["answer"],
                    groups={"way": row["options"]["ABCD".index(row["answer"])]},
                )
                for row in rows
            ]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path}: expected rows of video, question, options, answer; {error!r}") from error

    def request(self, sample: Sample, view: View) -> Request:
        options = "\n".join(f"{letter}. {text}" for letter, text in zip("ABCD", sample.options, strict=True))
        form = "Then give the letter of the best option between <answer> and </answer>."
        text = f"\n{sample.question}\n{options}\n{prompt.THINK}{form}"
        return Request(system=prompt.SYSTEM, parts=(*prompt.show(view), text))

    def read(self, sample: Sample, view: View, response: Response) -> Prediction:
        content, problems = parse.answer(response.text)
        letter, more = parse.letter(content, sample.options) if content else (None, ())
        evidence, claims = parse.evidence(view, response.text)
        told = (*problems, *more, *claims)
        return Prediction(answer=letter, evidence=evidence, rollout=response.rollout, problems=told)

    def score(self, sample: Sample, prediction: Prediction) -> Score:
        return Score(values={"acc": float(prediction.answer == sample.answer)})

    def aggregate(self, records: Sequence[Record]) -> Mapping[str, float | None]:
        return {"acc": metrics.mean(r.score.values["acc"] for r in records if r.score)}

    def reference(self, sample: Sample, view: View) -> str:
        return f"<think>I look at it.</think><answer>{sample.answer}</answer>"

    def demo(self, root: Path, count: int, seed: int) -> None:
        rows, rng = [], random.Random(f"moves:{seed}")
        while len(rows) < count:
            made, name = clip.make(rng.randrange(10**9, 2 * 10**9)), f"{len(rows)}.mp4"
            asked = events.moves(made, rng)
            if asked is not None:
                render.write(made, root / name)
                told = {"question": asked.text, "options": asked.options, "answer": asked.answer}
                rows.append({"video": name, **told})
        (root / "moves.json").write_text(json.dumps(rows), encoding="utf-8")


def report(runs: Sequence[Finished]) -> list[Sheet]:
    """Accuracy above chance, a row for each run."""
    rows = tuple((run.folder.name, run.value("moves", "acc"), 0.25) for run in runs)
    return [Sheet(title="Moves, per cent", head=("run", "Acc", "chance"), rows=rows)]


task = Moves()
