"""An engine for the tests: slow, wrong at times, cut off at times, and dead when told to be."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

from harness.contracts import Pixels
from harness.engines import Settings
from harness.errors import EngineError
from harness.records import Request, Response

COLOURS = ("red", "green", "blue", "yellow", "purple", "white")


class Slow:
    """Answers a colour that depends on the seed alone, after `delay` seconds at the most."""

    def __init__(self, settings: Settings, pixels: Pixels) -> None:
        self.options = settings.options
        self.asked = 0

    async def start(self) -> None:
        """Say in a file that it began."""
        if "log" in self.options:
            with Path(self.options["log"]).open("a") as log:
                log.write("started\n")

    async def generate(self, request: Request) -> list[Response]:
        """The rollouts."""
        self.asked += 1
        rng = random.Random(request.seed)
        await asyncio.sleep(rng.random() * self.options.get("delay", 0))
        if self.asked > self.options.get("dies_after", 10**9):
            raise EngineError("the engine process is gone")
        if rng.random() < self.options.get("fail", 0):
            raise EngineError("too long")
        return [self._rollout(request, request.first + k) for k in range(request.n)]

    def _rollout(self, request: Request, k: int) -> Response:
        rng = random.Random(request.seed + k)
        colour = rng.choice(COLOURS)
        if "log" in self.options:
            with Path(self.options["log"]).open("a") as log:
                log.write(f"{request.seed + k}\n")
        text = rng.choice([f"<answer>{colour}</answer>"] * 8 + ["none", "<answer>\ud83d and \x00</answer>"])
        return Response(rollout=k, text=text, finish=rng.choice(["stop"] * 9 + ["length"]), tokens=rng.randrange(1, 9))

    async def close(self) -> None:
        """Nothing was taken."""


engine = Slow
