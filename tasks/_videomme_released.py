"""Video-MME as the released Open-o3-Video program asks it and reads the letter; the words are ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from string import ascii_uppercase

from ._released import CITE, REASON, inner

SELECT = "Select the best answer to the multiple-choice question based on the video."
LETTER = "with only the letter (A, B, C, or D) of the right option."
LETTERS = ("A", "B", "C", "D")
UNREAD = "A"
"""What the released program takes an answer for that it cannot read."""

_FORMS = ("{}.", "{}:", "({})", "{} ", "\n{}\n", " {}\n", "\n{} ", ": {}", ":{}", ":\n{}", "\n\n{}", "**{}**", "{{{}}}")
"""How a letter may stand in a direct answer."""


def question(text: str, options: str, think: bool) -> str:
    """The text after the frames."""
    if not think:
        return f"{SELECT} Respond {LETTER}\n{text}\n{options}\n"
    return (
        f"Question:{text}\n{options}\n{SELECT} {REASON} {CITE} The reasoning must not have more than 100 words. "
        f"In the answer part, respond {LETTER}"
    )


def letter(text: str, options: Sequence[str], think: bool) -> str | None:
    """The letter of a response.

    With thinking it must be all that the answer tag holds, and the thinking must end.

    >>> [letter(text, ["pear"] * 4, True) for text in ("<think>x</think><answer>B</answer>", "<answer>B</answer>")]
    ['B', None]
    """
    if not think:
        return said(text, len(options), options)
    content = inner(text)
    return content if content in LETTERS and content != text and _ends(text) else None


def _ends(text: str) -> bool:
    return text.find("</think>", max(0, text.find("<think>"))) > text.find("<think>") >= 0


def said(text: str, count: int, contents: Sequence[str] = ()) -> str | None:
    """The one of so many letters that stands last in one of several forms, else the option whose text comes last.

    >>> said("B or C", 4), said("It is the pear", 4)
    ('C', None)
    """
    for mark in ",.!?;:'":
        text = text.strip(mark)
    words = f" {text} "
    found = [*_lettered(words, count)]
    if not found and len(words.split()) > 5:
        labelled = zip(ascii_uppercase, contents, strict=False)
        found = [(words.lower().rfind(f"{a}. {b}".lower()), a) for a, b in labelled]
    place, letter = max(found, key=lambda each: each[0], default=(-1, ""))
    return letter if place >= 0 else None


def _lettered(words: str, count: int) -> Iterator[tuple[int, str]]:
    for form in _FORMS:
        for letter in ascii_uppercase[:count]:
            yield from ((place, letter) for place in [words.rfind(form.format(letter))] if place >= 0)
