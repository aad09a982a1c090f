"""V-STaR: what, when and where, asked in two chains (arXiv 2503.11495). Not V*Bench, which is image search.

Data folder: V_STaR_test.json, and <vid>.mp4 anywhere below it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from harness import parse, prompt, ratings
from harness.codec import encode
from harness.contracts import Task
from harness.dataset import Dataset
from harness.errors import UsageError
from harness.geometry import Box, Span
from harness.records import Evidence, Prediction, Record, Request, Response, Sample, Score, View
from harness.shapes import questions
from harness.shapes.clip import Clip

from . import _annotations, _demo, _vstar_metrics, _vstar_official, _vstar_prompt
from ._annotations import Row

ANNOTATION = "V_STaR_test.json"
CORNERS = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True, kw_only=True)
class VStar(Task):
    """The benchmark; an item gives five samples, asked apart from each other."""

    name: ClassVar[str] = "vstar"
    title: ClassVar[str] = "V-STaR"
    version: ClassVar[int] = 1
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

    prompt: str = "think"
    """With "think" the model is asked to reason and cite first, with "direct" for the answer alone."""
    parser: str = "tolerant"
    """With "tolerant" the answer tag, clock times and damaged JSON are read; "official" reads as was published."""

    def __post_init__(self) -> None:
        """Check the options."""
        if self.prompt not in ("think", "direct"):
            raise UsageError(f"vstar has no prompt {self.prompt!r}; there are: think, direct")
        if self.parser not in ("tolerant", "official"):
            raise UsageError(f"vstar has no parser {self.parser!r}; there are: tolerant, official")

    @property
    def thinks(self) -> bool:
        """Whether reasoning is asked for."""
        return self.prompt == "think"

    def samples(self, root: Path) -> list[Sample]:
        """Five samples a row, in the order of the file."""
        root = _annotations.folder(root, ANNOTATION)
        rows = _annotations.read(root / ANNOTATION)
        videos = _annotations.index_videos(root)
        return [sample for row in rows for sample in _samples(row, root, videos)]

    def request(self, sample: Sample, view: View) -> Request:
        """The frames, then one question."""
        text = _vstar_prompt.question(sample, view, self.thinks)
        return Request(system=prompt.SYSTEM, parts=(*prompt.show(view), text))

    def read(self, sample: Sample, view: View, response: Response) -> Prediction:
        """The answer tag, or without one what follows the thinking; all of the text with the official parser."""
        reader = _vstar_official if self.parser == "official" else parse
        content, problems = self._content(response.text)
        evidence, claims = parse.evidence(view, response.text)
        answer: str | None = None
        span: Span | None = None
        boxes: dict[float, Box] = {}
        found: tuple[str, ...] = ()
        if sample.kind == "what":
            answer = content or None
        elif sample.kind.startswith("when"):
            span, found = reader.span(content)
        else:
            boxes, found = reader.boxes(view, content)
        return Prediction(
            answer=answer,
            span=span,
            boxes=boxes,
            evidence=evidence,
            rollout=response.rollout,
            problems=(*problems, *found, *claims),
        )

    def _content(self, text: str) -> tuple[str, tuple[str, ...]]:
        content, problems = (text, ()) if self.parser == "official" else parse.answer(text)
        return (parse.remainder(text), problems if self.thinks else ()) if content is None else (content, problems)

    def score(self, sample: Sample, prediction: Prediction) -> Score:
        """The metrics of one sample; "what" is judged by exact match."""
        return _vstar_metrics.score(sample, prediction)

    def ask_judge(self, sample: Sample, prediction: Prediction) -> Request | None:
        """Rate a "what" answer against its reference; an abstention is wrong without being asked about."""
        if sample.kind != "what" or sample.answer is None or prediction.answer is None:
            return None
        return ratings.ask(sample.question, sample.answer, prediction.answer)

    def judged(self, sample: Sample, rating: int) -> Score:
        """Right from 2 of 0..3 on."""
        return Score(values={"acc": float(rating >= ratings.RIGHT_FROM)})

    def aggregate(self, records: Sequence[Record]) -> Mapping[str, float | None]:
        """Means of both chains, AM, LGM, mAM, mLGM and joint rates."""
        return _vstar_metrics.aggregate(records)

    def reference(self, sample: Sample, view: View) -> str:
        """A response that scores 1.0."""
        return _vstar_prompt.reference(sample, view, self.thinks)

    def demo(self, root: Path, count: int, seed: int) -> None:
        """Write `count` clips and their rows as published; boxes in whole pixels, one a second."""
        rows = []
        for vid, _, clip, rng in _demo.clips(self.name, count, seed):
            _demo.write(clip, root / "videos" / f"{vid}.mp4")
            rows.append({"vid": vid, **_demo_row(clip, rng)})
        (root / ANNOTATION).write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def _samples(row: Row, root: Path, videos: Mapping[str, Path]) -> list[Sample]:
    vid = row.text("vid")
    path = _annotations.video(row, "vid", root, videos.get(vid, root / f"{vid}.mp4"))
    length = round(row.positive("frame_count") / row.positive("fps"), 2)
    span, boxes = Span(*row.numbers("timestamps", 2)), _boxes(row)
    words = {
        "what": row.text("question"),
        "when_1": row.text("temporal_question"),
        "where_1": row.text("spatial_question"),
        "where_2": row.text("spatial_question_2"),
        "when_2": row.text("temporal_question"),
    }
    groups = {"domain": row.text("domain"), "length": length_class(length)}
    answer, evidence = row.text("answer"), _evidence(row.text("object"), boxes)
    item = f"{vid}:{row.index}"
    return [
        Sample(
            id=f"{item}/{kind}",
            item=item,
            kind=kind,
            video=path,
            question=words[kind],
            answer=answer if kind == "what" else None,
            span=span,
            boxes=boxes,
            evidence=evidence,
            groups=groups,
        )
        for kind in _vstar_prompt.KINDS
    ]


def length_class(duration: float) -> str:
    """The class of a length in seconds, as the published program has it: a video of 60 s is medium, of 180 s long.

    >>> [length_class(t) for t in (59.99, 60, 179.99, 180)]
    ['short', 'medium', 'medium', 'long']
    """
    return "short" if duration < 60 else "medium" if duration < 180 else "long"


def _boxes(row: Row) -> dict[float, Box]:
    boxes = replace(row, data={**row.data, "bboxes": _flat(row.data["bboxes"])}) if "bboxes" in row.data else row
    return {box.number("timestamp"): Box(*(box.number(c) for c in CORNERS)) for box in boxes.rows("bboxes")}


def _flat(boxes: object) -> object:
    """Boxes of the older shape, keyed by "<timestamp>_<frame_index>", in the shape of today; others as they are."""
    if isinstance(boxes, dict):
        boxes = [{key: value} for key, value in boxes.items()]
    return [_unkeyed(box) for box in boxes] if isinstance(boxes, list) else boxes


def _unkeyed(box: object) -> object:
    if not isinstance(box, dict) or len(box) != 1:
        return box
    ((key, corners),) = box.items()
    time = parse.seconds(str(key).partition("_")[0])
    return {"timestamp": time, **corners} if time is not None and isinstance(corners, dict) else box


def _evidence(label: str, boxes: Mapping[float, Box]) -> tuple[Evidence, ...]:
    """The first box and the one nearest to the middle of the time they cover."""
    if not boxes:
        return ()
    first, last = min(boxes), max(boxes)
    middle = min(sorted(boxes), key=lambda t: abs(t - round((first + last) / 2)))
    return tuple(Evidence(label=label, time=t, box=boxes[t]) for t in sorted({first, middle}))


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
            {"timestamp": t, "frame_index": round(t * clip.rate), **dict(zip(CORNERS, box, strict=True))}
            for t, box in boxes.items()
        ],
    }


task = VStar()
