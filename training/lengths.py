"""How long rows are in tokens: counted on rows drawn with the seed, before a model is there.

Videos and images are opened for their sizes, as training will open them, but no frame is decoded. Where a row has no
media yet, a video of 1280 x 720 and a minute stands for it, in the pixel budget of the recipe. Where the tokenizer is
not here, four characters count as a token.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from harness import families, prompt, sampling
from harness.errors import DataError, VideoError
from harness.records import View
from harness.video import VideoInfo

from . import asking, sources
from .examples import Examples, Looks, ask
from .policy import Policy
from .rows import VISUAL, Row

LOOKED_AT = 200
"""Rows whose tokens are counted."""
STAND_IN = (1280, 720, 60.0, 25.0)
"""Width, height, seconds and frames a second of a video that is not there."""
PATCHES = 4
"""Patches that become one token of an image, in all families."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """A row in tokens."""

    task: str
    frames: int
    prompt: int
    """Tokens, with those of the frames."""
    images: int
    """Tokens of the frames alone."""
    completion: int
    """Tokens of the reference; 0 where there is none."""

    @property
    def patches(self) -> int:
        """What the vision tower sees."""
        return PATCHES * self.images


@dataclass(slots=True, kw_only=True)
class Lengths:
    """What was seen of the rows."""

    rows: list[Length] = field(default_factory=list)
    counted: bool = False
    """Whether there was a tokenizer."""
    stood_in: int = 0
    """Rows whose media are not there."""
    broken: list[str] = field(default_factory=list)
    """Why a row cannot be shown."""


def measure(rows: Sequence[Row], root: Path, looks: Looks, model: Policy, seed: int) -> Lengths:
    """The lengths of at most LOOKED_AT rows, drawn with the seed."""
    chosen = range(len(rows))
    if len(rows) > LOOKED_AT:
        chosen = sorted(random.Random(f"{seed}:dry run").sample(chosen, LOOKED_AT))  # type: ignore[assignment]
    tokenizer = tokens_of(model)
    found = Lengths(counted=tokenizer is not None)
    with closing(Examples([rows[index] for index in chosen], root, looks)) as examples:
        for index, row in enumerate(examples.rows):
            try:
                there = sources.media(root, row).is_file()
                view = examples.view(index) if there else stand_in(row, looks)
                found.rows.append(length(row, view, looks, tokenizer))
                found.stood_in += not there
            except (VideoError, DataError) as error:
                found.broken.append(f"row {row.id!r} of {row.source}: {error}")
    return found


def length(row: Row, view: View, looks: Looks, tokenizer: Any) -> Length:
    """A row in tokens; without a tokenizer by its characters."""
    request = ask(row, view, looks.evidence)
    factor = families.family(looks.family).factor
    shown = prompt.frames(request)
    images = sum(frame.size[0] * frame.size[1] // factor**2 for frame in shown)
    asked = prompt.messages(request)
    text = asking.response(row, view, looks.evidence) if row.reasoning else ""
    answered = [{"role": "assistant", "content": [{"type": "text", "text": text}]}] if text else []
    before = _count(asked, tokenizer, answer=True)
    both = _count(asked + answered, tokenizer, answer=False) if text else before
    pads = len(shown) if tokenizer is not None else 0
    return Length(
        task=row.task, frames=len(shown), images=images, prompt=before + images - pads, completion=both - before
    )


def tokens_of(model: Policy) -> Any:
    """The tokenizer of a model that is on this machine; None where it is not, or has no chat template."""
    from transformers import AutoTokenizer

    try:
        found = AutoTokenizer.from_pretrained(model.path, local_files_only=True)
    except (OSError, ValueError):
        return None
    return found if found.chat_template else None


def stand_in(row: Row, looks: Looks) -> View:
    """What would be shown of a row whose media are not there."""
    width, height, seconds, rate = STAND_IN
    kind = families.family(looks.family)
    if row.task == VISUAL:
        wide, high = map(int, row.image_size or (width, height))
        size = kind.resize(wide, high, looks.image_pixels)
        return View(
            video=row.image or "", times=(0.0,), duration=0.0, width=wide, height=high, size=size, family=kind.name
        )
    seconds = max([seconds, *(frame.time + 1 for frame in row.key_frames)])
    count = np.arange(int(seconds * rate))
    info = VideoInfo(
        path=row.video or "",
        width=width,
        height=height,
        duration=seconds,
        fps=rate,
        times=count / rate,
        ticks=count,
        keys=count[:0],
    )
    times = sampling.sample(info, looks.frames)
    late = [frame.time for frame in row.key_frames] if looks.key_frames else []
    shown = sorted(set(info.on_screen([*times, *late])))
    return View(
        video=info.path,
        times=tuple(float(info.times[index]) for index in shown),
        duration=seconds,
        width=width,
        height=height,
        size=kind.resize(width, height, looks.max_pixels),
        family=kind.name,
    )


def _count(messages: list[dict[str, Any]], tokenizer: Any, *, answer: bool) -> int:
    """Tokens of a conversation, a frame being one; `answer` says that the model speaks next."""
    if tokenizer is not None:
        text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=answer)
        length: int = len(tokenizer(text, add_special_tokens=False).input_ids)
        return length
    parts = [part for message in messages for part in message["content"]]
    texts: int = sum(len(part["text"]) for part in parts if part["type"] == "text")
    frames: int = sum(part["type"] == "image" for part in parts)
    return texts // 4 + 2 * frames + 5 * (len(messages) + answer)
