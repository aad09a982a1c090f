"""What was asked of a run: how to decode, and the words of the command as values."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from harness.contracts import PAPER, Preset, Task
from harness.errors import UsageError, nearest
from harness.prompt import SHOWS

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """How rollouts are drawn; the same for every sample of a run."""

    n: int = 1
    """Rollouts a sample."""
    temperature: float = 0.0
    top_p: float = 1.0
    repetition_penalty: float = 1.0
    max_tokens: int = 1024

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        _need(self.n >= 1, "-n", self.n, "at least 1")
        _need(math.isfinite(self.temperature) and self.temperature >= 0, "--temperature", self.temperature, "0 or more")
        _need(0 < self.top_p <= 1, "--top-p", self.top_p, "above 0 and at most 1")
        _need(math.isfinite(self.repetition_penalty) and self.repetition_penalty > 0,
              "--repetition-penalty", self.repetition_penalty, "above 0")  # fmt: skip
        _need(self.max_tokens >= 1, "--max-tokens", self.max_tokens, "at least 1")
        if self.n > 1 and self.temperature == 0:
            raise UsageError(f"{self.n} rollouts at temperature 0 would be copies; give --temperature 1.0, or -n 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The command `harness run`, before anything is looked up."""

    tasks: tuple[str, ...]
    data: Path
    out: Path
    model: str | None = None
    """A shipped name or a folder; None is the default of the engine."""
    family: str | None = None
    engine: str | None = None
    """None is vllm where there is a GPU and vLLM, else transformers."""
    preset: str = PAPER
    """How a published program runs the tasks; what is given here outranks it, and it outranks the model's own."""
    n: int = 1
    temperature: float | None = None
    """None is 0."""
    top_p: float | None = None
    """None is 1."""
    repetition_penalty: float | None = None
    """None is 1."""
    max_tokens: int | None = None
    """None is the model's own, else 1024."""
    seed: int = 0
    frames: str | None = None
    """None is what the model was trained with, else the task's default."""
    scorer: str | None = None
    """What scores frames for recipes such as aks:64: a name, or name:folder."""
    max_pixels: int | None = None
    show: str = "images"
    """A key of harness.prompt.SHOWS."""
    voter: str | None = None
    """None is "first" for one rollout and "majority" for more."""
    adaptive: str | None = None
    """A rule by which a vote is settled early (scaling/stopping.py); None draws all rollouts."""
    limit: int | None = None
    """Items a task; None is all."""
    prompt: str | None = None
    options: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Task -> field -> text."""
    engine_options: Mapping[str, Any] = field(default_factory=dict)
    dtype: str = "auto"
    tensor_parallel: int = 1
    trust_remote_code: bool = False
    answers: Path | None = None
    in_flight: int = 32
    decoder: str = "pyav"
    partial_videos: bool = False
    """Whether videos that break off are used up to there; else they are errors."""
    cache: Path | None = None
    cache_gb: float = 16.0
    """0 is no cache."""
    retry_errors: bool = False
    dry_run: bool = False
    rate: float | None = None
    """Generated tokens a second, for the time that a dry run tells."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        fine = self.rate is None or (math.isfinite(self.rate) and self.rate > 0)
        _need(fine, "--rate", self.rate, "above 0")
        _need(self.rate is None or self.dry_run, "--rate", self.rate, "given with --dry-run")
        _need(bool(self.tasks), "--tasks", "", "one or more names with commas between them")
        _need(self.limit is None or self.limit >= 1, "--limit", self.limit, "at least 1")
        _need(self.in_flight >= 1, "--in-flight", self.in_flight, "at least 1")
        _need(self.tensor_parallel >= 1, "--tensor-parallel", self.tensor_parallel, "at least 1")
        _need(self.max_pixels is None or self.max_pixels >= 1, "--max-pixels", self.max_pixels, "at least 1")
        _need(self.adaptive is None or self.n > 1, "-n", self.n, "2 or more with --adaptive, such as 8")
        _need(self.show in SHOWS, "--show", self.show, f"one of {', '.join(SHOWS)}")
        _need(math.isfinite(self.cache_gb) and self.cache_gb >= 0, "--cache-gb", self.cache_gb, "0 or more")

    def decoding(self, max_tokens: int | None = None, preset: Preset | None = None) -> Decoding:
        """How to decode: as asked for, else by the preset, else with the model's own number of tokens."""
        way = preset or Preset()
        return Decoding(
            n=self.n,
            temperature=first(self.temperature, way.temperature, 0.0),
            top_p=first(self.top_p, way.top_p, 1.0),
            repetition_penalty=first(self.repetition_penalty, way.repetition_penalty, 1.0),
            max_tokens=first(self.max_tokens, way.max_tokens, max_tokens, 1024),
        )


def first(*values: T | None) -> T:
    """The first that is not None.

    >>> first(None, 0, 1)
    0
    """
    return next(v for v in values if v is not None)


def _need(fine: bool, flag: str, value: object, wanted: str) -> None:
    if not fine:
        raise UsageError(f"{flag} cannot be {value}; it must be {wanted}")


def task_options(pairs: Iterable[str]) -> dict[str, dict[str, str]]:
    """The `-o task.field=value` flags.

    >>> task_options(["videomme.subtitles=true"])
    {'videomme': {'subtitles': 'true'}}
    """
    found: dict[str, dict[str, str]] = {}
    for pair in pairs:
        key, is_there, value = pair.partition("=")
        task, dot, name = key.partition(".")
        if not (is_there and dot and task and name):
            raise UsageError(f"-o {pair!r} cannot be read; write it as task.field=value, such as vstar.prompt=direct")
        found.setdefault(task, {})[name] = value
    return found


def engine_options(pairs: Iterable[str]) -> dict[str, Any]:
    """The `--engine-option key=value` flags; a value that is JSON is read as such, any other is text.

    >>> engine_options(["batch=8", "device=cpu"])
    {'batch': 8, 'device': 'cpu'}
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        key, is_there, value = pair.partition("=")
        if not (is_there and key):
            raise UsageError(f"--engine-option {pair!r} cannot be read; write it as key=value")
        try:
            found[key] = json.loads(value)
        except ValueError:
            found[key] = value
    return found


def configure(task: Task, options: Mapping[str, str]) -> Task:
    """The task with some of its fields set from text; UsageError when there is no such field, or not of that type."""
    known: list[str] = [f.name for f in fields(task)] if dataclasses.is_dataclass(task) else []
    values = {}
    for name, text in options.items():
        if name not in known:
            there = f"there are: {', '.join(known) or '-'}"
            raise UsageError(f"the task {task.name} has no option {name!r}; {nearest(name, known)}{there}")
        values[name] = _value(f"-o {task.name}.{name}={text}", getattr(task, name), text)
    return dataclasses.replace(task, **values) if values else task  # type: ignore[type-var]


def _value(where: str, default: object, text: str) -> object:
    if isinstance(default, bool):
        if text.lower() not in ("true", "false"):
            raise UsageError(f"{where}: the value must be true or false")
        return text.lower() == "true"
    if isinstance(default, (int, float)):
        try:
            return type(default)(text)
        except ValueError:
            raise UsageError(f"{where}: the value must be a number like {default}") from None
    return text
