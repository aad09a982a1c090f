"""The world: deterministic, drawn where it says, and written as files that show the same."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from harness.geometry import Box
from harness.shapes import questions
from harness.shapes.clip import COLOURS, LENGTHS, Clip, Thing, make
from harness.shapes.render import frame, write


def test_a_seed_gives_one_clip() -> None:
    assert make(7) == make(7)
    assert make(7) != make(8)
    assert (frame(make(7), 2.0) == frame(make(7), 2.0)).all()


@pytest.mark.parametrize("length", LENGTHS)
def test_lengths_and_truth(length: str) -> None:
    low, high = LENGTHS[length]
    for seed in range(40):
        clip = make(seed, length)
        assert low <= clip.duration <= high
        assert len({thing.name for thing in clip.things}) == len(clip.things)
        for thing in clip.things:
            assert 0 <= thing.span.start < thing.span.end <= clip.duration - 1
            assert len(clip.boxes(thing)) == thing.span.end - thing.span.start + 1
            for box in clip.boxes(thing).values():
                assert _inside(clip, box)


def _inside(clip: Clip, box: Box) -> bool:
    return box.x1 > -1e-6 and box.y1 > -1e-6 and box.x2 < clip.width + 1e-6 and box.y2 < clip.height + 1e-6


def test_boxes_are_where_the_colour_is() -> None:
    """The box found from the pixels alone is the one that the clip states."""
    for seed in range(30):
        clip = make(seed, things=1)
        thing = clip.things[0]
        for second, box in clip.boxes(thing).items():
            found = _measure(frame(clip, second), thing)
            assert found.iou(box) > 0.85, (seed, second, found, box)


def _measure(image: np.ndarray, thing: Thing) -> Box:
    away = np.abs(image.astype(int) - np.array(COLOURS[thing.colour])).max(axis=2)
    rows, columns = np.nonzero(away < 45)
    return Box(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


def test_things_show_only_in_their_span() -> None:
    clip = make(3, things=1)
    thing = clip.things[0]
    for second in range(clip.duration):
        shown = (np.abs(frame(clip, second).astype(int) - np.array(COLOURS[thing.colour])).max(axis=2) < 30).any()
        assert shown == thing.visible(second)


def test_files_decode_to_the_frames(tmp_path: Path) -> None:
    import av

    clip = make(11)
    write(clip, tmp_path / "clip.mp4")
    with av.open(str(tmp_path / "clip.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        frames = [picture.to_ndarray(format="rgb24") for picture in container.decode(stream)]
    assert len(frames) == clip.frame_count
    for index in range(0, clip.frame_count, 17):
        error = np.abs(frames[index].astype(int) - frame(clip, index / clip.rate)).mean()
        assert error < 8


def test_questions_follow_from_the_facts() -> None:
    for seed in range(200):
        clip, rng = make(seed), random.Random(seed)
        names = {thing.name for thing in clip.things}
        choice = questions.choice(clip, rng)
        assert len(set(choice.options)) == 4
        right = choice.options[questions.LETTERS.index(choice.answer)]
        if choice.topic == "Object Recognition":
            assert names & set(choice.options) == {right}
        if choice.topic == "Counting Problem":
            assert right == str(len(clip.things))
        exists = questions.exists(clip, rng)
        assert (exists.answer == "Yes") == any(name in exists.text for name in names)
        first = min(clip.things, key=lambda thing: thing.span.start)
        what = questions.what(clip, rng)
        if what.text == "Which object appears first?":
            assert what.answer == first.name


def test_grades_of_crops() -> None:
    for seed in range(200):
        clip, rng = make(seed), random.Random(seed)
        thing, time, box, grade = questions.view_of(clip, rng)
        iou = box.iou(clip.box(thing, time))
        assert {2: iou > 0.5, 1: 0.2 < iou < 0.45, 0: iou < 0.3}[grade], (seed, grade, iou)


def test_things_that_are_alike_share_a_colour_or_a_shape_with_the_first() -> None:
    for seed in range(40):
        clip = make(seed, things=4, alike=True)
        first, *others = clip.things
        assert len({thing.name for thing in clip.things}) == 4
        assert all((thing.colour == first.colour) != (thing.shape == first.shape) for thing in others)
        asked = questions.lookalike(clip, first, random.Random(seed))
        assert asked.options[questions.LETTERS.index(asked.answer)] == first.name
        wrong = {tuple(option.split()) for option in asked.options} - {tuple(first.name.split())}
        assert all((colour == first.colour) != (shape == first.shape) for colour, shape in wrong)
        assert not {thing.name for thing in clip.things} & {" ".join(words) for words in wrong}
