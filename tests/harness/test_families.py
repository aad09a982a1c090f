"""The table of families against the processors of transformers, and coordinates against hand-made boxes."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from harness import prompt
from harness.families import FAMILIES, Family, is_even, spacing
from harness.geometry import Box
from harness.records import Clip, Frame, View

SIDE = st.integers(8, 4200)
BUDGET = st.integers(64 * 64, 4096 * 28 * 28)
OLD, NEW = FAMILIES["qwen2_5_vl"], FAMILIES["qwen3_vl"]


def film(times: list[float], pace: float | None = None) -> Clip:
    return Clip(frames=tuple(Frame(video="v.mp4", time=time, size=(32, 32)) for time in times), pace=pace)


def view(family: str, width: int, height: int, max_pixels: int) -> View:
    size = FAMILIES[family].resize(width, height, max_pixels)
    return View(video="v", times=(0.0,), duration=1, width=width, height=height, size=size, family=family)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())
@settings(max_examples=300, deadline=None)
@given(width=SIDE, height=SIDE, budget=BUDGET)
def test_images_are_resized_as_transformers_does(family: Family, width: int, height: int, budget: int) -> None:
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize

    assume(max(width, height) <= 200 * min(width, height))
    high, wide = smart_resize(height, width, family.factor, min(family.min_pixels, budget), budget)
    assert family.resize(width, height, budget) == (wide, high)


@settings(max_examples=300, deadline=None)
@given(width=SIDE, height=SIDE, budget=BUDGET, frames=st.integers(2, 99))
def test_videos_are_resized_as_transformers_does(width: int, height: int, budget: int, frames: int) -> None:
    pytest.importorskip("torchvision", reason="the video processors of transformers need torchvision")
    from transformers.models.qwen2_vl import video_processing_qwen2_vl as old
    from transformers.models.qwen3_vl import video_processing_qwen3_vl as new

    assume(max(width, height) <= 100 * min(width, height))
    high, wide = old.smart_resize(height, width, 28, min(OLD.min_video_pixels, budget), budget)
    assert OLD.resize(width, height, budget, frames) == (wide, high)
    whole = budget * frames
    high, wide = new.smart_resize(frames, height, width, 2, 32, min(NEW.min_video_pixels, whole), whole)
    assert NEW.resize(width, height, budget, frames) == (wide, high)


@pytest.mark.parametrize(("width", "height"), [(640, 360), (90, 700), (33, 33), (1021, 577)])
@pytest.mark.parametrize("family", [OLD, NEW], ids=lambda family: family.name)
def test_an_image_has_the_tokens_that_its_processor_gives_it(family: Family, width: int, height: int) -> None:
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    budget = 128 * family.factor**2
    size = {"shortest_edge": min(family.min_pixels, budget), "longest_edge": budget}
    processor = Qwen2VLImageProcessorPil(size=size, patch_size=family.factor // 2)
    grid = processor(images=[Image.new("RGB", (width, height))])["image_grid_thw"][0]
    wide, high = family.resize(width, height, budget)
    assert [int(n) for n in grid] == [1, 2 * high // family.factor, 2 * wide // family.factor]


@pytest.mark.parametrize("frames", [2, 3, 6])
@pytest.mark.parametrize("family", [OLD, NEW], ids=lambda family: family.name)
def test_a_video_has_the_tokens_that_its_processor_gives_it(family: Family, frames: int) -> None:
    pytest.importorskip("torchvision", reason="the video processors of transformers need torchvision")
    from transformers.models.qwen2_vl.video_processing_qwen2_vl import Qwen2VLVideoProcessor
    from transformers.models.qwen3_vl.video_processing_qwen3_vl import Qwen3VLVideoProcessor

    budget = 160 * family.factor**2
    count = frames if family.sums else 1
    size = {"shortest_edge": family.min_video_pixels, "longest_edge": budget * count}
    kind: Any = Qwen3VLVideoProcessor if family.sums else Qwen2VLVideoProcessor
    processor = kind(size=size, cap_pixels_per_frame=False, do_sample_frames=False)
    pixels = np.zeros((frames, 200, 340, 3), np.uint8)
    grid = processor(videos=[pixels], return_tensors="pt")["video_grid_thw"][0].tolist()
    wide, high = family.resize(340, 200, budget, frames)
    assert grid == [len(family.captions(film([0.0] * frames))), 2 * high // family.factor, 2 * wide // family.factor]


@settings(deadline=None)
@given(times=st.lists(st.floats(0, 4000), min_size=1, max_size=9).map(sorted))
def test_times_are_written_as_by_the_processor_of_qwen3(times: list[float]) -> None:
    from transformers.models.qwen3_vl.processing_qwen3_vl import Qwen3VLProcessor

    processor: Any = object.__new__(Qwen3VLProcessor)
    written = processor._calculate_timestamps(list(times), 1.0, 2)
    assert NEW.captions(film(times)) == [f"<{time:.1f} seconds>" for time in written]


def test_even_times_are_placed_evenly() -> None:
    """Two positions a second, as in the released weights of Qwen2.5-VL."""
    assert OLD.steps(film([0.0, 0.5, 1.0, 1.5, 2.0]), 2) == [0, 2, 4]
    assert OLD.steps(film([3.0, 3.5, 4.0, 4.5]), 2) == [0, 2], "counted from the first frame"
    assert OLD.steps(film([k / 3 for k in range(12)]), 2) == [0, 1, 2, 4, 5, 6]
    assert OLD.steps(film([10.0 * k for k in range(5)], pace=2.0), 2) == [0, 2, 4], "as the model is told"
    assert OLD.steps(film([7.0]), 2) == [0]
    assert FAMILIES["qwen2_vl"].steps(film([0.0, 5.0, 10.0, 15.0]), 2) == [0, 1], "knows no times"


def test_uneven_times_are_placed_where_they_are() -> None:
    times = [0.0, 1.0, 2.0, 3.0, 20.0, 21.0]
    assert not is_even(film(times), 2)
    assert OLD.steps(film(times), 2) == [0, 4, 40]


@settings(deadline=None)
@given(rate=st.sampled_from([10.0, 12.5, 24000 / 1001, 25.0, 30000 / 1001, 59.94]), count=st.integers(16, 64),
       length=st.integers(64, 90000))  # fmt: skip
def test_the_frames_of_a_steady_video_are_even(rate: float, count: int, length: int) -> None:
    """`uniform:N` lands on whole frames; that is no unevenness."""
    clip = film([float(i) / rate for i in np.rint(np.linspace(0, length - 1, count))])
    assert is_even(clip, 2)
    assert spacing(clip) == float(np.float32(spacing(clip))), "exact in single precision"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_box_written_by_hand_comes_back(family: str) -> None:
    """What a model writes is read as the source pixels it means, and written again as it was."""
    rng = random.Random(0)
    for _ in range(2000):
        width, height = rng.randint(64, 4096), rng.randint(64, 2304)
        seen = view(family, width, height, rng.randint(16, 4096) * 28 * 28)
        across, down = (1000, 1000) if FAMILIES[family].grid else seen.size
        xs = sorted(rng.sample(range(across + 1), 2))
        ys = sorted(rng.sample(range(down + 1), 2))
        box = prompt.read_box(seen, [xs[0], ys[0], xs[1], ys[1]])
        for number, found in zip(xs, (box.x1, box.x2), strict=True):
            assert abs(found - Fraction(number * width, across)) < 1e-6
        for number, found in zip(ys, (box.y1, box.y2), strict=True):
            assert abs(found - Fraction(number * height, down)) < 1e-6
        assert prompt.write_box(seen, box) == f"[{xs[0]},{ys[0]},{xs[1]},{ys[1]}]"


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("source", [(320, 240), (640, 360), (1280, 720), (360, 640), (500, 333)])
def test_a_box_means_the_pixels_that_the_model_is_given(family: str, source: tuple[int, int]) -> None:
    """A bright thing is painted, resized as for the model, found there, written, and read: within a source pixel."""
    seen = view(family, *source, max_pixels=source[0] * source[1])
    x, y = source[0] // 4, source[1] // 3
    truth = Box(x, y, x + source[0] // 3, y + source[1] // 2)
    picture = np.zeros((source[1], source[0]), np.uint8)
    picture[y : int(truth.y2), x : int(truth.x2)] = 255
    given = np.asarray(Image.fromarray(picture).resize(seen.size, Image.Resampling.BICUBIC)) > 127
    rows, columns = np.flatnonzero(given.any(1)), np.flatnonzero(given.any(0))
    edges = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
    if FAMILIES[family].grid:
        edges = [edge * 1000 / side for edge, side in zip(edges, 2 * seen.size, strict=True)]
    found = prompt.read_box(seen, [round(edge) for edge in edges])
    for one, other in zip(
        (found.x1, found.y1, found.x2, found.y2), (truth.x1, truth.y1, truth.x2, truth.y2), strict=True
    ):
        assert (
            abs(one - other) <= 1 + max(source[0] / seen.size[0], source[0] / 1000 if FAMILIES[family].grid else 0) / 2
        )


def test_frames_are_shown_in_the_words_of_the_family() -> None:
    seen = view("qwen2_5_vl", 64, 64, 64 * 64)
    for family, words in {
        "qwen2_5_vl": ("Frame 1 at 0.0s: ", "\n", "Frame 2 at 61.3s: ", "\n"),
        "qwen3_vl": ("<0.0 seconds>", "<61.3 seconds>"),
    }.items():
        parts = prompt.show(replace(seen, family=family, times=(0.0, 61.26)))
        assert tuple(part for part in parts if isinstance(part, str)) == words
        assert [part.time for part in parts if isinstance(part, Frame)] == [0.0, 61.26]
