"""Which rows are fit for training: the filters of arXiv 2510.20579, A.3, as pure functions.

Each takes a row, how long its video is, and a limit; it says why the row is dropped, or None where it may stay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .rows import Row

UNKNOWN = "how long the video is cannot be told"


def reasoning_below(row: Row, seconds: float | None, limit: float) -> str | None:
    """A chain of thought has fewer characters; a row without one stays (TVG-Coldstart, Time-R1: 6,000).

    >>> row = Row(id=1, source="x", task="temporal QA", question="q", answer="[2, 9]", reasoning="so it is")
    >>> reasoning_below(row, None, 9), reasoning_below(row, None, 8)
    (None, 'reasoning of 8 characters or more')
    """
    fits = row.reasoning is None or len(row.reasoning) < limit
    return None if fits else f"reasoning of {limit:,g} characters or more"


def span_below(row: Row, seconds: float | None, limit: float) -> str | None:
    """What is asked about takes up less than that share of the video (TVG-Coldstart, Time-R1: 0.7).

    >>> row = Row(id=1, source="x", task="temporal QA", question="q", answer="[2, 9]")
    >>> span_below(row, 10.1, 0.7), span_below(row, 10.0, 0.7)
    (None, 'span of 70 % of the video or more')
    """
    share = _share(row, seconds)
    return None if share is None or share < limit else f"span of {100 * limit:g} % of the video or more"


def span_at_most(row: Row, seconds: float | None, limit: float) -> str | None:
    """What is asked about takes up that share of the video or less (TVG-RL and the videos of STR_*: 0.5)."""
    share = _share(row, seconds)
    return None if share is None or share <= limit else f"span of more than {100 * limit:g} % of the video"


def seconds_at_least(row: Row, seconds: float | None, limit: float) -> str | None:
    """The video is that long or longer (TVG-RL and the videos of STR_*: 10 s)."""
    return None if seconds is None or seconds >= limit else f"video shorter than {limit:g} s"


def seconds_at_most(row: Row, seconds: float | None, limit: float) -> str | None:
    """The video is no longer than that (TVG-RL and the videos of STR_*: 180 s)."""
    return None if seconds is None or seconds <= limit else f"video longer than {limit:g} s"


def _share(row: Row, seconds: float | None) -> float | None:
    """How much of the video the span of a row takes up; None where either is not known."""
    if row.span is None or seconds is None:
        return None
    return (row.span.end - row.span.start) / seconds if seconds > 0 else float("inf")


@dataclass(frozen=True, slots=True)
class Filter:
    """One of the filters, and what it needs to know."""

    drops: Callable[[Row, float | None, float], str | None]
    timed: bool = False
    """Whether it asks how long the video is."""
    spanned: bool = False
    """Whether it asks about the span of the answer: rows without one are none of its business."""


FILTERS: Mapping[str, Filter] = {
    "reasoning_below": Filter(reasoning_below),
    "seconds_at_least": Filter(seconds_at_least, timed=True),
    "seconds_at_most": Filter(seconds_at_most, timed=True),
    "span_below": Filter(span_below, timed=True, spanned=True),
    "span_at_most": Filter(span_at_most, timed=True, spanned=True),
}
"""By their names in a recipe, in the order in which they are asked."""


def applying(row: Row, limits: Mapping[str, float]) -> dict[str, float]:
    """Those of the limits that have something to say about a row."""
    return {
        name: limits[name]
        for name, each in FILTERS.items()
        if name in limits and (row.span is not None or not each.spanned) and (row.video is not None or not each.timed)
    }


def needs_seconds(row: Row, limits: Mapping[str, float]) -> bool:
    """Whether a row can be judged only by how long its video is."""
    return any(FILTERS[name].timed for name in applying(row, limits))


def drops(row: Row, seconds: float | None, limits: Mapping[str, float]) -> str | None:
    """Why a row is dropped, by the first filter that does; None where it may stay.

    Where a filter asks how long the video is and that is not known, the row is dropped for it.
    """
    for name, limit in applying(row, limits).items():
        if FILTERS[name].timed and seconds is None:
            return UNKNOWN
        reason = FILTERS[name].drops(row, seconds, limit)
        if reason is not None:
            return reason
    return None
