"""What the processes that train nano share: from what, for how long, and which phases there are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DRILL_SHARE = 0.06
"""Until this share of the time only drills: to look something up is learned from many short texts, or hardly at all."""
SIGHT_SHARE = 0.27
"""Until this share of the time the vision tower alone."""
GLANCE_SHARE = 0.39
"""Until this share of the time short claims about a few frames: to find a named thing on a frame, and say where it is,
is learned like looking something up."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the processes share."""

    out: Path
    minutes: float
    seed: int
    processes: int
    start: Path | None
    """A checkpoint to go on from."""
    eyes: Path | None = None
    """A checkpoint whose vision tower and tokenizer are taken; its language model is not."""
    plain: bool = False
    """Whether answers are said at once, without reasoning, evidence or tags."""

    @property
    def shares(self) -> tuple[float, float, float]:
        """Until which shares of the time there are only drills, the vision tower is alone, and there are claims."""
        if self.start is not None:
            return 0.0, 0.0, 0.0
        if self.eyes is not None:
            return DRILL_SHARE, DRILL_SHARE, DRILL_SHARE + GLANCE_SHARE - SIGHT_SHARE
        return DRILL_SHARE, SIGHT_SHARE, GLANCE_SHARE
