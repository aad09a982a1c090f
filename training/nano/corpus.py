"""The texts that nano's tokenizer is made of: the harness's own prompts and reference responses."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

from harness import prompt
from harness.records import Frame
from harness.shapes import questions
from harness.shapes.clip import make

from . import model, words
from .branches import chat
from .lessons import Teacher
from .looks import look

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

CLIPS = 200


def tokenizer(start: Path | None = None) -> PreTrainedTokenizerFast:
    """Nano's tokenizer; that of a checkpoint, with what it lacks behind it, where one goes on from `start`."""
    if start is None:
        return words.build(_texts())
    return words.extend(model.load_tokenizer(start), _texts())


def _texts() -> list[str]:
    teacher, texts = Teacher(None), []
    for seed in range(CLIPS):
        rng = random.Random(seed)
        clip = make(seed, "short" if seed % 8 else "medium")
        view = look(clip, rng)
        told = [*teacher.ask(clip, view, rng), *teacher.filmed(seed)[2], *teacher.pictured(seed)[2]]
        texts += [chat(request) + response for request, response in told]
        crop, thing = Frame(video="", time=0.0, size=view.size), clip.things[0]
        for asked in (questions.when(thing), questions.where(thing), questions.what(clip, rng).text):
            texts.append(chat(prompt.relevance(asked, thing.name, crop)))
        texts.append(chat(prompt.verify(thing.name, crop)))
    return texts
