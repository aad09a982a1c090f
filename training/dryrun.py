"""`harness train sft|gspo --dry-run`: rows, tokens, steps and memory, before a GPU is touched or a weight is read.

Everything here is an estimate and says where it comes from: lengths from rows drawn with the seed (lengths.py), steps
by the rules of TRL (estimate.py), memory by formulas (memory.py, shape.py). Nothing is written.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import lengths, memory, rows, shape, world
from .estimate import Steps, arguments, others, setup, steps, under_way
from .lengths import Lengths
from .memory import CARD, GIB, Setup, Work
from .recipe import Recipe
from .rows import Row
from .shape import Shape

if TYPE_CHECKING:
    from rich.console import Console

    from .train import Plan

SAMPLE_CLIPS = 6
"""Clips of the synthetic world that stand for all of them, where it is not written yet."""
SAFE_RATE, LOST = 1e-4, 2**-9
"""A step of Adam is about the learning rate; below LOST of a bfloat16 weight, which has 8 bits, it changes nothing."""


def dry_run(plan: Plan, console: Console) -> int:
    """Print what training by this plan would be; the exit code is 1 when a row looked at cannot be shown."""
    from rich.text import Text

    args = arguments(plan)
    with _data(plan) as (root, known, note):
        seen = lengths.measure(known, root, plan.looks, plan.model, plan.seed)
    count = len(known) if note is None else len(known) * plan.recipe.world // SAMPLE_CLIPS
    made = shape.read(plan.model, plan.recipe)
    console.print(Text("dry run: an estimate; no weight is read and nothing is written"))
    console.print(_rows_table(known, seen, count))
    done = steps(args, count, plan.recipe.processes, plan.stage == "gspo")
    lines = [*([note] if note else []), _sources(known, count)]
    lines += [*_said(seen), *_steps(done, args, plan.recipe), *_model(plan, made)]
    for line in lines:
        console.print(Text(line), soft_wrap=True)
    if seen.rows:
        work = under_way(args, seen.rows, plan.stage == "gspo")
        mine = setup(plan.recipe, args, plan.stage == "gspo")
        console.print(_memory_table(made, work, mine))
        for line in _verdict(made, work, mine, args):
            console.print(Text(line), soft_wrap=True)
    for line in seen.broken[:3]:
        console.print(Text(f"BROKEN ({len(seen.broken)} of {len(seen.broken) + len(seen.rows)}): {line}"))
    return 1 if seen.broken else 0


@contextmanager
def _data(plan: Plan) -> Iterator[tuple[Path, list[Row], str | None]]:
    """Root and rows; a few clips of the synthetic world where the recipe would write it first, and a word on it."""
    if plan.rows.exists() or not plan.recipe.world:
        yield Path(plan.recipe.data), rows.read(plan.rows, Counter()), None
        return
    with tempfile.TemporaryDirectory() as folder:
        world.write(Path(folder), SAMPLE_CLIPS, 0)
        known = rows.read(Path(folder) / plan.recipe.stage(plan.stage).rows, Counter())
        note = f"{plan.rows} is not written yet; {SAMPLE_CLIPS} of its {plan.recipe.world} clips were made to look at"
        yield Path(folder), known, note


def _rows_table(known: Sequence[Row], seen: Lengths, count: int) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("task", "rows", "seen", "frames", "prompt", "images", "answer"):
        table.add_column(heading, justify="left" if heading == "task" else "right", no_wrap=True)
    for task, number in sorted(Counter(row.task for row in known).items()):
        mine = [each for each in seen.rows if each.task == task]
        cells = [
            _spread([getattr(each, name) for each in mine]) for name in ("frames", "prompt", "images", "completion")
        ]
        table.add_row(task, f"{_scaled(number, known, count):,}", str(len(mine)), *cells)
    return table


def _sources(known: Sequence[Row], count: int) -> str:
    """How many rows each source gives."""
    found = Counter(row.source for row in known).most_common()
    return "sources: " + ", ".join(f"{name} {_scaled(amount, known, count):,}" for name, amount in found)


def _scaled(number: int, known: Sequence[Row], count: int) -> int:
    return round(number * count / len(known)) if known else 0


def _spread(values: Sequence[int]) -> str:
    """Mean and most; the mean alone where all are the same."""
    if not values or not max(values):
        return "-"
    mean = sum(values) / len(values)
    return f"{mean:,.0f}" if min(values) == max(values) else f"{mean:,.0f} / {max(values):,}"


def _said(seen: Lengths) -> list[str]:
    way = "by the model's tokenizer" if seen.counted else "by characters / 4, as its tokenizer is not here"
    lines = [f"frames, and tokens of prompt, images and answer: mean / most of the rows seen; words are counted {way}"]
    if seen.stood_in:
        wide, high, seconds, _ = lengths.STAND_IN
        what = f"a video of {wide} x {high} and {seconds:g} s, or an image of the size told, stands for each"
        lines.append(f"{seen.stood_in} of {len(seen.rows)} have no media here yet: {what}")
    return lines


def _steps(done: Steps, args: Any, recipe: Recipe) -> list[str]:
    gpus = f"{recipe.processes} x " if recipe.processes > 1 else ""
    batch = f"{gpus}{args.per_device_train_batch_size} x {args.gradient_accumulation_steps} accumulated"
    what = "completions" if done.rollouts else "rows"
    lines = [f"steps: {done.updates:,} updates of {done.rows:,} {what} ({batch}), {done.epochs:.3g} epochs"]
    if done.rollouts:
        drawn, most = done.rollouts * done.completions, args.max_completion_length
        group = f"{done.prompts:,} rows x {args.num_generations} completions"
        lines.append(
            f"rollouts: {done.rollouts:,} times {group} = {drawn:,}, of at most {most:,} tokens ({drawn * most:,})"
        )
    return lines


def _model(plan: Plan, made: Shape) -> list[str]:
    adapters = f"; adapters of {made.adapters:,}" if plan.recipe.weights.get("use_peft") else ""
    return [f"model: {plan.model.path}, {made.parameters:,} parameters{adapters}"]


def _memory_table(made: Shape, work: Work, mine: Setup) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    names = ("weights", "gradients", "optimizer", "reference", "activations", "rollouts", "rest")
    table.add_column("GiB a GPU", no_wrap=True)
    short = ("weights", "grads", "optim", "ref", "activ", "vLLM", "rest", "all", "no ckpt", f"in {CARD // GIB}")
    for heading in short:
        table.add_column(heading, justify="right", no_wrap=True)
    for each in others(mine):
        found = memory.need(made, work, each)
        plain = memory.need(made, work, replace(each, checkpointing=False))
        cells = [_gib(getattr(found, name)) for name in names]
        fits = "yes" if found.total <= CARD else "no"
        table.add_row(
            f"{'> ' if each == mine else '  '}{each.name}", *cells, _gib(found.total), _gib(plain.total), fits
        )
    return table


def _verdict(made: Shape, work: Work, mine: Setup, args: Any) -> list[str]:
    found, lines = memory.need(made, work, mine), []
    room, rate = getattr(args, "vllm_max_model_length", None), args.learning_rate
    if found.total > CARD:
        lines.append(f"DOES NOT FIT: needs about {_gib(found.total)} GiB of {CARD // GIB}: {_advice(made, work, mine)}")
    else:
        lines.append(f"fits: about {_gib(found.total)} GiB of {CARD // GIB}")
    if work.server and work.server * CARD < 2 * made.parameters:
        lines.append(
            f"TOO SMALL: the share of vLLM, {_gib(work.server * CARD)} GiB, does not hold the weights; raise "
            "trl.vllm_gpu_memory_utilization, or let a server draw the rollouts (trl.vllm_mode=server)"
        )
    if room is not None and work.tokens > room:
        lines.append(f"TOO LONG: {work.tokens:,} tokens do not fit trl.vllm_max_model_length={room:,}; raise it")
    if mine.way == "ddp" and mine.number == 2 and not mine.lora and rate < SAFE_RATE:
        lines.append(
            f"LOST UPDATES: bfloat16 weights have no float32 copy here, so that a step of {rate:g} changes only those "
            f"of less than about {rate / LOST:.1g}; use --launch zero2, --set weights.dtype=float32, or LoRA"
        )
    lines.append("no ckpt: without gradient checkpointing; vLLM: rollouts; rest: buffers, CUDA and fragments")
    lines.append("the formulas stand in training/memory.py and training/shape.py; they leave out what is below a GiB")
    return lines


def _advice(made: Shape, work: Work, mine: Setup) -> str:
    fitting = [each for each in others(mine)[1:] if memory.need(made, work, each).total <= CARD]
    words = {"zero2": "--launch zero2", "zero3": "--launch zero3", "fsdp": "--launch fsdp2", "ddp": ""}
    ways = [
        " and ".join(
            part
            for part in (
                f"{words[each.way]} --processes {each.gpus}".strip() if each.gpus > 1 else "",
                "--set weights.use_peft=true" if each.lora else "",
                "--set weights.load_in_4bit=true" if each.bits == 4 else "",
            )
            if part
        )
        or "one GPU"
        for each in fitting
    ]
    return f"use {', or '.join(ways)}" if ways else "use fewer rows at once, shorter rows, or a smaller model"


def _gib(size: float) -> str:
    return f"{size / GIB:,.1f}" if size else "-"
