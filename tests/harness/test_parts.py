"""A part of a file is shown as if it were a video of its own, and is kept in times of the file."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from harness import parse, prompt
from harness.errors import VideoError
from harness.frames import Frames
from harness.geometry import Span
from harness.records import Frame, Prediction, Record, Response, Sample, View
from harness.run import Job, Loop
from harness.scaling import evidence, released
from harness.settings import Decoding
from harness.shapes import clip, render
from harness.tasks.star import task
from harness.video import probe

WORLD = replace(clip.make(7, things=3), rate=10.0)
PART = Span(2.0, 4.0)
SAID = "<think><obj>it</obj><box>[0,0,999,999]</box>at<t>1.0</t>s</think><answer>A</answer>"


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("parts") / "clip.mp4"
    render.write(WORLD, path)
    return str(path)


@pytest.fixture
def frames() -> Iterator[Frames]:
    made = Frames(threads=2)
    yield made
    made.close()


def asked(video: str, part: Span | None = PART) -> Sample:
    options = ("one", "two")
    return Sample(id="q", item="q", kind="mcq", video=video, part=part, question="?", options=options, answer="A")


def view(frames: Frames, sample: Sample, recipe: str = "fps:2", show: str = "images") -> View:
    return asyncio.run(frames.view(sample, recipe, "qwen2_5_vl", 112 * 112, show))


@pytest.mark.parametrize("recipe", ["uniform:5", "fps:4", "fps:10:4", "step:2:8", "smart:2:8"])
def test_frames_are_from_within_the_part_alone(video: str, frames: Frames, recipe: str) -> None:
    shown = view(frames, asked(video), recipe)
    inside = [time for time in probe(video).times if PART.start - 0.001 <= time <= PART.end + 0.001]
    assert set(shown.times) <= set(inside) and len(shown.times) > 1
    assert (shown.start, shown.duration) == (2.0, 2.0)
    if recipe.startswith("uniform"):
        assert (shown.times[0], shown.times[-1]) == (inside[0], inside[-1])


def test_a_part_without_a_frame_of_its_own_shows_what_is_on_screen(video: str, frames: Frames) -> None:
    step = 1 / WORLD.rate
    shown = view(frames, asked(video, Span(2 + step / 4, 2 + step / 2)))
    assert shown.times == pytest.approx((2.0,), abs=step) and shown.times[0] <= 2 + step / 4
    assert "at 0.0" in str(prompt.show(shown)[0]), "though it began before the part"


def test_a_part_that_goes_on_past_the_end_ends_there(video: str, frames: Frames) -> None:
    shown, whole = view(frames, asked(video, Span(2.0, 99.0))), probe(video)
    assert shown.times[-1] <= whole.times[-1] and shown.duration == pytest.approx(whole.duration - 2)


def test_a_part_behind_the_end_is_one_sentence_and_the_record_of_its_sample(video: str, frames: Frames) -> None:
    with pytest.raises(VideoError, match=r"there is no part from 90 to 95 s: .*clip.mp4 ends at \d\.\d s; check"):
        view(frames, asked(video, Span(90, 95)))
    job = Job(task=task, sample=asked(video, Span(90, 95)), frames="fps:1", max_pixels=784)
    record = asyncio.run(loop(frames).answer(job))
    assert record.score is None and str(record.error).startswith("VideoError: there is no part from 90 to 95 s")
    assert view(frames, asked(video)).times, "the file is good for other parts"


def test_times_are_told_from_0(video: str, frames: Frames) -> None:
    sample = asked(video)
    texts = "".join(part for part in prompt.show(view(frames, sample)) if isinstance(part, str))
    assert re.findall(r"at (\d\.\d)", texts) == ["0.0", "0.5", "1.0", "1.5", "2.0"]
    (film,) = prompt.show(view(frames, sample, show="video"))
    (pace,) = prompt.show(view(frames, sample, show="released"))
    assert not isinstance(film, (str, Frame)) and not isinstance(pace, (str, Frame))
    step = 1 / WORLD.rate
    assert film.times == pytest.approx((0.0, 0.5, 1.0, 1.5, 2.0), abs=step) and film.frames[0].time >= 2.0 - step
    assert pace.times == (0.0, 0.5, 1.0, 1.5, 2.0)


class Says:
    """An engine that always says the same."""

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def generate(self, request: object) -> list[Response]:
        return [Response(rollout=0, text=SAID, finish="stop")]


def loop(frames: Frames) -> Loop:
    def first(sample: Sample, predictions: object) -> Prediction:
        return predictions[0]  # type: ignore[index,no-any-return]

    return Loop(engine=Says(), views=frames, voter=first, decoding=Decoding(), seed=0, family="qwen2_5_vl")


@pytest.mark.parametrize("show", ["images", "video", "released"])
def test_a_claim_lands_in_the_file_and_its_crop_is_from_there(video: str, frames: Frames, show: str) -> None:
    job = Job(task=task, sample=asked(video), frames="fps:2", max_pixels=112 * 112, show=show)
    record = asyncio.run(loop(frames).answer(job))
    (claim,) = record.predictions[0].evidence
    assert claim.time == 3.0 and record.score is not None
    (cited,) = evidence.cited(record, 0)
    assert cited.crop is not None and cited.crop.time == pytest.approx(3.0, abs=1 / WORLD.rate)
    (image,) = asyncio.run(frames.get([cited.crop]))
    box = cited.crop.crop
    assert box is not None

    def off(second: float) -> float:
        """How far the crop is from what the world looks like at that time."""
        scene = render.frame(WORLD, second)[int(box.y1) : int(box.y2), int(box.x1) : int(box.x2)]
        small = np.asarray(image.resize((scene.shape[1], scene.shape[0])), float)
        return float(np.abs(small - scene).mean())

    assert off(cited.crop.time) < 8 < off(1.0), "not of the first second of the file"


def test_the_released_vote_takes_times_from_the_start_of_the_part(video: str, frames: Frames) -> None:
    shown = view(frames, asked(video), "uniform:4")
    alone = replace(shown, times=tuple(time - 2 for time in shown.times), start=0.0)
    for time in (0.0, 0.3, 0.8, 1.2, 1.9, -0.4):
        assert released.frame_at(shown, time) == released.frame_at(alone, time)


def test_claims_past_the_end_of_a_part_are_counted() -> None:
    alone = View(video="v", times=(0.0, 10.0), duration=20.0, width=99, height=99, size=(99, 99), family="qwen2_5_vl")
    shown = replace(alone, times=(100.0, 110.0), start=100.0)
    texts = [SAID.replace("1.0", second) for second in ("20.5", "21.5")]
    told = []
    for text in texts:
        claims, problems = parse.evidence(shown, text)
        record = Record(
            task="t",
            version=1,
            sample=asked("v"),
            view=shown,
            predictions=(Prediction(evidence=claims, problems=problems, rollout=0),),
        )
        told.append(evidence.census([record]).dropped)
    assert [dict(dropped) for dropped in told] == [{}, {evidence.PAST: 1}]
