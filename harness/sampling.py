"""Which frames of a video a model is shown: recipes such as "uniform:16" and "fps:2:64"."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from harness.errors import UsageError
from harness.video import VideoInfo

Recipe = Callable[[VideoInfo], Sequence[int]]
"""Chooses the indices of frames, ascending."""


def uniform(count: str) -> Recipe:
    """`count` frames spread evenly from the first to the last; all of them when there are fewer."""
    wanted = _whole(count)

    def choose(info: VideoInfo) -> list[int]:
        total = len(info.times)
        return [int(i) for i in np.rint(np.linspace(0, total - 1, min(wanted, total)))]

    return choose


def fps(rate: str, cap: str | None = None) -> Recipe:
    """The frame on screen every 1/rate seconds from the first frame on; `uniform` with `cap` frames if that is more."""
    step = max(1 / _positive(rate), 0.001)
    fallback = uniform(cap) if cap is not None else None

    def choose(info: VideoInfo) -> Sequence[int]:
        first, last = float(info.times[0]), float(info.times[-1])
        indices = sorted(set(info.on_screen(np.arange(first, last + step / 1000, step))))
        return fallback(info) if fallback and cap and len(indices) > int(cap) else indices

    return choose


RECIPES: dict[str, Callable[..., Recipe]] = {"uniform": uniform, "fps": fps}
"""Name -> what makes a recipe of the parts after the colons."""


def recipe(text: str) -> Recipe:
    """The recipe that the text stands for; UsageError says the forms there are."""
    name, *parts = text.split(":")
    try:
        return RECIPES[name](*parts)
    except (KeyError, TypeError, ValueError):
        raise UsageError(
            f"cannot sample frames by {text!r}; use uniform:N (N frames, evenly spread), fps:R (R frames a second) "
            "or fps:R:N (at most N of them)"
        ) from None


def sample(info: VideoInfo, text: str) -> tuple[float, ...]:
    """The exact presentation times of the frames that a recipe chooses."""
    return tuple(float(info.times[index]) for index in recipe(text)(info))


def _whole(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


def _positive(text: str) -> float:
    value = float(text)
    if not (value > 0 and math.isfinite(value)):
        raise ValueError(text)
    return value
