"""One start of `harness run`: from what was asked to a finished run folder."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import chooser, plugins
from harness.chooser import Chooser, Scoring
from harness.contracts import Engine, Pixels, Stop, Voter
from harness.dryrun import dry_run
from harness.engines import Settings as EngineSettings
from harness.errors import UsageError
from harness.families import FAMILIES
from harness.families import family as known_family
from harness.frames import Frames
from harness.manifest import manifest
from harness.model import Named, resolve, served
from harness.plan import Plan, full_name, make
from harness.progress import Progress
from harness.records import Record
from harness.run import Job, Loop, Views, drive
from harness.settings import Asked, Decoding
from harness.store import REPORT, SCORES, Store, short_key, write, write_bytes
from harness.summary import summarise

if TYPE_CHECKING:
    from rich.console import Console

DEFAULT_MODEL = "nano"
WITH_WEIGHTS = ("vllm", "transformers")
"""Engines that take the default model when none is named."""

WHOLE_BYTES = 1 << 30
"""Memory for pictures that evidence is cropped from, where a voter looks at evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What the words of the command stand for."""

    asked: Asked
    model: Named | None
    family: str
    engine: Callable[[EngineSettings, Pixels], Engine]
    voter: Voter
    stop: Stop | None
    decoding: Decoding
    plans: list[Plan]
    scoring: Scoring | None
    """What chooses frames; None where times alone do."""
    run: dict[str, Any]
    """The content of run.json."""


def session(asked: Asked, console: Console) -> int:
    """Run, or go on with a run, and publish it; the exit code."""
    setup = look_up(asked)
    if asked.dry_run:
        signal = getattr(setup.voter, "signal", None)
        return dry_run(asked, setup.plans, setup.model, setup.family, console, signal and signal.name)
    with Store(asked.out) as store:
        store.join(setup.run, retry_errors=asked.retry_errors)
        try:
            answer(setup, store, console)
        except KeyboardInterrupt:
            kept = (
                f"stopped; {len(store.done) + store.appended} samples are kept in {asked.out}: the same command goes on"
            )
            console.print(kept, highlight=False, markup=False, soft_wrap=True)
            return 130
        return finish(asked.out, setup.run, console)


def finish(folder: Path, run: Mapping[str, Any], console: Console) -> int:
    """Write scores.json and report.md of a run folder, and print the tables; the exit code."""
    scores = summarise(folder, run)
    write(folder / SCORES, "scores", scores)
    publish(folder, run, scores, console)
    if all(task["counts"]["evaluated"] == 0 for task in scores["tasks"].values()):
        console.print("no sample could be evaluated; see the errors above", highlight=False)
        return 1
    return 0


def look_up(asked: Asked, make: Callable[[Asked, Named | None], list[Plan]] = make) -> Setup:
    """Find all that the command names; every mistake is told here, before anything is written or loaded.

    `make` says what is asked, where that is not the data of tasks.
    """
    engine = full_name(asked.engine or default_engine())
    voter = full_name(asked.voter or ("first" if asked.n == 1 else "majority"))
    make_engine, vote = plugins.load("harness.engines", engine), plugins.load("harness.scaling", voter)
    answering = getattr(make_engine, "answering", lambda options: engine)(asked.engine_options)
    name = asked.model or (DEFAULT_MODEL if answering in WITH_WEIGHTS else None)
    model = find_model(make_engine, name, asked.family)
    family = model.family if model else known_family(asked.family or next(iter(FAMILIES))).name
    decoder = full_name(asked.decoder)
    plugins.load("harness.decoders", decoder)()
    places = getattr(make_engine, "places", ())
    plans = make(asked, model)
    scoring = chooser.find(asked.scorer, plans)
    decoding = plans[0].decoding
    return Setup(
        asked=asked,
        model=model,
        family=family,
        engine=make_engine,
        voter=vote,
        stop=find_rule(asked.adaptive, vote) if asked.adaptive else None,
        decoding=decoding,
        plans=plans,
        scoring=scoring,
        run=manifest(
            asked,
            plans,
            model=model,
            family=family,
            engine=engine,
            places=places,
            decoding=decoding,
            decoder=decoder,
            voter=voter,
            scorer=scoring.told if scoring else None,
        ),
    )


def find_model(engine: object, name: str | None, family: str | None, *, sees: bool = True) -> Named | None:
    """What --model stands for: the name of a model that a server has, where the engine asks one; else a folder."""
    if getattr(engine, "served", False):
        if name is None:
            raise UsageError("the engine asks a server; set --model to the name by which the server knows the model")
        return served(name, family, sees=sees)
    return resolve(name, family, sees=sees) if name else None


def find_rule(text: str, voter: Voter) -> Stop:
    """What --adaptive stands for: when a vote of that voter is settled."""
    rule: Stop = importlib.import_module("harness.scaling.stopping").rule(text, voter)
    return rule


def default_engine() -> str:
    """vllm where it is installed and there is a GPU, else transformers."""
    if importlib.util.find_spec("vllm") is None:
        return "transformers"
    import torch

    return "vllm" if torch.cuda.is_available() else "transformers"


def default_cache() -> Path:
    """Where decoded frames are kept for all runs of a user."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "grounded-harness" / "frames"


def publish(folder: Path, run: Mapping[str, Any], scores: Mapping[str, Any], console: Console) -> None:
    """Write report.md and print the tables."""
    table = importlib.import_module("harness.reports.table")
    write_bytes(folder / REPORT, table.markdown(run, scores).encode("utf-8", "replace"))
    table.show(console, run, scores)
    console.print(f"\n{folder / REPORT}", highlight=False, soft_wrap=True)


def frames_of(setup: Setup) -> Frames:
    """The frames of a run; close them."""
    asked = setup.asked
    return Frames(
        (asked.cache or default_cache()) if asked.cache_gb else None,
        cache_bytes=int(asked.cache_gb * 1e9),
        decoder=asked.decoder,
        partial=asked.partial_videos,
        whole_bytes=WHOLE_BYTES if getattr(setup.voter, "signal", None) else 0,
    )


def engine_settings(setup: Setup) -> EngineSettings:
    """How the engine of a run is set up."""
    asked = setup.asked
    return EngineSettings(
        model=setup.model,
        max_in_flight=asked.in_flight,
        dtype=asked.dtype,
        tensor_parallel=asked.tensor_parallel,
        trust_remote_code=asked.trust_remote_code,
        options=asked.engine_options,
        answers=asked.answers,
        clips=asked.show != "images",
    )


async def ask(setup: Setup, engine: Engine, views: Views, store: Store, keep: Callable[[Record], None]) -> None:
    """Ask an engine that is running all that is owed, and hand each record on as it is finished."""
    loop = Loop(
        engine=engine,
        views=views,
        voter=setup.voter,
        stop=setup.stop,
        decoding=setup.decoding,
        seed=setup.asked.seed,
        family=setup.family,
    )
    answered = len(store.done) > len(store.failed)
    await drive(loop, _owed(setup.plans, store), keep, setup.asked.in_flight, answered=answered)


def answer(setup: Setup, store: Store, console: Console) -> None:
    """Ask what is owed, if anything is; the store has joined the run."""
    if not any(True for _ in _owed(setup.plans, store)):
        return
    frames = frames_of(setup)
    views = Chooser(frames, setup.scoring) if setup.scoring else frames
    engine = setup.engine(engine_settings(setup), frames)
    store.begin()
    total = sum(len(plan.samples) for plan in setup.plans)
    with closing(views), closing(frames), Progress(console, total, len(store.done), len(store.failed)) as progress:

        def keep(record: Record) -> None:
            store.append(record)
            progress.advance(record.error is not None)

        async def ask_all() -> None:
            try:
                if isinstance(views, Chooser):
                    await views.start()
                await engine.start()
                progress.engine_started()
                await ask(setup, engine, views, store, keep)
            finally:
                await engine.close()

        asyncio.run(ask_all())


def _owed(plans: Sequence[Plan], store: Store) -> Iterator[Job]:
    for plan in plans:
        for sample in plan.by_video():
            if short_key(plan.task.name, sample.id) not in store.done:
                yield Job(
                    task=plan.task,
                    sample=sample,
                    frames=plan.frames,
                    max_pixels=plan.max_pixels,
                    decoding=plan.decoding,
                    show=plan.show,
                )
