"""Video-MMMU's answers as the official program reads them (lmms-eval, after MMMU), and as Open-o3-Video's does."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import reduce
from string import ascii_uppercase

from . import _released

EMPTY = "empty response"
"""The problem of a response that the official program takes for a failure of its model, and leaves out."""
UNREAD = "A"
"""What Open-o3-Video's program takes an answer for that it cannot read."""
LETTERS = ascii_uppercase[:10]
"""The letters that it knows."""

_MARKS = ",.!?;:'"
_FORMS = (
    (("{}.", "{}."), ("{}:", "{}:")),
    (("({})", "({})"),),
    (("{} ", " {} "),),
)
"""How a letter may be written, and how its place is found; the first row of which anything is there counts."""
_CLUES = tuple(
    f"{clue} "
    for clue in (
        "could be", "so", "is", "thus", "therefore", "final", "answer", "result", "are", "in total", "total",
        "identify", "recognize", "calculated as", "counted as", "measured as", "observed as", "concluded as",
        "found to be", "equals", "determined to be", "number of", "value is", "adds up to", "have", "has",
    )
)  # fmt: skip
"""What the answer may stand after, in a line of an open response."""
_NUMBERS = (
    re.compile(r"-?\b\d{1,3}(?:,\d{3}){1,30}\b"),
    re.compile(r"-?\d{1,60}(?:\.\d{1,60})?[eE][+-]?\d{1,60}"),
    re.compile(r"-?(?:\d{1,60}\.\d{1,60}|\.\d{1,60}|\d{1,60}\b)(?![eE][+-]?\d{1,60})(?![,\d])"),
)


def failed(text: str) -> bool:
    """Whether a response is taken for a failure."""
    return text in ("", "API Error")


def letter(text: str, options: Sequence[str]) -> str | None:
    """The letter that comes last in the first form that is there, else the option whose text comes last.

    >>> options = ["pear"] * 10
    >>> [letter(text, options) for text in ("Both A and B, final: C.", "I pick H) foo", "B) pear", "**C**")]
    ['C', 'I', None, None]
    """
    for mark in _MARKS:
        text = text.strip(mark)
    words, letters = f" {text} ", ascii_uppercase[: len(options)]
    for forms in _FORMS:
        said = [[a for a in letters if written.format(a) in words] for written, _ in forms]
        if found := [a for each in said for a in each]:
            place = next(place for (_, place), each in zip(forms, said, strict=True) if each)
            return max(found, key=lambda a: words.rfind(place.format(a)))
    words = words.lower()
    named = [(words.rfind(option.lower()), a) for a, option in zip(letters, options, strict=True)]
    last, named_last = max(named, key=lambda each: each[0], default=(-1, ""))
    return named_last if last >= 0 and len(words.split()) > 5 else None


def released_letter(text: str, options: Sequence[str], think: bool) -> str | None:
    """The letter as Open-o3-Video's program reads it: one of A-J, and with thinking all that the answer tag holds.

    >>> [released_letter(t, ["pear"] * 4, True) for t in ("<think>x</think><answer>B</answer>", "<answer>B</answer>")]
    ['B', None]
    """
    if not think:
        found = letter(text, options)
        return found if found and found in LETTERS else None
    content = _released.inner(text)
    thought = text.find("</think>", max(0, text.find("<think>"))) > text.find("<think>") >= 0
    return content if thought and len(content) == 1 and content in LETTERS and content != text else None


def right(text: str, reference: str) -> bool:
    """Whether an open response is right: some text that it may mean holds the reference, or some number equals it.

    >>> right("42.004", "42"), right("It is a dogma", "dog"), right("3.43", "['24/7', '3.429', '3.43]")
    (True, True, False)
    """
    wanted, meant = _values(reference), [value for each in _meant(text) for value in _values(each)]
    words = [value for value in wanted if isinstance(value, str)]
    return any(any(word in value for word in words) if isinstance(value, str) else value in wanted for value in meant)


def _meant(text: str) -> list[str]:
    """What an open response may mean: what follows the clues of each line, or all of it; and the numbers in that."""
    text = text.strip().strip(".").lower()
    *lines, last = text.split("\n")
    tails = [_tail(line, _CLUES) for line in lines] + [_tail(last, [*_CLUES, "="])]
    found = [tail for tail in tails if tail and tail not in {*_MARKS}] or [text]
    return found + [match for tail in found for pattern in _NUMBERS for match in pattern.findall(tail)]


def _tail(line: str, clues: Sequence[str]) -> str:
    """The shortest of what follows each clue; one after which nothing follows makes the search begin again."""
    tails = [line.rpartition(clue)[2].strip() for clue in clues if clue in line]
    return reduce(lambda best, tail: tail if not best or len(tail) < len(best) else best, tails, "")


def _values(text: str) -> list[str | float]:
    """A text as a number with two decimals, else in lower case; a single letter must have a space beside it."""
    text = text.strip()
    try:
        return [round(float(text.replace(",", "")), 2)]
    except ValueError:
        text = text.lower()
        return [f" {text}", f"{text} "] if len(text) == 1 else [text]
