"""How LongVideo-Reason's own program (NVlabs/Long-RL) asks, reads and scores; the words are ours.

It compares texts: what stands in the first answer tag that is closed in the same line, else the whole response, must be
the letter and nothing more. math_verify, which it asks first, makes nothing of a letter.
"""

from __future__ import annotations

import re

PHRASE = "Therefore the final answer is:"
_END = re.compile(r"</think>\s*<answer>")


def question(problem: str) -> str:
    """The text after the frames; `problem` holds the options."""
    return (
        "You are a helpful assistant. A user asks a question, and you solve it.\n\nThink deeply about the question "
        "first, with the video before you, and give the final answer then: the reasoning between <think> and </think>, "
        "the answer between <answer> and </answer>, as in <think> the reasoning </think> <answer> the answer </answer>."
        f"\n\nQuestion: {problem}"
    )


def answer(text: str) -> str:
    r"""What is compared with the letter.

    >>> answer("<answer> B </answer>"), answer("<answer>\nB\n</answer>"), answer("B")
    ('B', '<answer>\nB\n</answer>', 'B')
    """
    found = _tagged(text, f"<answer>{PHRASE} " if PHRASE in text else "<answer>")
    return (text if found is None else found).strip()


def _tagged(text: str, opening: str) -> str | None:
    """What stands between the first opening that is closed in the same line and its close."""
    start, end = text.find(opening), 0
    while start >= 0:
        start += len(opening)
        end = end if end >= start else text.find("</answer>", start)
        line = text.find("\n", start)
        if end < 0 or line < 0 or end < line:
            return text[start:end] if end >= 0 else None
        start = text.find(opening, line)
    return None


def formed(text: str) -> bool:
    """Whether a response begins with thinking, followed by an answer: the format reward.

    >>> formed("<think>a</think> <answer>b</answer> c"), formed(" <think>a</think><answer>b</answer>")
    (True, False)
    """
    end = _END.search(text, len("<think>")) if text.startswith("<think>") else None
    return end is not None and text.find("</answer>", end.end()) >= 0
