"""`harness probe`: whether the answers of a run rest on the evidence that they cite."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from harness.settings import engine_options


def probe(
    run: Annotated[Path, Argument(help="A run folder whose answers cite evidence.")],
    remove: Annotated[
        str | None, Option(help="evidence,random,shifted,swapped: what is removed.", show_default="evidence,random")
    ] = None,
    probes: Annotated[str, Option(metavar="NAMES", help="Other probes, or Python files; see docs/probes.md.")] = "",
    near: Annotated[int, Option(help="Frames that belong to a cited time: those nearest to it.")] = 2,
    draws: Annotated[int, Option(help="Of what is drawn by chance.")] = 3,
    seed: Annotated[int, Option(help="Of these draws; rollouts have the seeds of the run.")] = 0,
    retry_errors: Annotated[bool, Option("--retry-errors", help="Ask again what failed before.")] = False,
    model: Annotated[
        str | None, Option(help="Where the model of the run is now.", show_default="as in the run")
    ] = None,
    engine: Annotated[str | None, Option(help="That of the run.", show_default="as in the run")] = None,
    engine_option: Annotated[list[str] | None, Option(metavar="KEY=VALUE", help="An engine's option.")] = None,
    dtype: Annotated[str, Option(help="That of the run.", show_default="as in the run")] = "auto",
    tensor_parallel: Annotated[int, Option(help="GPUs that share the model.")] = 1,
    trust_remote_code: Annotated[bool, Option("--trust-remote-code", help="Run code in the model folder.")] = False,
    answers: Annotated[Path | None, Option(help="File of the scripted engine.")] = None,
    in_flight: Annotated[int, Option(help="Samples under way at once.")] = 32,
    cache: Annotated[Path | None, Option(help="Folder of decoded frames.", show_default="in ~/.cache")] = None,
    cache_gb: Annotated[float, Option(help="Size of that folder; 0 for none.")] = 16.0,
) -> None:
    """Ask the questions of a run again without the frames that its answers cite, and without others.

    Answers are kept in probe-NAME.jsonl in the run folder; probe.json, probe.md and pictures say what was found.
    """
    from importlib import import_module

    from rich.console import Console

    how = {
        "model": model, "engine": engine, "engine_options": engine_options(engine_option or ()), "dtype": dtype,
        "tensor_parallel": tensor_parallel, "trust_remote_code": trust_remote_code, "answers": answers,
        "in_flight": in_flight, "cache": cache, "cache_gb": cache_gb,
    }  # fmt: skip
    start = import_module("harness.scaling.probe")
    names = [f"remove-{name}" for name in listed("evidence,random" if remove is None and not probes else remove or "")]
    asked = start.Asked(
        run=run,
        probes=(*names, *listed(probes)),
        near=near,
        draws=draws,
        seed=seed,
        retry_errors=retry_errors,
        how=how,
    )
    raise typer.Exit(start.probe(asked, Console()))


def listed(text: str) -> list[str]:
    """Names with commas between them.

    >>> listed("evidence, random")
    ['evidence', 'random']
    """
    return [name.strip() for name in text.split(",") if name.strip()]
