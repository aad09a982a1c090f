"""The grounded response format, read and written.

    <think>The <obj>cup</obj><box>[10,12,40,44]</box>at<t>3.0</t>s.</think><answer>cup</answer>

Reading never raises: what cannot be read is left out and named in a problem string. Every pattern has bounded
repeats, so that reading takes time linear in the text, whatever the text.
This module and harness/prompt.py alone know the model's own coordinates and times.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from string import ascii_uppercase

from harness import prompt
from harness.geometry import Box, Span
from harness.metrics import normalize
from harness.records import Evidence, View

MAX_CLAIMS = 64
"""Claims read from one response; more are dropped."""
MAX_BOXES = 4096
"""Seconds with a box read from one response: an hour has 3600."""

NO_BOX, NO_TIME = "claims without a box", "claims without a time"
"""Problems of claims that are kept all the same."""

_FLOAT = r"(?:\d{1,9}(?:\.\d{0,17})?|\.\d{1,17})(?:[eE][-+]?\d{1,2})?(?!\d|[eE][-+]?\d)"
_CLOCK = r"\d{1,3}(?::[0-5]?\d){1,2}(?:\.\d{1,9})?(?!\d)"
_TIME = rf"(?:{_CLOCK}|{_FLOAT})"
_TOKEN = re.compile(rf"((?<![\w.)])-)?(?<![\w.:]){_TIME}")
_UNIT = r"\s{0,3}(?:seconds?|secs?|s)?\s{0,3}"
_RANGE = re.compile(rf"(?<![\w.:])(?<!\d,)({_TIME}){_UNIT}(?:to|until|and|-|–|—)\s{{0,3}}({_TIME})(?!,\d)")
_TAG = re.compile(r"</?t>")

_NUMBER = rf"[-+]?{_FLOAT}"
_FOUR = rf"\[\s{{0,9}}({_NUMBER})" + rf"\s{{0,9}},\s{{0,9}}({_NUMBER})" * 3 + r"\s{0,9}\]"
_KEY = rf"(?<![\w.:-])({_TIME})\s{{0,3}}s?[\"']?\s{{0,9}}"
_PAIR = re.compile(rf"(?:{_KEY}:|\[\s{{0,9}}[\"']?{_KEY},)\s{{0,9}}(?:\[\s{{0,9}})?{_FOUR}")
_VALUE = re.compile(r":\s{0,9}\[")
_ANOTHER = re.compile(r"\s{0,9},\s{0,9}\[")
_BOX = re.compile(rf"\s{{0,9}}{_FOUR}\s{{0,9}}")
_EACH = re.compile(_FOUR)
_PLACE = re.compile(r"\s{0,3}<box>([^<]{0,200})</box>")
_MOMENT = re.compile(r"\s{0,3}(?:at\s{0,3})?<t>([^<]{0,40})</t>")
_TOLD = re.compile(r"(claims .{1,60}): (\d+)")
_LETTER = re.compile(r"\(?([A-Za-z])(?:\)|\b)[.:)]?(?:\s|$)")


def answer(text: str) -> tuple[str | None, tuple[str, ...]]:
    """The content of the first answer tag after the thinking, with problems; None without the tag.

    A tag that is not closed runs to the end of the text.

    >>> answer("<think>a</think><answer> red star </answer>")
    ('red star', ())
    """
    start = text.find("<answer>", max(0, text.find("</think>")))
    if start < 0:
        return None, ("no answer tag",)
    start += len("<answer>")
    end = text.find("</answer>", start)
    content = text[start : end if end >= 0 else len(text)].strip()
    problems = ("answer tag not closed",) if end < 0 else ()
    return content, problems if content else (*problems, "empty answer")


def remainder(text: str) -> str:
    """What is said after the thinking: all of the text when there is none, nothing when it does not end.

    >>> remainder("<think>hm</think> red star "), remainder("red star"), remainder("<think>hm")
    ('red star', 'red star', '')
    """
    if "<think>" in text and "</think>" not in text:
        return ""
    return text.rpartition("</think>")[2].strip()


def content(text: str, *, tagged: bool) -> tuple[str | None, tuple[str, ...]]:
    """What stands in the answer tag, with problems; without the tag, what follows the thinking unless it is `tagged`.

    >>> content("<think>a</think> B", tagged=False), content("<think>a</think> B", tagged=True)
    (('B', ()), (None, ('no answer tag',)))
    """
    found, problems = answer(text)
    return (found, problems) if found is not None or tagged else (remainder(text), ())


def final(text: str) -> str:
    """What a response says in the end: the content of its answer tag, else all that follows the thinking.

    >>> final("<think>A man</think><answer>B</answer>"), final("<think>A man</think> B."), final("B")
    ('B', 'B.', 'B')
    """
    return content(text, tagged=False)[0] or ""


def seconds(text: str) -> float | None:
    """A time in seconds from "12.5", "01:30" or "1:02:03"; None when it is none or negative.

    >>> seconds("01:30.5"), seconds("12.5"), seconds("nan"), seconds("-1")
    (90.5, 12.5, None, None)
    """
    total = 0.0
    for part in text.strip().removesuffix("s").split(":"):
        try:
            number = float(part)
        except ValueError:
            return None
        if math.copysign(1, number) < 0:
            return None
        total = total * 60 + number
    return total if math.isfinite(total) else None


def span(text: str) -> tuple[Span | None, tuple[str, ...]]:
    """The span in an answer, as the model counts: its only two times, else its only range "A to B".

    >>> span("From <t>3</t>s to <t>7.5</t>s")
    (Span(start=3.0, end=7.5), ())
    >>> span("3 to 7 (frame 2)")[0], span("01:02-01:30")[0]
    (Span(start=3.0, end=7.0), Span(start=62.0, end=90.0))
    """
    plain = _TAG.sub(" ", text)
    times = [m.group() for m in _TOKEN.finditer(plain)]
    if len(times) != 2:
        ranges = [m.groups() for m in _RANGE.finditer(plain)]
        if len(ranges) != 1:
            return None, (f"{len(times)} times where two were expected",)
        times = list(ranges[0])
    start, end = (seconds(t) for t in times)
    if start is None or end is None:
        return None, ("negative time",)
    return Span(start, end), ("span ends before it starts",) if end < start else ()


def boxes(view: View, text: str) -> tuple[dict[float, Box], tuple[str, ...]]:
    """Boxes by second of the file from {"3": [x1,y1,x2,y2], ...}; tolerant of fences, quotes and a cut end."""
    found: dict[float, Box] = {}
    problems: Counter[str] = Counter()
    pairs = 0
    for match in _PAIR.finditer(text):
        pairs += 1
        key, numbers = match[1] or match[2], match.groups()[2:]
        second, box = seconds(key), _box(view, numbers)
        if second is None or box is None:
            problems["inverted boxes"] += 1
        elif len(found) < MAX_BOXES:
            found[second + view.start] = box
        else:
            problems["boxes over the limit"] += 1
        if _ANOTHER.match(text, match.end()):
            problems["further boxes of one second"] += 1
    problems["unreadable boxes"] += max(0, sum(1 for _ in _VALUE.finditer(text)) - pairs)
    if not found:
        problems["no boxes"] = 1
    return found, _counted(problems)


def evidence(view: View, text: str) -> tuple[tuple[Evidence, ...], tuple[str, ...]]:
    """The claims of a response: <obj>label</obj><box>[...]</box>at<t>seconds</t>s.

    A claim without a box or without a time is kept so; one with a malformed part is dropped, and so is one with several
    boxes, as it does not say which. All of these are problems.
    """
    claims: list[Evidence] = []
    problems: Counter[str] = Counter()
    for part in text.split("<obj>")[1:]:
        label, closed, rest = part.partition("</obj>")
        if not closed or not label.strip() or len(label) > 200 or "<" in label:
            problems["claims without a label"] += 1
            continue
        claim = _claim(view, label.strip(), rest, problems)
        if claim is not None and len(claims) < MAX_CLAIMS:
            claims.append(claim)
        elif claim is not None:
            problems["claims over the limit"] += 1
    return tuple(claims), _counted(problems)


def lost(problems: Iterable[str]) -> Counter[str]:
    """How many claims were dropped for each reason, from the problems that `evidence` told.

    >>> lost(["no answer tag", "claims with several boxes: 2", "claims without a box: 1"])
    Counter({'claims with several boxes': 2})
    """
    told = (_TOLD.fullmatch(problem) for problem in problems)
    return Counter({m[1]: int(m[2]) for m in told if m and m[1] not in (NO_BOX, NO_TIME)})


def _claim(view: View, label: str, rest: str, problems: Counter[str]) -> Evidence | None:
    place = _PLACE.match(rest)
    moment = _MOMENT.match(rest, place.end() if place else 0)
    box = _read_box(view, place[1]) if place else None
    time = seconds(moment[1]) if moment else None
    if place and (_PLACE.match(rest, place.end()) or len(_EACH.findall(place[1])) > 1):
        problems["claims with several boxes"] += 1
        return None
    if place and box is None:
        problems[f"claims with {'an inverted' if _BOX.fullmatch(place[1]) else 'a malformed'} box"] += 1
        return None
    if moment and time is None:
        problems["claims with a malformed time"] += 1
        return None
    if place is None:
        problems[NO_BOX] += 1
    if moment is None:
        problems[NO_TIME] += 1
    return Evidence(label=label, time=None if time is None else time + view.start, box=box)


def _read_box(view: View, text: str) -> Box | None:
    match = _BOX.fullmatch(text)
    return _box(view, match.groups()) if match else None


def _box(view: View, numbers: Sequence[str]) -> Box | None:
    box = prompt.read_box(view, [float(n) for n in numbers])
    return box if box.finite and box.x1 <= box.x2 and box.y1 <= box.y2 else None


def _counted(problems: Counter[str]) -> tuple[str, ...]:
    return tuple(f"{what}: {count}" if what != "no boxes" else what for what, count in problems.items() if count)


def letter(text: str, options: Sequence[str]) -> tuple[str | None, tuple[str, ...]]:
    """The one letter that an answer gives: "B", "(B)", "B.", "b" or "B. text"; None when it is not one.

    >>> letter("(B)", ["pear", "plum"]), letter("B. plum", ["pear", "plum"])
    (('B', ()), ('B', ()))
    >>> letter("A or B", ["pear", "plum"])
    (None, ('not one letter',))
    """
    text = text.strip()
    match = _LETTER.match(text)
    letters = ascii_uppercase[: len(options)]
    if match is None or match[1].upper() not in letters:
        return None, ("not one letter",)
    chosen, rest = match[1].upper(), text[match.end() :].strip()
    if not rest or normalize(rest) == normalize(options[letters.index(chosen)]):
        return chosen, ()
    if not re.match(r"\(?[A-Za-z](?:\)|[.:])", text) or any(normalize(rest) == normalize(o) for o in options):
        return None, ("not one letter",)
    others = {m for m in re.findall(r"\b[A-Z]\b", rest) if m in letters and m != chosen}
    return (None, ("several letters",)) if others - {"A"} else (chosen, ())


def write_claim(view: View, evidence: Evidence) -> str:
    """One claim as a model writes it; a missing box or time is left out."""
    box = f"<box>{prompt.write_box(view, evidence.box)}</box>" if evidence.box else ""
    time = f"at<t>{evidence.time - view.start:.1f}</t>s" if evidence.time is not None else ""
    return f"<obj>{evidence.label}</obj>{box}{time}"


def write_think(view: View, evidence: Iterable[Evidence], more: str = "") -> str:
    """The think part that cites the evidence, followed by further words."""
    claims = " ".join(f"The {write_claim(view, e)}." for e in evidence)
    return f"<think>{claims or 'I look at the frames.'}{more}</think>"


def write_span(span: Span, digits: int = 1) -> str:
    """A span as a model writes it, with so many decimals.

    >>> write_span(Span(3, 7.25))
    'From <t>3.0</t>s to <t>7.2</t>s'
    """
    return f"From <t>{span.start:.{digits}f}</t>s to <t>{span.end:.{digits}f}</t>s"


def write_second(time: float) -> str:
    """A second as the key of a box.

    >>> write_second(3.0), write_second(1234.567)
    ('3', '1234.567')
    """
    return str(int(time)) if time == int(time) else str(time)


def write_boxes(view: View, boxes: Mapping[float, Box]) -> str:
    """Boxes by second as a model writes them: {"3": [x1,y1,x2,y2], ...}."""
    told = (f'"{write_second(t - view.start)}": {prompt.write_box(view, boxes[t])}' for t in sorted(boxes))
    return "{" + ", ".join(told) + "}"
