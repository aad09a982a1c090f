"""V-STaR as the released Open-o3-Video program asks it: what comes before the frames, and what after.

The fields, their order and the forms asked for are the released ones, the words are ours. Reference boxes are given in
pixels of the source video, whatever the size of the frames. Where the reference span holds no whole second, at which
the released program stops, the seconds of the reference boxes are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping

from harness.codec import encode
from harness.geometry import Box
from harness.records import Sample, View

from ._released import CITE, REASON
from ._vstar_prompt import seconds

SPAN = "`From <t>start_time</t>s to <t>end_time</t>s`"


def question(sample: Sample, view: View, think: bool) -> tuple[str, str]:
    """The text before the frames and the text after them."""
    if sample.kind == "what":
        who = "(If the answer is a person, you need not say who it is.)"
        rest = f" {REASON} {CITE} Use no <box>, <obj> and <t> in the answer part." if think else ""
        return "", f"Answer the question about the video: {sample.question}\n{who}{rest}"
    if sample.kind.startswith("when"):
        return _length(sample, view), f"\nAnswer the question about the video: {_when(sample)}\n{_span(think)}"
    ask = f"\nPlease answer the question about the video: {sample.question} Give boxes in [x1, y1, x2, y2] format.\n"
    part = f"{REASON}\nIn the answer part, f" if think else "F"
    return "", f"{ask}{part}{_where_1(sample) if sample.kind == 'where_1' else _where_2(sample)}"


def _length(sample: Sample, view: View) -> str:
    size = f" with a resolution of {view.width}x{view.height} (width x height)" if sample.kind == "when_2" else ""
    return f"This video is {round(view.duration, 2)} seconds long{size}. "


def _when(sample: Sample) -> str:
    if sample.kind == "when_1":
        return sample.question
    told = f"The key object of the question is seen in {len(sample.boxes)} bounding boxes at times that are not given:"
    return f"{sample.question}\n{told} {_list(sample.boxes)}."


def _list(boxes: Mapping[float, Box]) -> str:
    rows = (", ".join(f"{v:g}" for v in encode(boxes[second])) for second in sorted(boxes))
    return f"[{', '.join(f'[{row}]' for row in rows)}]"


def _span(think: bool) -> str:
    return f"{REASON} The answer must be of the form {SPAN}" if think else f"Give only start and end, as {SPAN}."


def _where_1(sample: Sample) -> str:
    times = seconds(sample)
    return (
        f"or each whole second of [{', '.join(times)}], the first and the last included, give the box of the object as "
        "JSON. The keys are the whole seconds (as strings), the values the boxes in [x1, y1, x2, y2] format.\n"
        f'For example: {{"{times[0] if times else 0}": [x1, y1, x2, y2],...}}\n'
    )


def _where_2(sample: Sample) -> str:
    count = len(sample.boxes)
    return (
        "or each whole second that the question is about, give the box of the object as JSON. Only "
        f"{count} boxes are wanted: find out which frames the question is about and leave out the others. The keys "
        "are the whole seconds (as strings), the values the boxes in [x0,y0,x1,y1] format.\n"
        f'For example: {{"0": [x0,y0,x1,y1], "1":..., ..., "{count}":...}} '
        f"(if it is about the frames from 0 to {count} seconds)\n"
    )
