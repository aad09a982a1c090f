"""The Ray cluster: joined or started, its nodes, and workers put on them."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any

from harness.contracts import Pixels
from harness.engines import Settings
from harness.engines._ray_options import Options
from harness.errors import EngineError, UsageError

QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_ENABLE_RECORD_ACTOR_TASK_LOGGING": "0",
}
"""Environment variables, where they are not set: no usage reports, no warnings about what we do not use."""


class Cluster:
    """What a run uses of a cluster. Its methods wait for the cluster, for moments: call them in a thread."""

    def __init__(self, options: Options, settings: Settings, pixels: Pixels) -> None:
        """`settings` are those of the inner engine."""
        self.options, self.settings, self.pixels = options, settings, pixels
        self._ours = False

    def connect(self) -> None:
        """Join the cluster, or start one on this machine; UsageError when the one that is named is not there."""
        import ray

        if ray.is_initialized():
            return
        named = self.options.address or os.environ.get("RAY_ADDRESS", "")
        for key, value in QUIET.items():
            os.environ.setdefault(key, value)
        quiet: dict[str, Any] = {"configure_logging": False, "log_to_driver": False, "include_dashboard": False}
        logging.getLogger("ray").setLevel(logging.ERROR)
        try:
            ray.init(address=named or None, **quiet)
        except (ConnectionError, ValueError, RuntimeError) as error:
            if named:
                raise UsageError(
                    f"no Ray cluster answers at {named} ({_line(error)}); start it with: ray start --head"
                ) from error
            _start_here(quiet)
        self._ours = True

    def close(self) -> None:
        """Leave the cluster, and end it if it was started here."""
        import ray

        if self._ours:
            ray.shutdown()
            self._ours = False

    def room(self) -> dict[str, int]:
        """Node -> how many workers it has room for when nothing else runs there; nodes without room are left out."""
        nodes = _nodes()
        need = self._need(nodes)
        found = {name: _times(need, has) for name, has in nodes.items()}
        single = not need["GPU"] and self.options.cpus < 0 and not self.options.resources
        return {name: 1 if single else count for name, count in found.items() if count}

    def told(self) -> str:
        """What a worker needs and what there is, in words."""
        nodes = _nodes()
        there = "; ".join(_words(has) for has in nodes.values()) or "none"
        return f"a worker needs {_words(self._need(nodes))}, and the nodes have: {there}"

    def _need(self, nodes: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
        gpus, cpus = self.options.gpus, self.options.cpus
        if gpus < 0:
            gpus = self.settings.tensor_parallel if any(has.get("GPU") for has in nodes.values()) else 0
        return {"CPU": 1.0 if cpus < 0 else cpus, "GPU": gpus, **self.options.resources}

    def hire(self, node: str) -> Any:
        """A worker on that node, which has yet to be started."""
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        from harness.engines._ray_worker import Worker

        need = self._need(_nodes())
        remote: Any = ray.remote
        return (
            remote(concurrency_groups={"pulse": 1})(Worker)
            .options(
                num_cpus=need.pop("CPU"),
                num_gpus=need.pop("GPU"),
                resources=need,
                max_concurrency=10_000,
                scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
            )
            .remote(self.options.engine, self.settings, self.pixels)
        )


def _start_here(quiet: Mapping[str, Any]) -> None:
    import ray

    try:
        ray.init(address="local", **quiet)
    except Exception as error:  # noqa: BLE001, Ray raises no narrower one when a node is too slow to start
        raise EngineError(
            f"Ray did not start on this machine: {_line(error)}; try again when it is less busy"
        ) from error


def _nodes() -> dict[str, dict[str, float]]:
    """The nodes that are there, and what each has."""
    import ray

    nodes: Any = ray.nodes
    return {node["NodeID"]: node["Resources"] for node in nodes() if node["Alive"]}


def _times(need: Mapping[str, float], has: Mapping[str, float]) -> int:
    return min((int(has.get(name, 0) / amount) for name, amount in need.items() if amount), default=1)


def _words(amounts: Mapping[str, float]) -> str:
    known = {
        name: amount
        for name, amount in amounts.items()
        if amount and not name.startswith("node:") and name not in ("memory", "object_store_memory")
    }
    return ", ".join(f"{amount:g} {name}" for name, amount in sorted(known.items())) or "nothing"


def _line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
