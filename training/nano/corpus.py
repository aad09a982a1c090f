"""The texts that nano's tokenizer is made of: the harness's own prompts and reference responses."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from harness import prompt
from harness.records import Frame
from harness.shapes import questions
from harness.shapes.clip import make

from . import words
from .lessons import Teacher, chat
from .looks import look

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

CLIPS = 200


def tokenizer() -> PreTrainedTokenizerFast:
    """Nano's tokenizer."""
    return words.build(_texts())


def _texts() -> list[str]:
    teacher, texts = Teacher(None), []
    for seed in range(CLIPS):
        rng = random.Random(seed)
        clip = make(seed, "short" if seed % 8 else "medium")
        view = look(clip, rng)
        texts += [chat(request) + response for request, response in teacher.ask(clip, view, rng)]
        crop, thing = Frame(video="", time=0.0, size=view.size), clip.things[0]
        for asked in (questions.when(thing), questions.where(thing), questions.what(clip, rng).text):
            texts.append(chat(prompt.relevance(asked, thing.name, crop)))
        texts.append(chat(prompt.verify(thing.name, crop)))
    return texts
