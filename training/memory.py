"""What training asks of the memory of one GPU, for each way to spread it: formulas, in bytes.

Of N numbers that are trained on P GPUs (ZeRO: arXiv 1910.02054, Sec. 3; FSDP 2 as accelerate 1.15 sets it up):

    way     weights   gradients       optimizer (AdamW)
    ddp     b N       b N (2 b N)     2 b N          b = 2 or 4, by weights.dtype; doubled by buckets where P > 1
    zero1   2 N       2 N             12 N / P       a float32 copy and two moments
    zero2   2 N       2 N / P         12 N / P
    zero3   2 N / P   2 N / P         12 N / P
    fsdp    4 N / P   4 N / P         8 N / P        weights are raised to float32

Frozen weights take their bytes, 0.5625 a number in 4 bits (blocks of 64 with a float32 each; 0.5159 where those are
quantised too). Adapters are float32, or bfloat16 on quantised weights. A reference model, which beta > 0 asks for, is
another copy of the weights, but for adapters, which are switched off instead. Activations are those of shape.py; there
are no logits, as TRL 1.16 has a fused head.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from harness.errors import DataError, UsageError

from .shape import Shape, Tower

GIB = 2**30
CARD = 80 * GIB
"""The memory of the GPU that estimates are compared with."""
CONTEXT = 2 * GIB
"""What CUDA, its libraries and fragmentation take (a rule of thumb)."""
LIVE, BUCKET = 10**9, 5 * 10**8
"""Numbers that ZeRO-3 and FSDP hold gathered at most, and that a bucket of ZeRO holds (defaults of DeepSpeed)."""
QUANTISED, NESTED = 0.5 + 4 / 64, 0.5 + 1 / 64 + 4 / (64 * 256)
"""Bytes of a number in 4 bits; NESTED with quantised scales (arXiv 2305.14314, Sec. 3)."""

WAYS = ("ddp", "zero1", "zero2", "zero3", "fsdp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What one GPU has under way at most."""

    sequences: int
    """Rows, or completions, in a forward pass."""
    tokens: int
    """Of the longest row, prompt and completion."""
    patches: int
    """Of its frames, for the vision tower."""
    rollouts: int = 0
    """Completions that are drawn together by transformers."""
    server: float = 0.0
    """The share of the card that vLLM takes on the same GPU."""
    sleeps: bool = False
    """Whether vLLM gives its share back while weights are updated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """A way to hold what is trained."""

    way: str
    gpus: int
    number: int = 2
    """Bytes of a weight as it is loaded."""
    lora: bool = False
    bits: int = 16
    """Of frozen weights: 4, 8, or as loaded."""
    nested: bool = False
    reference: bool = False
    checkpointing: bool = True

    @property
    def name(self) -> str:
        """As it is named in a table."""
        spread = self.way if self.gpus > 1 or self.way != "ddp" else "one GPU"
        return f"{spread}{f' x {self.gpus}' if self.gpus > 1 else ''}{self._adapted}"

    @property
    def _adapted(self) -> str:
        if not self.lora:
            return ""
        return f", {'LoRA' if self.bits == 16 else 'QLoRA' if self.bits == 4 else 'LoRA in 8 bits'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Bytes on one GPU."""

    weights: float
    gradients: float
    optimizer: float
    reference: float
    activations: float
    rollouts: float
    rest: float
    """What CUDA and the buffers of the way take."""
    shared: bool = True
    """Whether rollouts use the memory of activations in turn."""

    @property
    def total(self) -> float:
        """The most at one time."""
        pair = (self.activations, self.rollouts)
        kept = self.weights + self.gradients + self.optimizer + self.reference + self.rest
        return kept + (max(pair) if self.shared else sum(pair))


def need(shape: Shape, work: Work, setup: Setup, card: float = CARD) -> Need:
    """What one GPU needs."""
    weights, gradients, optimizer = _adapted(shape, setup) if setup.lora else _trained(shape.parameters, setup)
    copy = setup.number if setup.way == "ddp" else 2
    parts = setup.gpus if setup.way in ("zero3", "fsdp") else 1
    reference = copy * shape.parameters / parts if setup.reference and not setup.lora else 0.0
    return Need(
        weights=weights,
        gradients=gradients,
        optimizer=optimizer,
        reference=reference,
        activations=_activations(shape, work, setup),
        rollouts=work.server * card if work.server else _drawn(shape, work),
        rest=CONTEXT + _buffers(shape, setup),
        shared=work.sleeps or not work.server,
    )


def way(launch: str | None) -> str:
    """The key of WAYS that an accelerate configuration stands for: a name of TRL's, or a file."""
    if launch is None or launch in ("single_gpu", "multi_gpu"):
        return "ddp"
    path = Path(launch)
    if not path.is_file():
        name = "fsdp" if launch.startswith("fsdp") else launch
        if name in WAYS:
            return name
        raise UsageError(
            f"there is no launch {launch!r}; give a file of accelerate, or one of: zero1 zero2 zero3 fsdp2"
        )
    try:
        told: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        kind = str(told["distributed_type"])
        stage = (told.get("deepspeed_config") or {}).get("zero_stage", 2)
    except (OSError, yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is not a configuration of accelerate: it does not say distributed_type") from error
    found = {"DEEPSPEED": f"zero{stage}", "FSDP": "fsdp"}.get(kind, "ddp")
    return found if found in WAYS else "ddp"


def _trained(numbers: int, setup: Setup) -> tuple[float, float, float]:
    """Weights, gradients and optimizer of that many trained numbers."""
    n, p, b = numbers, setup.gpus, setup.number
    if setup.way == "ddp":
        return b * n, (2 if p > 1 else 1) * b * n, 2 * b * n
    if setup.way == "fsdp":
        return 4 * n / p, 4 * n / p, 8 * n / p
    stage = int(setup.way[-1])
    return 2 * n / (p if stage > 2 else 1), 2 * n / (p if stage > 1 else 1), 12 * n / p


def _adapted(shape: Shape, setup: Setup) -> tuple[float, float, float]:
    """The same where adapters are trained on frozen weights."""
    small = {4: NESTED if setup.nested else QUANTISED, 8: 1.0}.get(setup.bits, setup.number)
    frozen = small * shape.linear + setup.number * (shape.parameters - shape.linear)
    if setup.way in ("zero3", "fsdp"):
        frozen /= setup.gpus
    number = 4 if setup.bits == 16 else 2
    own = _trained(shape.adapters, Setup(way=setup.way, gpus=setup.gpus, number=number))
    return frozen + own[0], own[1], own[2]


def _activations(shape: Shape, work: Work, setup: Setup) -> float:
    """What the forward pass keeps; adapters leave the vision tower as it is."""
    language = _kept(shape.text, work.tokens, setup.checkpointing)
    eyes = 0.0 if setup.lora else _kept(shape.eyes, work.patches, setup.checkpointing)
    cast = 2 * shape.parameters if setup.number == 4 and setup.way == "ddp" else 0
    return work.sequences * (language + eyes) + cast


def _kept(tower: Tower, tokens: int, checkpointing: bool) -> float:
    if not checkpointing:
        return tokens * tower.layers * tower.layer
    return tokens * (2 * tower.width * tower.layers + 2 * tower.layer)


def _drawn(shape: Shape, work: Work) -> float:
    """Keys and values of the rollouts, and one layer at work on their prompts."""
    kept = 2 * shape.cached * work.tokens
    at_work = max(shape.text.layer * work.tokens, shape.eyes.layer * work.patches)
    return work.rollouts * (kept + at_work)


def _buffers(shape: Shape, setup: Setup) -> float:
    """Gathered layers and buckets, in bfloat16."""
    trained = shape.adapters if setup.lora else shape.parameters
    live = 2 * min(LIVE, shape.parameters) if setup.way in ("zero3", "fsdp") else 0
    return live + (2 * min(BUCKET, trained) if setup.way.startswith("zero") else 0)
