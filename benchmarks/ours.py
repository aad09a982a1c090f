"""The harness as a contender: `harness run` as it is, with an engine that is loaded already and knows nothing yet."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import Any

import cost
from rich.console import Console

from harness import session
from harness.frames import Frames
from harness.records import Record
from harness.settings import Asked, engine_options
from harness.store import Store, read_records


def asked_of(asked: Namespace, data: Path) -> Asked:
    """The command."""
    return Asked(
        tasks=(asked.task,), data=data, out=data / "none", model=asked.model, engine="vllm", n=asked.n,
        temperature=1.0 if asked.n > 1 else 0.0, max_tokens=asked.max_tokens,
        frames=asked.frames, max_pixels=asked.max_pixels, engine_options=engine_options(asked.engine_option),
        voter=asked.voter if asked.n > 1 else None,
    )  # fmt: skip


class Ours:
    """The contender."""

    def __init__(self, asked: Namespace, data: Path) -> None:
        """Look up what is asked."""
        self.told = asked_of(asked, data)
        self.setup = session.look_up(self.told)

    async def start(self) -> None:
        """Load the model and answer the first question once."""
        frames = Frames()
        self.engine: Any = self.setup.engine(session.engine_settings(self.setup), frames)
        await self.engine.start()
        plan = self.setup.plans[0]
        sample = plan.samples[0]
        view = await frames.view(sample, plan.frames, self.setup.family, plan.max_pixels, plan.show)
        await self.engine.generate(replace(plan.task.request(sample, view), max_tokens=8))
        frames.close()

    async def forget(self) -> None:
        """Empty the caches of the engine."""
        vllm = self.engine._engine
        await vllm.reset_mm_cache()
        await vllm.reset_prefix_cache()
        await vllm.reset_encoder_cache()

    async def close(self) -> None:
        """End the engine."""
        await self.engine.close()

    async def answer(self, folder: Path, cache: Path | None = None) -> cost.Work:
        """From the first question to scores.json; frames are kept in `cache`, which is else empty."""
        frames = session.frames_of(replace(self.setup, asked=replace(self.told, cache=cache or folder / "frames")))
        self.engine.pixels = frames
        with Store(folder / "run") as store:
            store.join(self.setup.run)
            store.begin()
            await session.ask(self.setup, self.engine, frames, store, store.append)
        session.finish(folder / "run", self.setup.run, Console(quiet=True))
        frames.close()
        work = cost.Work(decoded=frames.passes)
        for record in read_records(folder / "run"):
            measured(work, record)
        return work


def measured(work: cost.Work, record: Record) -> None:
    """Count what a record holds."""
    if record.error is not None:
        raise SystemExit(f"{record.sample.id}: {record.error}")
    work.calls += 1 + len(record.grades)
    work.tokens += sum(response.tokens for response in record.responses)
    work.prompt_tokens += sum(response.prompt_tokens for response in record.responses)
    work.said.setdefault(record.sample.id, []).extend(response.text for response in record.responses)
