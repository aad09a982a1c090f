"""Answers from any server that speaks OpenAI's chat completions: vllm serve, SGLang, hosted models.

`--model` is the name by which the server knows the model, `--engine-option base_url=http://127.0.0.1:8000/v1` where the
server is. Frames are sent as data URLs at their final size; a server resizes them where its model folder says so. A
vLLM server is asked so that it answers as the vllm engine does: without the sampling defaults of the model's
generation_config.json, and with the choices of a request by their tokens.
"""

from __future__ import annotations

import asyncio
import difflib
import math
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, replace
from random import Random
from typing import Any, ClassVar

from harness import prompt
from harness.contracts import Pixels
from harness.engines import Settings, check
from harness.engines._server import Options, Server
from harness.engines._urls import FORMATS, DataUrls
from harness.errors import EngineError, UsageError, nearest
from harness.records import Request, Response

WORDS = {
    "image_format": tuple(FORMATS),
    "rollouts": ("together", "apart"),
    "server": ("auto", "vllm", "sglang", "other"),
}
"""The values of the options that take one of a few words."""

OURS = ("model", "messages", "n", "stream")
"""Fields of a call that the option body cannot set."""

PLAIN = {"top_k": -1, "min_p": 0.0, "presence_penalty": 0.0, "frequency_penalty": 0.0}
"""Sampling as asked for and no other: vLLM and SGLang would take what is not said from the model folder."""

TOP = 20
"""Likeliest tokens that are asked for where one of a few must be found; no server gives more by default."""


class OpenAI:
    """The engine."""

    served: ClassVar[bool] = True
    places: ClassVar[tuple[str, ...]] = ("base_url", "key_env", "deadline", "retries")

    def __init__(self, settings: Settings, pixels: Pixels) -> None:
        """Check the options, and that there is a client."""
        if (settings.dtype, settings.tensor_parallel, settings.trust_remote_code) != ("auto", 1, False):
            raise UsageError(
                "--dtype, --tensor-parallel and --trust-remote-code are for the server to be started with, "
                "not for the openai engine"
            )
        self.options = _options(settings.options)
        self.server = Server(self.options, settings.need_name())
        self.urls = DataUrls(pixels, self.options.image_format)
        self.kind = self.options.server
        self._room = asyncio.Semaphore(settings.max_in_flight)
        self._ids: dict[str, int] = {}

    async def start(self) -> None:
        """See whether the server is there and has the model."""
        if not self.options.check:
            return
        owners = await self.server.models()
        self.server.model = _same(self.server.model, [*owners], self.server.url)
        if self.kind == "auto":
            self.kind = owners[self.server.model]

    async def close(self) -> None:
        """Close the connections."""
        await self.server.close()

    async def generate(self, request: Request) -> list[Response]:
        """The rollouts, in order; a server that gives fewer than are asked for is asked for the rest."""
        check(request)
        async with self._room:
            messages = {"messages": await self._messages(request)}
            fields = messages | self._fields(request) | await self._constraint(request)
            found: list[Response] = []
            while len(found) < request.n:
                wanted = 1 if self.options.rollouts == "apart" else request.n - len(found)
                first = request.first + len(found)
                # A vLLM server draws rollout k of a call with the seed + k.
                call = {"n": wanted, "seed": request.seed + first if request.temperature else None}
                answer = await self.server.complete(_merged(fields | call, self.options.body))
                found += self._responses(request, answer, first)[:wanted]
        return found

    async def _messages(self, request: Request) -> list[dict[str, Any]]:
        """The chat messages, with each frame as a data URL at its place."""
        urls = iter(await self.urls.get(prompt.frames(request)))

        def part(one: dict[str, Any]) -> dict[str, Any]:
            return {"type": "image_url", "image_url": {"url": next(urls)}} if one["type"] == "image" else one

        return [each | {"content": [part(one) for one in each["content"]]} for each in prompt.messages(request)]

    def _fields(self, request: Request) -> dict[str, Any]:
        """What a call says of sampling."""
        free = not request.choices
        found: dict[str, Any] = {
            "temperature": request.temperature,
            "top_p": request.top_p if free else 1.0,
            "max_tokens": request.max_tokens if free else 1,
        }
        penalty = request.repetition_penalty if free else 1.0
        if self.kind in ("vllm", "sglang"):
            found |= PLAIN
        if self.kind in ("vllm", "sglang") or penalty != 1:
            found["repetition_penalty"] = penalty
        if self.options.logprobs:
            found |= {"logprobs": True} if free else {"logprobs": True, "top_logprobs": TOP}
        return found

    async def _constraint(self, request: Request) -> dict[str, Any]:
        """What makes a vLLM server answer with one of the choices and tell the log-probability of each."""
        if not request.choices or self.kind != "vllm":
            return {}
        for choice in request.choices:
            if choice not in self._ids:
                self._ids[choice] = await self.server.token(choice)
        ids = [self._ids[choice] for choice in request.choices]
        return {"allowed_token_ids": ids} | ({"logprob_token_ids": ids} if self.options.logprobs else {})

    def _responses(self, request: Request, answer: dict[str, Any], first: int) -> list[Response]:
        usage = answer.get("usage") or {}
        made, read = usage.get("completion_tokens") or 0, usage.get("prompt_tokens") or 0
        found = []
        try:
            rollouts = sorted(answer["choices"], key=lambda one: int(one.get("index") or 0))
            for index, one in enumerate(rollouts):
                if one["finish_reason"] not in ("stop", "length"):
                    raise EngineError(f"{self.server.url} ended an answer with {one['finish_reason']!r}")
                # Tokens are counted for all rollouts of a call together; this is an even share.
                share = made // len(rollouts) + (index < made % len(rollouts))
                response = _chosen(request, one, first + index) if request.choices else _free(one, first + index, share)
                found.append(replace(response, prompt_tokens=read))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise EngineError(f"{self.server.url} gives a completion that cannot be read: {error!r}") from error
        return found


def _free(one: dict[str, Any], rollout: int, share: int) -> Response:
    """A rollout of any text; what a server took out of it as reasoning is put back where a model writes it."""
    text = one["message"].get("content") or ""
    thought = one["message"].get("reasoning") or one["message"].get("reasoning_content")
    tokens = _tokens(one)
    return Response(
        rollout=rollout,
        text=f"<think>{thought}</think>{text}" if thought else text,
        finish=one["finish_reason"],
        tokens=len(tokens) or share,
        logprob=math.fsum(token["logprob"] for token in tokens) if tokens else None,
    )


def _chosen(request: Request, one: dict[str, Any], rollout: int) -> Response:
    """One of the choices: what the server drew, or else a draw from those among its likeliest tokens."""
    likeliest = [top for token in _tokens(one)[:1] for top in (*(token.get("top_logprobs") or ()), token)]
    offered = {top["token"]: top["logprob"] for top in likeliest}
    logprobs = {choice: offered[choice] for choice in request.choices if choice in offered}
    text = (one["message"].get("content") or "").strip()
    if text not in request.choices:
        if not logprobs:
            raise EngineError(
                f"the server answers {text[:40]!r}, and none of the choices {', '.join(request.choices)} "
                f"is among the {len(offered)} likeliest tokens that it tells"
            )
        text = _draw(logprobs, request.temperature, request.seed + rollout)
    return Response(
        rollout=rollout,
        text=text,
        finish="stop",
        tokens=1,
        logprob=logprobs.get(text),
        choice_logprobs=logprobs or None,
    )


def _draw(logprobs: Mapping[str, float], temperature: float, seed: int) -> str:
    best = max(logprobs, key=lambda choice: logprobs[choice])
    if temperature == 0:
        return best
    weights = [math.exp((value - logprobs[best]) / temperature) for value in logprobs.values()]
    return Random(seed).choices([*logprobs], weights)[0]


def _tokens(one: dict[str, Any]) -> list[dict[str, Any]]:
    return list((one.get("logprobs") or {}).get("content") or ())


def _same(name: str, known: list[str], url: str) -> str:
    """The server's own word for a name: itself, or the only one that is a longer or shorter path to it."""
    if name in known:
        return name
    found = [each for each in known if each.endswith(f"/{name}") or name.endswith(f"/{each}")]
    if len(found) == 1:
        return found[0]
    close = difflib.get_close_matches(name, known, 1) or known[:3]
    raise UsageError(
        f"{url} has no model {name!r}; it has {', '.join(close) or 'none'}{' ...' if len(close) < len(known) else ''}: "
        "set --model to one of its names, or the option check=false"
    )


def _merged(call: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a call with those of the option body; None leaves one out."""
    return {key: value for key, value in {**call, **body}.items() if value is not None}


def _options(given: Mapping[str, Any]) -> Options:
    known = {each.name: each for each in fields(Options)}
    for key, value in given.items():
        if key not in known:
            there = f"there are: {', '.join(known)}"
            raise UsageError(f"the openai engine has no option {key!r}; {nearest(key, known)}{there}")
        if not _fits(known[key], value):
            raise UsageError(f"the openai engine's option {key!r} cannot be {value!r}{_hint(key)}")
    return Options(**given)


def _hint(key: str) -> str:
    if key == "body":
        return f"; it is an object, without {', '.join(OURS)}"
    return f"; it is one of: {', '.join(WORDS[key])}" if key in WORDS else ""


def _fits(option: Field[Any], value: object) -> bool:
    """Whether a value is of the option's type, and one of its words or in its bounds."""
    default = option.default if option.default is not MISSING else {}
    kinds = (int, float) if isinstance(default, float) else (type(default),)
    if not isinstance(value, kinds) or isinstance(value, bool) != isinstance(default, bool):
        return False
    if isinstance(value, dict):
        return not value.keys() & set(OURS)
    if isinstance(value, str):
        return value in WORDS.get(option.name, (value,))
    return isinstance(value, bool) or (value > 0 if isinstance(default, float) else value >= 0)


engine = OpenAI
