"""The actor: an engine with its own frames and frame cache, on a node of the cluster."""

from __future__ import annotations

import os

import ray

from harness import plugins
from harness.contracts import Engine, Pixels
from harness.engines import Settings
from harness.errors import EngineError, HarnessError, VideoError
from harness.records import Request, Response

DEAD = 70
"""The exit code of a worker whose engine is dead."""


class Worker:
    """Errors that are expected are handed back as values, so that they arrive as they were raised."""

    def __init__(self, name: str, settings: Settings, pixels: Pixels) -> None:
        """`name` is that of the inner engine."""
        self._name, self._settings, self._pixels = name, settings, pixels
        self._engine: Engine | None = None

    async def start(self) -> HarnessError | None:
        """Load the model; the error when that cannot be done."""
        try:
            engine: Engine = plugins.load("harness.engines", self._name)(self._settings, self._pixels)
            await engine.start()
        except HarnessError as error:
            return error
        self._engine = engine
        return None

    async def generate(self, request: Request) -> list[Response] | HarnessError:
        """The rollouts, or why there are none. A worker whose engine is dead exits, to be replaced."""
        assert self._engine is not None
        try:
            return await self._engine.generate(request)
        except (EngineError, VideoError) as error:
            return error
        finally:
            if not getattr(self._engine, "alive", True):
                os._exit(DEAD)

    async def close(self) -> None:
        """Give back what the engine took."""
        if self._engine is not None:
            await self._engine.close()

    @ray.method(concurrency_group="pulse")
    def pulse(self) -> int:
        """A sign of life, also while the engine is busy: the process id."""
        return os.getpid()
