"""Recipes against counts done by hand and a search through all frames."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.sampling import recipe, sample
from harness.video import VideoInfo


def video(times: list[float], duration: float) -> VideoInfo:
    ticks = np.arange(len(times))
    return VideoInfo(
        path="/v.mp4",
        width=64,
        height=48,
        duration=duration,
        fps=30.0,
        times=np.array(times, float),
        ticks=ticks,
        keys=ticks[:1],
    )


TEN = video([i / 30 for i in range(300)], 10.0)
UNEVEN = video([0.0, 0.1, 0.9, 1.0, 2.5, 7.0], 8.0)


@pytest.mark.parametrize(
    ("info", "text", "expected"),
    [
        (TEN, "uniform:1", [0]),
        (TEN, "uniform:2", [0, 299 / 30]),
        (TEN, "uniform:4", [0, 100 / 30, 199 / 30, 299 / 30]),
        (UNEVEN, "uniform:6", [0.0, 0.1, 0.9, 1.0, 2.5, 7.0]),
        (UNEVEN, "uniform:64", [0.0, 0.1, 0.9, 1.0, 2.5, 7.0]),
        (TEN, "fps:1", list(range(10))),
        (TEN, "fps:1:10", list(range(10))),
        (TEN, "fps:1:4", [0, 100 / 30, 199 / 30, 299 / 30]),
        (TEN, "fps:0.5:64", [0, 2, 4, 6, 8]),
        (TEN, "fps:0.01", [0]),
        (UNEVEN, "fps:1", [0.0, 1.0, 2.5, 7.0]),
        (UNEVEN, "fps:1000000", [0.0, 0.1, 0.9, 1.0, 2.5, 7.0]),
    ],
)
def test_the_frames_are_those_counted_by_hand(info: VideoInfo, text: str, expected: list[float]) -> None:
    assert sample(info, text) == pytest.approx(expected, abs=1e-9)


@given(st.lists(st.integers(1, 400), min_size=1, max_size=80), st.sampled_from([0.3, 1, 2, 3, 7, 24, 30]))
def test_fps_takes_what_is_on_screen_at_each_step(gaps: list[int], rate: float) -> None:
    times = [7.0 + t / 100 for t in np.cumsum(gaps).tolist()]
    expected, step = set(), 0
    while times[0] + step / rate <= times[-1] + 1e-6:
        expected.add(max(t for t in times if t <= times[0] + step / rate + 0.0005))
        step += 1
    assert sample(video(times, times[-1] + 1), f"fps:{rate}") == tuple(sorted(expected))


def film(seconds: float, rate: float) -> VideoInfo:
    total = round(seconds * rate)
    ticks = np.arange(total)
    times = ticks / rate
    return VideoInfo(
        path="/v.mp4", width=64, height=48, duration=total / rate, fps=(total - 1) / (times[-1] - times[0]),
        times=times, ticks=ticks, keys=ticks[:1],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "rate", "expected"),
    [
        (10, 25, [*range(0, 250, 25)]),
        (16, 25, [*range(0, 400, 25)]),
        (16.96, 25, [*range(0, 400, 25)]),
        (17, 25, [424 * k // 15 for k in range(16)]),
        (60, 25, [1499 * k // 15 for k in range(16)]),
        (10, 29.97, [*range(0, 300, 29)]),
        (16, 29.97, [*range(0, 464, 29)]),
        (16.5, 29.97, [*range(0, 464, 29)]),
        (3, 0.5, [0, 1]),
    ],
)
def test_step_is_the_picker_of_the_released_v_star_program(seconds: float, rate: float, expected: list[int]) -> None:
    assert list(recipe("step:1:16")(film(seconds, rate))) == expected


@pytest.mark.parametrize(
    ("seconds", "rate", "count"),
    [(1, 25, 4), (0.12, 25, 2), (10, 25, 20), (10.9, 25, 20), (31.9, 25, 62), (32, 25, 64), (600, 25, 64), (5, 1, 4)],
)
def test_smart_takes_an_even_number_of_frames_spread_evenly(seconds: float, rate: float, count: int) -> None:
    info = film(seconds, rate)
    chosen = recipe("smart:2:64")(info)
    assert list(chosen) == [round(k * (len(info.times) - 1) / (count - 1)) for k in range(count)]


@pytest.mark.parametrize(
    "text",
    [
        "step:1",
        "step:0:16",
        "step:1:0",
        "smart:2",
        "smart:2:1",
        "smart:x:64",
        "",
        "uniform",
        "uniform:",
        "uniform:0",
        "uniform:-3",
        "uniform:2.5",
        "uniform:4:4",
        "fps",
        "fps:0",
        "fps:-1",
    ]
    + ["fps:nan", "fps:inf", "fps:x", "fps:1:0", "fps:1:2:3", "random:8", "16", "fps:1:"],
)
def test_a_bad_recipe_is_told_the_forms(text: str) -> None:
    with pytest.raises(UsageError, match="uniform:N .* fps:R:N"):
        recipe(text)
