"""The `evaluate` of a recipe, with the flags that outrank it, as what is asked of `harness run`; and that in words.

evaluate: {tasks: vstar, data: data, n: 1, temperature: 0, limit: 200}   # fields of harness.settings.Asked
"""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from harness.errors import DataError, UsageError
from harness.settings import Asked

from .recipe import Recipe

OWN = ("model", "out", "family", "dry_run", "rate")
"""Fields that a recipe does not say: they are those of the checkpoint, or make no scores."""


def read(recipe: Recipe, *, tasks: str | None, data: Path | None, limit: int | None) -> Asked | None:
    """What is asked of each checkpoint, None when no tasks are named; UsageError or DataError for a wrong setting."""
    given = {"tasks": tasks, "data": data and str(data), "limit": limit}
    told = {**recipe.evaluate, **{name: value for name, value in given.items() if value is not None}}
    known = [each.name for each in fields(Asked) if each.name not in OWN]
    for name in told:
        if name not in known:
            raise DataError(f"the recipe {recipe.name}: evaluate has no {name!r}; it has: {', '.join(known)}")
    if not told.get("tasks"):
        return None
    if "data" not in told:
        raise UsageError("--eval-after needs --eval-data DIR, or `data` under `evaluate` in the recipe")
    if isinstance(told["tasks"], str):
        told["tasks"] = [name.strip() for name in told["tasks"].split(",") if name.strip()]
    return _asked({**told, "out": ""}, f"the recipe {recipe.name}, evaluate")


def _asked(told: dict[str, Any], where: str) -> Asked:
    import msgspec

    try:
        return msgspec.convert(told, Asked, dec_hook=lambda kind, value: kind(value))
    except (msgspec.ValidationError, TypeError) as error:
        raise DataError(f"{where}: {error}") from error


def words(asked: Asked) -> list[str]:
    """The command that asks it, without the program's name: what differs from the defaults.

    >>> words(Asked(tasks=("vstar",), data=Path("data"), out=Path("run"), limit=3))
    ['run', '--tasks', 'vstar', '--data', 'data', '--out', 'run', '--limit', '3']
    """
    found = ["run"]
    for each in fields(Asked):
        value = getattr(asked, each.name)
        default = each.default_factory() if each.default_factory is not MISSING else each.default
        if value != default:
            found += _flag(each.name, value)
    return found


def _flag(name: str, value: Any) -> list[str]:
    if name == "options":
        return [
            word
            for task, told in value.items()
            for key, text in told.items()
            for word in ("-o", f"{task}.{key}={text}")
        ]
    if name == "engine_options":
        return [word for key, told in value.items() for word in ("--engine-option", f"{key}={json.dumps(told)}")]
    flag = "-n" if name == "n" else f"--{name.replace('_', '-')}"
    if isinstance(value, bool):
        return [flag]
    return [flag, ",".join(value) if isinstance(value, tuple) else str(value)]
