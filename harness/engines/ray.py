"""Answers from a Ray cluster: workers on its nodes, each with an engine of its own, share the requests of a run.

`--engine-option engine=vllm` says which engine; options that are not listed in harness/engines/_ray_options.py are that
engine's. Requests go out with the paths of videos, never with pixels: a worker decodes, and caches, on its own node.
Workers come and go with the nodes; what a lost one was asked is asked again elsewhere.
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Mapping
from typing import Any, ClassVar

from harness import plugins
from harness.contracts import Pixels
from harness.engines import Settings, _ray_options, check
from harness.engines._ray_cluster import Cluster
from harness.engines._ray_crew import Crew
from harness.engines._ray_desk import Desk
from harness.errors import UsageError, missing_extra
from harness.records import Request, Response


class Ray:
    """The engine."""

    places: ClassVar[tuple[str, ...]] = _ray_options.PLACES

    @staticmethod
    def answering(options: Mapping[str, Any]) -> str:
        """The engine that the workers hold."""
        return str(options.get("engine", _ray_options.Options().engine))

    def __init__(self, settings: Settings, pixels: Pixels) -> None:
        """Check our options, and that Ray and the inner engine are there; its own options it checks on the workers."""
        if importlib.util.find_spec("ray") is None:
            raise missing_extra("ray", "ray")
        options, inner = _ray_options.split(settings)
        if getattr(plugins.load("harness.engines", options.engine), "served", False) or options.engine == "ray":
            raise UsageError(f"the ray engine's workers cannot hold the engine {options.engine}; use it by itself")
        self._room = asyncio.Semaphore(settings.max_in_flight)
        self.cluster = Cluster(options, inner, pixels)
        self.desk = Desk(options, settings.max_in_flight)
        self.crew = Crew(self.cluster, self.desk)

    async def start(self) -> None:
        """Join or start the cluster, and wait for the first worker."""
        await asyncio.to_thread(self.cluster.connect)
        await self.crew.start()

    async def close(self) -> None:
        """Dismiss the workers and leave the cluster."""
        await self.crew.close()
        await asyncio.to_thread(self.cluster.close)

    async def generate(self, request: Request) -> list[Response]:
        """The rollouts, in order."""
        check(request, clips=True)
        async with self._room:
            return await self.desk.ask(request)


engine = Ray
