"""Spans of time and boxes in a frame, and how much two of them overlap."""

from __future__ import annotations

import math
from typing import NamedTuple


class Span(NamedTuple):
    """A stretch of time in seconds."""

    start: float
    end: float

    def shift(self, by: float) -> Span:
        """The span that many seconds later.

        >>> Span(1, 2).shift(10)
        Span(start=11, end=12)
        """
        return Span(self.start + by, self.end + by)

    def iou(self, other: Span) -> float:
        """Temporal IoU as V-STaR defines it: intersection over hull (arXiv 2503.11495, Sec. 4.2).

        Two spans of no length and spans with an end before their start score 0.

        >>> Span(0, 4).iou(Span(2, 6))
        0.3333333333333333
        >>> Span(0, 1).iou(Span(3, 4))
        0.0
        """
        hull = max(self.end, other.end) - min(self.start, other.start)
        inside = min(self.end, other.end) - max(self.start, other.start)
        return max(0.0, inside) / hull if hull > 0 else 0.0


class Box(NamedTuple):
    """A rectangle in pixels of the source video as displayed: x grows right, y grows down."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def area(self) -> float:
        """Area in square pixels; 0 when the corners are inverted."""
        return max(0.0, self.x2 - self.x1) * max(0.0, self.y2 - self.y1)

    @property
    def finite(self) -> bool:
        """Whether all four numbers are ordinary numbers."""
        return all(map(math.isfinite, self))

    def iou(self, other: Box) -> float:
        """Intersection over union of the two areas; 0 when either has none.

        >>> Box(0, 0, 10, 10).iou(Box(5, 0, 15, 10))
        0.3333333333333333
        """
        (x1, y1, x2, y2), (left, top, right, bottom) = self, other
        width, height = min(x2, right) - max(x1, left), min(y2, bottom) - max(y1, top)
        if not (width > 0 and height > 0 and self.finite and other.finite):
            return 0.0
        shared = width * height
        union = (x2 - x1) * (y2 - y1) + (right - left) * (bottom - top) - shared
        return shared / union if union > 0 else 0.0

    def clip(self, width: float, height: float) -> Box:
        """The part of the box inside a frame of that size."""
        return Box(
            min(max(self.x1, 0), width),
            min(max(self.y1, 0), height),
            min(max(self.x2, 0), width),
            min(max(self.y2, 0), height),
        )

    def scale(self, by_x: float, by_y: float) -> Box:
        """The box with x and y multiplied by the two factors."""
        return Box(self.x1 * by_x, self.y1 * by_y, self.x2 * by_x, self.y2 * by_y)
