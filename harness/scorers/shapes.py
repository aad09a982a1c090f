"""A scorer for the synthetic world: finds the colours that a question names in the pixels of a frame.

It reads the question and the frames, never what is true of them. It cannot tell shapes apart.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harness.errors import UsageError
from harness.shapes.clip import COLOURS

if TYPE_CHECKING:
    from PIL.Image import Image

NEAR = 45.0
"""How far a pixel may be from a colour, in RGB of 0..255."""

ENOUGH = 0.004
"""The share of a frame that a thing of that colour covers at least; more does not make it fit better."""


class Shapes:
    """The scorer."""

    version = 1
    folder: Path | None = None

    def __init__(self, folder: str) -> None:
        """It has no weights."""
        if folder:
            raise UsageError(f"the scorer shapes has no model folder; leave out :{folder}")

    def start(self) -> None:
        """Nothing to load."""

    def look(self, images: Sequence[Image]) -> NDArray[np.float32]:
        """The share of each frame in each colour: frames x colours."""
        return np.stack([_shares(np.asarray(image)) for image in images])

    def score(self, question: str, seen: NDArray[np.float32]) -> list[float]:
        """How many of the colours that the question names are there."""
        words = set(re.findall(r"\w+", question.lower()))
        named = [number for number, colour in enumerate(COLOURS) if colour in words]
        return [float(n) for n in np.minimum(seen[:, named] / ENOUGH, 1).sum(axis=1)]


def _shares(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    picture = pixels.astype(np.float32)
    near = [np.linalg.norm(picture - np.array(rgb, np.float32), axis=2) < NEAR for rgb in COLOURS.values()]
    return np.array([np.mean(each) for each in near], np.float32)


scorer = Shapes
