"""What a run would ask and need, told before a model is loaded: `harness run --dry-run`. Nothing is written.

Questions are looked at as they will be asked: their videos are opened, their prompts written and put into tokens. Of a
large task a number of questions drawn with the seed stands for all. Formulas, in bytes:

    weights   parameters (from the heads of the weight files) x bytes a number
    a token   2 x layers x key-value heads x width of a head x bytes a number
    pixels    frames of a sample x width x height x 4 bytes x samples under way: what decoded frames can take at most
    a sample  (median tokens of the prompt, which its rollouts share + n x --max-tokens) x a token
"""

from __future__ import annotations

import asyncio
import json
import math
import random
import struct
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from harness import prompt
from harness.engines import Settings, _chat
from harness.engines._layout import Layout
from harness.errors import DataError, VideoError
from harness.frames import Frames
from harness.model import Model, Named
from harness.plan import Plan
from harness.progress import clock
from harness.records import Sample
from harness.sampling import KeyFrames, recipe
from harness.settings import Asked
from harness.store import refuse_foreign

if TYPE_CHECKING:
    from rich.console import Console

LOOKED_AT = 64
"""Questions of a task whose prompts are counted."""

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}


@dataclass(slots=True, kw_only=True)
class Look:
    """What was seen of the questions of a task."""

    plan: Plan
    frames: list[int] = field(default_factory=list)
    """Frames of each question that was looked at."""
    pixels: list[int] = field(default_factory=list)
    """Bytes of those frames, decoded."""
    tokens: list[int] = field(default_factory=list)
    """Tokens of its prompt; empty without a tokenizer."""
    long: list[str] = field(default_factory=list)
    """Those that do not fit the context."""
    broken: list[str] = field(default_factory=list)
    """Why a video cannot be shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What a model folder says of itself."""

    parameters: int
    token: int
    """Bytes that the keys and values of one token take."""
    number: int
    """Bytes of a number."""
    context: int
    """Tokens of prompt and answer together."""


def dry_run(
    asked: Asked, plans: Sequence[Plan], model: Named | None, family: str, console: Console, signal: str | None = None
) -> int:
    """Print what a run would ask and need; the exit code is 1 when a question looked at could not be answered.

    `signal` is the name of what the voter weighs rollouts by.
    """
    from rich.table import Table
    from rich.text import Text

    refuse_foreign(asked.out)
    weights = model if isinstance(model, Model) else None
    size = measure(weights, asked) if weights else None
    looks = asyncio.run(_look(asked, plans, weights, family, size))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("task", "samples", "videos", "looked at", "frames", "prompt tokens", "generated at most"):
        table.add_column(heading, justify="left" if heading == "task" else "right")
    for look in looks:
        samples = look.plan.samples
        made = len(samples) * look.plan.decoding.n * look.plan.decoding.max_tokens
        videos = len({sample.video for sample in samples})
        cells = (len(samples), videos, len(look.frames), _spread(look.frames), _spread(look.tokens), f"{made:,}")
        table.add_row(look.plan.task.name, *map(str, cells))
    console.print(Text("dry run: nothing is asked and nothing is written; frames and tokens are median (most)"))
    console.print(table)
    lines = [*_pixels(looks, asked), *_memory(looks, size, asked), *_time(looks, asked)]
    if signal is not None:
        lines.append(f"the voter weighs rollouts by {signal}; what it asks about their evidence is not counted")
    lines += [
        f"the frames of {plan.task.name} are chosen by scores: counted are as many, evenly spread"
        for plan in plans
        if isinstance(recipe(plan.frames), KeyFrames)
    ]
    for line in (*lines, *_warnings(looks, size)):
        console.print(Text(line), soft_wrap=True)
    return 1 if any(look.long or look.broken for look in looks) else 0


def measure(model: Model, asked: Asked) -> Size:
    """The size of a model; DataError when its config.json or its weights do not tell."""
    path = model.path / "config.json"
    config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    text = {**config, **config.get("text_config", {})}
    try:
        heads = text["num_attention_heads"]
        width = text.get("head_dim") or text["hidden_size"] // heads
        numbers = 2 * text["num_hidden_layers"] * text.get("num_key_value_heads", heads) * width
        context = int(asked.engine_options.get("max_model_len", text["max_position_embeddings"]))
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path} does not tell the shape of the language model: {error!r}") from error
    number = BYTES[_chat.dtype(asked.dtype, gpu=_has_gpu())]
    parameters = sum(map(_parameters, sorted(model.path.glob("*.safetensors"))))
    return Size(parameters=parameters, token=numbers * number, number=number, context=context)


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def _parameters(path: Path) -> int:
    """The numbers in a file of weights, from its head: 8 bytes of length, then JSON."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            head = json.loads(file.read(min(length, 1 << 28)))
        return sum(math.prod(entry["shape"]) for name, entry in head.items() if name != "__metadata__")
    except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
        raise DataError(f"{path} has no readable head; copy or download it again: {error!r}") from error


async def _look(asked: Asked, plans: Sequence[Plan], model: Model | None, family: str, size: Size | None) -> list[Look]:
    layout = _layout(model, family, asked.trust_remote_code) if model else None
    looks = []
    with closing(Frames()) as views:
        for plan in plans:
            looks.append(look := Look(plan=plan))
            rule = recipe(plan.frames)
            frames = rule.unscored if isinstance(rule, KeyFrames) else plan.frames
            for sample in draw(plan.samples, asked.seed, plan.task.name):
                try:
                    view = await views.view(sample, frames, family, plan.max_pixels, plan.show)
                    request = plan.task.request(sample, view)
                except VideoError as error:
                    look.broken.append(f"{sample.id}: {error}")
                    continue
                look.frames.append(len(prompt.frames(request)))
                look.pixels.append(sum(4 * frame.size[0] * frame.size[1] for frame in prompt.frames(request)))
                if layout is not None and size is not None:
                    tokens, more = len(layout.lay(request)[0]), plan.decoding.max_tokens
                    look.tokens.append(tokens)
                    if tokens + more > size.context:
                        look.long.append(f"{sample.id} ({tokens} + {more})")
    return looks


def draw(samples: Sequence[Sample], seed: int, task: str) -> list[Sample]:
    """Those that are looked at, in their order."""
    if len(samples) <= LOOKED_AT:
        return list(samples)
    chosen = sorted(random.Random(f"{seed}:{task}:dry run").sample(range(len(samples)), LOOKED_AT))
    return [samples[index] for index in chosen]


def _layout(model: Model, family: str, trust: bool) -> Layout:
    from transformers import AutoConfig

    tokenizer = _chat.load_tokenizer(Settings(model=model, trust_remote_code=trust))
    return Layout(tokenizer, AutoConfig.from_pretrained(model.path, trust_remote_code=trust), family)


def _spread(values: Sequence[int]) -> str:
    return f"{round(median(values)):,} ({max(values):,})" if values else "-"


def _pixels(looks: Sequence[Look], asked: Asked) -> list[str]:
    return [
        f"decoded frames of {look.plan.task.name}: {_gib(max(look.pixels))} a sample at most; "
        f"{asked.in_flight} under way: {_gib(max(look.pixels) * asked.in_flight)} at most (--in-flight)"
        for look in looks
        if look.pixels
    ]


def _memory(looks: Sequence[Look], size: Size | None, asked: Asked) -> list[str]:
    if size is None:
        return ["no model is named, so tokens and memory are not counted"]
    weights = size.parameters * size.number
    lines = [f"weights: {size.parameters:,} parameters x {size.number} bytes = {_gib(weights)}"]
    lines.append(
        f"keys and values: {size.token:,} bytes a token (2 x layers x key-value heads x width x {size.number})"
    )
    for look in looks:
        if look.tokens:
            decoding = look.plan.decoding
            prompt_tokens, made = round(median(look.tokens)), decoding.n * decoding.max_tokens
            each = (prompt_tokens + made) * size.token
            one = f"({prompt_tokens:,} + {decoding.n} x {decoding.max_tokens:,}) tokens a sample = {_gib(each)}"
            under_way = f"{asked.in_flight} under way = {_gib(each * asked.in_flight)}"
            lines.append(f"  {look.plan.task.name}: {one}; {under_way}")
    return lines


def _time(looks: Sequence[Look], asked: Asked) -> list[str]:
    if asked.rate is None:
        return ["time: not estimated, as no rate is known; give --rate TOKENS_PER_S of a run on that machine"]
    made = sum(len(x.plan.samples) * x.plan.decoding.n * x.plan.decoding.max_tokens for x in looks)
    return [f"time: at most {clock(made / asked.rate)} at {asked.rate:g} generated tokens a second"]


def _warnings(looks: Sequence[Look], size: Size | None) -> list[str]:
    lines = []
    for look in looks:
        name, number = look.plan.task.name, len(look.frames) + len(look.broken)
        if look.long and size is not None:
            lines.append(
                f"TOO LONG: {len(look.long)} of {number} {name} questions pass the context of {size.context:,} tokens: "
                f"{', '.join(look.long[:3])}; use fewer or smaller frames, or a smaller --max-tokens"
            )
        if look.broken:
            lines.append(f"BROKEN: {len(look.broken)} of {number} {name} questions have no video: {look.broken[0]}")
    return lines


def _gib(size: float) -> str:
    return f"{size / 2**30:.3g} GiB"
