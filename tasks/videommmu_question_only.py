"""Video-MMMU without its lectures: the questions of the Adaptation track, each with its picture alone.

What a model knows before it has seen the lecture; together with a run of Video-MMMU the report "knowledge" tells what
it learned (arXiv 2501.13826). Data folder: that of Video-MMMU (tasks/videommmu.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from harness.contracts import Preset
from harness.dataset import Dataset
from harness.prompt import THINKING
from harness.records import Clip, Frame, Record, Sample, View

from . import _annotations, _videommmu_rows
from ._choice import accuracy
from ._videommmu_rows import FOLDER, TRACKS
from .videommmu import VideoMMMU


@dataclass(frozen=True, kw_only=True)
class VideoMMMUQuestionOnly(VideoMMMU):
    """The questions of the Adaptation track; their ids are those they have in Video-MMMU."""

    name: ClassVar[str] = "videommmu_question_only"
    title: ClassVar[str] = "Video-MMMU, question only"
    version: ClassVar[int] = 1
    frames: ClassVar[str] = "uniform:1"
    columns: ClassVar[Mapping[str, str]] = {"acc": "Acc"}
    lecture: ClassVar[bool] = False
    dataset: ClassVar[Dataset | None] = Dataset(
        repo="lmms-lab/VideoMMMU",
        revision="main",
        files=(f"{TRACKS[-1]}/{_videommmu_rows.TABLE}", "question_only_videos.zip"),
        licence="MIT, and Apache-2.0 for what was added to MMMU",
        homepage="https://huggingface.co/datasets/lmms-lab/VideoMMMU",
        size=11_300_000,
        items=300,
        videos=300,
    )
    presets: ClassVar[Mapping[str, Preset]] = VideoMMMU.presets

    def samples(self, root: Path) -> list[Sample]:
        """One sample a row of the Adaptation track; the data may lie in a folder videommmu beside those of others."""
        root = root / FOLDER if (root / FOLDER).is_dir() else root
        root = _annotations.folder(root, TRACKS[-1])
        rows = _videommmu_rows.rows(root, TRACKS[-1])
        return [_videommmu_rows.sample(row, TRACKS[-1], root, lecture=False) for row in rows]

    def seen(self, sample: Sample, view: View, shown: Sequence[str | Frame | Clip]) -> Sequence[str | Frame | Clip]:
        """The picture alone."""
        picture = view.frame(view.times[0])
        return ("\nThe picture: ", picture) if self.prompt in THINKING else (picture,)

    def aggregate(self, records: Sequence[Record]) -> Mapping[str, float | None]:
        """Accuracy over the scored records."""
        return {"acc": accuracy(records)}


task = VideoMMMUQuestionOnly()
