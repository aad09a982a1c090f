"""The clips of a demonstration: the same for the same seed, and apart from those of another task."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from harness.geometry import Span
from harness.shapes.clip import Clip, excerpt, make

T = TypeVar("T")
Ask = Callable[[Clip, random.Random], Sequence[T]]
"""Finds what can be asked about a clip."""

FIRST_SEED = 10**9
"""Clips of demonstrations have seeds from here on, so that a model trained on smaller ones has not seen them."""
DRAWN = 8
"""Parts of a clip that are compared."""


def clips(
    task: str, count: int, seed: int, things: int | None = None
) -> Iterator[tuple[str, str, Clip, random.Random]]:
    """Name, length class, clip and a generator for its questions; one clip in six is medium, one in twelve long.

    There are 1 to 4 things on a clip unless their number is given.
    """
    for index in range(count):
        rng = random.Random(f"demo:{task}:{seed}:{index}")
        length = "long" if index % 12 == 11 else "medium" if index % 6 == 5 else "short"
        yield f"{task}_{seed}_{index:04d}", length, make(FIRST_SEED + rng.randrange(FIRST_SEED), length, things), rng


def write(clip: Clip, path: Path) -> None:
    """Encode the clip as H.264 in mp4."""
    from harness.shapes import render

    render.write(clip, path)


def part(clip: Clip, rng: random.Random, ask: Ask[T]) -> tuple[Span, Sequence[T]]:
    """A part of a clip's file, and what `ask` finds in it: of those drawn, one in which it finds most."""
    last = clip.duration - 1
    least, most = (20, 30) if last > 30 else (3, last - 1)
    drawn = []
    for _ in range(DRAWN):
        length = rng.randint(least, most)
        start = rng.randint(0, last - length)
        found = ask(excerpt(clip, start, start + length), rng)
        drawn.append((Span(float(start), float(start + length)), found))
    return max(drawn, key=lambda each: len(each[1]))
