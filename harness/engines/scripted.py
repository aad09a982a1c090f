"""Answers from a file, without a model: for tests, and to see what a run makes of given texts.

Each line of the file is a JSON object. It says which requests it answers, by "key" (Request.key), "match" (some text of
the prompt) or "default": true; the first line that fits is taken. It says what they get: "texts" (rollout k gets text
k, and round again), perhaps "choice_logprobs"; or "error"; and perhaps a "delay" in seconds.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from harness.contracts import Pixels
from harness.engines import Settings, check
from harness.errors import DataError, EngineError, UsageError
from harness.records import Request, Response

WHICH = ("key", "match", "default")
KINDS: Mapping[str, type | tuple[type, ...]] = {
    "key": str,
    "match": str,
    "default": bool,
    "texts": list,
    "choice_logprobs": dict,
    "delay": (int, float),
    "error": str,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A line of the file."""

    key: str | None = None
    match: str | None = None
    default: bool = False
    texts: tuple[str, ...] = ()
    choice_logprobs: Mapping[str, float] | None = None
    delay: float = 0.0
    error: str | None = None

    def fits(self, request: Request, text: str) -> bool:
        """Whether it answers the request whose prompt has that text."""
        return self.default or self.key == request.key or (self.match is not None and self.match in text)


class Scripted:
    """The engine. In tests `script` may be a function from the request to the answer."""

    def __init__(
        self, settings: Settings, pixels: Pixels | None = None, script: Callable[[Request], Answer] | None = None
    ) -> None:
        """Read the file; it looks at no pixels."""
        if script is None:
            if settings.answers is None:
                raise UsageError("the scripted engine needs a file of answers; set --answers")
            script = partial(_find, read(settings.answers), str(settings.answers))
        if settings.options:
            raise UsageError(f"the scripted engine has no option {next(iter(settings.options))!r}; it takes none")
        self.script = script
        self._room = asyncio.Semaphore(settings.max_in_flight)

    async def start(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to give back."""

    async def generate(self, request: Request) -> list[Response]:
        """The rollouts that the script has for the request."""
        check(request, clips=True)
        async with self._room:
            answer = self.script(request)
            if answer.delay:
                await asyncio.sleep(answer.delay)
            if answer.error is not None:
                raise EngineError(answer.error)
            return [_response(request, answer, request.first + k) for k in range(request.n)]


def read(path: Path) -> list[Answer]:
    """The answers of a file; DataError names the line that is not one."""
    if not path.is_file():
        raise DataError(f"there is no file of answers {path}; set --answers to a file of JSON lines")
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip():
            try:
                found.append(_answer(json.loads(line)))
            except ValueError as error:
                raise DataError(f"{path}, line {number}: {error}") from error
    return found


def _answer(data: Any) -> Answer:
    if not isinstance(data, dict):
        raise ValueError(f"expected an object, found {type(data).__name__}")
    for key, value in data.items():
        if key not in KINDS:
            raise ValueError(f"unknown key {key!r}; there are: {', '.join(KINDS)}")
        if not isinstance(value, KINDS[key]):
            raise ValueError(f"{key!r} cannot be {value!r}")
    if not any(which in data for which in WHICH):
        raise ValueError(f"it must say which requests it answers, by one of: {', '.join(WHICH)}")
    if not data.get("texts") and not data.get("choice_logprobs") and "error" not in data:
        raise ValueError("it must hold 'texts', 'choice_logprobs' or 'error'")
    return Answer(**data | {"texts": tuple(map(str, data.get("texts", ())))})


def _find(answers: list[Answer], name: str, request: Request) -> Answer:
    text = "".join(part for part in request.parts if isinstance(part, str))
    for answer in answers:
        if answer.fits(request, text):
            return answer
    raise EngineError(f"no line of {name} answers the request {request.key[:12]} ({text[-80:]!r})")


def _response(request: Request, answer: Answer, rollout: int) -> Response:
    logprobs = answer.choice_logprobs if request.choices else None
    if answer.texts:
        text = answer.texts[rollout % len(answer.texts)]
    elif logprobs:
        text = max(request.choices, key=lambda choice: logprobs.get(choice, float("-inf")))
    else:
        raise EngineError("the script has no text for a request without choices")
    if request.choices and text not in request.choices:
        raise EngineError(f"the script answers {text!r}, which is not one of the choices {', '.join(request.choices)}")
    return Response(
        rollout=rollout,
        text=text,
        finish="stop",
        tokens=len(text.split()),
        choice_logprobs=logprobs,
        logprob=logprobs.get(text) if logprobs else None,
    )


engine = Scripted
