"""The options of the ray engine; those it does not know are the inner engine's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields, replace
from typing import Any, TypeGuard

from harness.engines import Settings
from harness.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a run is spread over a cluster."""

    engine: str = "vllm"
    """The engine that each worker holds."""
    address: str = ""
    """Of the cluster; else RAY_ADDRESS, else the one that runs on this machine, else a new one on this machine."""
    workers: int = 0
    """At most so many; 0 is as many as there is room for, also on nodes that join later."""
    in_flight: int = 0
    """Requests at one worker at a time; 0 shares --in-flight out evenly."""
    gpus: float = -1.0
    """Of each worker; -1 is --tensor-parallel, or none where the cluster has none."""
    cpus: float = -1.0
    """Of each worker; -1 is one, and without GPUs one worker a node."""
    resources: Mapping[str, float] = field(default_factory=dict)
    """Further resources of each worker, by their names in the cluster."""
    deadline: float = 1800.0
    """Seconds after which a request that is not answered is asked again elsewhere."""
    silence: float = 60.0
    """Seconds without a sign of life after which a worker is taken for lost."""
    patience: float = 1800.0
    """Seconds that a worker may take to start, and that a run without workers waits for one."""
    attempts: int = 3
    """Times that a request is asked before it fails."""


PLACES = tuple(each.name for each in fields(Options) if each.name != "engine")
"""The options that say where and how fast, not what is answered."""


def split(settings: Settings) -> tuple[Options, Settings]:
    """Our options, and the settings of the inner engine with the others."""
    known = {each.name: each for each in fields(Options)}
    ours = {key: value for key, value in settings.options.items() if key in known}
    for key, value in ours.items():
        if not _fits(known[key], value):
            raise UsageError(f"the ray engine's option {key!r} cannot be {value!r}")
    theirs = {key: value for key, value in settings.options.items() if key not in known}
    return Options(**ours), replace(settings, options=theirs)


def _fits(option: Field[Any], value: object) -> bool:
    if option.name == "resources":
        return isinstance(value, dict) and all(_is_number(each) and each > 0 for each in value.values())
    if isinstance(option.default, str):
        return isinstance(value, str)
    if not _is_number(value) or (isinstance(option.default, int) and not isinstance(value, int)):
        return False
    if option.name in ("gpus", "cpus"):
        return value >= 0 or value == -1
    return value >= 0 if option.name in ("workers", "in_flight") else value > 0


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
