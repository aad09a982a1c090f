"""`harness vote`: votes of other voters and of fewer rollouts, from the records of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from harness.errors import UsageError
from harness.settings import engine_options


def vote(
    run: Annotated[Path, Argument(help="A run folder with several rollouts a sample, finished or not.")],
    voters: Annotated[str, Option(help="Names with commas between them, or Python files.")] = "first,majority",
    n: Annotated[str | None, Option("--n", "-n", help="1,2,4: rollouts a vote.", show_default="1,2,4 ... all")] = None,
    controls: Annotated[bool, Option("--controls", help="Ask for the controls of signals too, for compare.")] = False,
    adaptive: Annotated[str, Option(metavar="RULES", help="Replay stopping early: lossless,same:0.95 ...")] = "",
    seed: Annotated[int, Option(help="Of random subsets and orders, where there are too many to go through.")] = 0,
    model: Annotated[str | None, Option(help="Model that gives missing signals.", show_default="the run's")] = None,
    engine: Annotated[str | None, Option(help="vllm, transformers ...", show_default="the run's")] = None,
    engine_option: Annotated[list[str] | None, Option(metavar="KEY=VALUE", help="An engine's option.")] = None,
    dtype: Annotated[str, Option(help="auto, float32, bfloat16, float16.")] = "auto",
    tensor_parallel: Annotated[int, Option(help="GPUs that share the model.")] = 1,
    trust_remote_code: Annotated[bool, Option("--trust-remote-code", help="Run code in the model folder.")] = False,
    answers: Annotated[Path | None, Option(help="File of the scripted engine.")] = None,
    in_flight: Annotated[int, Option(help="Samples under way at once.")] = 32,
    cache: Annotated[Path | None, Option(help="Folder of decoded frames.", show_default="in ~/.cache")] = None,
    cache_gb: Annotated[float, Option(help="Size of that folder; 0 for none.")] = 16.0,
) -> None:
    """Vote again on the rollouts of a run, and draw what fewer of them would have scored.

    No model is asked but for signals of a voter that are not on record. votes-NAME.jsonl, votes.json, votes.md and
    pictures of the curves are written into the run folder, whose records stay as they are.
    """
    from importlib import import_module

    from rich.console import Console

    how = {
        "model": model,
        "engine": engine,
        "engine_options": engine_options(engine_option or ()),
        "dtype": dtype,
        "tensor_parallel": tensor_parallel,
        "trust_remote_code": trust_remote_code,
        "answers": answers,
        "in_flight": in_flight,
        "cache": cache,
        "cache_gb": cache_gb,
    }
    start = import_module("harness.scaling.vote")
    names, rules = ([name.strip() for name in text.split(",") if name.strip()] for text in (voters, adaptive))
    asked = start.Asked(
        run=run, voters=tuple(names), sizes=sizes(n), controls=controls, rules=tuple(rules), seed=seed, how=how
    )
    raise typer.Exit(start.vote(asked, Console()))


def sizes(text: str | None) -> tuple[int, ...]:
    """The numbers of --n.

    >>> sizes("1,2, 8")
    (1, 2, 8)
    """
    try:
        return tuple(int(part) for part in (text or "").split(",") if part.strip())
    except ValueError as error:
        raise UsageError(f"--n cannot be {text!r}; give numbers of rollouts, such as 1,2,4,8") from error
