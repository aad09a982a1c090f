"""TVGBench: when does something happen in a video, eleven types of queries from five data sets (arXiv 2503.13377).

Data folder: tvgbench.json (or annotations/tvgbench.json), and the videos in tvgbench_data/ or videos/tvgbench_data/,
found by their names without suffix.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from harness import metrics, parse, prompt
from harness.contracts import Preset, Task
from harness.dataset import Dataset, Web
from harness.errors import UsageError
from harness.geometry import Span
from harness.prompt import THINKING
from harness.records import Prediction, Record, Request, Response, Sample, Score, View
from harness.shapes.clip import Clip
from harness.shapes.events import Event, events

from . import _annotations, _demo, _tvgbench_official, _tvgbench_rows
from ._vstar_prompt import SPAN

ANNOTATION = "tvgbench.json"
PROMPTS = (*THINKING, "official")
PARSERS = ("tolerant", "official")
RECALLS = {"r1_03": 0.3, "r1_05": 0.5, "r1_07": 0.7}
EXACT = 9
"""Decimals of an overlap: what a sum of times adds behind them must not lift it over a threshold."""
CODES = {
    "Object Existence - Simple": ("Object Existence (Simple)", "OES"),
    "Object Existence - Complex": ("Object Existence (Complex)", "OEC"),
    "Object Transition": ("Object Transition", "OT"),
    "Object Attribute": ("Object Attribute", "OA"),
    "Object Counting": ("Object Counting", "OC"),
}
"""What happens in the synthetic world -> qsemtype, and its short form."""


@dataclass(frozen=True, kw_only=True)
class TVGBench(Task):
    """The benchmark; a row gives one sample. A reference without length scores 0: nothing overlaps it."""

    name: ClassVar[str] = "tvgbench"
    title: ClassVar[str] = "TVGBench"
    version: ClassVar[int] = 1
    source: ClassVar[str] = "arXiv 2503.13377; annotation xiaomi-research/time-r1 (Apache-2.0)"
    frames: ClassVar[str] = "uniform:64"
    max_pixels: ClassVar[int] = 512 * 512
    columns: ClassVar[Mapping[str, str]] = {"miou": "mIoU", "r1_03": "R1@0.3", "r1_05": "R1@0.5", "r1_07": "R1@0.7"}
    dataset: ClassVar[Dataset | None] = Dataset(
        repo="Boshenxx/TimeR1-Dataset",
        revision="main",
        files=("TVGBench.zip",),
        licence="annotation Apache-2.0; videos under the terms of TACoS, ActivityNet, Ego4D, HiREST and Charades",
        homepage="https://github.com/xiaomi-research/time-r1",
        more=(
            Web(
                url="https://raw.githubusercontent.com/xiaomi-research/time-r1/7f2b5944a0c35993da80634a459d5a48a3a5431e/dataset/timer1/annotations/tvgbench.json",
                name=ANNOTATION,
                sha256="76df764c0c856a196e2900b5366c81c83478bbd03d117e3b2f23b5b6bfbc59a2",
            ),
        ),
        items=800,
        videos=462,
    )
    presets: ClassVar[Mapping[str, Preset]] = {
        "official": Preset(
            options={"prompt": "official", "parser": "official", "parts": "false"},
            frames="smart:2:768",
            # 3584 * 28 * 28 for all frames together, two of which count once: this is a frame's share in 93 seconds.
            max_pixels=38 * 28 * 28,
            temperature=0.0,
            max_tokens=1024,
        )
    }

    prompt: str = "think"
    """With "think" the model reasons and cites first, with "words" it reasons, with "direct" it gives the span alone;
    "official" asks as Time-R1's program does."""
    parser: str = "tolerant"
    """With "tolerant" the answer tag is read, or without one what follows the thinking; "official" takes the last
    "A to B" of all of the text, as Time-R1's program does."""
    parts: bool = True
    """Whether of a file of which a part is meant that part alone is shown; Time-R1's program shows all of it, and
    compares the answer as if it counted from the start of the file."""

    def __post_init__(self) -> None:
        """Check the options."""
        for name, known in (("prompt", PROMPTS), ("parser", PARSERS)):
            if getattr(self, name) not in known:
                raise UsageError(f"tvgbench has no {name} {getattr(self, name)!r}; there are: {', '.join(known)}")

    @property
    def thinks(self) -> bool:
        """Whether reasoning is asked for."""
        return self.prompt != "direct"

    def samples(self, root: Path) -> list[Sample]:
        """One sample a row, in the order of the file."""
        root = _annotations.folder(root, ANNOTATION)
        files = [root / ANNOTATION, root / "annotations" / ANNOTATION]
        rows = _annotations.read(next((f for f in files if f.is_file()), files[0]))
        videos = _annotations.index_videos(_tvgbench_rows.folder(root), _tvgbench_rows.SUFFIXES)
        return [_tvgbench_rows.sample(row, root, videos, self.parts) for row in rows]

    def request(self, sample: Sample, view: View) -> Request:
        """The frames, then the event."""
        if self.prompt == "official":
            text = f"\n{_tvgbench_official.question(sample.question)}"
        else:
            form = (
                f"{THINKING[self.prompt]}Then answer as <answer>{SPAN}</answer>."
                if self.thinks
                else f"Answer as {SPAN}."
            )
            asked = f"The video is {view.duration:.1f} seconds long. When does this happen: {sample.question}"
            text = f"\n{asked}\n{form}"
        return Request(system=prompt.SYSTEM, parts=(*prompt.show(view), text))

    def read(self, sample: Sample, view: View, response: Response) -> Prediction:
        """The span, by the parser asked for and in times of the file, and what was cited."""
        evidence, claims = parse.evidence(view, response.text)
        span, problems = self._span(response.text)
        return Prediction(
            span=span.shift(view.start) if span else None,
            evidence=evidence,
            rollout=response.rollout,
            problems=(*problems, *claims),
        )

    def _span(self, text: str) -> tuple[Span | None, tuple[str, ...]]:
        if self.parser == "official":
            return _tvgbench_official.span(text)
        content, problems = parse.answer(text)
        if content is None:
            content, problems = parse.remainder(text), problems if self.thinks else ()
        span, found = parse.span(content)
        return span, (*problems, *found)

    def score(self, sample: Sample, prediction: Prediction) -> Score:
        """The overlap, and whether it is above each threshold."""
        if sample.span is None:
            return Score(values=dict.fromkeys(("tiou", *RECALLS)), reason="the sample has no reference span")
        tiou = metrics.tiou(prediction.span, sample.span)
        tiou = tiou if self.parser == "official" else round(tiou, EXACT)
        return Score(values={"tiou": tiou, **{name: float(tiou > above) for name, above in RECALLS.items()}})

    def aggregate(self, records: Sequence[Record]) -> Mapping[str, float | None]:
        """Means over the scored records."""
        scores = [record.score.values for record in records if record.score is not None]
        found = {name: metrics.mean(values.get(name) for values in scores) for name in ("tiou", *RECALLS)}
        return {"miou": found.pop("tiou"), **found}

    def reference(self, sample: Sample, view: View) -> str:
        """A response that scores 1.0, unless the reference has no length."""
        if sample.span is None:
            return ""
        span = sample.span.shift(-view.start)
        official = "official" in (self.prompt, self.parser)
        answer = _tvgbench_official.written(span) if official else parse.write_span(span, 2)
        return f"{parse.write_think(view, sample.evidence)}<answer>{answer}</answer>" if self.thinks else answer

    def demo(self, root: Path, count: int, seed: int) -> None:
        """Write `count` clips and up to three events of each as published; of every third a part is meant."""
        rows: list[dict[str, object]] = []
        for number, (name, _, clip, rng) in enumerate(_demo.clips(self.name, count, seed), 1):
            _demo.write(clip, root / _tvgbench_rows.VIDEOS / f"{name}.mp4")
            meant = _demo.part(clip, rng, lambda seen, _: events(seen)) if number % 3 == 0 else None
            part, found = meant or (None, events(clip))
            rows += [_demo_row(name, clip, part, event) for event in rng.sample(found, min(3, len(found)))]
        (root / ANNOTATION).write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def _demo_row(name: str, clip: Clip, part: Span | None, event: Event) -> dict[str, object]:
    duration = part.end - part.start if part else float(clip.duration)
    kind, code = CODES[event.kind]
    return {
        "path": f"./dataset/timer1/videos/{_tvgbench_rows.VIDEOS}/{name}.mp4",
        "question": event.text,
        "answer": f"{event.span.start}-{event.span.end}",
        "start": part.start if part else None,
        "end": part.end if part else None,
        "duration": duration,
        "question_type": "video temporal grounding",
        "source": "shapes",
        "dataset_name": "shapes",
        "qsemtype": kind,
        "bins": {
            "videolen": int(duration // 10),
            "qcenter": int(5 * (event.span.start + event.span.end) / duration),
            "qlen": int(10 * (event.span.end - event.span.start) / duration),
            "dataset": "shapes",
            "qsemtype": code,
        },
    }


task = TVGBench()
