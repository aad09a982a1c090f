"""WorldSense as the released Open-o3-Video program asks it and reads the letter; the words are ours."""

from __future__ import annotations

from . import _videomme_released
from ._released import CITE, REASON

LOOK = "Watch the video with care and mind every detail; then select the option that answers the question best."
FRAMES = "These are the frames of a video."
SELECT = "Select the best answer to the multiple-choice question based on the video."
SILENT = "This video does not have audio transcripts."
UNREAD = _videomme_released.UNREAD
"""What the released program takes an answer for that it cannot read: it draws a letter, but always from one seed."""


def question(text: str, options: str, heard: str, think: bool) -> str:
    """The text after the frames; `heard` are the subtitles, if any are shown."""
    before = (
        f"{LOOK}\n{FRAMES} Audio transcripts of the video:\n{heard or SILENT}\nQuestion: {text}\n{options}\n{SELECT}"
    )
    if not think:
        return f"{before} Respond {_videomme_released.LETTER}"
    return (
        f"{before} {REASON} {CITE} The reasoning must not have more than 100 words. "
        f"In the answer part, respond {_videomme_released.LETTER}"
    )


def letter(text: str, think: bool) -> str | None:
    """The letter of a response: always one of four, and never by what an option says.

    >>> [letter(text, False) for text in ("B or C", "it is the green pear, I would say")]
    ['C', None]
    """
    if think:
        return _videomme_released.letter(text, _videomme_released.LETTERS, think)
    return _videomme_released.said(text, len(_videomme_released.LETTERS))
