"""A model that goes over a finished run: found by its flags, told apart from others, and put to work.

The judge of open answers (harness/judge.py) is one, and so is what grades evidence after a run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from harness import plugins
from harness.contracts import Engine, Pixels
from harness.engines import Settings
from harness.errors import UsageError
from harness.manifest import describe_engine, describe_model
from harness.model import Named
from harness.plan import full_name
from harness.progress import Progress
from harness.run import Answers, Outcome, drive
from harness.session import default_engine, find_model

J = TypeVar("J")
R = TypeVar("R", bound=Outcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which model and which engine, as flags say it."""

    model: str | None = None
    engine: str | None = None
    engine_options: Mapping[str, Any] = field(default_factory=dict)
    dtype: str = "auto"
    tensor_parallel: int = 1
    trust_remote_code: bool = False
    answers: Path | None = None
    in_flight: int = 256

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        for flag, value in (("--in-flight", self.in_flight), ("--tensor-parallel", self.tensor_parallel)):
            if value < 1:
                raise UsageError(f"{flag} cannot be {value}; it must be at least 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grader:
    """A model and an engine that were found."""

    model: Named | None
    engine: str
    make: Callable[[Settings, Pixels], Engine]
    settings: Settings
    told: Mapping[str, Any]
    """What fixes its answers: model and engine, as they are written down."""

    def start(self, pixels: Pixels) -> Engine:
        """The engine, not started yet, with what it sees."""
        return self.make(self.settings, pixels)


def find(choice: Choice, family: str | None = None, *, sees: bool = True) -> Grader:
    """Look up what the flags name; with `sees` false it is shown no frames, so that it may be of any family."""
    name = full_name(choice.engine or default_engine())
    make = plugins.load("harness.engines", name)
    model = find_model(make, choice.model, family, sees=sees)
    places = getattr(make, "places", ())
    return Grader(
        model=model,
        engine=name,
        make=make,
        settings=Settings(
            model=model,
            max_in_flight=choice.in_flight,
            dtype=choice.dtype,
            tensor_parallel=choice.tensor_parallel,
            trust_remote_code=choice.trust_remote_code,
            options=choice.engine_options,
            answers=choice.answers,
        ),
        told={
            "model": describe_model(model),
            "engine": describe_engine(name, choice.dtype, choice.engine_options, choice.answers, places),
        },
    )


def put(
    engine: Engine,
    loop: Answers[J, R],
    jobs: Iterable[J],
    keep: Callable[[R], None],
    in_flight: int,
    progress: Progress,
    *,
    answered: bool,
) -> None:
    """Put all jobs to an engine, from its start to its end, with a bar; KeyboardInterrupt when it is stopped."""

    def take(outcome: R) -> None:
        keep(outcome)
        progress.advance(outcome.error is not None)

    async def go() -> None:
        try:
            await engine.start()
            progress.engine_started()
            await drive(loop, jobs, take, in_flight, answered=answered)
        finally:
            await engine.close()

    with progress:
        asyncio.run(go())
