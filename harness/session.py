"""One start of `harness run`: from what was asked to a finished run folder."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import plugins
from harness.contracts import Engine
from harness.engines import Settings as EngineSettings
from harness.frames import Frames
from harness.manifest import manifest
from harness.model import Model, resolve
from harness.plan import Plan, make
from harness.progress import Progress
from harness.prompt import FAMILIES
from harness.prompt import family as known_family
from harness.records import Record
from harness.run import Job, Loop, drive
from harness.settings import Asked
from harness.store import REPORT, SCORES, Store, key, write, write_bytes
from harness.summary import summarise

if TYPE_CHECKING:
    from rich.console import Console

DEFAULT_MODEL = "nano"
WITH_WEIGHTS = ("vllm", "transformers")
"""Engines that take the default model when none is named."""


def session(asked: Asked, console: Console) -> int:
    """Run, or go on with a run, and publish it; the exit code."""
    engine_name, voter = asked.engine or default_engine(), asked.voter or ("first" if asked.n == 1 else "majority")
    model_name = asked.model or (DEFAULT_MODEL if engine_name in WITH_WEIGHTS else None)
    model = resolve(model_name, asked.family) if model_name else None
    family = model.family if model else known_family(asked.family or next(iter(FAMILIES))).name
    decoding = asked.decoding(model.max_tokens if model else None)
    plans = make(asked, model)
    loop_voter = plugins.load("harness.scaling", voter)
    frames = Frames(asked.cache or default_cache(), cache_bytes=int(asked.cache_gb * 1e9))
    engine = plugins.load("harness.engines", engine_name)(_engine_settings(asked, model), frames)
    loop = Loop(engine=engine, views=frames, voter=loop_voter, decoding=decoding, seed=asked.seed, family=family)
    told = manifest(asked, plans, model=model, family=family, engine=engine_name, decoding=decoding, voter=voter)
    with Store(asked.out) as store:
        store.open(told, retry_errors=asked.retry_errors)
        try:
            _answer(loop, plans, store, asked, console)
        except KeyboardInterrupt:
            console.print(f"stopped; {len(store.done)} samples are kept in {asked.out}: the same command goes on",
                          highlight=False, soft_wrap=True)  # fmt: skip
            return 130
        scores = summarise(asked.out, told)
        write(asked.out / SCORES, "scores", scores)
        publish(asked.out, told, scores, console)
    if all(task["counts"]["evaluated"] == 0 for task in scores["tasks"].values()):
        console.print("no sample could be evaluated; see the errors above", highlight=False)
        return 1
    return 0


def default_engine() -> str:
    """vllm where it is installed and there is a GPU, else transformers."""
    if importlib.util.find_spec("vllm") is None:
        return "transformers"
    import torch

    return "vllm" if torch.cuda.is_available() else "transformers"


def default_cache() -> Path:
    """Where decoded frames are kept for all runs of a user."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "grounded-harness" / "frames"


def publish(folder: Path, run: Mapping[str, Any], scores: Mapping[str, Any], console: Console) -> None:
    """Write report.md and print the tables."""
    table = importlib.import_module("harness.reports.table")
    write_bytes(folder / REPORT, table.markdown(run, scores).encode("utf-8", "replace"))
    table.show(console, run, scores)
    console.print(f"\n{folder / REPORT}", highlight=False, soft_wrap=True)


def _engine_settings(asked: Asked, model: Model | None) -> EngineSettings:
    return EngineSettings(
        model=model,
        max_in_flight=asked.in_flight,
        dtype=asked.dtype,
        tensor_parallel=asked.tensor_parallel,
        trust_remote_code=asked.trust_remote_code,
        options=asked.engine_options,
        answers=asked.answers,
    )


def _answer(loop: Loop, plans: Sequence[Plan], store: Store, asked: Asked, console: Console) -> None:
    """Ask what is owed."""
    total = sum(len(plan.samples) for plan in plans)
    if len(store.done) >= total:
        return
    with Progress(console, total, len(store.done), len(store.failed)) as progress:

        def keep(record: Record) -> None:
            store.append(record)
            progress.advance(record.error is not None)

        answered = len(store.done) > len(store.failed)
        asyncio.run(_drive(loop, loop.engine, _owed(plans, store), keep, asked.in_flight, answered))


async def _drive(loop: Loop, engine: Engine, jobs: Iterator[Job], keep: Any, in_flight: int, answered: bool) -> None:
    try:
        await engine.start()
        await drive(loop, jobs, keep, in_flight, answered=answered)
    finally:
        await engine.close()


def _owed(plans: Sequence[Plan], store: Store) -> Iterator[Job]:
    for plan in plans:
        for sample in plan.by_video():
            if key(plan.task.name, sample.id) not in store.done:
                yield Job(task=plan.task, sample=sample, frames=plan.frames, max_pixels=plan.max_pixels)
