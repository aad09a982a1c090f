"""V-STaR: what, when and where, asked in two chains (arXiv 2503.11495). Not V*Bench, which is image search.

Data folder: V_STaR_test.json, and <vid>.mp4 anywhere below it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from harness import parse, prompt, ratings
from harness.codec import encode
from harness.contracts import Imported, Preset, Task
from harness.dataset import Dataset
from harness.errors import UsageError
from harness.geometry import Box, Span
from harness.records import Prediction, Record, Request, Response, Sample, Score, View
from harness.shapes import questions
from harness.shapes.clip import Clip

from . import (
    _annotations,
    _demo,
    _released,
    _vstar_import,
    _vstar_metrics,
    _vstar_official,
    _vstar_prompt,
    _vstar_released,
    _vstar_rows,
)

ANNOTATION = "V_STaR_test.json"
PROMPTS = (*prompt.THINKING, "released", "released-direct")
PARSERS = ("tolerant", "official", "o3")


@dataclass(frozen=True, kw_only=True)
class VStar(Task):
    """The benchmark; an item gives five samples, asked apart from each other."""

    name: ClassVar[str] = "vstar"
    title: ClassVar[str] = "V-STaR"
    version: ClassVar[int] = 2
    source: ClassVar[str] = "arXiv 2503.11495; data set V-STaR-Bench/V-STaR (CC BY-NC-SA 4.0); what-judge: exact match"
    frames: ClassVar[str] = "uniform:16"
    max_pixels: ClassVar[int] = 768 * 28 * 28
    columns: ClassVar[Mapping[str, str]] = {
        "acc": "Acc",
        "tiou_1": "tIoU c1",
        "viou_1": "vIoU c1",
        "am_1": "AM c1",
        "lgm_1": "LGM c1",
        "tiou_2": "tIoU c2",
        "viou_2": "vIoU c2",
        "am_2": "AM c2",
        "lgm_2": "LGM c2",
        "mam": "mAM",
        "mlgm": "mLGM",
    }

    dataset: ClassVar[Dataset | None] = Dataset(
        repo="V-STaR-Bench/V-STaR",
        revision="d938778037a2c39001039dd54bebdef72fedb2db",
        files=(ANNOTATION, "vstar_videos.zip"),
        licence="CC BY-NC-SA 4.0",
        homepage="https://huggingface.co/datasets/V-STaR-Bench/V-STaR",
        size=29_570_000_000,
        items=2096,
        videos=2094,
    )
    judge_rule: ClassVar[str] = _vstar_metrics.JUDGE_RULE
    presets: ClassVar[Mapping[str, Preset]] = {
        "released": Preset(
            options={"prompt": "released", "parser": "o3"},
            frames="step:1:16",
            max_pixels=16384 * 28 * 28,
            repetition_penalty=1.05,
            max_tokens=2048,
        )
    }

    prompt: str = "think"
    """With "think" the model reasons and cites first, with "words" it reasons, with "direct" it gives the answer alone;
    "released" and "released-direct" ask as Open-o3-Video's program does."""
    parser: str = "tolerant"
    """With "tolerant" the answer tag, clock times and damaged JSON are read; "official" reads and sums up as V-STaR's
    own program does, "o3" as Open-o3-Video's."""

    def __post_init__(self) -> None:
        """Check the options."""
        for name, known in (("prompt", PROMPTS), ("parser", PARSERS)):
            if getattr(self, name) not in known:
                raise UsageError(f"vstar has no {name} {getattr(self, name)!r}; there are: {', '.join(known)}")

    @property
    def thinks(self) -> bool:
        """Whether reasoning is asked for."""
        return not self.prompt.endswith("direct")

    @property
    def published(self) -> bool:
        """Whether answers are read and summed up as a published program does."""
        return self.parser != "tolerant"

    def samples(self, root: Path) -> list[Sample]:
        """Five samples a row, in the order of the file."""
        root = _annotations.folder(root, ANNOTATION)
        rows = _annotations.read(root / ANNOTATION)
        videos = _annotations.index_videos(root)
        return [sample for row in rows for sample in _vstar_rows.samples(row, root, videos)]

    def request(self, sample: Sample, view: View) -> Request:
        """The frames, then one question."""
        if self.prompt.startswith("released"):
            before, after = _vstar_released.question(sample, view, self.thinks)
        else:
            before, after = _vstar_prompt.question(sample, view, prompt.THINKING[self.prompt])
        return Request(system=prompt.SYSTEM, parts=(*filter(None, [before]), *prompt.show(view), after))

    def read(self, sample: Sample, view: View, response: Response) -> Prediction:
        """The answer tag, or without one what follows the thinking; a published parser takes all of the text then."""
        content, problems = self._content(sample, response.text)
        evidence, claims = parse.evidence(view, response.text)
        answer: str | None = None
        span: Span | None = None
        boxes: dict[float, Box] = {}
        found: tuple[str, ...] = ()
        if sample.kind == "what":
            answer = content or None
        elif sample.kind.startswith("when"):
            span, found = self._span(content)
        else:
            boxes, found = self._boxes(sample, view, content)
        return Prediction(
            answer=answer,
            span=span,
            boxes=boxes,
            evidence=evidence,
            rollout=response.rollout,
            problems=(*problems, *found, *claims),
        )

    def _content(self, sample: Sample, text: str) -> tuple[str, tuple[str, ...]]:
        if self.published:
            whole = self.parser == "official" or (sample.kind == "what" and not self.thinks)
            return text if whole else _released.inner(text), ()
        content, problems = parse.answer(text)
        return (parse.remainder(text), problems if self.thinks else ()) if content is None else (content, problems)

    def _span(self, text: str) -> tuple[Span | None, tuple[str, ...]]:
        if not self.published:
            return parse.span(text)
        span = _vstar_official.span(_vstar_official.stored_span(text, clock=self.parser == "o3"))
        return span, () if span else ("no two numbers",)

    def _boxes(self, sample: Sample, view: View, text: str) -> tuple[dict[float, Box], tuple[str, ...]]:
        if not self.published:
            return parse.boxes(view, text)
        keys = _vstar_official.written(sample.boxes)
        boxes = _vstar_official.boxes(
            _vstar_official.unscaled(view), _vstar_official.stored_boxes(text), sample.boxes, keys
        )
        return boxes, () if boxes else ("no boxes",)

    def score(self, sample: Sample, prediction: Prediction) -> Score:
        """The metrics of one sample; "what" is judged by exact match."""
        score = _vstar_metrics.score(sample, prediction)
        if self.published and sample.kind.startswith("where") and not sample.boxes:
            return Score(values=dict.fromkeys(score.values, 0.0))
        return score

    def ask_judge(self, sample: Sample, prediction: Prediction) -> Request | None:
        """Rate a "what" answer against its reference; an abstention is wrong without being asked about."""
        if sample.kind != "what" or sample.answer is None or prediction.answer is None:
            return None
        return ratings.ask(sample.question, sample.answer, prediction.answer)

    def judged(self, sample: Sample, rating: int) -> Score:
        """Right from 2 of 0..3 on."""
        return Score(values={"acc": float(rating >= ratings.RIGHT_FROM)})

    def aggregate(self, records: Sequence[Record]) -> Mapping[str, float | None]:
        """Means of both chains, AM, LGM, mAM, mLGM and joint rates; published programs skip items without an answer."""
        return _vstar_metrics.aggregate(_vstar_metrics.kept(records) if self.published else records)

    def overall(self, records: Sequence[Record]) -> Mapping[str, float | None]:
        """The same; a published program divides accuracy and joint rates by all items, skipped ones too."""
        found = self.aggregate(records)
        return _vstar_metrics.over_all(found, records) if self.published else found

    def imported(self, path: Path, samples: Sequence[Sample]) -> Imported:
        """A result file: the annotation's rows with answers added, as V-STaR's own program writes it."""
        return _vstar_import.imported(self, self.parser, path, samples)

    def reference(self, sample: Sample, view: View) -> str:
        """A response that scores 1.0."""
        return _vstar_prompt.reference(
            sample, view, _vstar_official.unscaled(view) if self.published else view, self.thinks
        )

    def demo(self, root: Path, count: int, seed: int) -> None:
        """Write `count` clips and their rows as published; boxes in whole pixels, one a second."""
        rows = []
        for vid, _, clip, rng in _demo.clips(self.name, count, seed):
            _demo.write(clip, root / "videos" / f"{vid}.mp4")
            rows.append({"vid": vid, **_demo_row(clip, rng)})
        (root / ANNOTATION).write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def _demo_row(clip: Clip, rng: random.Random) -> dict[str, object]:
    asked = questions.what(clip, rng)
    thing = asked.things[0]
    boxes = {int(t): [round(v) for v in encode(box)] for t, box in clip.boxes(thing).items()}
    return {
        "domain": "Crowded" if len(clip.things) > 2 else "Sparse",
        "fps": clip.rate,
        "width": clip.width,
        "height": clip.height,
        "frame_count": clip.frame_count,
        "question": asked.text,
        "chain": "what, when, where",
        "object": thing.name,
        "answer": asked.answer,
        "temporal_question": questions.when(thing),
        "timestamps": [thing.span.start, thing.span.end],
        "spatial_question": questions.where(thing),
        "spatial_question_2": questions.where(thing),
        "bboxes": [
            {"timestamp": t, "frame_index": round(t * clip.rate), **dict(zip(_vstar_rows.CORNERS, box, strict=True))}
            for t, box in boxes.items()
        ],
    }


task = VStar()
