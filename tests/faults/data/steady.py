"""An engine that answers as the question and its seed have it, after a while.

Options, none of which says anything of what is answered: `delay` in seconds at most, `fail` the share of requests that
fail, `log` a file of what was asked.
"""

from __future__ import annotations

import asyncio
import math
import random
from pathlib import Path
from typing import ClassVar

from harness.contracts import Pixels
from harness.engines import Settings
from harness.errors import EngineError
from harness.records import Frame, Request, Response

COLOURS = ("red", "green", "blue", "crimson")


class Steady:
    places: ClassVar[tuple[str, ...]] = ("delay", "fail", "log")

    def __init__(self, settings: Settings, pixels: Pixels) -> None:
        self.options, self.pixels = settings.options, pixels

    async def start(self) -> None:
        """Nothing to load."""

    async def generate(self, request: Request) -> list[Response]:
        rng = random.Random(f"{request.key}:{request.seed}")
        shown = [part for part in request.parts if isinstance(part, Frame)]
        if shown:
            await self.pixels.get(shown)
        await asyncio.sleep(rng.random() * self.options.get("delay", 0))
        if rng.random() < self.options.get("fail", 0):
            raise EngineError("too long")
        made = [self._one(request, rng, shown, request.first + k) for k in range(request.n)]
        if "log" in self.options:
            with Path(self.options["log"]).open("a") as log:
                log.write(f"{request.key}:{request.seed}\n")
        return made

    def _one(self, request: Request, rng: random.Random, shown: list[Frame], k: int) -> Response:
        if request.choices:
            chances = [rng.random() + 0.01 for _ in request.choices]
            logs = {c: math.log(p / sum(chances)) for c, p in zip(request.choices, chances, strict=True)}
            return Response(
                rollout=k, text=max(logs, key=logs.__getitem__), finish="stop", tokens=1, choice_logprobs=logs
            )
        at = f"{rng.choice(shown).time:.1f}"
        claim = f"The <obj>thing</obj><box>[{rng.randrange(20)},10,60,60]</box>at<t>{at}</t>s."
        text = f"<think>{claim}</think><answer>{rng.choice(COLOURS)}</answer>"
        return Response(rollout=k, text=text, finish="stop", tokens=4, logprob=-rng.random())

    async def close(self) -> None:
        """Nothing was taken."""


engine = Steady
