"""An OpenAI-compatible server: where it is, its key, how long it is waited for, and how its errors are told."""

from __future__ import annotations

import asyncio
import math
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from harness.errors import EngineError, HarnessError, UsageError, missing_extra

if TYPE_CHECKING:
    from openai import APIStatusError

HOSTED = "https://api.openai.com/v1"
KEY = "OPENAI_API_KEY"

PAUSE = 8.0
"""Seconds between tries when a rate limit does not say how long it lasts."""

SHOWN = 300
"""Characters of a server's own words that are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of the openai engine."""

    base_url: str = ""
    """Up to and with /v1; else OPENAI_BASE_URL, else OpenAI's own server."""
    key_env: str = KEY
    """The environment variable that holds the key."""
    server: str = "auto"
    """What kind it is: vllm, sglang or other; auto is what it says of itself."""
    check: bool = True
    """Whether the server is first asked if it has the model; without that, auto is other."""
    image_format: str = "png"
    """How frames are sent; jpeg is smaller and not exact."""
    rollouts: str = "together"
    """Those of a request in one call; apart for servers that refuse `n` or repeat themselves."""
    logprobs: bool = True
    """Whether log-probabilities are asked for; false for servers that refuse."""
    body: dict[str, Any] = field(default_factory=dict)
    """Further fields of each call; null leaves one out."""
    deadline: float = 1800.0
    """Seconds until a call is given up, waiting for the rate limit included."""
    retries: int = 8
    """After errors of the server or the connection; a rate limit is waited for until the deadline."""


class Server:
    """The server, and what it is told and tells."""

    def __init__(self, options: Options, model: str) -> None:
        """Find address and key; UsageError when one of them cannot be."""
        try:
            import openai
        except ImportError as error:
            raise missing_extra("openai", "openai") from error
        self.options = options
        self.model = model
        self.url = _address(options.base_url or os.environ.get("OPENAI_BASE_URL") or HOSTED)
        self._key = _key(options.key_env)
        self._client = openai.AsyncOpenAI(
            base_url=self.url,
            api_key=self._key or "none",
            max_retries=options.retries,
            timeout=openai.Timeout(options.deadline, connect=10.0),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def models(self) -> dict[str, str]:
        """The models that the server has, and who it says they are owned by: "vllm", "sglang" or someone."""
        import openai

        asker = self._client.with_options(max_retries=2, timeout=60.0)
        try:
            found: Any = await asker.get("/models", cast_to=object)
        except (openai.OpenAIError, ValueError) as error:
            raise self._told(error) from None
        cards = found.get("data") if isinstance(found, dict) else found
        if not isinstance(cards, list) or not all(isinstance(card, dict) and "id" in card for card in cards):
            raise UsageError(f"{self.url} does not say which models it has; the option base_url must mostly end in /v1")
        return {str(card["id"]): str(card.get("owned_by")) for card in cards}

    async def complete(self, fields: dict[str, Any]) -> dict[str, Any]:
        """A chat completion; UsageError for what would fail every request, EngineError for what fails this one."""
        import openai

        try:
            found = await asyncio.wait_for(self._insist({"model": self.model, **fields}), self.options.deadline)
        except asyncio.TimeoutError:
            raise EngineError(
                f"{self.url} gave no answer in {self.options.deadline:g} s, rate limits and retries included; "
                "the option deadline gives it more"
            ) from None
        except (openai.OpenAIError, ValueError) as error:
            raise self._told(error) from None
        if not isinstance(found, dict) or not found.get("choices"):
            reason = found.get("error") or found if isinstance(found, dict) else found
            raise EngineError(f"{self.url} answers without a completion: {self._clean(str(reason))}")
        return found

    async def _insist(self, body: dict[str, Any]) -> Any:
        """Ask until the rate limit lets it through; the client itself backs off, with jitter, and retries the rest."""
        import openai

        while True:
            try:
                return await self._client.post("/chat/completions", cast_to=object, body=body)
            except openai.RateLimitError as error:
                if error.code == "insufficient_quota":
                    raise
                await asyncio.sleep(_wait(error))

    async def token(self, text: str) -> int:
        """The id of the token that a vLLM server makes of a text; EngineError when it makes several."""
        import openai

        url = f"{self.url.removesuffix('/v1')}/tokenize"
        asked = {"model": self.model, "prompt": text, "add_special_tokens": False}
        try:
            found: Any = await self._client.post(url, cast_to=object, body=asked)
        except (openai.OpenAIError, ValueError) as error:
            raise self._told(error) from None
        ids = found.get("tokens") if isinstance(found, dict) else None
        if not isinstance(ids, list):
            raise EngineError(f"{url} gives no tokens; the option server=other does without")
        if len(ids) != 1:
            raise EngineError(f"the choice {text!r} is {len(ids)} tokens for this model; a choice must be one")
        return int(ids[0])

    def _told(self, error: Exception) -> HarnessError:
        """The error in one sentence, without the key."""
        import openai

        if isinstance(error, openai.APIConnectionError):
            reason = self._clean(str(error.__cause__ or error))
            return EngineError(f"no answer from {self.url} ({reason}); start the server or set the option base_url")
        if not isinstance(error, openai.APIStatusError):
            return EngineError(f"{self.url} answers what cannot be read: {self._clean(str(error))}")
        status, reason = error.status_code, self._clean(_reason(error))
        if status == 401:
            name = self.options.key_env
            said = f"refuses the key in {name}" if self._key else f"asks for a key; set {name}"
            return UsageError(f"{self.url} {said} ({reason})")
        if status == 404:
            advice = "see --model, and that the option base_url ends in /v1 if the server's does"
            return UsageError(
                f"{self.url} does not know the model {self.model!r} or the address (404: {reason}); {advice}"
            )
        if status == 402 or error.code == "insufficient_quota":
            return UsageError(f"{self.url} wants to be paid ({status}: {reason}); the same command goes on after that")
        if status >= 500:
            return EngineError(f"{self.url} failed, after {self.options.retries} retries too ({status}: {reason})")
        return EngineError(f"{self.url} refuses the request ({status}: {reason}); the option body changes its fields")

    def _clean(self, text: str) -> str:
        """A server's words in one line of bounded length, without the key."""
        text = text.replace(self._key, "***") if self._key else text
        text = " ".join(text.split())
        return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _address(url: str) -> str:
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and parts.hostname and not parts.query and parts.port != 0
    except ValueError:
        fine = False
    if not fine:
        raise UsageError("base_url must be an address such as http://127.0.0.1:8000/v1")
    if "@" in parts.netloc:
        raise UsageError(f"base_url must not hold a password; set the environment variable {KEY}")
    return url.rstrip("/")


def _key(variable: str) -> str:
    key = os.environ.get(variable, "").strip()
    if not key and variable != KEY:
        raise UsageError(f"the environment variable {variable} is not set; it must hold the server's key")
    if not all("!" <= letter <= "~" for letter in key):
        raise UsageError(f"the environment variable {variable} holds characters that no key has; set it anew")
    return key


def _reason(error: APIStatusError) -> str:
    body = error.body
    if isinstance(body, dict):
        return str(body.get("message") or body.get("detail") or body)
    return str(body or error.message)


def _wait(error: APIStatusError) -> float:
    """Seconds that a rate limit asks for."""
    try:
        asked = float(error.response.headers.get("retry-after", PAUSE))
    except ValueError:
        return PAUSE
    return max(0.1, asked) if math.isfinite(asked) else PAUSE
