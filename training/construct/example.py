"""The recipe "shapes": sources from the synthetic world, and annotations made from its truth, some wrong on purpose.

Annotations come from a file, so that it runs without a server; verifier and judge are the tiny model that ships. Each
way of being wrong must be caught by a rule of its own, FAULTS, so that whoever runs it sees what each rule does.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.geometry import Box
from harness.records import Evidence
from harness.shapes import questions
from harness.shapes.clip import Clip, Thing, make

COUNT = 24
FIRST_SEED = 2 * 10**9
"""Clips have seeds from here on, with which nothing else is made."""

FAULTS = {
    "frame": "large",
    "name": "verify",
    "late": "consistency",
    "elsewhere": "consistency",
    "broken": "unreadable",
    "false": "judge",
    "outside": "outside",
}
"""What is wrong with an annotation -> the rule that must catch it: a box of the whole frame, another object's name, a
time or a box in the reasoning that is not among the key frames and items, JSON that breaks off, a sentence that is not
true of its crop, a key frame outside of the segment."""

RECIPE = """\
# Made by harness data stgr build --recipe shapes. Copy it, and name your own sources and models.
sources: sources.jsonl
videos: videos
source: STR_shapes
annotator:
  engine: scripted        # openai asks any server that speaks OpenAI's chat completions; set model and options.base_url
  answers: answers.jsonl
  coordinates: 0-1000
  frames: uniform:8
verifier:
  engine: transformers
  model: nano             # no judge is named, so it judges too
rules:
  min_seconds: 0          # the clips are short, and segments are most of them
  max_share: 1
"""


def made(folder: Path, count: int) -> Path:
    """The path of the recipe, whose sources and answers about `count` clips are written where they are not yet."""
    if not folder.is_dir():
        part = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        write(part, count)
        part.rename(folder)
    return folder / "recipe.yaml"


TURNS = tuple(fault for each in FAULTS for fault in (None, each))
"""Every other clip is right; the others have each of the faults in turn."""


def write(folder: Path, count: int, turns: Sequence[str | None] = TURNS) -> None:
    """Write recipe.yaml, sources.jsonl, answers.jsonl, videos, and faults.json, which says what is wrong with whom.

    `turns` are the faults of the clips, round and round. Half of the clips have a segment, half captions.
    """
    from harness.shapes import render

    (folder / "videos").mkdir(parents=True)
    sources, answers, wrong = [], [], {}
    for index in range(count):
        name = f"scene_{index:04d}"
        rng = random.Random(f"construct:{index}")
        clip = make(FIRST_SEED + index)
        fault = turns[index % len(turns)]
        captions = index // 2 % 2 == 1
        render.write(clip, folder / "videos" / f"{name}.mp4")
        scene = Scene(clip, rng.choice(clip.things), captions)
        sources.append(scene.source(name))
        answers.append({"match": f"{name}:", "texts": [scene.answer(fault, rng)]})
        if fault:
            wrong[name] = fault
    for file, found in (("sources.jsonl", sources), ("answers.jsonl", answers)):
        (folder / file).write_text("".join(json.dumps(line) + "\n" for line in found), encoding="utf-8")
    (folder / "faults.json").write_text(json.dumps(wrong, indent=1) + "\n", encoding="utf-8")
    (folder / "recipe.yaml").write_text(RECIPE, encoding="utf-8")


class Scene:
    """A clip, the thing that its sample is about, and whether its source has captions rather than a segment."""

    def __init__(self, clip: Clip, thing: Thing, captions: bool) -> None:
        """Find where the thing is when it appears and in the middle of its stay."""
        self.clip, self.thing, self.captions = clip, thing, captions
        last = (clip.frame_count - 1) / clip.rate
        self.claims = [claim for claim in questions.evidence(clip, thing) if (claim.time or 0.0) <= last]

    def source(self, name: str) -> dict[str, Any]:
        """Its line of the source list."""
        told, line = f"{name}: the {self.thing.name} is to be seen", {"id": name, "video": f"{name}.mp4"}
        span = self.thing.span
        if not self.captions:
            return {**line, "segment": [span.start, min(span.end, self.clip.duration)], "description": told}
        first, last = self._frame(span.start), min(self._frame(span.end), self.clip.frame_count - 1)
        return {**line, "captions": [{"start": first, "end": last, "text": told}]}

    def answer(self, fault: str | None, rng: random.Random) -> str:
        """What a model would write of it, in JSON; wrong in the way that is asked for."""
        name = rng.choice(questions.absent(self.clip, self.thing)) if fault == "name" else self.thing.name
        whole = [0, 0, 1000, 1000]
        boxes = [whole if fault == "frame" else self._box(claim) for claim in self.claims]
        times = [self._moment(claim.time or 0.0) for claim in self.claims]
        frames = [
            {"frame" if self.captions else "time": time, "objects": [{"name": name, "boxes": [box]}]}
            for time, box in zip(times, boxes, strict=True)
        ]
        told_times, told_boxes = [*times], [*boxes]
        if fault == "late":
            told_times[-1] += round(self.clip.rate) if self.captions else 1.0
        if fault == "elsewhere":
            told_boxes[-1] = [1000 - value for value in (boxes[-1][2], boxes[-1][3], boxes[-1][0], boxes[-1][1])]
        if fault == "outside":
            far = self.clip.frame_count + 9 if self.captions else self.clip.duration + 9.0
            frames[-1]["frame" if self.captions else "time"] = told_times[-1] = far
        cited = [
            f"<obj>{name}</obj><box>{json.dumps(box)}</box>at<t>{time}</t>s"
            for time, box in zip(told_times, told_boxes, strict=True)
        ]
        sentences = [f"The {cited[0]} appears.", *(f"The {each} is there." for each in cited[1:])]
        if fault == "false":
            other = rng.choice(questions.absent(self.clip, self.thing))
            sentences[-1] = f"{sentences[-1][:-1]}, and it is a {other}."
        text = json.dumps(
            {
                "question": f"What colour is the {self.thing.shape}?",
                "answer": self.thing.colour,
                "key_frames": frames,
                "reasoning_process": " ".join(sentences),
            }
        )
        return text[: len(text) // 2] if fault == "broken" else f"```json\n{text}\n```\nThat is all."

    def _frame(self, time: float) -> int:
        return round(time * self.clip.rate)

    def _moment(self, time: float) -> float:
        return self._frame(time) if self.captions else time

    def _box(self, claim: Evidence) -> list[int]:
        box = claim.box or Box(0, 0, 0, 0)
        part = box.clip(self.clip.width, self.clip.height).scale(1000 / self.clip.width, 1000 / self.clip.height)
        return [round(value) for value in part]
