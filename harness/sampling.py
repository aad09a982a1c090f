"""Which frames of a video a model is shown: recipes such as "uniform:16", "fps:2:64", "step:1:16" and "aks:64"."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.video import VideoInfo

Recipe: TypeAlias = "Callable[[VideoInfo], Sequence[int]]"
"""Chooses the indices of frames, ascending."""


def uniform(count: str) -> Recipe:
    """`count` frames spread evenly from the first to the last; all of them when there are fewer."""
    import numpy as np

    wanted = _whole(count)

    def choose(info: VideoInfo) -> list[int]:
        total = len(info.times)
        return [int(i) for i in np.rint(np.linspace(0, total - 1, min(wanted, total)))]

    return choose


def fps(rate: str, cap: str | None = None) -> Recipe:
    """The frame on screen every 1/rate seconds from the first frame on; `uniform` with `cap` frames if that is more."""
    import numpy as np

    step = max(1 / _positive(rate), 0.001)
    fallback = uniform(cap) if cap is not None else None

    def choose(info: VideoInfo) -> Sequence[int]:
        first, last = float(info.times[0]), float(info.times[-1])
        indices = sorted(set(info.on_screen(np.arange(first, last + step / 1000, step))))
        return fallback(info) if fallback and cap and len(indices) > int(cap) else indices

    return choose


def step(rate: str, cap: str) -> Recipe:
    """Every k-th frame, k being whole frames of 1/rate seconds; `cap` spread evenly in a video of more than cap/rate.

    As the released V-STaR program of Open-o3-Video picks them: indices are cut, not rounded, to whole numbers, and a
    video of exactly cap/rate seconds is not spread.
    """
    import numpy as np

    a_second, wanted = _positive(rate), _whole(cap)

    def choose(info: VideoInfo) -> Sequence[int]:
        total = len(info.times)
        if int(total / info.fps * a_second + ROUNDING) > wanted:
            return sorted({int(i) for i in np.linspace(0, total - 1, wanted, dtype=int)})
        return range(0, total, max(1, int(info.fps / a_second + ROUNDING)))[:wanted]

    return choose


def smart(rate: str, cap: str) -> Recipe:
    """`rate` frames a second but at least 4 and at most `cap`, an even number of them, spread evenly.

    As the loader of the Qwen-VL models (qwen_vl_utils) picks them.
    """
    a_second, most = _positive(rate), _whole(cap) // 2 * 2
    if most < 2:
        raise ValueError(cap)

    def choose(info: VideoInfo) -> Sequence[int]:
        total = len(info.times)
        wanted = min(max(total / info.fps * a_second + ROUNDING, 4), most, total)
        return uniform(str(max(1, int(wanted) // 2 * 2)))(info)

    return choose


@dataclass(frozen=True, slots=True)
class KeyFrames:
    """`count` of the frames that are there `rate` times a second, by how well each fits the question.

    Times alone do not say which: harness/chooser.py asks a scorer.
    """

    count: int
    rate: float

    @property
    def candidates(self) -> str:
        """The recipe of the frames that are scored."""
        return f"fps:{self.rate:.12g}"

    @property
    def unscored(self) -> str:
        """The recipe of as many frames without scores: all candidates, or that many frames evenly spread."""
        return f"{self.candidates}:{self.count}"

    def __call__(self, info: VideoInfo) -> Sequence[int]:
        """No choice can be made here: UsageError."""
        raise UsageError(f"aks:{self.count} chooses frames by scores; {NEED}")


def aks(count: str, rate: str = "1") -> KeyFrames:
    """`count` key frames of `rate` candidates a second (harness/keyframes.py)."""
    return KeyFrames(_whole(count), _positive(rate))


NEED = "say what scores them, such as --scorer clip:FOLDER"

ROUNDING = 1e-6
"""What a rate that was computed from presentation times may lack to the whole number that a file states."""

RECIPES: dict[str, Callable[..., Recipe]] = {
    "uniform": uniform,
    "fps": fps,
    "step": step,
    "smart": smart,
    "aks": aks,
}
"""Name -> what makes a recipe of the parts after the colons."""


def recipe(text: str) -> Recipe:
    """The recipe that the text stands for; UsageError says the forms there are."""
    name, *parts = text.split(":")
    try:
        return RECIPES[name](*parts)
    except (KeyError, TypeError, ValueError):
        raise UsageError(
            f"cannot sample frames by {text!r}; use uniform:N (N frames, evenly spread), fps:R (R frames a second), "
            "fps:R:N (at most N of them), aks:N or aks:N:R (the N of R a second that fit the question, with --scorer), "
            "or as released programs do step:R:N or smart:R:N"
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
