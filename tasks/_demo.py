"""The clips of a demonstration: the same for the same seed, and apart from those of another task."""

from __future__ import annotations

import random
from collections.abc import Iterator

from harness.geometry import Span
from harness.shapes.clip import Clip, excerpt, make
from harness.shapes.render import write as write

FIRST_SEED = 10**9
"""Clips of demonstrations have seeds from here on, so that a model trained on smaller ones has not seen them."""


def clips(task: str, count: int, seed: int) -> Iterator[tuple[str, str, Clip, random.Random]]:
    """Name, length class, clip and a generator for its questions; one clip in six is medium, one in twelve long."""
    for index in range(count):
        rng = random.Random(f"demo:{task}:{seed}:{index}")
        length = "long" if index % 12 == 11 else "medium" if index % 6 == 5 else "short"
        yield f"{task}_{seed}_{index:04d}", length, make(FIRST_SEED + rng.randrange(FIRST_SEED), length), rng


def part(clip: Clip, rng: random.Random) -> tuple[Span, Clip]:
    """A part of a clip in whole seconds, of those drawn one with most to see, and the clip as seen in it."""
    last = clip.duration - 1
    least, most = (20, 30) if last > 30 else (3, last - 1)
    drawn = []
    for _ in range(6):
        length = rng.randint(least, most)
        start = rng.randint(1, last - length)
        drawn.append((Span(float(start), float(start + length)), excerpt(clip, start, start + length)))
    return max(drawn, key=lambda each: len(each[1].things))
