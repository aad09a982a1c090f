"""Where a response cites evidence: its text cut into plain text and mentions.

A mention is read by harness/parse.py alone, so that the page shows what was read and not what it might mean.
"""

from __future__ import annotations

import re
from typing import Any

from harness import parse
from harness.codec import encode
from harness.records import View

_MENTION = re.compile(
    r"<obj>[^<]{0,200}</obj>(?:\s{0,3}<box>[^<]{0,200}</box>){0,8}(?:\s{0,3}(?:at\s{0,3})?<t>[^<]{0,40}</t>(?:s\b)?)?"
)

UNSEEN = "what was shown is not on record, so its box cannot be placed"


def cut(view: View | None, text: str) -> list[Any]:
    """The text in order: a string where nothing is cited, else {"text", "claim", "problems"}.

    >>> cut(None, "A <obj>cup</obj>.")[0::2], cut(None, "A <obj>cup</obj>.")[1]["text"]
    (['A ', '.'], '<obj>cup</obj>')
    """
    found: list[Any] = []
    end = 0
    for match in _MENTION.finditer(text):
        found += [text[end : match.start()]] if match.start() > end else []
        end = match.end()
        claims, problems = parse.evidence(view, match[0]) if view else ((), (UNSEEN,))
        claim = encode(claims[0]) if claims else None
        found.append({"text": match[0], "claim": claim, "problems": list(problems)})
    return found + ([text[end:]] if end < len(text) else [])
