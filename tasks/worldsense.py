"""WorldSense: questions on what is seen and heard in a video (arXiv 2502.04326). The model sees frames alone here.

Data folder: worldsense_qa.json or VLMEvalKit's WorldSense.tsv, and anywhere below it <video>.mp4 and <video>.srt.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import ascii_uppercase
from typing import Any, ClassVar

from harness import parse
from harness.contracts import Preset
from harness.dataset import Dataset
from harness.errors import DataError
from harness.prompt import THINKING
from harness.records import Prediction, Request, Sample, Score, View
from harness.shapes import events, questions
from harness.shapes.clip import Clip
from harness.shapes.questions import Question

from . import _annotations, _demo, _released, _srt, _worldsense_released, _worldsense_rows
from ._choice import Choice, lettered
from ._srt import Cue
from .videomme import official

SUBTITLES = ("subtitles", "worldsense_subtitles", "worldsense_subtitles/subtitles")
LENGTHS = ((60, "<1min"), (120, "1-2min"), (240, "2-4min"), (360, "4-6min"), (480, "6-8min"))
TYPES = {
    "Object Recognition": ("Recognition", "Object Existence Recognition"),
    "Attribute Perception": ("Recognition", "Attribute Recognition"),
    "Counting Problem": ("Recognition", "Object Counting"),
    "Temporal Reasoning": ("Understanding", "Event Sorting"),
    "Sequence": ("Understanding", "Event Sorting"),
    "Motion": ("Understanding", "Object State Change"),
    "Spatial Perception": ("Reasoning", "Spatial Relation"),
    "Interaction": ("Reasoning", "Relation Reasoning"),
    "Feasibility": ("Reasoning", "Temporal Prediction"),
}
"""Topic of a question on shapes -> the task domain and task type that come nearest."""


@dataclass(frozen=True, kw_only=True)
class WorldSense(Choice):
    """The benchmark; the average of the published table is that of all questions, whatever their domain."""

    name: ClassVar[str] = "worldsense"
    title: ClassVar[str] = "WorldSense"
    version: ClassVar[int] = 1
    source: ClassVar[str] = "arXiv 2502.04326; data set honglyhly/WorldSense (licence: see there)"
    frames: ClassVar[str] = "uniform:64"
    max_pixels: ClassVar[int] = 512 * 512
    dataset: ClassVar[Dataset | None] = Dataset(
        repo="honglyhly/WorldSense",
        revision="main",
        files=(_worldsense_rows.JSON, "worldsense_videos*.zip", "worldsense_subtitles.zip"),
        licence="as its page says; none is given with the code",
        homepage="https://huggingface.co/datasets/honglyhly/WorldSense",
        items=3172,
        videos=1662,
    )
    presets: ClassVar[Mapping[str, Preset]] = {"released": _released.PRESET}

    prompts: ClassVar[Sequence[str]] = (*THINKING, "released", "released-direct")
    """The latter two ask as Open-o3-Video's program does."""
    parsers: ClassVar[Sequence[str]] = ("strict", "official", "o3")
    """With "official" it is the first capital A-D, as VLMEvalKit reads it; "o3" reads as Open-o3-Video's program does,
    and takes what it cannot read for an A."""

    subtitles: bool = False
    """Whether the subtitles of the frames are shown."""

    def samples(self, root: Path) -> list[Sample]:
        """One sample a question, video by video; DataError when subtitles are asked for and there are none."""
        samples = _worldsense_rows.samples(_annotations.folder(root, _worldsense_rows.JSON))
        if self.subtitles and not any(_subtitles(Path(sample.video)) for sample in samples):
            raise DataError(f"there are no subtitles for the videos in {root}; put them into {root / SUBTITLES[0]}")
        return samples

    def request(self, sample: Sample, view: View) -> Request:
        """The frames, their subtitles when asked for, then the question with its options."""
        if not self.prompt.startswith("released"):
            return super().request(sample, view)
        heard = "\n".join(self._heard(sample, view))
        text = _worldsense_released.question(sample.question, lettered(sample.options), heard, self.thinks)
        return Request(parts=(*_released.bare(view), text))

    def before(self, sample: Sample, view: View) -> str:
        """The subtitles of the frames, where they are asked for."""
        return _srt.told(self._heard(sample, view))

    def _heard(self, sample: Sample, view: View) -> list[str]:
        path = _subtitles(Path(sample.video)) if self.subtitles else None
        return _srt.lines_at(_srt.load(path), view.times) if path else []

    def letter(self, sample: Sample, text: str) -> tuple[str | None, tuple[str, ...]]:
        """The letter of a response, None where it cannot be read, and problems."""
        if self.parser == "o3":
            answer = _worldsense_released.letter(text, self.thinks)
            return answer, () if answer else ("no letter",)
        if self.parser == "strict":
            return super().letter(sample, text)
        content, problems = parse.content(text, tagged=False)
        answer, found = official(content or "")
        return answer, (*problems, *found)

    def score(self, sample: Sample, prediction: Prediction) -> Score:
        """Whether the letter is right; with "o3" a missing one is an A."""
        missing = _worldsense_released.UNREAD if self.parser == "o3" else None
        return Score(values={"acc": float((prediction.answer or missing) == sample.answer)})

    def demo(self, root: Path, count: int, seed: int) -> None:
        """Write `count` clips with up to three questions each as published, and subtitles for every second clip."""
        videos: dict[str, Any] = {}
        for number, (name, _, clip, rng) in enumerate(_demo.clips(self.name, count, seed)):
            _demo.write(clip, root / "videos" / f"{name}.mp4")
            if number % 2 == 0:
                cues = [Cue(t.span, "Something appears.") for t in clip.things]
                _srt.write(root / "subtitles" / f"{name}.srt", cues)
            tasks = {f"task{k}": _task(asked) for k, asked in enumerate(_asked(clip, rng))}
            videos[name] = {"video_id": name, **_video(clip, rng), **tasks}
        (root / _worldsense_rows.JSON).write_text(json.dumps(videos, indent=1) + "\n", encoding="utf-8")


def _subtitles(video: Path) -> Path | None:
    """The subtitles of a video: beside it, or in a folder for them beside that of the videos."""
    folders = [folder / name for folder in list(video.parents)[:3] for name in ("", *SUBTITLES)]
    return next((path for path in (folder / f"{video.stem}.srt" for folder in folders) if path.is_file()), None)


def _video(clip: Clip, rng: random.Random) -> dict[str, object]:
    """The columns of a clip; it is silent, so what is to be heard in it is drawn."""
    heard = [kind for kind in _worldsense_rows.AUDIO if rng.random() < 0.5]
    return {
        "video_duration": f"{clip.duration}s",
        "duration": next((name for most, name in LENGTHS if clip.duration < most), ">8min"),
        "domain": "Games" if len(clip.things) > 2 else "Daily Life",
        "sub_category": f"{len(clip.things)} objects",
        "audio_class": heard or ["Event"],
        "video_caption": f"{len(clip.things)} shapes come and go.",
    }


def _asked(clip: Clip, rng: random.Random) -> Iterator[Question]:
    """A question about what is there, one about what is where or when, one about motion or company; some with three
    options."""
    drawn = [questions.lookalike(clip, clip.things[0], rng), questions.choice(clip, rng)]
    makers = rng.sample(events.MAKERS, len(events.MAKERS))
    drawn += [asked for asked in (make(clip, rng) for make in makers) if asked is not None][:1]
    for number, asked in enumerate({q.text: q for q in drawn}.values()):
        yield _shorter(asked) if number == 1 else asked


def _shorter(asked: Question) -> Question:
    """The question without the last of its wrong options."""
    right = asked.options[questions.LETTERS.index(asked.answer)]
    left = [option for option in asked.options if option != right][:-1]
    place = min(questions.LETTERS.index(asked.answer), len(left))
    options = (*left[:place], right, *left[place:])
    return Question(asked.text, questions.LETTERS[place], asked.things, asked.topic, options)


def _task(asked: Question) -> dict[str, object]:
    domain, kind = TYPES[asked.topic]
    return {
        "task_domain": domain,
        "task_type": kind,
        "question": asked.text,
        "answer": asked.answer,
        "candidates": [f"{letter}. {text}" for letter, text in zip(ascii_uppercase, asked.options, strict=False)],
    }


task = WorldSense()
