"""Video-MMMU's questions where they are not asked as those of all benchmarks: open ones, and as published programs ask.

The words are ours, what they say is theirs.
"""

from __future__ import annotations

from harness.prompt import THINKING
from harness.records import Sample

from ._choice import lettered
from ._released import CITE, REASON
from ._videommmu_rows import MCQ

IGNORE = "Ignore the quiz question in the last frame of the video."
LEARN = "Watch the video and learn from it. Then use what you have learned to"


def words(prompt: str, sample: Sample, *, lecture: bool) -> str:
    """What is said after the frames; `lecture` tells whether there is any."""
    if prompt == "official":
        return _official(sample, lecture)
    if prompt.startswith("released"):
        return _released(sample, prompt == "released")
    think = THINKING[prompt]
    form = f"{think}Then give the answer between <answer> and </answer>." if think else _ONLY
    return f"\n{sample.question}\n{form}"


_ONLY = "Give only the answer."


def _official(sample: Sample, lecture: bool) -> str:
    """As lmms-eval: a question without a type has no options but in the run without the lecture."""
    with_options = f"{sample.question}\n{lettered(sample.options)}"
    if not lecture:
        return with_options
    if sample.groups["track"] != "Adaptation":
        return f"{with_options}\n{IGNORE}"
    kind, asked = ("multiple-choice", with_options) if sample.kind == MCQ else ("open", sample.question)
    return f"{LEARN} answer the {kind} question below. Its picture is at the end of the video.\n{asked}"


def _released(sample: Sample, think: bool) -> str:
    """As Open-o3-Video's program: an open question keeps an empty block of options."""
    track = sample.groups["track"]
    hint = IGNORE if track != "Adaptation" else f"{LEARN} answer the question; the picture tells part of what it asks."
    text = f"{sample.question}\n{lettered(sample.options)}\nQuestion Category:{track}\n{hint}"
    if not think:
        return text
    answer = "the letter of the right option" if sample.kind == MCQ else "the final answer"
    return (
        f"{text}\n{REASON} {CITE} The reasoning must not have more than 100 words. "
        f"In the answer part, respond with only {answer}."
    )
