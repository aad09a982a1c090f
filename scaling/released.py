"""The signal "released": what Open-o3-Video's published program (commit 1eb6eca) makes a rollout weigh.

A rollout without a letter weighs 0, and so does one with an answer tag but no thinking that ends. A letter without an
answer tag, as the program reads it where no thinking was asked for, weighs 1. For any other the claims of its thinking
are cropped, and the model is asked once what the crops together have to do with the question: 1.0, 0.6 or 0.2 for the
grades 2, 1 and 0. It weighs 0.2 as well without a crop, with more than ten, and without a grade.

Kept, odd or not: how claims are found (see `claims`) and times become frames (see `frame_at`); the sides of a box lose
their fractions, and a right or lower side below 0 counts from the far edge.

Not kept: a claim that ends the program with an error is dropped (a time that is nan, infinite, or further before the
start than the video is long; an infinite box). The grade is the likeliest of three tokens; the program lets the model
write, as for a rollout, and anything but a bare digit weighs 0.2. Crops are cut from the source video, not from the
smaller frame. Numbers on a grid of 0..1000 are turned into pixels; the program takes them for pixels. An answer tag
where no thinking was asked for is treated as any other; there the program gives 1. The words are ours.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from string import ascii_uppercase

from harness import prompt
from harness.errors import UsageError
from harness.families import family
from harness.geometry import Box
from harness.records import Frame, Grade, Record, Request, Sample, View

WEIGHTS = {"2": 1.0, "1": 0.6, "0": 0.2}
"""Grade -> weight."""

UNGRADED = 0.2
DIRECT = 1.0
MOST = 10
"""Crops of one response; with more there are none."""

_ANSWER = "<answer>"
_MARKS = ("<obj>", "</obj><box>[", "]</box>at<t>", "</t>s")


@dataclass(frozen=True, slots=True)
class Released:
    """The signal."""

    name: str = "released"

    def ask(self, record: Record, rollout: int) -> list[Request]:
        """One request with all crops of the rollout; none where they have no say."""
        text = record.responses[rollout].text
        thought = thinking(text)
        if thought is None or _ANSWER not in text or not _has_letter(record, rollout):
            return []
        if record.view is None:
            raise UsageError(
                f"the frames of {record.sample.id} are not on record, so its evidence cannot be cropped; "
                "let evidence vote in runs that were made here"
            )
        images = crops(record.view, thought)
        return [question(record.sample, images)] if images else []

    def value(self, record: Record, rollout: int, grades: Sequence[Grade]) -> float:
        """The weight: 0, 0.2, 0.6 or 1.0."""
        text = record.responses[rollout].text
        if not _has_letter(record, rollout):
            return 0.0
        if _ANSWER not in text:
            return DIRECT
        if thinking(text) is None:
            return 0.0
        return WEIGHTS.get(grades[0].choice or "", UNGRADED) if grades else UNGRADED


def letters(sample: Sample) -> str:
    """The letters of the options of a sample, in order.

    >>> letters(Sample(id="1", item="1", kind="mcq", video="v", question="?", options=("pear", "plum")))
    'AB'
    """
    return ascii_uppercase[: len(sample.options)]


def thinking(text: str) -> str | None:
    """What stands between the first <think> and the next </think>; None where that is not.

    >>> thinking("<think>a<think>b</think>c</think>"), thinking("</think>a<think>b")
    ('a<think>b', None)
    """
    _, begun, rest = text.partition("<think>")
    thought, ended, _ = rest.partition("</think>")
    return thought if begun and ended else None


def claims(text: str) -> Iterator[tuple[list[float], float]]:
    """The box and the time of each claim, as they are written.

    A claim runs from its first mark to the next of each of the others, over whatever comes between; no white space may
    stand between tags. It is left out without four numbers or a time, and when its box is inverted. Times have two
    decimals.

    >>> list(claims("<obj>dog</obj> and <obj>cat</obj><box>[1, 2, 3, 4]</box>at<t>0.126</t>s"))
    [([1.0, 2.0, 3.0, 4.0], 0.13)]
    """
    end = 0
    while True:
        starts, ends = [], []
        for mark in _MARKS:
            starts.append(text.find(mark, end))
            if starts[-1] < 0:
                return
            ends.append(end := starts[-1] + len(mark))
        box, time = _numbers(text[ends[1] : starts[2]]), _number(text[ends[2] : starts[3]])
        if box and time is not None and box[2] >= box[0] and box[3] >= box[1]:
            yield box, round(time, 2)


def crops(view: View, text: str) -> list[Frame]:
    """The crops of all claims of a text, in order; none when they are more than ten."""
    found = (frame for box, time in claims(text) if (frame := _crop(view, box, time)))
    images = list(islice(found, MOST + 1))
    return images if len(images) <= MOST else []


def frame_at(view: View, time: float) -> int | None:
    """The index of the frame that the program takes for a time in seconds; None where there is none.

    The time is multiplied by the frames shown a second of video, as qwen_vl_utils counts them, and rounded (halves
    to even); below 0 it counts from the end. As the frames lie from the first to the last of the video, this
    is up to a frame late, and within half a step of the end there is none.

    >>> view = View(video="v", times=(0, 3, 6, 9), duration=10, width=9, height=9, size=(9, 9), family="qwen2_5_vl")
    >>> [frame_at(view, time) for time in (1.25, 3.75, 6, 8.75, -1.3, -20, math.nan)]
    [0, 2, 2, None, 3, None, None]
    """
    count = len(view.times)
    place = time * (count / (view.start + view.duration - view.times[0]))
    index = round(place) if math.isfinite(place) else count
    return index % count if -count <= index < count else None


def question(sample: Sample, images: Sequence[Frame]) -> Request:
    """Ask how much images have to do with a question: one token of 0, 1, 2."""
    options = "\n".join(f"{letter}. {text}" for letter, text in zip(letters(sample), sample.options, strict=False))
    text = (
        "Here are a question about a video and some images that were cut out of the video. Grade how much the images "
        "have to do with answering the question.\n\n"
        "2: they clearly have to do with it\n1: they may help, which is not certain\n"
        "0: they have nothing to do with it\n\n"
        f"Reply with 0, 1 or 2 and nothing else.\nQuestion: {sample.question}\n{options}"
    )
    system = f"{prompt.SYSTEM} Reply with one digit only: 0, 1 or 2."
    return Request(system=system, parts=(text, *images), choices=prompt.RELEVANCE, max_tokens=1)


def _crop(view: View, numbers: Sequence[float], time: float) -> Frame | None:
    (width, height), grid, index = view.size, family(view.family).grid, frame_at(view, time)
    if grid:
        numbers = [number * side / grid for number, side in zip(numbers, (width, height) * 2, strict=True)]
    if index is None or not all(map(math.isfinite, numbers)):
        return None
    x1, y1, x2, y2 = map(int, numbers)
    across, down = range(width)[max(0, x1) : x2], range(height)[max(0, y1) : y2]
    if not across or not down:
        return None
    inside = Box(across.start, down.start, across.stop, down.stop)
    return prompt.crop(view, inside.scale(view.width / width, view.height / height), view.times[index])


def _has_letter(record: Record, rollout: int) -> bool:
    return record.predictions[rollout].answer in tuple(letters(record.sample))


def _numbers(text: str) -> list[float] | None:
    found = [_number(part) for part in text.translate(_BARE).split(",")]
    numbers = [number for number in found if number is not None]
    return numbers if len(found) == len(numbers) == 4 else None


_BARE = str.maketrans("", "", " []")


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
