"""`harness judge`: have the open answers of a run rated by a model, as a second pass."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from harness.settings import engine_options


def judge(
    run: Annotated[Path, Argument(help="A run folder, finished or not.")],
    judge_model: Annotated[str | None, Option(help="Model that judges; it needs no vision.")] = None,
    judge_engine: Annotated[str | None, Option(help="vllm, transformers, scripted ...", show_default="as run")] = None,
    name: Annotated[str | None, Option(help="Of the ratings.", show_default="the model's")] = None,
    engine_option: Annotated[list[str] | None, Option(metavar="KEY=VALUE", help="An engine's option.")] = None,
    dtype: Annotated[str, Option(help="auto, float32, bfloat16, float16.")] = "auto",
    tensor_parallel: Annotated[int, Option(help="GPUs that share the judge.")] = 1,
    trust_remote_code: Annotated[bool, Option("--trust-remote-code", help="Run code in the model folder.")] = False,
    answers: Annotated[Path | None, Option(help="File of the scripted engine.")] = None,
    in_flight: Annotated[int, Option(help="Answers under way at once.")] = 256,
    retry_errors: Annotated[bool, Option("--retry-errors", help="Ask again about answers without a rating.")] = False,
    agreement: Annotated[
        tuple[str, str] | None, Option(metavar="NAME NAME", help="Only print how far two judges agree.")
    ] = None,
) -> None:
    """Rate the open answers of a run 0-3, and make its scores and report again with what the ratings are worth.

    An answer counts as right from 2 on. The ratings are kept in judge-NAME.jsonl in the run folder, whose records
    stay as they are; the same command goes on where it was stopped.
    """
    from rich.console import Console

    if agreement is not None:
        from harness.agreement import show
        from harness.store import read_run

        read_run(run)
        show(Console(), run, agreement)
        return
    from harness.judge import Asked
    from harness.judge import judge as start

    asked = Asked(
        run=run,
        model=judge_model,
        engine=judge_engine,
        name=name,
        engine_options=engine_options(engine_option or ()),
        dtype=dtype,
        tensor_parallel=tensor_parallel,
        trust_remote_code=trust_remote_code,
        answers=answers,
        in_flight=in_flight,
        retry_errors=retry_errors,
    )
    raise typer.Exit(start(asked, Console()))
