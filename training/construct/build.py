"""One start of harness data stgr build: from a recipe to rows and a report (arXiv 2510.20579, Sec. 3.2).

The annotator goes over all items first, then the verifier over what is left, then the judge: a model is loaded when the
one before is gone. Stages of the same model in a row are one pass.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import EngineError, UsageError, VideoError
from harness.frames import Frames
from harness.grader import Grader
from harness.journal import lock
from harness.manifest import hash_file
from harness.progress import Progress
from harness.run import drive
from harness.schema import dumps, loads

from .. import rows
from . import example, report, sources
from .asking import Asker, look, look_up
from .draft import Draft, Drop
from .dryrun import dry_run
from .ledger import JOURNAL, Answer, Ledger
from .recipe import Recipe, Speaker, read
from .sources import Item
from .stages import Annotating, Eyes, Looking

if TYPE_CHECKING:
    from rich.console import Console

LOCK, SFT, RL = "build.lock", "STGR-SFT.json", "STGR-RL.json"
EXAMPLE = "example"
"""The folder of what --recipe shapes makes, in the output folder."""
STAGE = {"annotator": "annotate", "verifier": "verify", "judge": "judge"}
"""What each role does, in order."""
OURS = {JOURNAL, LOCK, SFT, RL, EXAMPLE, f".{JOURNAL}.tmp", f"{EXAMPLE}.part"}

State = Item | Draft | Drop
"""How far an item is: not annotated, under way, dropped."""
Stage = Callable[[Any], Awaitable[Draft | Drop]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a recipe stands for."""

    recipe: Recipe
    items: list[Item]
    of: int
    """Items of the source list, before --limit."""
    videos: Path
    speakers: dict[str, Speaker]
    """Role -> model."""
    graders: dict[str, Grader]
    settings: dict[str, Any]
    """What fixes what is asked, and what is dropped."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of an item in a pass."""

    item: str
    state: State
    stage: str = ""
    """The stage that failed."""
    error: str | None = None


def build(recipe: str, out: Path, console: Console, *, limit: int = 0, dry: bool = False, retry: bool = False) -> int:
    """Make the rows of a recipe, or go on with them; the exit code. The recipe "shapes" makes its own sources."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} is a file; give a folder")
    foreign = [] if not out.is_dir() or (out / JOURNAL).exists() else sorted({p.name for p in out.iterdir()} - OURS)
    if foreign:
        raise UsageError(f"{out} holds {foreign[0]} and is no output folder of a construction; give another --out")
    path = example.made(out / EXAMPLE, limit or example.COUNT) if recipe == "shapes" else Path(recipe)
    setup = look_up_all(read(path), path.parent, limit)
    if dry:
        return dry_run(setup, out, console)
    out.mkdir(parents=True, exist_ok=True)
    with lock(out / LOCK), closing(Ledger(out, setup.settings, retry_errors=retry)) as ledger:
        try:
            states = go_over(setup, ledger, console)
        except KeyboardInterrupt:
            kept = f"stopped; {len(ledger.known)} answers are kept in {out}: the same command goes on"
            console.print(kept, highlight=False, markup=False, soft_wrap=True)
            return 130
        drafts = [state for state in states.values() if isinstance(state, Draft)]
        made = [draft.row() for draft in drafts]
        rows.write(made, out / SFT)
        rows.write([replace(row, reasoning=None) for row in made], out / RL)
        told = report.told(states, setup.items, setup.of, setup.settings, ledger.counts())
    report.publish(out, told, console)
    return 0 if made else 1


def look_up_all(recipe: Recipe, folder: Path, limit: int = 0) -> Setup:
    """Find all that a recipe names; every mistake is told here, before anything is written or loaded."""
    videos = (folder / recipe.videos).absolute()
    listed = sources.read(folder / recipe.sources, videos, recipe.source)
    speakers: dict[str, Speaker] = {
        "annotator": recipe.annotator,
        "verifier": recipe.verifier,
        "judge": recipe.judge or recipe.verifier,
    }
    graders = {role: look_up(speaker, folder, role) for role, speaker in speakers.items()}
    settings = {
        "sources": hash_file(folder / recipe.sources, "sources"),
        "source": recipe.source,
        "rules": asdict(recipe.rules),
        **{role: _told(speaker, graders[role]) for role, speaker in speakers.items()},
    }
    return Setup(
        recipe=recipe,
        items=listed[:limit] if limit else listed,
        of=len(listed),
        videos=videos,
        speakers=speakers,
        graders=graders,
        settings=dict(loads(dumps(settings, "the recipe"), "the recipe")),
    )


def _told(speaker: Speaker, grader: Grader) -> dict[str, Any]:
    """What fixes the answers of a model; not where it is and how fast."""
    family, max_pixels = look(speaker, grader)
    more = ("frames", "coordinates", "temperature", "top_p", "max_tokens", "seed")
    own = {name: getattr(speaker, name) for name in more if hasattr(speaker, name)}
    return {**grader.told, "sizes": family, "max_pixels": max_pixels, **own}


def go_over(setup: Setup, ledger: Ledger, console: Console) -> dict[str, State]:
    """What becomes of each item, by its id, in the order of the source list."""
    states: dict[str, State] = {
        item.id: Drop("failed", str(ledger.failed[item.id].error)) if item.id in ledger.failed else item
        for item in setup.items
    }

    def same_model(role: str) -> object:
        return setup.graders[role].told, setup.graders[role].settings

    passes = [[*roles] for _, roles in groupby(STAGE, same_model)]
    asyncio.run(_all_passes(passes, setup, ledger, states, console))
    return states


async def _all_passes(
    passes: Sequence[Sequence[str]], setup: Setup, ledger: Ledger, states: dict[str, State], console: Console
) -> None:
    """Each pass over the items that are left; one event loop and one memory of frames for all."""
    with closing(Frames()) as frames:
        for roles in passes:
            left = [(item, states[item.id]) for item in setup.items if not isinstance(states[item.id], Drop)]
            if left:
                console.print(f"{' and '.join(roles)}: {len(left)} items", highlight=False)
                await _one_pass(roles, left, frames, setup, ledger, states, console)


async def _one_pass(
    roles: Sequence[str],
    left: list[tuple[Item, State]],
    frames: Frames,
    setup: Setup,
    ledger: Ledger,
    states: dict[str, State],
    console: Console,
) -> None:
    """All that one model has to say; its engine is started when something is asked, and closed at the end."""
    asker = Asker(setup.graders[roles[0]], frames, ledger, setup.videos)
    line = Line(asker, [stage for role in roles for stage in _stages(role, asker, setup)])
    before = any(stage == STAGE[role] for role in roles for stage, _ in ledger.known)
    with Progress(console, len(left)) as progress:
        asker.on_start = progress.engine_started

        def keep(result: Result) -> None:
            states[result.item] = result.state
            if result.error is not None:
                ledger.add(Answer(stage=result.stage, item=result.item, error=result.error))
            # What the journal answers says nothing of how fast a model is.
            progress.before += result.item not in asker.asked
            progress.advance(result.error is not None)

        try:
            await drive(line, left, keep, setup.speakers[roles[0]].in_flight, answered=before)
        finally:
            await asker.close()


def _stages(role: str, asker: Asker, setup: Setup) -> list[tuple[str, Stage]]:
    """What a role does with an item, in order."""
    rules = setup.recipe.rules
    family, max_pixels = look(setup.speakers[role], setup.graders[role])
    eyes = Eyes(frames=asker.frames, videos=setup.videos, family=family, max_pixels=max_pixels)
    if role == "annotator":
        return [("annotate", Annotating(asker=asker, eyes=eyes, how=setup.recipe.annotator, rules=rules))]
    looking = Looking(asker=asker, eyes=eyes, rules=rules)
    return [("verify", looking.verify)] if role == "verifier" else [("judge", looking.judge)]


@dataclass(frozen=True, slots=True)
class Line:
    """Takes an item through the stages of a pass."""

    asker: Asker
    stages: list[tuple[str, Stage]]

    async def answer(self, job: tuple[Item, State]) -> Result:
        """What comes of it; an error of a video or a request drops it, and is asked again with --retry-errors."""
        item, state = job
        for name, stage in self.stages:
            try:
                state = await stage(state)
            except (EngineError, VideoError) as error:
                reason = f"{type(error).__name__}: {error}"
                return Result(item.id, Drop("failed", reason), name, reason)
            if isinstance(state, Drop):
                break
        return Result(item.id, state)
