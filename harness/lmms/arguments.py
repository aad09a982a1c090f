"""What `--model_args` says: the options of `harness run` by their names, with "_" for "-".

    pretrained=PATH,n=8,temperature=1.0,voter=confidence,frames=uniform:64,engine=vllm,out=DIR

`pretrained` is the model, `engine.KEY=VALUE` an option of the engine, `prompt` is think or direct.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from harness.errors import UsageError, nearest
from harness.settings import Asked

ELSEWHERE = ("tasks", "data", "preset", "options", "engine_options", "limit", "dry_run", "rate")
"""What lmms-eval says, or what has no meaning there."""
ENGINE = "engine."


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """The arguments, their names known, before the tasks are."""

    given: Mapping[str, Any]
    engine: Mapping[str, Any]

    def asked(self, tasks: Sequence[str]) -> Asked:
        """What is asked of those tasks of lmms-eval; UsageError for a value that is not of its kind."""
        import msgspec

        told = {
            "out": Path("runs", f"lmms-{'-'.join(tasks)}"),
            "data": Path(),
            **self.given,
            "tasks": tuple(f"lmms-log:{task}" for task in tasks),
            "engine_options": dict(self.engine),
        }
        try:
            return msgspec.convert(told, Asked, strict=False, dec_hook=lambda kind, value: kind(str(value)))
        except msgspec.ValidationError as error:
            raise UsageError(f"--model_args cannot be read: {error}") from None


def read(given: Mapping[str, Any]) -> Arguments:
    """The arguments as lmms-eval has split them; UsageError for a name that is not known."""
    known = ["pretrained", *(f.name for f in fields(Asked) if f.name not in ELSEWHERE)]
    for name in given:
        if name not in known and not name.startswith(ENGINE):
            there = f"there are: {', '.join(known)}, {ENGINE}KEY"
            raise UsageError(f"--model_args has no {name!r}; {nearest(name, known)}{there}")
    if "pretrained" in given and "model" in given:
        raise UsageError("--model_args has both pretrained and model, which are the same; leave one out")
    names = {name: "model" if name == "pretrained" else name for name in given}
    return Arguments(
        given={names[name]: value for name, value in given.items() if not name.startswith(ENGINE)},
        engine={name.removeprefix(ENGINE): value for name, value in given.items() if name.startswith(ENGINE)},
    )
