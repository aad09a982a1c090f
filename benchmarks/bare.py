"""Ours against vLLM alone, in one process with one engine: what the harness itself costs.

    python benchmarks/bare.py
    python benchmarks/bare.py --task vstar --videos 16 -n 1

vLLM alone has its prompts, pixels and settings ready before the clock starts, as many questions under way as we have,
and reads, votes, scores and writes nothing. Ours does all that; "warm" finds its frames on disk, "cold" decodes them.
The engine's caches are emptied before every pass.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from argparse import Namespace
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import cost
from ours import Ours

from harness.engines import _chat
from harness.run import decoded, sample_seed


class Bare:
    """vLLM alone, with the engine of ours and what that would ask."""

    def __init__(self, ours: Ours) -> None:
        """Nothing is ready yet."""
        self.engine, self.setup = ours.engine, ours.setup
        self.ready: list[tuple[str, Any, Any]] = []

    async def prepare(self) -> None:
        """Make prompts, pixels and settings."""
        (plan,), setup, engine = self.setup.plans, self.setup, self.engine
        for sample in plan.by_video():
            view = await engine.pixels.view(sample, plan.frames, setup.family, plan.max_pixels, plan.show)
            seed = sample_seed(setup.asked.seed, plan.task.name, sample.id)
            request = decoded(plan.task.request(sample, view), setup.decoding, seed)
            prompt = {"prompt": _chat.text(engine._tokenizer, request), **await engine._see(request)}
            sampling = engine._sampling(request, [])
            sampling.detokenize, sampling.logprobs = True, None
            self.ready.append((sample.id, prompt, sampling))

    async def answer(self) -> cost.Work:
        """From the first question to the last answer."""
        source, work, number = iter(self.ready), cost.Work(), time.monotonic_ns()

        async def ask() -> None:
            for name, prompt, sampling in source:
                async for output in self.engine._engine.generate(prompt, sampling, request_id=f"{number}-{name}"):
                    work.calls += 1
                    work.tokens += sum(len(one.token_ids) for one in output.outputs)
                    work.prompt_tokens += len(output.prompt_token_ids) * len(output.outputs)
                    work.said[name] = [one.text for one in output.outputs]

        await asyncio.gather(*(ask() for _ in range(self.setup.asked.in_flight)))
        return work


async def compare(asked: Namespace, scratch: Path) -> dict[str, list[cost.Work]]:
    """The passes of each way, which take turns; a first one of each does not count."""
    ours = Ours(asked, scratch / "data")
    await ours.start()
    warm = scratch / "warm"
    await ours.answer(scratch / "first", warm)
    bare = Bare(ours)
    await bare.prepare()
    folders = map(str, range(1 << 30))
    ways: dict[str, Callable[[], Awaitable[cost.Work]]] = {
        "vLLM alone": bare.answer,
        "harness, warm": lambda: ours.answer(scratch / next(folders), warm),
        "harness, cold": lambda: ours.answer(scratch / next(folders)),
    }
    works: dict[str, list[cost.Work]] = {name: [] for name in ways}
    await bare.answer()
    for number in range(asked.rounds):
        for name in [*ways][:: 1 if number % 2 == 0 else -1]:
            await ours.forget()
            works[name].append(await cost.timed(ways[name]))
    await ours.close()
    return works


def main() -> None:
    """Print the table."""
    parser: argparse.ArgumentParser = cost.flags(__doc__, videos=8, rounds=5, voter="majority")
    asked = parser.parse_args()
    cost.settle()
    with tempfile.TemporaryDirectory() as scratch:
        cost.write(Path(scratch) / "data", asked)
        works = asyncio.run(compare(asked, Path(scratch)))
    cost.show(works, f"{asked.task}, {asked.videos} videos, {asked.n} rollouts")


if __name__ == "__main__":
    main()
