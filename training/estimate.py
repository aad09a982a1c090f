"""Steps and setups of a training, told by its recipe alone: by the rules of TRL 1.16 and accelerate 1.15."""

from __future__ import annotations

import importlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from . import memory
from .lengths import Length
from .memory import Setup, Work
from .recipe import POLICIES, Recipe

if TYPE_CHECKING:
    from .train import Plan

USUAL_GPUS = 8
"""On which ways to spread training are shown, where the recipe has one GPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """How often weights are updated."""

    updates: int
    epochs: float
    rows: int
    """Rows, or completions, an update."""
    rollouts: int = 0
    """Batches of completions that are drawn."""
    prompts: int = 0
    """Rows that each of them asks about."""
    completions: int = 0
    """Completions in each of them."""


def arguments(plan: Plan) -> Any:
    """The configuration of TRL as all processes of the recipe have it together, made without a GPU.

    TRL asks whether groups of completions fill a batch of all processes; here one process has all of it.
    """
    stage, count = plan.recipe.stage(plan.stage), plan.recipe.processes
    known = {**(POLICIES.get(stage.policy, {}) if plan.stage == "gspo" else {}), **stage.trl}
    batch = int(known.get("per_device_train_batch_size", 8)) * count
    alone = {**stage.trl, "per_device_train_batch_size": batch, "use_cpu": True, "bf16": False}
    made = importlib.import_module(f".{plan.stage}", __package__).config(
        plan.recipe.with_stage(plan.stage, trl=alone), plan.out, plan.seed
    )
    made.per_device_train_batch_size = batch // count
    return made


def steps(args: Any, count: int, processes: int, rl: bool) -> Steps:
    """The updates that TRL 1.16 makes of that many rows: RepeatSampler, the Trainer and BatchSamplerShard."""
    each, gathered = args.per_device_train_batch_size, args.gradient_accumulation_steps
    if rl:
        prompts = args.generation_batch_size // args.num_generations
        repeats = args.steps_per_generation * args.num_iterations
        items = count // prompts * prompts * args.num_generations * repeats
        loaded = each * args.steps_per_generation
    else:
        items, loaded = count, each
    batches = math.ceil(math.ceil(items / loaded) / processes)
    an_epoch = max(1, math.ceil(batches / gathered))
    updates = args.max_steps if args.max_steps > 0 else math.ceil(args.num_train_epochs * an_epoch)
    told = {"updates": updates, "epochs": updates / an_epoch, "rows": each * processes * gathered}
    if not rl:
        return Steps(**told)
    drawn = math.ceil(updates * gathered / repeats)
    return Steps(**told, rollouts=drawn, prompts=prompts, completions=args.generation_batch_size)


def under_way(args: Any, seen: Sequence[Length], rl: bool) -> Work:
    """What one GPU has to hold, by the longest row that was seen."""
    asked, patches = max(each.prompt for each in seen), max(each.patches for each in seen)
    if not rl:
        longest = max(each.prompt + each.completion for each in seen)
        return Work(sequences=args.per_device_train_batch_size, tokens=longest, patches=patches)
    inside = args.use_vllm and args.vllm_mode == "colocate"
    return Work(
        sequences=args.per_device_train_batch_size,
        tokens=asked + args.max_completion_length,
        patches=patches,
        rollouts=0 if args.use_vllm else args.per_device_train_batch_size * args.steps_per_generation,
        server=args.vllm_gpu_memory_utilization if inside else 0.0,
        sleeps=bool(inside and args.vllm_enable_sleep_mode),
    )


def setup(recipe: Recipe, args: Any, rl: bool) -> Setup:
    """How the recipe holds what it trains."""
    told = recipe.weights
    return Setup(
        way=memory.way(recipe.launch),
        gpus=recipe.processes,
        number=4 if told.get("dtype") == "float32" else 2,
        lora=bool(told.get("use_peft")),
        bits=4 if told.get("load_in_4bit") else 8 if told.get("load_in_8bit") else 16,
        nested=bool(told.get("use_bnb_nested_quant")),
        reference=rl and args.beta > 0,
        checkpointing=bool(args.gradient_checkpointing),
    )


def others(mine: Setup) -> list[Setup]:
    """The usual ways to hold the same training, that of the recipe first."""
    many = mine.gpus if mine.gpus > 1 else USUAL_GPUS
    plain = replace(mine, lora=False, bits=16)
    made = [mine, replace(plain, way="ddp", gpus=1)]
    made += [replace(plain, way=way, gpus=many) for way in ("ddp", "zero2", "zero3", "fsdp")]
    made += [replace(plain, way="ddp", gpus=1, lora=True, bits=bits) for bits in (16, 4)]
    return list(dict.fromkeys(made))
