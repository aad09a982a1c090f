"""An engine for the tests: rollouts that cite evidence, and grades that follow from the question.

Rollout k cites k things, answers a letter and has a log-probability of -k for its 4 tokens. Options: `log` is a file of
what was asked, `fail` a text of the prompts that fail, `gone` one whose crops cannot be had, `dead` fails all;
`mute` gives no log-probabilities. All but the last say nothing of what is answered.
"""

from __future__ import annotations

import asyncio
import json
import math
from pathlib import Path
from typing import ClassVar

from harness.contracts import Pixels
from harness.engines import Settings
from harness.errors import EngineError, VideoError
from harness.records import Frame, Request, Response

THINGS = ("red star", "blue ring", "green disc")


class Grading:
    """The engine."""

    places: ClassVar[tuple[str, ...]] = ("log", "fail", "gone", "dead")

    def __init__(self, settings: Settings, pixels: Pixels) -> None:
        """Note the options."""
        self.options = settings.options
        self.pixels = pixels

    async def start(self) -> None:
        """Nothing to load."""

    async def generate(self, request: Request) -> list[Response]:
        """Rollouts, or one grade."""
        text = "".join(part for part in request.parts if isinstance(part, str))
        if "log" in self.options:
            with Path(self.options["log"]).open("a") as log:
                log.write(json.dumps([request.key, len(request.choices), text[-300:]]) + "\n")
        await asyncio.sleep(0)
        if self.options.get("dead") or self.options.get("fail", "\0") in text:
            raise EngineError("too long")
        if request.choices:
            return [self._grade(request, text)]
        return [self._rollout(request.first + k) for k in range(request.n)]

    def _rollout(self, k: int) -> Response:
        claims = " ".join(
            f"The <obj>{thing}</obj><box>[{10 + 9 * i},10,{40 + 9 * i},60]</box>at<t>{k}.0</t>s."
            for i, thing in enumerate(THINGS[:k])
        )
        text = f"<think>{claims or 'I look.'}</think><answer>{'ABCD'[k % 4]}</answer>"
        logprob = None if self.options.get("mute") else -float(k)
        return Response(rollout=k, text=text, finish="stop", tokens=4, logprob=logprob)

    def _grade(self, request: Request, text: str) -> Response:
        if "gone" in self.options and self.options["gone"] in text and isinstance(request.parts[0], Frame):
            raise VideoError("the video is gone")
        lot = int(request.key[:8], 16)
        chances = [1 + lot % 7, 1 + lot % 11, 1 + lot % 13]
        logprobs = {choice: math.log(c / sum(chances)) for choice, c in zip(request.choices, chances, strict=True)}
        best = max(logprobs, key=lambda choice: logprobs[choice])
        told = None if self.options.get("mute") else logprobs
        return Response(rollout=0, text=best, finish="stop", tokens=1, prompt_tokens=50, choice_logprobs=told)

    async def close(self) -> None:
        """Nothing was taken."""


engine = Grading
