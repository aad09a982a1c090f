"""Who is asked about a finished run: the model and the engine that answered it, or others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.frames import Frames
from harness.grader import Choice, Grader, find
from harness.session import default_cache
from harness.settings import engine_options
from harness.store import differences


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineChoice(Choice):
    """Which model and which engine are asked; what is not said is as in the run."""

    cache: Path | None = None
    """Where decoded frames are kept; None is the user's cache."""
    cache_gb: float = 16.0
    """0 is no cache."""


def told(run: Mapping[str, Any], how: EngineChoice) -> tuple[dict[str, Any], bool]:
    """Who is to grade, as it is written down, and whether that is who answered the run."""
    answered = {name: run["settings"][name] for name in ("model", "engine")}
    if (how.model, how.engine, how.engine_options, how.dtype, how.answers) == (None, None, {}, "auto", None):
        return answered, True
    found = dict(find(_choice(run, how), run["settings"]["family"]).told)
    return found, not [*differences(answered, found)]


def grader(run: Mapping[str, Any], how: EngineChoice, told: Mapping[str, Any]) -> Grader:
    """Who grades; UsageError when the model of the run is not what it was."""
    choice = _choice(run, how)
    if run["settings"]["engine"]["answers"] is not None and how.engine is None and how.answers is None:
        raise UsageError("the answers of the run came from a file; give --answers, or another engine")
    found = find(choice, run["settings"]["family"])
    if differ := [*differences(told, found.told)]:
        raise UsageError(f"the model of the run is no longer what it was: {'; '.join(differ[:3])}; give its folder")
    return found


def _choice(run: Mapping[str, Any], how: EngineChoice) -> EngineChoice:
    """What is asked for, and the rest as in the run."""
    model, engine, places = run["settings"]["model"], run["settings"]["engine"], run["places"]
    model = how.model or places.get("model") or (model and model["name"])
    if how.engine is not None:
        return replace(how, model=model)
    prefix = "engine's "
    there = [f"{name.removeprefix(prefix)}={value}" for name, value in places.items() if name.startswith(prefix)]
    return replace(
        how,
        model=model,
        engine=engine["name"],
        engine_options={**engine["options"], **engine_options(there), **how.engine_options},
        dtype=engine["dtype"] if how.dtype == "auto" else how.dtype,
    )


def frames(run: Mapping[str, Any], how: EngineChoice) -> Frames:
    """What gives the pixels, as in the run; close it."""
    video = run["settings"].get("video", {})
    return Frames(
        (how.cache or default_cache()) if how.cache_gb else None,
        cache_bytes=int(how.cache_gb * 1e9),
        decoder=video.get("decoder", "pyav"),
        partial=video.get("partial", False),
    )
