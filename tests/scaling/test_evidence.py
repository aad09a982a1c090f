"""Claims become crops: malformed ones line by line, frames by brute force, boxes of both families by their pixels."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import parse, prompt
from harness.errors import UsageError
from harness.families import FAMILIES
from harness.frames import Frames
from harness.records import Evidence, Frame, Prediction, Record, Sample, View
from harness.scaling import evidence
from harness.shapes import clip, render

VIEW = View(
    video="v.mp4", times=(0.0, 2.0, 4.0, 6.0, 8.0), duration=10, width=100, height=100, size=(100, 100),
    family="qwen2_5_vl",
)  # fmt: skip
SAMPLE = Sample(id="s", item="s", kind="mcq", video="v.mp4", question="What runs?")
CASES = [json.loads(line) for line in (Path(__file__).parent / "data/claims.jsonl").read_text().splitlines()]


def of(video: str) -> Sample:
    return Sample(id="q", item="q", kind="what", video=video, question="?")


def record(*texts: str, view: View = VIEW) -> Record:
    read = (parse.evidence(view, text) for text in texts)
    predictions = tuple(
        Prediction(evidence=claims, problems=problems, rollout=k) for k, (claims, problems) in enumerate(read)
    )
    return Record(task="t", version=1, sample=SAMPLE, view=view, predictions=predictions)


def crops(record: Record, rollout: int = 0) -> list[tuple[str, Frame]]:
    return [(c.claim.label, c.crop) for c in evidence.cited(record, rollout) if c.crop is not None]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["say"][:60])
def test_a_claim_has_its_crop_or_is_counted_with_the_reason(case: Any) -> None:
    one = record(case["say"])
    found = [[label, crop.time, [*crop.crop]] for label, crop in crops(one) if crop.crop is not None]
    assert found == case["crops"]
    counted = evidence.census([one])
    assert counted.dropped == case["dropped"] and counted.crops == len(case["crops"])
    assert counted.claims == counted.crops + counted.dropped.total() and counted.citing == bool(found)


def test_the_counts_of_many_can_be_printed() -> None:
    told = evidence.census([record(*(case["say"] for case in CASES)), replace(record("x"), view=None)])
    sums: Counter[str] = sum((Counter(case["dropped"]) for case in CASES), Counter())
    assert told.dropped == sums and told.rollouts == len(CASES)
    head, *rest = told.lines()
    assert f"{told.crops} of {told.claims} claims have a crop; {told.citing} of {len(CASES)} rollouts" in head
    assert {line.strip() for line in rest} == {f"{number} {reason}" for reason, number in sums.items()}


def test_the_frame_is_the_nearest_that_was_shown() -> None:
    rng = random.Random(0)
    for _ in range(300):
        times = tuple(sorted({float(rng.randint(0, 40)) / 2 for _ in range(rng.randint(1, 9))}))
        time = rng.randint(0, 100) / 4
        found = evidence.nearest(times, time)
        assert abs(times[found] - time) == min(abs(t - time) for t in times)
        assert found == min(i for i, t in enumerate(times) if abs(t - time) == abs(times[found] - time))


def test_a_video_without_times_is_cited_by_the_times_that_the_model_was_told() -> None:
    view = replace(VIEW, show="released")
    at = "<obj>dog</obj><box>[10,20,30,40]</box>at<t>{}</t>s"
    found = {time: crops(record(at.format(time), view=view)) for time in (0, 1.1, 2, 3, 3.5)}
    assert [f[0][1].time if f else None for f in found.values()] == [0, 4, 8, 8, None]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("show", prompt.SHOWS)
def test_what_a_model_writes_is_cropped_in_source_pixels(family: str, show: str, tmp_path: Path) -> None:
    """A thing is written in the coordinates of the family, read, and cut out of the video: it has its colour."""
    made = clip.make(7, things=1)
    video = str(tmp_path / "clip.mp4")
    render.write(made, Path(video))
    (thing,) = made.things
    time = thing.span.start + 1
    box = made.box(thing, time)

    async def cut(frames: Frames) -> list[Any]:
        view = await frames.view(of(video), "fps:1:16", family, 112 * 112, show)
        index = evidence.nearest(view.times, time)
        text = parse.write_claim(view, Evidence(label=thing.name, time=evidence.told(view)[index], box=box))
        [(_, crop)] = crops(record(text, view=view))
        assert crop.time == view.times[index] and crop.size == view.size
        assert crop.crop is not None and crop.crop.iou(box.clip(made.width, made.height)) > 0.8
        seen = await frames.get([crop, Frame(video=video, time=crop.time, size=view.size)])
        return [np.asarray(image).mean((0, 1)) for image in seen]

    with closing(Frames()) as frames:
        inside, whole = asyncio.run(cut(frames))
    paint = np.array(clip.COLOURS[thing.colour])
    assert np.abs(inside - paint).mean() < np.abs(whole - paint).mean()


def test_a_box_is_rounded_outwards_so_that_equal_pixels_are_one_question() -> None:
    at = "<obj>dog</obj><box>{}</box>at<t>{}</t>s"
    (one,), (other,) = (crops(record(at.format(*c))) for c in (("[10.2,20.2,30,40]", 4), ("[10,20,29.5,40]", 4.4)))
    assert one == other


def test_answers_made_elsewhere_have_no_view() -> None:
    with pytest.raises(UsageError, match="what the model was shown of s is not on record"):
        evidence.cited(replace(record("x"), view=None), 0)
