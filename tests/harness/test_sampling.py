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


@pytest.mark.parametrize(
    "text",
    ["", "uniform", "uniform:", "uniform:0", "uniform:-3", "uniform:2.5", "uniform:4:4", "fps", "fps:0", "fps:-1"]
    + ["fps:nan", "fps:inf", "fps:x", "fps:1:0", "fps:1:2:3", "random:8", "16", "fps:1:"],
)
def test_a_bad_recipe_is_told_the_forms(text: str) -> None:
    with pytest.raises(UsageError, match="uniform:N .* fps:R:N"):
        recipe(text)
