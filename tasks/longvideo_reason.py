"""LongVideo-Reason-eval: reasoning over minutes of video, with four options (LongVILA-R1, arXiv 2507.07966).

Data folder: test/test.jsonl (or test.jsonl), and the videos anywhere below it: rows point to longvila_videos/, the
archives unpack to longvideo_eval_subset<N>/. In scores, `acc` is our reading, `strict` the published program's equality
of texts and `format` its format reward. The latter two are those of a rollout: of the one that speaks for a vote.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from harness import metrics
from harness.contracts import Preset
from harness.dataset import Dataset, Hub
from harness.prompt import THINKING
from harness.records import Prediction, Record, Request, Response, Sample, Score, View
from harness.shapes import events, questions
from harness.shapes.clip import Clip
from harness.shapes.questions import Question

from . import _annotations, _demo, _longvideo_official, _longvideo_rows, _released
from ._choice import Choice, lettered

ANNOTATION = "test/test.jsonl"
READS, UNREAD = "the published program reads ", "no letter"
UNFORMED = "not in the published program's form"
"""Problems that carry to the score what the published program makes of a rollout."""
TYPES = {
    "temporal": ("Temporal Reasoning", "Sequence"),
    "spatial": ("Spatial Perception", "Motion"),
    "plot": ("Interaction", "Feasibility"),
    "goal": ("Object Recognition", "Attribute Perception", "Counting Problem"),
}
"""Problem type -> topics of questions on shapes; as shapes want nothing, "goal" is what is left."""


@dataclass(frozen=True, kw_only=True)
class LongVideoReason(Choice):
    """The benchmark; a row gives one sample."""

    name: ClassVar[str] = "longvideo_reason"
    title: ClassVar[str] = "LongVideo-Reason"
    version: ClassVar[int] = 1
    source: ClassVar[str] = (
        "arXiv 2507.07966; data set LongVideo-Reason/longvideo-reason, test split (licence: see there)"
    )
    frames: ClassVar[str] = "uniform:64"
    max_pixels: ClassVar[int] = 512 * 512
    columns: ClassVar[Mapping[str, str]] = {"acc": "Acc", "strict": "Acc, published equality", "format": "Format"}
    dataset: ClassVar[Dataset | None] = Dataset(
        repo="LongVideo-Reason/longvideo-reason",
        revision="main",
        files=(ANNOTATION,),
        more=(
            Hub(
                repo="LongVideo-Reason/longvideo_eval_videos",
                revision="main",
                files=("longvideo_eval_subset*.tar.gz",),
            ),
        ),
        licence="as its page says",
        homepage="https://huggingface.co/datasets/LongVideo-Reason/longvideo-reason",
        size=195_000_000_000,
        items=1000,
        videos=991,
    )
    presets: ClassVar[Mapping[str, Preset]] = {
        "official": Preset(options={"prompt": "official", "parser": "official"}, frames="uniform:512")
    }

    prompts: ClassVar[Sequence[str]] = (*THINKING, "official")
    """The last asks as the program of LongVILA-R1 does."""
    parsers: ClassVar[Sequence[str]] = ("strict", "official")
    """With "official" an answer is what that program reads, so that `acc` is `strict`."""

    def samples(self, root: Path) -> list[Sample]:
        """One sample a row, in the order of the file."""
        root = _annotations.folder(root, ANNOTATION)
        places = [root / ANNOTATION, root / Path(ANNOTATION).name]
        rows = _annotations.read(next((place for place in places if place.is_file()), places[0]))
        videos = _annotations.index_videos(root, _longvideo_rows.SUFFIXES)
        return [_longvideo_rows.sample(row, root, videos) for row in rows]

    def request(self, sample: Sample, view: View) -> Request:
        """The frames, then the question with its options."""
        if self.prompt != "official":
            return super().request(sample, view)
        problem = "\n".join(filter(None, [sample.question, lettered(sample.options)]))
        return Request(parts=(*_released.bare(view), _longvideo_official.question(problem)))

    def read(self, sample: Sample, view: View, response: Response) -> Prediction:
        """The letter and what was cited; where the published program reads something else, that is a problem."""
        prediction, said = super().read(sample, view, response), _official(response.text)
        differs = (f"{READS}{said or UNREAD}",) if said is None or said != prediction.answer else ()
        unformed = () if _longvideo_official.formed(response.text) else (UNFORMED,)
        return replace(prediction, problems=(*prediction.problems, *differs, *unformed))

    def letter(self, sample: Sample, text: str) -> tuple[str | None, tuple[str, ...]]:
        """The letter of a response; where we read none, that which the published program reads."""
        if self.parser == "official":
            return _official(text), ()
        damaged = replace(sample, options=("",) * len(_longvideo_rows.LETTERS))
        answer, problems = super().letter(sample if sample.options else damaged, text)
        return (_official(text), problems) if answer is None else (answer, problems)

    def score(self, sample: Sample, prediction: Prediction) -> Score:
        """Whether the letter is right, whether the published program finds it so, and its format reward.

        A vote for which no rollout speaks has neither of the latter.
        """
        said = next((p.removeprefix(READS) for p in prediction.problems if p.startswith(READS)), prediction.answer)
        spoken = prediction.rollout is not None
        return Score(
            values={
                "acc": float(prediction.answer == sample.answer),
                "strict": float(spoken and said == sample.answer),
                "format": float(spoken and UNFORMED not in prediction.problems),
            }
        )

    def aggregate(self, records: Sequence[Record]) -> Mapping[str, float | None]:
        """The mean of each over the scored records."""
        scores = [r.score.values for r in records if r.score is not None]
        return {name: metrics.mean(values.get(name) for values in scores) for name in self.columns}

    def demo(self, root: Path, count: int, seed: int) -> None:
        """Write `count` clips with two questions each as published, in two folders and two containers."""
        rows: list[dict[str, object]] = []
        for number, (name, _, clip, rng) in enumerate(_demo.clips(self.name, count, seed)):
            file = f"{name}{'.mkv' if number % 4 == 3 else '.mp4'}"
            _demo.write(clip, root / f"longvideo_eval_subset{number % 2}" / file)
            rows += [_row(len(rows) + k, asked, file) for k, asked in enumerate(_asked(clip, rng))]
        path = root / ANNOTATION
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _official(text: str) -> str | None:
    """The letter that the published program reads; None when it is none."""
    said = _longvideo_official.answer(text)
    return said if said in _longvideo_rows.LETTERS else None


def _asked(clip: Clip, rng: random.Random) -> Iterator[Question]:
    yield questions.choice(clip, rng)
    makers = rng.sample(events.MAKERS, len(events.MAKERS))
    yield from [asked for asked in (make(clip, rng) for make in makers) if asked is not None][:1]


def _row(number: int, asked: Question, file: str) -> dict[str, object]:
    return {
        "problem_id": number,
        "problem": f"{asked.text}\n{lettered(asked.options)}",
        "data_type": "video",
        "problem_type": next(kind for kind, topics in TYPES.items() if asked.topic in topics),
        "reasoning": "",
        "videos": f"longvila_videos/{file}",
        "answer": f"<answer>{asked.answer}</answer>",
    }


task = LongVideoReason()
