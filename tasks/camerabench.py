"""CameraBench VQA: does the camera do that? Two videos, and a question that fits each alone (arXiv 2504.15376).

Data folder: vqa_and_retrieval/<folder>/<task>.jsonl anywhere below, a pair a row, and the videos by their names.
A row gives four judgments, as each question is asked about each video. The skill of the paper is the folder; 102 rows
of has_motion that the paper counts as confusable stay there, and the group "skill" has what the rows themselves say.
The retrieval scores and the binary task, whose measure is average precision, are not computed.
"""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from harness import metrics, parse, prompt
from harness.dataset import Dataset, Web
from harness.errors import DataError, UsageError
from harness.prompt import THINKING, YES_NO
from harness.records import Prediction, Record, Request, Response, Sample, View
from harness.shapes.clip import CAMERAS, film
from harness.shapes.events import does

from . import _annotations, _demo
from ._annotations import Row
from ._choice import Choice, accuracy

FOLDER = "vqa_and_retrieval"
PAIRS = "https://github.com/linzhiqiu/t2v_metrics/tree/main/camerabench"
"""Where the annotation is published; the videos are on the hub."""
WAYS = ("probability", "generation")
SIDES = ("pos", "neg")
OPPOSITE = {"pan left": "pan right", "tilt up": "tilt down", "zoom in": "zoom out"}
_WORD = re.compile(r"\b(yes|no)\b", re.IGNORECASE)
_FIRST = re.compile(r"\W{0,9}\b(yes|no)\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class CameraBench(Choice):
    """The benchmark; a row gives four samples, whose answers are Yes and No."""

    name: ClassVar[str] = "camerabench"
    title: ClassVar[str] = "CameraBench VQA"
    version: ClassVar[int] = 1
    source: ClassVar[str] = (
        "arXiv 2504.15376; pairs of github.com/linzhiqiu/t2v_metrics, videos syCen/Videos4CameraBench (CC BY 4.0)"
    )
    frames: ClassVar[str] = "uniform:64"
    max_pixels: ClassVar[int] = 512 * 512
    columns: ClassVar[Mapping[str, str]] = {
        "acc": "Acc",
        "q_acc": "Q-Acc",
        "acc_folders": "Acc folders",
        "q_acc_folders": "Q-Acc folders",
    }
    dataset: ClassVar[Dataset | None] = Dataset(
        repo="syCen/Videos4CameraBench",
        revision="main",
        files=("*.mp4",),
        more=(
            Web(
                url="https://github.com/linzhiqiu/t2v_metrics/archive/6ecb74f92028f42c7e64546d3a71e98c8c73068f.tar.gz",
                name="t2v_metrics.tar.gz",
            ),
        ),
        licence="CC BY 4.0",
        homepage=PAIRS,
        size=4_390_000_000,
        items=3543,
        videos=1071,
        holds={f"**/{FOLDER}/*/*.jsonl": 81},
    )
    parsers: ClassVar[Sequence[str]] = ("strict", "lmms")
    """With "strict" the first word of the answer must be yes or no; "lmms" takes the first of these words anywhere, as
    lmms-eval does."""

    answer: str = "probability"
    """With "probability" the likelier of Yes and No is the answer, as in the published program, and a tie is wrong;
    with "generation" the model answers in words, for which `prompt` and `parser` are."""

    def __post_init__(self) -> None:
        """Check the options."""
        super().__post_init__()
        if self.answer not in WAYS:
            raise UsageError(f"{self.name} has no answer {self.answer!r}; there are: {', '.join(WAYS)}")

    @property
    def thinks(self) -> bool:
        """Whether reasoning is asked for."""
        return self.answer == "generation" and super().thinks

    def samples(self, root: Path) -> list[Sample]:
        """Four samples a row, folder by folder and file by file in the order of their names."""
        root = _annotations.folder(root, FOLDER)
        files = sorted(root.glob(f"**/{FOLDER}/*/*.jsonl"))
        if not files:
            raise DataError(
                f"there is no file {root / FOLDER}/<folder>/<task>.jsonl; put those of {PAIRS}/data there, "
                "or give another data folder"
            )
        videos = _annotations.index_videos(root)
        return [sample for file in files for row in _annotations.read(file) for sample in _pair(row, root, videos)]

    def request(self, sample: Sample, view: View) -> Request:
        """The frames, then the question in the words of the published program, unless reasoning is asked for."""
        thinking = f"\n{THINKING[self.prompt]}Then answer Yes or No between <answer> and </answer>."
        form = thinking if self.thinks else " Please only answer Yes or No."
        asked = Request(system=prompt.SYSTEM, parts=(*prompt.show(view), f"\n{sample.question}{form}"))
        return replace(asked, choices=YES_NO, max_tokens=1) if self.answer == "probability" else asked

    def read(self, sample: Sample, view: View, response: Response) -> Prediction:
        """The likelier answer where the model was asked for one, else what it says."""
        if self.answer == "probability" and response.choice_logprobs:
            answer, problems = likelier(response.choice_logprobs)
            return Prediction(answer=answer, rollout=response.rollout, problems=problems)
        return super().read(sample, view, response)

    def letter(self, sample: Sample, text: str) -> tuple[str | None, tuple[str, ...]]:
        """Yes or No, None where it is neither, and problems."""
        if self.parser == "lmms" and self.answer == "generation":
            return _said(_WORD.search(text))
        content, problems = parse.content(text, tagged=self.thinks)
        if content is None:
            return None, problems
        answer, found = _said(_FIRST.match(content))
        return answer, (*problems, *found)

    def aggregate(self, records: Sequence[Record]) -> Mapping[str, float | None]:
        """Over all judgments and questions, and as the mean over folders, which is what the published program gives."""
        folders: dict[str, list[Record]] = {}
        for record in records:
            folders.setdefault(record.sample.groups["folder"], []).append(record)
        return {
            "acc": accuracy(records),
            "q_acc": question_accuracy(records),
            "acc_folders": metrics.mean(map(accuracy, folders.values())),
            "q_acc_folders": metrics.mean(map(question_accuracy, folders.values())),
        }

    def demo(self, root: Path, count: int, seed: int) -> None:
        """Write `count` clips, or one more where that is odd, as pairs on what the camera does."""
        lines: dict[Path, str] = {}
        for number in range((count + 1) // 2):
            rng = random.Random(f"demo:{self.name}:{seed}:{number}")
            folder, task, cameras = _demo_cameras(number, rng)
            names = [f"{self.name}_{seed}_{index:04d}.mp4" for index in (2 * number, 2 * number + 1)]
            for name, camera in zip(names, cameras, strict=True):
                clip = film(_demo.FIRST_SEED + rng.randrange(_demo.FIRST_SEED), camera)
                _demo.write(clip, root / "videos" / name)
            row = _demo_row(folder, task, names, [does(camera) for camera in cameras])
            path = root / FOLDER / folder / f"{task}.jsonl"
            lines[path] = lines.get(path, "") + json.dumps(row) + "\n"
        for path, text in lines.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


def likelier(logprobs: Mapping[str, float]) -> tuple[str | None, tuple[str, ...]]:
    """The likelier of Yes and No; in a tie neither is, which is wrong whatever the reference.

    >>> likelier({"Yes": -0.1, "No": -2.4}), likelier({"Yes": -0.7, "No": -0.7})
    (('Yes', ()), (None, ('a tie of Yes and No',)))
    """
    yes, no = (logprobs.get(choice, -math.inf) for choice in YES_NO)
    return (None, ("a tie of Yes and No",)) if yes == no else (YES_NO[no > yes], ())


def question_accuracy(records: Sequence[Record]) -> float | None:
    """Q-Acc: the share of questions that are answered right for both videos; one that lacks a judgment is left out.

    Scores that are expected values count as those of rollouts that are independent.
    """
    asked: dict[tuple[str, str], list[float]] = {}
    for record in records:
        value = record.score.values.get("acc") if record.score else None
        if value is not None:
            asked.setdefault((record.sample.item, record.sample.question), []).append(value)
    return metrics.mean(math.prod(both) for both in asked.values() if len(both) == len(SIDES))


def _said(word: re.Match[str] | None) -> tuple[str | None, tuple[str, ...]]:
    return (None, ("neither yes nor no",)) if word is None else (word[1].capitalize(), ())


def _pair(row: Row, root: Path, videos: Mapping[str, Path]) -> Iterator[Sample]:
    """The four samples of a row; `videos` are those found by their names."""
    folder, task = row.path.parent.name, row.path.stem
    item, skill = f"{folder}/{task}/{row.index}", row.text("skill")
    for column in ("question", "video"):
        if row.text(f"pos_{column}") == row.text(f"neg_{column}"):
            row.fail(f"neg_{column}", f"another one than in 'pos_{column}'", row.text(f"neg_{column}"))
    for shown in SIDES:
        name = row.text(f"{shown}_video").removesuffix(".mp4")
        found = videos.get(name, root / "videos" / f"{name}.mp4")
        path = _annotations.video(row, f"{shown}_video", root, found)
        for asked in SIDES:
            yield Sample(
                id=f"{item}/{shown}_video/{asked}_question",
                item=item,
                kind="yes/no",
                video=path,
                question=row.text(f"{asked}_question"),
                answer=YES_NO[shown != asked],
                groups={"folder": folder, "skill": skill, "task": task},
            )


def _demo_cameras(number: int, rng: random.Random) -> tuple[str, str, tuple[str, str]]:
    """Folder, task and the two cameras of a pair: in turn opposite ones, any two that move, and one that is still."""
    moving = [camera for camera in CAMERAS if camera != "still"]
    if number % 3 == 0:
        one, other = rng.choice([*OPPOSITE.items()])
        return "motion_direction", f"{one}_vs_{other}".replace(" ", "_"), (one, other)
    if number % 3 == 1:
        one, other = rng.sample(moving, 2)
        return "has_motion", f"has_{one}".replace(" ", "_"), (one, other)
    return "motion_and_steadiness", "is_the_camera_fixed_or_moving", ("still", rng.choice(moving))


def _demo_row(folder: str, task: str, videos: Sequence[str], texts: Sequence[str]) -> dict[str, object]:
    (pos_video, neg_video), (pos_text, neg_text) = videos, texts
    return {
        "skill": folder,
        "task": task,
        "images": [pos_video, neg_video],
        "texts": [pos_text, neg_text],
        "pos_video": pos_video,
        "neg_video": neg_video,
        "pos_text": pos_text,
        "neg_text": neg_text,
        "pos_question": pos_text,
        "neg_question": neg_text,
    }


task = CameraBench()
