"""Lessons to tensors: frames of one size, prefixes, and their questions sorted by length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.shapes.clip import COLOURS, SHAPES

from . import model
from .branches import Branch
from .lessons import Lesson
from .words import THINGS, token

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerFast

CELL = model.PATCH * model.MERGE


@dataclass(frozen=True, slots=True)
class Words:
    """Tokens that a batch is made with."""

    image: int
    zero: int
    """Of "0"; those of 1 to 255 follow it."""
    things: tuple[int, ...]


def words_of(tokenizer: PreTrainedTokenizerFast) -> Words:
    """The tokens of a tokenizer."""
    image, zero = token(tokenizer, "<|image_pad|>"), token(tokenizer, "0")
    return Words(image, zero, tuple(token(tokenizer, name) for name in THINGS))


@dataclass(slots=True)
class Questions:
    """Questions of like length: (N, B) tokens, each after the prefix of its lesson."""

    owner: Tensor
    tokens: Tensor
    weights: Tensor
    soft: Tensor
    positions: Tensor


@dataclass(slots=True)
class Batch:
    """Lessons of one frame size."""

    pixels: Tensor
    """(frames of all lessons, height, width, 3) uint8."""
    prefix: Tensor
    """(C, P) tokens, padded at the right with 0."""
    valid: Tensor
    """(C, P), False where padded."""
    positions: Tensor
    """(3, C, P): time, row and column."""
    cells: Tensor
    """(C, P), True where an image token stands."""
    questions: list[Questions]
    things: Tensor
    """Tokens of the names of things, by colour and shape."""
    sights: Tensor
    """(frames, cells, 7): is a thing's centre here, its colour, its shape, its box as fractions of the frame."""


def collate(lessons: Sequence[Lesson], words: Words, sets: int = 3) -> Batch:
    """The batch of lessons whose frames have one size."""
    import torch

    height, width = lessons[0].pixels.shape[1:3]
    length = max((len(lesson.prefix) for lesson in lessons), default=1) or 1
    prefix = np.zeros((len(lessons), length), np.int64)
    valid = np.zeros((len(lessons), length), bool)
    positions = np.zeros((3, len(lessons), length), np.int64)
    ends = []
    for row, lesson in enumerate(lessons):
        size = len(lesson.prefix)
        prefix[row, :size], valid[row, :size] = lesson.prefix, True
        positions[:, row, :size], end = place(lesson.prefix, words.image, height // CELL, width // CELL)
        ends.append(end)
    asked = [(row, branch) for row, lesson in enumerate(lessons) for branch in lesson.branches]
    asked.sort(key=lambda pair: len(pair[1].tokens))
    parts = [asked[k * len(asked) // sets : (k + 1) * len(asked) // sets] for k in range(sets)]
    return Batch(
        pixels=torch.from_numpy(np.concatenate([lesson.pixels for lesson in lessons])),
        prefix=torch.from_numpy(prefix),
        valid=torch.from_numpy(valid),
        positions=torch.from_numpy(positions),
        cells=torch.from_numpy(prefix == words.image),
        questions=[_questions(part, ends) for part in parts if part],
        things=torch.tensor(words.things),
        sights=torch.from_numpy(np.concatenate([_sights(lesson, height, width) for lesson in lessons])),
    )


def place(tokens: Sequence[int], image_token: int, rows: int, columns: int) -> tuple[np.ndarray, int]:
    """Positions (3, length) of a prefix as Qwen2.5-VL counts them, and the position after it."""
    found = np.zeros((3, len(tokens)), np.int64)
    now, index, cells = 0, 0, rows * columns
    grid = np.stack([np.zeros(cells, int), np.arange(cells) // columns, np.arange(cells) % columns])
    while index < len(tokens):
        if tokens[index] == image_token:
            found[:, index : index + cells] = now + grid
            index, now = index + cells, now + max(rows, columns)
        else:
            found[:, index] = now
            index, now = index + 1, now + 1
    return found, now


def _questions(asked: Sequence[tuple[int, Branch]], ends: Sequence[int]) -> Questions:
    import torch

    length = max(len(branch.tokens) for _, branch in asked)
    tokens = np.zeros((len(asked), length), np.int64)
    weights = np.zeros((len(asked), length), np.float32)
    soft = np.zeros((len(asked), length), bool)
    for row, (_, branch) in enumerate(asked):
        size = len(branch.tokens)
        tokens[row, :size], weights[row, :size], soft[row, :size] = branch.tokens, branch.weights, branch.soft
    owner = np.array([row for row, _ in asked])
    positions = np.array(ends)[owner][:, None] + np.arange(length)
    return Questions(*(torch.from_numpy(array) for array in (owner, tokens, weights, soft, positions)))


def _sights(lesson: Lesson, height: int, width: int) -> np.ndarray:
    rows, columns = height // CELL, width // CELL
    found = np.zeros((len(lesson.pixels), rows * columns, 7), np.float32)
    for index, things in enumerate(lesson.things):
        for thing, box in things:
            column = min(int((box.x1 + box.x2) / 2 / CELL), columns - 1)
            row = min(int((box.y1 + box.y2) / 2 / CELL), rows - 1)
            kind = [1, list(COLOURS).index(thing.colour), SHAPES.index(thing.shape)]
            edges = [box.x1 / width, box.y1 / height, box.x2 / width, box.y2 / height]
            found[index, row * columns + column] = kind + edges
    return found
