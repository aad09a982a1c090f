"""Video-MME: questions with four options on videos from seconds to an hour (arXiv 2405.21075).

Data folder: videomme/test-00000-of-00001.parquet (or .json, .jsonl), data/<videoID>.mp4, subtitle/<videoID>.srt.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from string import ascii_uppercase
from typing import ClassVar

from harness import parse
from harness.contracts import Imported, Preset
from harness.dataset import Dataset
from harness.prompt import THINKING
from harness.records import Prediction, Request, Sample, Score, View
from harness.shapes import questions
from harness.shapes.clip import Clip

from . import _annotations, _demo, _released, _srt, _videomme_import, _videomme_released, _videomme_rows
from ._choice import Choice, lettered
from ._srt import Cue

FOLDER = "videomme"
ANNOTATION = "test-00000-of-00001"
PREFIXES = (
    "The best answer is",
    "The correct answer is",
    "The answer is",
    "The answer",
    "The best option isThe correct option is",
    "Best answer:Best option:",
    "Answer:",
    "Option:",
    "The correct answer",
    "The correct option",
)
"""What the official parser takes out first; two pairs are run together there for want of a comma."""


@dataclass(frozen=True, kw_only=True)
class VideoMME(Choice):
    """The benchmark; a row gives one sample."""

    name: ClassVar[str] = "videomme"
    title: ClassVar[str] = "Video-MME"
    version: ClassVar[int] = 1
    source: ClassVar[str] = "arXiv 2405.21075; data set lmms-lab/Video-MME (academic research only)"
    frames: ClassVar[str] = "uniform:64"
    max_pixels: ClassVar[int] = 512 * 512
    dataset: ClassVar[Dataset | None] = Dataset(
        repo="lmms-lab/Video-MME",
        revision="main",
        files=(f"{FOLDER}/{ANNOTATION}.parquet", "videos_chunked_*.zip", "subtitle.zip"),
        licence="academic research only; no distribution, copying or modification without approval",
        homepage="https://huggingface.co/datasets/lmms-lab/Video-MME",
        items=2700,
        videos=900,
        holds={"subtitle/*.srt": 744},
    )

    presets: ClassVar[Mapping[str, Preset]] = {"released": _released.PRESET}

    prompts: ClassVar[Sequence[str]] = (*THINKING, "released", "released-direct")
    """The latter two ask as Open-o3-Video's program does."""
    parsers: ClassVar[Sequence[str]] = ("strict", "official", "o3")
    """With "official" it is the first capital A-D, and what has none is left out; "o3" reads as Open-o3-Video's program
    does, and takes what it cannot read for an A."""

    subtitles: bool = False
    """Whether the subtitles of the frames are shown."""

    def samples(self, root: Path) -> list[Sample]:
        """One sample a row, in the order of the file."""
        root = _annotations.folder(root, FOLDER)
        # The folder of the annotation has the name of the task, and is taken for the data folder when that is given.
        root = root if (root / FOLDER).is_dir() or root.name != FOLDER else root.parent
        files = [root / FOLDER / f"{ANNOTATION}{suffix}" for suffix in (".parquet", ".json", ".jsonl")]
        rows = _annotations.read(next((f for f in files if f.is_file()), files[0]))
        _annotations.unique(rows, "question_id")
        return [_videomme_rows.sample(row, root) for row in rows]

    def request(self, sample: Sample, view: View) -> Request:
        """The frames, their subtitles when asked for, then the question with its options."""
        if not self.prompt.startswith("released"):
            return super().request(sample, view)
        text = _videomme_released.question(sample.question, lettered(sample.options), self.thinks)
        return Request(parts=(*_released.bare(view), self.before(sample, view) + text))

    def before(self, sample: Sample, view: View) -> str:
        """The subtitles of the frames, where they are asked for."""
        video = Path(sample.video)
        path = video.parent.parent / "subtitle" / f"{video.stem}.srt"
        return _srt.told(_srt.lines_at(_srt.load(path), view.times) if self.subtitles else ())

    def letter(self, sample: Sample, text: str) -> tuple[str | None, tuple[str, ...]]:
        """The letter of a response, None where it cannot be read, and problems."""
        if self.parser == "o3":
            answer = _videomme_released.letter(text, sample.options, self.thinks)
            return answer, () if answer else ("no letter",)
        if self.parser == "strict":
            return super().letter(sample, text)
        content, problems = parse.content(text, tagged=False)
        answer, found = official(content or "")
        return answer, (*problems, *found)

    def score(self, sample: Sample, prediction: Prediction) -> Score:
        """Whether the letter is right; a missing one is unscored with the official parser, and an A with "o3"."""
        answer = prediction.answer
        if answer is None and self.parser == "official":
            return Score(values={"acc": None}, reason="the official parser leaves out an answer without a letter")
        if answer is None and self.parser == "o3":
            answer = _videomme_released.UNREAD
        return Score(values={"acc": float(answer == sample.answer)})

    def imported(self, path: Path, samples: Sequence[Sample]) -> Imported:
        """A result file in the published form; answers need no answer tag."""
        direct, think = (replace(self, prompt=prompt) for prompt in ("direct", "think"))
        return _videomme_import.imported(direct, think, path, samples)

    def demo(self, root: Path, count: int, seed: int) -> None:
        """Write `count` clips with three questions each as published, and subtitles for every second clip."""
        import pandas

        rows: list[dict[str, object]] = []
        for number, (name, length, clip, rng) in enumerate(_demo.clips(self.name, count, seed), 1):
            _demo.write(clip, root / "data" / f"{name}.mp4")
            if number % 2:
                _srt.write(root / "subtitle" / f"{name}.srt", [Cue(t.span, "Something appears.") for t in clip.things])
            rows += _demo_rows(clip, rng, {"video_id": f"{number:03d}", "duration": length, "videoID": name})
        path = root / FOLDER / f"{ANNOTATION}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pandas.DataFrame(rows).to_parquet(path, index=False)


def official(text: str) -> tuple[str | None, tuple[str, ...]]:
    """The letter as the official program reads it: the first capital A-D anywhere once known phrases are taken out.

    >>> official("Definitely"), official("B or C"), official("b.")
    (('D', ()), ('B', ()), (None, ('no letter',)))
    """
    text = text.strip()
    for phrase in PREFIXES:
        text = text.replace(phrase, "")
    match = re.search("[ABCD]", text)
    return (match.group(), ()) if match else (None, ("no letter",))


def _demo_rows(clip: Clip, rng: random.Random, video: Mapping[str, str]) -> list[dict[str, object]]:
    drawn = [questions.choice(clip, rng) for _ in range(12)]
    asked = list({q.text: q for q in drawn}.values())[:3]
    return [
        {
            **video,
            "domain": "Crowded" if len(clip.things) > 2 else "Sparse",
            "sub_category": f"{len(clip.things)} objects",
            "url": "",
            "question_id": f"{video['video_id']}-{number}",
            "task_type": q.topic,
            "question": q.text,
            "options": [f"{letter}. {text}" for letter, text in zip(ascii_uppercase, q.options, strict=False)],
            "answer": q.answer,
        }
        for number, q in enumerate(asked, 1)
    ]


task = VideoMME()
