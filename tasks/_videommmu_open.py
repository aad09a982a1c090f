"""Open answers of Video-MMMU: numbers as numbers, words as words.

Two numbers are the same when they are so rounded to two decimals, as published; two texts when they are the same words.
"""

from __future__ import annotations

import re

from harness import metrics

from ._videommmu_rows import listed

_NUMBER = r"([-+]?(?:\d{1,3}(?:,\d{3}){1,6}|\d{1,30})?(?:\.\d{1,30})?(?:[eE][-+]?\d{1,3})?)"
_WRITTEN = re.compile(
    rf"(?:about|approximately|≈|~)?\s*{_NUMBER}(?:/{_NUMBER})?\s*(?:[A-Za-z%°µμΩ][^\s\d]{{0,15}})?", re.I
)
_SIGNS = str.maketrans({"−": "-", **dict.fromkeys("$€£\\")})


def number(text: str) -> float | None:
    """The number that a text is, with a unit of one word or none, or what an equation comes to; None for other texts.

    >>> number("$7,243,000"), number("V_x = 0.3 V."), number("24/7"), number("3 or 4"), number("curve 2")
    (7243000.0, 0.3, 3.4285714285714284, None, None)
    """
    found = _WRITTEN.fullmatch(text.translate(_SIGNS).rpartition("=")[2].strip().rstrip("."))
    if found is None:
        return None
    try:
        value = float(found[1].replace(",", ""))
        return value if found[2] is None else value / float(found[2].replace(",", ""))
    except (ValueError, ZeroDivisionError):
        return None


def plain(text: str) -> str:
    """An answer as it is voted on: a number without unit and with two decimals at the most, else the text.

    >>> plain("3.4286 ft/s"), plain("1,000 dollars"), plain("Curve B")
    ('3.43', '1000', 'Curve B')
    """
    value = number(text)
    return text if value is None else f"{value:.2f}".rstrip("0").rstrip(".")


def accepted(reference: str) -> list[str]:
    """The answers that a reference allows: several where it is a list.

    >>> accepted("['24/7', '3.429', '3.43]"), accepted("2.83")
    (['24/7', '3.429', '3.43'], ['2.83'])
    """
    return listed(reference.strip())


def right(answer: str, reference: str) -> bool:
    """Whether an answer is one of those that the reference allows.

    >>> right("42.004", "42"), right("3.43", "['24/7', '3.429', '3.43]"), right("the Dogma", "dog")
    (True, True, False)
    """
    return any(_same(answer, each) for each in accepted(reference))


def _same(answer: str, reference: str) -> bool:
    one, other = number(answer), number(reference)
    if one is None or other is None:
        return bool(metrics.exact_match(answer, reference))
    return round(one, 2) == round(other, 2)
