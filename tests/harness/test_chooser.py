"""Frames chosen by scores: the right ones, decoded and looked at once, and what is said when something is missing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL.Image import Image

from harness.chooser import Chooser, Scoring
from harness.errors import DataError, UsageError, VideoError
from harness.frames import Frames
from harness.geometry import Span
from harness.keyframes import choose
from harness.prompt import show
from harness.records import Frame, Sample, View
from harness.sampling import recipe, sample
from harness.store import read_records
from harness.video import VideoInfo, probe

SECONDS, LIT = 90, range(40, 44)


class Light:
    """Scores by how light or how dark a frame is."""

    version = 1
    folder = None

    def __init__(self, folder: str = "") -> None:
        self.looks: list[int] = []
        self.sizes: set[tuple[int, int]] = set()
        self.scored: list[str] = []
        self.rows = 1

    def start(self) -> None:
        """Nothing to load."""

    def look(self, images: Sequence[Image]) -> NDArray[np.float32]:
        self.looks.append(len(images))
        self.sizes |= {image.size for image in images}
        return np.array([[np.asarray(image).mean()] * 2 for image in images], np.float32)[:: self.rows]

    def score(self, question: str, seen: NDArray[np.float32]) -> list[float]:
        self.scored.append(question)
        sign = {"light?": 1.0, "dark?": -1.0}.get(question, float("nan"))
        return [sign * float(row[0]) for row in seen]


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Dark, and light in the seconds LIT; five frames a second."""
    path = tmp_path_factory.mktemp("videos") / "light.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=5, options={"g": "20", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for number in range(SECONDS * 5):
            level = 220 if number // 5 in LIT else 20
            picture = np.full((64, 96, 3), level, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode())
    return str(path)


@pytest.fixture
def scorer() -> Light:
    return Light()


@pytest.fixture
def chooser(scorer: Light) -> Iterator[Chooser]:
    frames = Frames(threads=2)
    yield (made := wrap(frames, scorer))
    made.close()
    frames.close()


def wrap(frames: Frames, scorer: Light, version: int = 1) -> Chooser:
    return Chooser(frames, Scoring(scorer=scorer, told={"name": "light", "version": version}), threads=2)


def of(video: str, question: str = "light?", part: Span | None = None) -> Sample:
    return Sample(id="q", item="q", kind="what", video=video, question=question, part=part)


def look(chooser: Chooser, sample: Sample, text: str, family: str = "qwen2_5_vl", how: str = "images") -> View:
    return asyncio.run(chooser.view(sample, text, family, 10_000, how))


def wanted(view: View) -> list[Frame]:
    return [part for part in show(view) if isinstance(part, Frame)]


def test_the_moment_asked_about_is_shown(chooser: Chooser, video: str, scorer: Light) -> None:
    view = look(chooser, of(video), "aks:4")
    assert view.times == pytest.approx([40, 41, 42, 43])
    plain = asyncio.run(chooser.frames.view(of(video), "uniform:4", "qwen2_5_vl", 10_000))
    assert view == replace(plain, times=view.times)
    assert sum(scorer.looks) == SECONDS and scorer.sizes == {(96, 64)}
    closer = look(chooser, of(video), "aks:8:2.5")
    assert closer.times == pytest.approx([40 + 0.4 * k for k in range(8)])
    dark = look(chooser, of(video, "dark?"), "aks:16").times
    rows = [-220.0 if second in LIT else -20.0 for second in range(SECONDS)]
    assert dark == pytest.approx(choose(rows, 16))


def test_other_recipes_and_short_videos_ask_no_scorer(chooser: Chooser, video: str, scorer: Light) -> None:
    for text, plain in (("uniform:3", "uniform:3"), ("aks:128", "fps:1"), ("aks:16:0.1", "fps:0.1")):
        told = asyncio.run(chooser.frames.view(of(video), plain, "qwen3_vl", 10_000, "video"))
        assert look(chooser, of(video), text, "qwen3_vl", "video") == told
    assert not scorer.looks


def test_the_size_of_a_video_is_that_of_the_frames_that_are_shown(chooser: Chooser, video: str) -> None:
    told = asyncio.run(chooser.frames.view(of(video), "uniform:4", "qwen3_vl", 10_000, "video"))
    view = look(chooser, of(video), "aks:4", "qwen3_vl", "video")
    assert (view.size, view.show) == (told.size, "video")


def test_a_part_is_searched_alone_and_keeps_file_time(chooser: Chooser, video: str) -> None:
    view = look(chooser, of(video, part=Span(42.0, 80.0)), "aks:2")
    assert (view.start, view.duration) == (42.0, 38.0)
    assert view.times == pytest.approx([42, 43])
    dark = look(chooser, of(video, "dark?", Span(42.0, 80.0)), "aks:16").times
    assert min(dark) >= 42 and max(dark) <= 80


def test_questions_of_a_video_share_one_pass_and_what_was_seen(chooser: Chooser, video: str, scorer: Light) -> None:
    async def asked() -> list[View]:
        questions = [of(video, ("light?", "dark?")[k % 2]) for k in range(20)]
        views = await asyncio.gather(*(chooser.view(q, "aks:16", "qwen2_5_vl", 10_000) for q in questions))
        await asyncio.gather(*(chooser.frames.get(wanted(view)) for view in views))
        return views

    views = asyncio.run(asked())
    assert (chooser.frames.passes, chooser.frames.decoded) == (1, SECONDS), "those shown were not decoded again"
    assert sum(scorer.looks) == SECONDS and len(scorer.scored) == 20
    assert len({view.times for view in views}) == 2
    other = Frames(threads=1)
    exact = asyncio.run(other.get(wanted(views[0])))
    kept = asyncio.run(chooser.frames.get(wanted(views[0])))
    assert [image.tobytes() for image in exact] == [image.tobytes() for image in kept]
    other.close()


def test_what_was_seen_is_kept_on_disk(video: str, scorer: Light, tmp_path: Path) -> None:
    found = []
    for version, again in ((1, 1), (1, 0), (2, 1)):
        frames = Frames(tmp_path / "cache")
        chooser = wrap(frames, scorer, version)
        before = len(scorer.looks)
        found.append(look(chooser, of(video), "aks:16"))
        assert (len(scorer.looks) > before) == (frames.passes > 0) == bool(again)
        chooser.close()
        frames.close()
    assert found[0] == found[1] == found[2]


def test_a_candidate_that_cannot_be_decoded_is_none(
    chooser: Chooser, video: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = chooser.frames.pictures

    def damaged(info: VideoInfo, frames: Sequence[Frame]) -> Iterator[tuple[Frame, Any]]:
        for frame, image in plain(info, frames):
            yield frame, VideoError("it is damaged") if frame.time < lost else image

    monkeypatch.setattr(chooser.frames, "pictures", damaged)
    lost = 42
    view = look(chooser, of(video), "aks:2")
    assert view.times == pytest.approx([42, 43])
    assert view.note == f"42 of {SECONDS} candidate frames cannot be decoded, the first: it is damaged"
    lost = SECONDS
    with pytest.raises(VideoError, match="it is damaged"):
        look(chooser, of(video, part=Span(0, 80)), "aks:4")


def test_a_scorer_that_does_not_do_its_part_is_told(chooser: Chooser, video: str, scorer: Light) -> None:
    with pytest.raises(DataError, match="must give a finite score for each of 90 frames"):
        look(chooser, of(video, "something else"), "aks:4")
    scorer.rows = 2
    with pytest.raises(DataError, match="the scorer saw 8 of 16 frames"):
        look(chooser, of(video, part=Span(0, 50)), "aks:4")


def test_without_a_scorer_the_recipe_says_what_is_missing(video: str) -> None:
    with pytest.raises(UsageError, match="aks:4 chooses frames by scores; say what scores them, such as --scorer clip"):
        sample(probe(video), "aks:4")
    for text in ("aks", "aks:0", "aks:4:0", "aks:4:1:1", "aks:x", "aks:4:nan"):
        with pytest.raises(UsageError, match="cannot sample frames by"):
            recipe(text)


def test_a_run_says_what_chose_its_frames_and_holds_to_it(run: Callable[..., Any], tmp_path: Path) -> None:
    words = ["--frames", "aks:2:2"]
    said = run(*words)
    assert said.code == 2
    assert "--frames aks:2:2 chooses frames by scores; say what scores them, such as --scorer clip:FOLDER" in said.err
    said = run("--scorer", "shapes")
    assert said.code == 2 and "add --frames aks:64, or leave it out" in said.err
    said = run(*words, "--scorer", "shape")
    assert said.code == 2 and "there is no scorer named 'shape'; did you mean 'shapes'?" in said.err
    said = run(*words, "--scorer", "clip")
    assert said.code == 2 and "needs a model folder: --scorer clip:FOLDER" in said.err
    said = run(*words, "--scorer", f"clip:{tmp_path}")
    assert said.code == 2 and "has no config.json" in said.err
    said = run(*words, "--scorer", "shapes:here")
    assert said.code == 2 and "leave out :here" in said.err
    said = run(*words, "--scorer", "shapes", "--dry-run")
    assert said.code == 0 and "the frames of colours are chosen by scores: counted are as many" in said.out
    assert run(*words, "--scorer", "shapes").code == 0
    told = json.loads((tmp_path / "run/run.json").read_text())["settings"]
    assert told["video"]["scorer"] == {"name": "shapes", "version": 1, "model": None, "fingerprint": None}
    assert told["tasks"][0]["frames"] == "aks:2:2"
    assert {len(record.view.times) for record in read_records(tmp_path / "run") if record.view} == {2}
    assert "key frames: chosen by shapes" in (tmp_path / "run/report.md").read_text()
    mine = tmp_path / "mine.py"
    mine.write_text("from harness.scorers.shapes import Shapes as scorer\n")
    said = run(*words, "--scorer", mine)
    assert said.code == 2 and "video.scorer.name was shapes and is" in said.err
