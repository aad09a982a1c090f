"""What the released Open-o3-Video program does alike in every benchmark: its fields and forms, in our words."""

from __future__ import annotations

from harness.contracts import Preset
from harness.records import Frame, View

PRESET = Preset(
    options={"prompt": "released", "parser": "o3"},
    frames="smart:2:64",
    max_pixels=512 * 512,
    repetition_penalty=1.05,
    max_tokens=8192,
)
"""How it runs the benchmarks that it shows 64 frames of."""
REASON = (
    "First reason in your mind, then give the answer: the reasoning between <think> and </think>, the answer between "
    "<answer> and </answer>."
)
CITE = (
    "Ground all of the reasoning in what the video shows. Whenever you mention an object, a person or another visible "
    "thing, write it exactly as `<obj>object_name</obj><box>bounding_box</box>at<t>time_in_seconds</t>s`."
)


def bare(view: View) -> tuple[Frame, ...]:
    """The frames of a view without a word between them."""
    return tuple(view.frame(time) for time in view.times)


def inner(text: str) -> str:
    """What stands in the first answer tag that is closed, wherever it is; all of the text without one (o3).

    >>> inner("<answer> a </answer> b"), inner("<answer> a")
    ('a', '<answer> a')
    """
    start = text.find("<answer>")
    end = text.find("</answer>", start)
    return text[start + len("<answer>") : end].strip() if 0 <= start < end else text
