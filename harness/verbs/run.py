"""`harness run`: ask a model every question of some tasks, and score the answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from harness.settings import Asked, engine_options, task_options


def run(
    tasks: Annotated[str, Option(help="Names with commas between them, or Python files; see: harness tasks.")],
    data: Annotated[Path, Option(help="Folder that holds a folder for each task, or the one task's data.")],
    out: Annotated[Path, Option(help="Run folder; the same command goes on where it stopped.")],
    model: Annotated[str | None, Option(help="Model folder, shipped or served name.", show_default="nano")] = None,
    engine: Annotated[str | None, Option(help="vllm, transformers, openai, scripted; vllm where it can run.")] = None,
    preset: Annotated[str, Option(help="paper, or released: as the published program does.")] = "paper",
    n: Annotated[int, Option("-n", help="Rollouts a sample.")] = 1,
    temperature: Annotated[float | None, Option(help="0 is greedy.", show_default="the preset's, or 0")] = None,
    top_p: Annotated[float | None, Option(help="Nucleus sampling.", show_default="the preset's, or 1")] = None,
    max_tokens: Annotated[int | None, Option(help="Of an answer.", show_default="preset's, model's or 1024")] = None,
    repetition_penalty: Annotated[float | None, Option(help="1 is none.", show_default="the preset's, or 1")] = None,
    seed: Annotated[int, Option(help="Of rollouts and of --limit.")] = 0,
    frames: Annotated[str | None, Option(help="uniform:16, aks:64 ...", show_default="the model's or task's")] = None,
    scorer: Annotated[str | None, Option(metavar="NAME[:FOLDER]", help="What chooses frames for aks:64.")] = None,
    max_pixels: Annotated[int | None, Option(help="Of a frame.", show_default="the model's or task's")] = None,
    show: Annotated[str, Option(help="Frames as images, video, or released: a video without times.")] = "images",
    voter: Annotated[str | None, Option(help="Folds rollouts into one.", show_default="first or majority")] = None,
    adaptive: Annotated[str | None, Option(metavar="RULE", help="Stop once settled: lossless, same:0.95 ...")] = None,
    limit: Annotated[int | None, Option(help="Items a task, drawn with the seed: a partial run.")] = None,
    prompt: Annotated[str | None, Option(help="think, direct ..., for tasks that have them.")] = None,
    option: Annotated[list[str] | None, Option("-o", metavar="TASK.FIELD=VALUE", help="A task's option.")] = None,
    engine_option: Annotated[list[str] | None, Option(metavar="KEY=VALUE", help="An engine's option.")] = None,
    family: Annotated[str | None, Option(help="Model family.", show_default="by config.json")] = None,
    dtype: Annotated[str, Option(help="auto, float32, bfloat16, float16.")] = "auto",
    tensor_parallel: Annotated[int, Option(help="GPUs that share the model.")] = 1,
    trust_remote_code: Annotated[bool, Option("--trust-remote-code", help="Run code in the model folder.")] = False,
    answers: Annotated[Path | None, Option(help="File of the scripted engine.")] = None,
    in_flight: Annotated[int, Option(help="Samples under way at once.")] = 32,
    decoder: Annotated[str, Option(help="pyav; or decord, slower and in a process of its own.")] = "pyav",
    partial_videos: Annotated[bool, Option("--partial-videos", help="Use videos that break off up to there.")] = False,
    cache: Annotated[Path | None, Option(help="Folder of decoded frames.", show_default="in ~/.cache")] = None,
    cache_gb: Annotated[float, Option(help="Size of that folder; 0 for none.")] = 16.0,
    retry_errors: Annotated[bool, Option("--retry-errors", help="Ask failed samples again.")] = False,
    dry_run: Annotated[bool, Option("--dry-run", help="Only say what would be asked and needed.")] = False,
    rate: Annotated[float | None, Option(metavar="TOKENS_PER_S", help="Known rate, for --dry-run's time.")] = None,
) -> None:
    """Ask a model every question of some tasks, and score the answers."""
    told = dict(locals())
    told["tasks"] = tuple(name.strip() for name in tasks.split(",") if name.strip())
    told["options"] = task_options(told.pop("option") or ())
    told["engine_options"] = engine_options(told.pop("engine_option") or ())
    asked = Asked(**told)

    from rich.console import Console

    from harness.session import session

    raise typer.Exit(session(asked, Console()))
