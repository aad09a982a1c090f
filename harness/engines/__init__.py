"""Engines: what answers requests; one file each, with the class `engine(settings, pixels)`.

A class that asks a server has `served = True`: its model is a name, not a folder. Its `places` are the options that say
where and how fast, not what is answered: a run may go on with others. One that holds another engine, which answers, has
`answering(options)`: the name of that one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import prompt
from harness.errors import EngineError, UsageError
from harness.model import Model, Named
from harness.records import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How an engine is to be set up."""

    model: Named | None = None
    """None for engines without a model."""
    max_in_flight: int = 64
    """Requests that are held at once; more wait."""
    dtype: str = "auto"
    """"auto" is float32 on a CPU and bfloat16 on a GPU."""
    tensor_parallel: int = 1
    """GPUs that share one model."""
    trust_remote_code: bool = False
    """Whether code in the model folder may run."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """The engine's own options."""
    answers: Path | None = None
    """The file of the scripted engine."""
    clips: bool = False
    """Whether frames are shown as videos, which takes room that images leave free."""

    def need_model(self) -> Model:
        """The model folder; UsageError when none is set."""
        if not isinstance(self.model, Model):
            raise UsageError("the engine needs a model folder; set --model")
        return self.model

    def need_name(self) -> str:
        """The name of the model; UsageError when none is set."""
        if self.model is None:
            raise UsageError("the engine needs the name of a served model; set --model")
        return self.model.name


def check(request: Request, *, clips: bool = False) -> None:
    """EngineError when no engine should answer the request, or one that takes no `clips` should not."""
    if not clips and prompt.clips(request):
        raise EngineError("the engine takes no videos; use --show images")
    if request.temperature == 0 and request.n > 1:
        raise EngineError(f"{request.n} rollouts at temperature 0 would be copies; set a temperature or ask for one")
