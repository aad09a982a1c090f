"""An engine for the tests: it answers A where it is shown the frames around second 2 as they are, else B.

It cites a thing at second 2, with a box; a prompt with the text of the option `silent` gets no citation. Other options
say nothing of what is answered: `log` is a file of the requests, `stop` the number of requests after which the user
interrupts, `fail` a text of the prompts that fail.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

from harness.contracts import Pixels
from harness.engines import Settings
from harness.errors import EngineError
from harness.records import Edited, Frame, Request, Response

CITED = 2.0
SIGHT = 0.8
"""Seconds around the cited time."""


class Seeing:
    """The engine."""

    places: ClassVar[tuple[str, ...]] = ("log", "stop", "fail")

    def __init__(self, settings: Settings, pixels: Pixels) -> None:
        """Note the options."""
        self.options = settings.options
        self.pixels = pixels
        self.asked = 0

    async def start(self) -> None:
        """Nothing to load."""

    async def generate(self, request: Request) -> list[Response]:
        """The rollouts."""
        text = "".join(part for part in request.parts if isinstance(part, str))
        shown = [part for part in request.parts if isinstance(part, Frame)]
        if self.options.get("stop", self.asked + 1) <= self.asked:
            raise KeyboardInterrupt
        self.asked += 1
        if self.options.get("fail", "\0") in text:
            raise EngineError("too long")
        if "log" in self.options:
            with Path(self.options["log"]).open("a") as log:
                log.write(json.dumps([request.key, request.seed, request.n]) + "\n")
        await self.pixels.get(shown[:1])
        seen = [f for f in shown if abs(f.source - CITED) < SIGHT and not (isinstance(f, Edited) and f.masks)]
        silent = self.options.get("silent", "\0") in text
        claim = "I look." if silent else f"A <obj>ring</obj><box>[10,10,60,60]</box>at<t>{CITED}</t>s."
        answer = f"<think>{claim}</think><answer>{'A' if seen else 'B'}</answer>"
        return [Response(rollout=request.first + k, text=answer, finish="stop", tokens=4) for k in range(request.n)]

    async def close(self) -> None:
        """Nothing was taken."""


engine = Seeing
