"""An engine for the tests that does what a prompt tells it: fail, hang, stop, die."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from pathlib import Path

from harness import prompt
from harness.contracts import Pixels
from harness.engines import Settings
from harness.errors import EngineError
from harness.records import Request, Response


class Mortal:
    """Answers a number that depends on the seed alone. Its folder remembers what happens only once."""

    def __init__(self, settings: Settings, pixels: Pixels) -> None:
        self.folder = Path(settings.options["folder"])
        self.delay = settings.options.get("delay", 0.0)
        self.pixels = pixels
        self.alive = True

    async def start(self) -> None:
        """Nothing to load."""

    async def generate(self, request: Request) -> list[Response]:
        """The rollouts, after what the prompt tells."""
        text = str(request.parts[-1])
        with (self.folder / "log").open("a") as log:
            log.write(f"{os.getpid()} {text}\n")
        await self.pixels.get(prompt.frames(request))
        if "bad" in text:
            raise EngineError("that is too long")
        if "poison" in text or ("kill" in text and self.first(text)):
            os.kill(os.getpid(), signal.SIGKILL)
        if "stop" in text and self.first(text):
            os.kill(os.getpid(), signal.SIGSTOP)
        if "dead" in text and self.first(text):
            self.alive = False
            raise EngineError("the engine is dead")
        await asyncio.sleep(3600 if "hang" in text else self.delay)
        numbers = range(request.first, request.first + request.n)
        return [Response(rollout=k, text=str(random.Random(request.seed + k).random()), finish="stop") for k in numbers]

    def first(self, text: str) -> bool:
        """Whether that text never came before, to any worker."""
        mark = self.folder / text.replace(" ", "-")
        if mark.exists():
            return False
        mark.touch()
        return True

    async def close(self) -> None:
        """Nothing was taken."""


engine = Mortal
