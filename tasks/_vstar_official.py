"""V-STaR's own reading of a response, with its losses: all of the text, no clock times, one JSON value.

Left out: several boxes for one second, of which the published program takes the best.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from harness import prompt
from harness.geometry import Box, Span
from harness.records import View

_NUMBER = re.compile(r"\b\d+(?:\.\d+)?\b")
_FENCE = "```json"


def span(text: str) -> tuple[Span | None, tuple[str, ...]]:
    """The span when the text holds exactly two numbers that stand apart from letters.

    >>> span("3 to 7")[0], span("From 3s to 7s")[0], span("12.5s to 20.25s")[0]
    (Span(start=3.0, end=7.0), None, Span(start=12.0, end=20.0))
    """
    numbers = [float(n) for n in _NUMBER.findall(text)]
    if len(numbers) != 2 or not all(map(math.isfinite, numbers)):
        return None, (f"{len(numbers)} numbers where two were expected",)
    return Span(*numbers), ()


def boxes(view: View, text: str) -> tuple[dict[float, Box], tuple[str, ...]]:
    """Boxes by second from the fenced JSON, else from the first bracket to the last that closes its kind."""
    try:
        data = json.loads(_json(text).replace("'", '"'))
    except (ValueError, RecursionError):
        return {}, ("no JSON",)
    found = {int(key): _box(view, value) for key, value in _pairs(data).items() if re.fullmatch(r"0|[1-9]\d{0,8}", key)}
    kept = {float(key): box for key, box in found.items() if box is not None}
    return kept, () if kept else ("no boxes",)


def _json(text: str) -> str:
    start = text.find(_FENCE)
    end = text.find("```", start + len(_FENCE))
    if 0 <= start < end:
        return text[start + len(_FENCE) : end]
    spans = [(text.find(a), text.rfind(b) + 1) for a, b in ("[]", "{}")]
    start, end = min(((a, b) for a, b in spans if 0 <= a < b), default=(0, 0))
    return text[start:end]


def _pairs(data: Any) -> dict[str, Any]:
    if isinstance(data, dict):
        return data
    pairs: dict[str, Any] = {}
    for entry in data if isinstance(data, list) else []:
        if isinstance(entry, dict):
            pairs |= entry
        elif isinstance(entry, list) and len(entry) >= 2:
            pairs[str(entry[0])] = entry[1]
    return pairs


def _box(view: View, value: Any) -> Box | None:
    if not isinstance(value, list) or len(value) != 4 or not all(type(v) in (int, float) for v in value):
        return None
    try:
        box = prompt.read_box(view, value)
    except OverflowError:
        return None
    return box if box.finite else None
