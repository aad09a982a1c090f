"""Video-MMMU: what is learned from lectures, in three tracks: perceived, understood, applied (arXiv 2501.13826).

Data folder, as lmms-lab/VideoMMMU: <track>/test-00000-of-00001.parquet (or <track>_video.json of the repository),
<discipline>/<id>.mp4, and the pictures of the Adaptation questions as question_only/<id>_image.mp4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from harness import metrics, parse, prompt
from harness.contracts import Preset
from harness.dataset import Dataset
from harness.prompt import THINKING
from harness.records import Clip, Frame, Prediction, Record, Request, Sample, Score, View

from . import (
    _annotations,
    _released,
    _videommmu_demo,
    _videommmu_official,
    _videommmu_open,
    _videommmu_pictures,
    _videommmu_prompt,
    _videommmu_rows,
)
from ._choice import Choice, accuracy
from ._videommmu_rows import MCQ, OPEN, TRACKS


@dataclass(frozen=True, kw_only=True)
class VideoMMMU(Choice):
    """The benchmark; a row gives one sample. Most have up to 14 options, some ask for a number or a word."""

    name: ClassVar[str] = "videommmu"
    title: ClassVar[str] = "Video-MMMU"
    version: ClassVar[int] = 1
    source: ClassVar[str] = "arXiv 2501.13826; data set lmms-lab/VideoMMMU (MIT; what was added to MMMU Apache-2.0)"
    frames: ClassVar[str] = "uniform:64"
    max_pixels: ClassVar[int] = 512 * 512
    columns: ClassVar[Mapping[str, str]] = {**{track.lower(): track for track in TRACKS}, "acc": "Overall"}
    dataset: ClassVar[Dataset | None] = Dataset(
        repo="lmms-lab/VideoMMMU",
        revision="main",
        files=(*(f"{track}/{_videommmu_rows.TABLE}" for track in TRACKS), "*.zip"),
        licence="MIT, and Apache-2.0 for what was added to MMMU; the lectures are their authors'",
        homepage="https://huggingface.co/datasets/lmms-lab/VideoMMMU",
        size=13_440_000_000,
        items=900,
        videos=300,
        holds={"question_only/*_image.mp4": 300},
    )
    presets: ClassVar[Mapping[str, Preset]] = {
        "official": Preset(options={"prompt": "official", "parser": "official"}, temperature=0.0, max_tokens=1024),
        "released": _released.PRESET,
    }

    prompts: ClassVar[Sequence[str]] = (*THINKING, "official", "released", "released-direct")
    """With "official" the picture of a question is the last frame of its lecture, as published, and not shown again;
    the latter two ask as Open-o3-Video's program does."""
    parsers: ClassVar[Sequence[str]] = ("strict", "official", "o3")
    """With "strict" an open answer is a number, the same to two decimals, or the same words; "official" reads as
    lmms-eval does and leaves out what is empty; "o3" reads as Open-o3-Video's program does, an unread letter as A."""

    lecture: ClassVar[bool] = True
    """Whether the lecture is shown."""

    @property
    def thinks(self) -> bool:
        """Whether reasoning is asked for."""
        return self.prompt in ("think", "words", "released")

    @property
    def released(self) -> bool:
        """Whether questions are asked as Open-o3-Video's program asks them."""
        return self.prompt.startswith("released")

    def samples(self, root: Path) -> list[Sample]:
        """One sample a row, track by track, in the order of the files."""
        root = _annotations.folder(root, TRACKS[0])
        return [
            _videommmu_rows.sample(row, track, root) for track in TRACKS for row in _videommmu_rows.rows(root, track)
        ]

    def request(self, sample: Sample, view: View) -> Request:
        """The frames, the picture where the question has one, then the question."""
        shown: Sequence[str | Frame | Clip]
        text: str | Frame | Clip
        if self.prompt in THINKING and sample.kind != OPEN:
            *shown, text = super().request(sample, view).parts
        else:
            shown = _released.bare(view) if self.released else prompt.show(view)
            text = _videommmu_prompt.words(self.prompt, sample, lecture=self.lecture)
        system = None if self.released else prompt.SYSTEM
        return Request(system=system, parts=(*self.seen(sample, view, shown), text))

    def seen(self, sample: Sample, view: View, shown: Sequence[str | Frame | Clip]) -> Sequence[str | Frame | Clip]:
        """The frames as they are shown, and the picture of the question after them; VideoError where it is missing."""
        if sample.groups["track"] != TRACKS[-1] or self.prompt == "official":
            return shown
        picture = _videommmu_pictures.frame(sample.video, view)
        return (*shown, picture) if self.released else (*shown, "\nThe picture: ", picture)

    def letter(self, sample: Sample, text: str) -> tuple[str | None, tuple[str, ...]]:
        """The letter of a response, or the answer to an open question; None where it cannot be read."""
        if self.parser == "strict":
            return self._open(text) if sample.kind == OPEN else super().letter(sample, text)
        content = parse.answer(text)[0] if self.thinks and self.parser == "official" else None
        content = text if content is None else content
        if self.opens(sample):
            return (None, (_videommmu_official.EMPTY,)) if _videommmu_official.failed(content) else (content, ())
        if self.parser == "o3":
            found = _videommmu_official.released_letter(content, sample.options, self.thinks)
        elif _videommmu_official.failed(content):
            return None, (_videommmu_official.EMPTY,)
        else:
            found = _videommmu_official.letter(content, sample.options)
        return found, () if found else ("no letter",)

    def opens(self, sample: Sample) -> bool:
        """Whether the answer is read as that to an open question; published programs do so where there is no type."""
        return sample.kind == OPEN or (sample.kind != MCQ and self.parser != "strict")

    def _open(self, text: str) -> tuple[str | None, tuple[str, ...]]:
        content, problems = parse.content(text, tagged=self.thinks)
        return (_videommmu_open.plain(content), problems) if content else (None, problems or ("empty answer",))

    def score(self, sample: Sample, prediction: Prediction) -> Score:
        """Whether the answer is right; the published parsers leave out what is empty."""
        answer, reference = prediction.answer, sample.answer or ""
        if answer is None and self.parser != "strict" and _videommmu_official.EMPTY in prediction.problems:
            return Score(values={"acc": None}, reason="the published programs leave out an empty response")
        if self.opens(sample):
            right = _videommmu_open.right if self.parser == "strict" else _videommmu_official.right
            return Score(values={"acc": float(answer is not None and right(answer, reference))})
        if answer is None and self.parser == "o3":
            answer = _videommmu_official.UNREAD
        return Score(values={"acc": float(answer == reference)})

    def aggregate(self, records: Sequence[Record]) -> Mapping[str, float | None]:
        """Accuracy in each track, and the mean of the tracks there are."""
        tracks = {
            track.lower(): accuracy([r for r in records if r.sample.groups["track"] == track]) for track in TRACKS
        }
        return {**tracks, "acc": metrics.mean(tracks.values())}

    def reference(self, sample: Sample, view: View) -> str:
        """A response that scores 1.0, unless a published parser cannot read its reference: a list of damaged quotes."""
        if not self.opens(sample):
            return super().reference(sample, view)
        answer = _videommmu_open.accepted(sample.answer or "")[-1]
        # Open-o3-Video's program reads the tags as well, and finds a single letter by the space beside it.
        answer = f" {answer} " if self.parser == "o3" else answer
        return f"{parse.write_think(view, sample.evidence)}<answer>{answer}</answer>" if self.thinks else answer

    def demo(self, root: Path, count: int, seed: int) -> None:
        """Write `count` clips with a question in each track as published; some of those to apply are open."""
        _videommmu_demo.write(root, count, seed)


task = VideoMMMU()
