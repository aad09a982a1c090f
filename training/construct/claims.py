"""Reasoning as text: its claims <obj>n</obj><box>[x1,y1,x2,y2]</box>at<t>t</t>s, its times and its sentences.

Boxes are fractions of the frame and times seconds, as rows hold them; an annotator's own are turned by `rewrite`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from harness.geometry import Box

from ..rows import numbers_of

_CLAIM = (
    r"<obj>([^<>]{1,200})</obj>\s{0,3}<box>\s{0,3}\[([^\[\]<>]{1,200})\]\s{0,3}</box>\s{0,3}"
    r"at\s{0,3}<t>([^<>]{1,40})</t>"
)
_TOKEN = re.compile(rf"(?:{_CLAIM}|<t>([^<>]{{1,40}})</t>)(?:\s?(?:seconds?|s)\b)?")
_TAG = re.compile(r"</?(?:obj|box|t)>")
_END = re.compile(r"(?<=[.!?])\s+")
_ARTICLE = re.compile(r"(?:an?|the)\s+(?=\S)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Claim:
    """This object, here, then."""

    name: str
    box: Box
    """Fractions of the frame."""
    time: float
    """Seconds."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a reasoning cites."""

    claims: tuple[Claim, ...]
    times: tuple[float, ...]
    """Times outside of claims."""
    broken: str | None = None
    """The first piece of it that is neither."""


def cited(reasoning: str) -> Said:
    """What a reasoning cites.

    >>> cited("The <obj>cup</obj><box>[0,0.1,0.5,1]</box>at<t>2.0</t>s, from <t>1</t>s on.")
    Said(claims=(Claim(name='cup', box=Box(x1=0.0, y1=0.1, x2=0.5, y2=1.0), time=2.0),), times=(1.0,), broken=None)
    >>> cited("The <obj>cup</obj> at 2 s.").broken
    '<obj>cup</obj> at 2 s.'
    """
    claims: list[Claim] = []
    times: list[float] = []
    for found in _TOKEN.finditer(reasoning):
        name, box, time, alone = found.groups()
        moment, corners = second(alone or time), numbers_of(box) if box else None
        if moment is None or (box and corners is None):
            return Said((*claims,), (*times,), found[0])
        if corners:
            claims.append(Claim(" ".join(name.split()), Box(*corners), moment))
        else:
            times.append(moment)
    left = _TOKEN.sub("", reasoning)
    rest = _TAG.search(left)
    return Said((*claims,), (*times,), left[rest.start() : rest.start() + 60] if rest else None)


def rewrite(reasoning: str, claim: Callable[[Claim], Claim], time: Callable[[float], float]) -> str:
    """The reasoning with each claim and each other time replaced; what cannot be read is left as it is.

    >>> rewrite("a <obj>X</obj> <box>[1, 2, 3, 4]</box> at <t>7</t> s.", lambda c: c, lambda t: t)
    'a <obj>X</obj><box>[1.0,2.0,3.0,4.0]</box>at<t>7.0</t>s.'
    """

    def new(found: re.Match[str]) -> str:
        said = cited(found[0])
        if said.claims:
            return write(claim(said.claims[0]))
        return f"<t>{time(said.times[0])}</t>s" if said.times else found[0]

    return _TOKEN.sub(new, reasoning)


def write(claim: Claim) -> str:
    """A claim as it stands in a reasoning.

    >>> write(Claim("red cup", Box(0, 0.12345, 0.5, 1), 3.0))
    '<obj>red cup</obj><box>[0.0,0.1235,0.5,1.0]</box>at<t>3.0</t>s'
    """
    box = ",".join(str(round(float(value), 4)) for value in claim.box)
    return f"<obj>{claim.name}</obj><box>[{box}]</box>at<t>{claim.time}</t>s"


def sentences(reasoning: str) -> list[str]:
    """The sentences of a reasoning, with their tags.

    >>> sentences("One <t>2.5</t>s. Two! And three")
    ['One <t>2.5</t>s.', 'Two!', 'And three']
    """
    return [each for each in _END.split(reasoning.strip()) if each]


def plain(sentence: str) -> str:
    """A sentence without tags: a claim is the name of its object, a time is that many seconds.

    >>> plain("The <obj>cup</obj><box>[0,0,1,1]</box>at<t>2.0</t>s falls at <t>3.5</t>s.")
    'The cup falls at 3.5 s.'
    """
    return _TOKEN.sub(lambda found: found[1] or f"{found[4]} s", sentence)


def second(text: str) -> float | None:
    """A time in seconds; None when it is none.

    >>> second("2.5"), second(" 3 s"), second("nan"), second("-1"), second("soon")
    (2.5, 3.0, None, None, None)
    """
    try:
        value = float(text.strip().removesuffix("s"))
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def bare(name: str) -> str:
    """A name in one line, without its article.

    >>> bare(" The  red Cup"), bare("a"), bare("Theo")
    ('red Cup', 'a', 'Theo')
    """
    return _ARTICLE.sub("", " ".join(name.split()), count=1) if _ARTICLE.match(name.strip()) else " ".join(name.split())


def same(one: str, other: str) -> bool:
    """Whether two names differ in case and article at most.

    >>> same("The Red Cup", "red cup"), same("red cup", "cup")
    (True, False)
    """
    return bare(one).casefold() == bare(other).casefold()
