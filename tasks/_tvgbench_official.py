"""TVGBench as Time-R1's published program (commit 7f2b594) asks it and reads the answer; the words are ours."""

from __future__ import annotations

import math
import re

from harness.geometry import Span

_TIMES = re.compile(r"(?<!\d)(\d+(?:\.\d*)?) (?:to|and) (\d+(?:\.\d*)?)")
"""As there, but begun at the first digit of a number only, so that reading takes time linear in the text."""


def question(event: str) -> str:
    """The text after the video."""
    return (
        f'To find exactly when the event "{event}" takes place in the video, work out its period of time.\n\n'
        "Write how you reason between <think> and </think>, and in it the time ranges that you look at (xx.xx to "
        "xx.xx) between <timestep> and </timestep>.\n\n"
        'Then write when it starts and ends, in seconds with two decimals, as "start time to end time" between '
        '<answer> and </answer>. For example: "12.54 to 17.83".'
    )


def span(text: str) -> tuple[Span | None, tuple[str, ...]]:
    """The last "A to B" or "A and B" of the whole text, wherever it stands, and problems.

    >>> span("<answer>12.54 to 17.83</answer> or 3 to 4")[0], span("12s to 15s")
    (Span(start=3.0, end=4.0), (None, ('no "A to B"',)))
    """
    found = _TIMES.findall(text)
    times = [float(time) for time in found[-1]] if found else []
    if not times or not all(map(math.isfinite, times)):
        return None, ('no "A to B"',)
    return Span(*times), ()


def written(span: Span) -> str:
    """A span as that program reads it.

    >>> written(Span(3, 7.256))
    '3.00 to 7.26'
    """
    return f"{span.start:.2f} to {span.end:.2f}"
