"""How the published programs read a response and take what they stored for it, with their losses.

"official" is V-STaR's own program, "o3" that of Open-o3-Video. Reading and scoring are two steps there, with a JSON
value between them, so they are here: what a text is stored as, and what the scorer makes of a stored value.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from harness import prompt
from harness.geometry import Box, Span
from harness.parse import write_second
from harness.records import View

_NUMBER = re.compile(r"\b\d+(?:\.\d+)?\b")
_CLOCK = re.compile(r"\d{1,15}:\d{1,15}")
_FENCE = re.compile(r"```json\s*\n([\[{])")
_FENCE_END = {"[": re.compile(r"\]\s*\n```"), "{": re.compile(r"\}\s*\n```")}
_LONGEST = 10_000
"""Characters of a stored text that is read as a pair of numbers."""


def stored_span(text: str, clock: bool = False) -> list[float]:
    """The two numbers of a text when it holds exactly two that stand apart from letters, else none.

    >>> stored_span("3 to 7"), stored_span("From 3s to 7s"), stored_span("12.5s to 20.25s")
    ([3.0, 7.0], [], [12.0, 20.0])
    >>> stored_span("01:02 to 01:30"), stored_span("01:02 to 01:30", clock=True)
    ([], [62.0, 90.0])
    """
    for time in _CLOCK.findall(text) if clock else ():
        minutes, seconds = map(int, time.split(":"))
        text = text.replace(time, f"<t>{minutes * 60 + seconds}</t>s")
    numbers = _NUMBER.findall(text)
    return [float(n) for n in numbers] if len(numbers) == 2 else []


def span(stored: Any) -> Span | None:
    """The span that the scorer takes a stored value for.

    >>> span([3, 7.5]), span("(3, 7)"), span(["3", "7"])
    (Span(start=3.0, end=7.5), Span(start=3.0, end=7.0), None)
    """
    if isinstance(stored, str):
        try:
            stored = ast.literal_eval(stored[:_LONGEST])
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None
    if not isinstance(stored, (list, tuple)) or len(stored) != 2 or not all(map(_is_number, stored)):
        return None
    found = Span(*map(float, stored))
    return found if math.isfinite(found.start) and math.isfinite(found.end) else None


def stored_boxes(text: str) -> Any:
    """The JSON value of a text: a map in the best case, perhaps a list, None when it cannot be read.

    >>> stored_boxes('It is [{"3": [1, 2, 3, 4]}].'), stored_boxes("{3: [1, 2, 3, 4]}")
    ({'3': [1, 2, 3, 4]}, None)
    """
    words = (_fenced(text) or _bracketed(text)).strip().replace("'", '"')
    try:
        data = json.loads(words)
        if isinstance(data, list) and all(isinstance(entry, dict) for entry in data):
            return {key: value for entry in data for key, value in entry.items()}
        return {str(entry[0]): entry[1] for entry in data} if isinstance(data, list) else data
    except (ValueError, LookupError, TypeError, RecursionError):
        return _mended(words)


def _mended(words: str) -> Any:
    """The value once missing brackets are put at the end; a list stays a list, and is worth nothing."""
    ends = "".join(close * max(0, words.count(opened) - words.count(close)) for opened, close in ("[]", "{}"))
    try:
        return json.loads(words + ends)
    except (ValueError, RecursionError):
        return None


def _fenced(text: str) -> str | None:
    for start in _FENCE.finditer(text):
        end = _FENCE_END[start[1]].search(text, start.end())
        if end:
            return text[start.start(1) : end.start() + 1]
    return None


def _bracketed(text: str) -> str:
    """From the first bracket to the last that closes its kind."""
    spans = [(text.find(a), text.rfind(b) + 1) for a, b in ("[]", "{}")]
    start, end = min(((a, b) for a, b in spans if 0 <= a < b), default=(0, 0))
    return text[start:end]


def boxes(view: View, stored: Any, reference: Mapping[float, Box], keys: Mapping[float, str]) -> dict[float, Box]:
    """The boxes by second that the scorer takes a stored value for; of several at one second the best.

    `keys` is how the annotation writes the seconds of the reference: "3" is not "3.0". Other seconds are kept as well.
    """
    if not isinstance(stored, dict):
        return {}
    known = {text: second for second, text in keys.items()}
    found: dict[float, Box] = {}
    for key, value in stored.items():
        second = known.get(key, _second(key))
        if second is not None and (key in known or second not in keys):
            box = _box(view, value, reference.get(second))
            if box is not None:
                found[second] = box
    return found


def unscaled(view: View) -> View:
    """The view as if frames had the size of the video: the published programs take pixels of the one for the other."""
    return replace(view, size=(view.width, view.height))


def written(reference: Mapping[float, Box]) -> dict[float, str]:
    """The seconds of a reference as an annotation in whole numbers writes them.

    >>> written({3.0: Box(0, 0, 1, 1)})
    {3.0: '3'}
    """
    return {second: write_second(second) for second in reference}


def _second(key: str) -> float | None:
    return float(key) if re.fullmatch(r"0|[1-9][0-9]{0,8}", key) else None


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and abs(value) <= 1e300


def _box(view: View, value: Any, reference: Box | None) -> Box | None:
    if not isinstance(value, list) or not value:
        return None
    several = [value] if isinstance(value[0], (int, float)) and len(value) == 4 else value
    fours = [each for each in several if isinstance(each, list) and len(each) == 4]
    if not all(isinstance(v, (int, float)) for each in fours for v in each):
        return None
    read = [prompt.read_box(view, each) for each in fours if all(map(_is_number, each))]
    return max(read, key=lambda box: box.iou(reference) if reference else 0.0, default=None)
