"""Shapes: what a model can see of our own synthetic world, skill by skill (harness/shapes).

Data folder: shapes.jsonl, one sample a line, and videos/<name>.mp4. Questions are asked as V-STaR, Video-MME and
the relevance scorer ask them, on short clips that no training seed gives.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from harness import codec, metrics, prompt
from harness.contracts import Task
from harness.errors import DataError
from harness.records import Evidence, Prediction, Record, Request, Response, Sample, Score, View
from harness.shapes import questions
from harness.shapes.clip import Clip, Thing, make
from harness.shapes.questions import Question

from . import _annotations, _demo
from .videomme import VideoMME
from .vstar import VStar

ANNOTATION = "shapes.jsonl"
SKILLS = {"what": "acc", "mcq": "acc", "when_1": "tiou", "where_1": "viou", "exists": "acc", "verify": "acc"}
"""Kind of sample -> the metric that stands for the skill."""


@dataclass(frozen=True, kw_only=True)
class Shapes(Task):
    """One clip gives eight samples: what, choice, when, where, two yes/no and two crops to grade."""

    name: ClassVar[str] = "shapes"
    title: ClassVar[str] = "Shapes"
    version: ClassVar[int] = 1
    source: ClassVar[str] = "synthetic, made by harness/shapes (Apache-2.0)"
    frames: ClassVar[str] = "fps:1:16"
    max_pixels: ClassVar[int] = 112 * 112
    columns: ClassVar[Mapping[str, str]] = {
        "what": "What",
        "mcq": "A-D",
        "when_1": "When tIoU",
        "where_1": "Where vIoU",
        "exists": "Yes/no",
        "verify": "Crop yes/no",
        "auroc": "Relevance AUROC",
        "format": "Format",
    }

    prompt: str = "think"
    """With "think" the model is asked to reason and cite first, with "direct" for the answer alone."""

    def _of(self, sample: Sample) -> Task:
        return VideoMME(prompt=self.prompt) if sample.kind == "mcq" else VStar(prompt=self.prompt)

    def samples(self, root: Path) -> list[Sample]:
        """The samples as `demo` wrote them."""
        path = _annotations.folder(root, ANNOTATION) / ANNOTATION
        found = []
        for number, data in enumerate(_annotations.document(path), 1):
            sample = codec.decode(Sample, data)
            if not _annotations.inside(video := root / sample.video, root):
                raise DataError(f"{path}, line {number}: the video {sample.video!r} is outside of {root}")
            found.append(replace(sample, video=str(video.resolve())))
        return found

    def request(self, sample: Sample, view: View) -> Request:
        """As the task asks whose question it is; crops as the relevance scorer does."""
        if sample.kind in ("relevance", "verify"):
            ((time, box),) = sample.boxes.items()
            image, label = prompt.crop(view, box, time), sample.context or ""
            asked = prompt.relevance(sample.question, label, image)
            return asked if sample.kind == "relevance" else prompt.verify(label, image)
        if sample.kind == "exists":
            text = f"\n{sample.question} Answer Yes or No."
            parts = (*prompt.show(view), text)
            return Request(system=prompt.SYSTEM, parts=parts, choices=prompt.YES_NO, max_tokens=1)
        return self._of(sample).request(sample, view)

    def read(self, sample: Sample, view: View, response: Response) -> Prediction:
        """A grade is read with its expected value under the log-probabilities."""
        if sample.kind in SKILLS and sample.kind not in ("exists", "verify"):
            return self._of(sample).read(sample, view, response)
        chances = response.choice_logprobs
        signals = {"grade": metrics.expected(chances)} if sample.kind == "relevance" and chances else {}
        return Prediction(answer=response.text or None, signals=signals, rollout=response.rollout)

    def score(self, sample: Sample, prediction: Prediction) -> Score:
        """The metric of the skill, and whether the response had the form asked for."""
        if sample.kind in ("exists", "verify", "relevance"):
            return Score(values={"acc": float(prediction.answer == sample.answer)})
        score = self._of(sample).score(sample, prediction)
        return replace(score, values={**score.values, "format": float(not prediction.problems)})

    def aggregate(self, records: Sequence[Record]) -> Mapping[str, float | None]:
        """The mean of each skill; for relevance the AUROC of the expected grade, crops of the thing against others."""
        scored = [r for r in records if r.score is not None]
        found: dict[str, float | None] = {
            kind: metrics.mean(r.score.values[key] for r in scored if r.score and r.sample.kind == kind)
            for kind, key in SKILLS.items()
        }
        graded = [(r.sample.answer, r.vote.signals["grade"]) for r in scored if r.vote and "grade" in r.vote.signals]
        hits, misses = ([value for answer, value in graded if answer == grade] for grade in ("2", "0"))
        found["auroc"] = metrics.auroc(hits, misses)
        found["format"] = metrics.mean(r.score.values.get("format") for r in scored if r.score)
        return found

    def reference(self, sample: Sample, view: View) -> str:
        """A response that scores 1.0."""
        if sample.kind in ("exists", "verify", "relevance"):
            return sample.answer or ""
        return self._of(sample).reference(sample, view)

    def demo(self, root: Path, count: int, seed: int) -> None:
        """Write `count` short clips with all samples of each."""
        lines = []
        for index in range(count):
            rng = random.Random(f"demo:{self.name}:{seed}:{index}")
            clip = self.clip(rng)
            name = f"{self.name}_{seed}_{index:04d}"
            _demo.write(clip, root / "videos" / f"{name}.mp4")
            blank = Sample(id="", item=name, kind="", video=f"videos/{name}.mp4", question="")
            for number, sample in enumerate(self.ask(clip, blank, rng)):
                groups = {"things": str(len(clip.things)), "kind": sample.kind}
                lines.append(replace(sample, id=f"{name}/{number}_{sample.kind}", groups=groups))
        text = "".join(json.dumps(codec.encode(sample)) + "\n" for sample in lines)
        (root / ANNOTATION).write_text(text, encoding="utf-8")

    def clip(self, rng: random.Random) -> Clip:
        """A clip that no training seed gives."""
        return make(_demo.FIRST_SEED + rng.randrange(_demo.FIRST_SEED))

    def ask(self, clip: Clip, blank: Sample, rng: random.Random) -> list[Sample]:
        """The samples of a clip, on the form of `blank`."""
        thing = rng.choice(clip.things)
        what, choice, exists = questions.what(clip, rng), questions.choice(clip, rng), questions.exists(clip, rng)
        return [
            *told(clip, blank, what, choice),
            replace(blank, kind="exists", question=exists.text, answer=exists.answer),
            *found(clip, blank, thing),
            *(_crop(clip, blank, kind, rng) for kind in ("relevance", "relevance", "verify")),
        ]


def told(clip: Clip, blank: Sample, what: Question, choice: Question) -> list[Sample]:
    """An open question and one with options, with what they rest on."""
    one = replace(blank, kind="what", question=what.text, answer=what.answer, evidence=evidence(clip, what.things))
    cited = evidence(clip, choice.things[:1])
    return [
        one,
        replace(blank, kind="mcq", question=choice.text, answer=choice.answer, options=choice.options, evidence=cited),
    ]


def found(clip: Clip, blank: Sample, thing: Thing) -> list[Sample]:
    """When a thing is to be seen, and where."""
    truth = replace(blank, span=thing.span, boxes=clip.boxes(thing), evidence=evidence(clip, [thing]))
    return [
        replace(truth, kind="when_1", question=questions.when(thing)),
        replace(truth, kind="where_1", question=questions.where(thing)),
    ]


def _crop(clip: Clip, blank: Sample, kind: str, rng: random.Random) -> Sample:
    said, time, box, grade = questions.view_of(clip, rng)
    label, answer = said.name, str(grade)
    if kind == "verify":
        label, answer = (label, "Yes") if grade == 2 else (rng.choice(questions.absent(clip, said)), "No")
    asked = questions.when(said)
    return replace(blank, kind=kind, question=asked, answer=answer, boxes={time: box}, context=label)


def evidence(clip: Clip, things: Sequence[Thing]) -> tuple[Evidence, ...]:
    """Where the things are, as an answer about them would cite it."""
    return tuple(claim for thing in things for claim in questions.evidence(clip, thing))


task = Shapes()
