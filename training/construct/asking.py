"""Models that are asked: found as recipes name them, started when there is something to ask, asked nothing twice."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from harness import plugins
from harness.contracts import Engine
from harness.errors import EngineError, HarnessError, UsageError
from harness.families import FAMILIES
from harness.frames import Frames
from harness.grader import Choice, Grader, find
from harness.plan import full_name
from harness.records import Frame, Request, tidy
from harness.run import complete
from harness.session import WITH_WEIGHTS

from .ledger import Answer, Ledger
from .recipe import Speaker

FAMILY = "qwen2_5_vl"
"""Whose sizes of images are taken for a model of which the family is not known."""
MAX_PIXELS = 128 * 28 * 28


def look_up(speaker: Speaker, folder: Path, role: str) -> Grader:
    """The model and the engine that a recipe names; a path is from `folder`, where there is such a file."""
    engine = full_name(speaker.engine)
    if engine == "scripted" and speaker.answers is None:
        raise UsageError(f"the scripted engine needs a file of answers; set {role}.answers in the recipe")
    served = bool(getattr(plugins.load("harness.engines", engine), "served", False))
    model = speaker.model
    if model is None and (served or engine in WITH_WEIGHTS):
        raise UsageError(f"the {engine} engine needs a model; set {role}.model in the recipe")
    if model and not served and (folder / model / "config.json").is_file():
        model = str(folder / model)
    choice = Choice(
        model=model,
        engine=engine,
        engine_options=speaker.options,
        dtype=speaker.dtype,
        tensor_parallel=speaker.tensor_parallel,
        trust_remote_code=speaker.trust_remote_code,
        answers=folder / speaker.answers if speaker.answers else None,
        in_flight=speaker.in_flight,
    )
    return find(choice, speaker.family, sees=not served or speaker.family is not None)


def look(speaker: Speaker, grader: Grader) -> tuple[str, int]:
    """The family that fixes the sizes of its images, and how many pixels one may have."""
    model = grader.model
    known = model.family if model and model.family in FAMILIES else None
    return speaker.family or known or FAMILY, speaker.max_pixels or (model and model.max_pixels) or MAX_PIXELS


class Asker:
    """Puts requests to a model, or answers them from the journal."""

    def __init__(self, grader: Grader, frames: Frames, ledger: Ledger, videos: Path) -> None:
        """Nothing is loaded before the first request that the journal does not answer."""
        self.grader = grader
        self.frames = frames
        self.ledger = ledger
        self.videos = videos
        self.asked: set[str] = set()
        """Items about which something was put to the model."""
        self.on_start: Callable[[], None] = lambda: None
        self._engine: Engine | None = None
        self._turn = asyncio.Lock()

    async def ask(self, stage: str, item: str, request: Request) -> Answer:
        """The answer; EngineError or VideoError when there is none."""
        key = self.key(request)
        known = self.ledger.known.get((stage, key))
        if known is not None:
            return known
        engine = await self._started()
        self.asked.add(item)
        responses = [tidy(response) for response in await engine.generate(request)]
        complete(responses, request)
        text, logprobs = responses[0].text, responses[0].choice_logprobs
        if request.choices and text.strip() not in request.choices:
            raise EngineError(f"the answer {text[:40]!r} is none of {', '.join(request.choices)}")
        answer = Answer(stage=stage, item=item, request=key, text=text, logprobs=logprobs)
        self.ledger.add(answer)
        return answer

    def key(self, request: Request) -> str:
        """What a request is known by, wherever the videos lie."""

        def moved(part: object) -> object:
            return (
                replace(part, video=str(Path(part.video).relative_to(self.videos))) if isinstance(part, Frame) else part
            )

        return replace(request, parts=tuple(map(moved, request.parts))).key  # type: ignore[arg-type]

    async def close(self) -> None:
        """Give back the model, if it was loaded."""
        if self._engine is not None:
            await self._engine.close()

    async def _started(self) -> Engine:
        async with self._turn:
            if self._engine is None:
                engine = self.grader.start(self.frames)
                self._engine = engine
                try:
                    await engine.start()
                except EngineError as error:
                    # No fault of an item: nothing can be asked.
                    raise HarnessError(str(error)) from error
                self.on_start()
            return self._engine


def chance(answer: Answer) -> float:
    """How likely the answer Yes is, against No; 1 or 0 where the engine does not tell both log-probabilities.

    >>> chance(Answer(stage="verify", item="a", text="No", logprobs={"Yes": -1.0, "No": -1.0}))
    0.5
    >>> chance(Answer(stage="verify", item="a", text="Yes"))
    1.0
    """
    told: Mapping[str, float] = answer.logprobs or {}
    if "Yes" in told and "No" in told:
        return 1 / (1 + math.exp(min(700.0, told["No"] - told["Yes"])))
    return float((answer.text or "").strip() == "Yes")
