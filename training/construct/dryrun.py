"""What a construction would ask, told before a model is loaded: harness data stgr build --dry-run."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import VideoError
from harness.frames import Frames
from harness.journal import lines
from harness.records import Frame, Request

from .asking import look
from .draft import Drop
from .ledger import JOURNAL
from .reading import MOST_CLAIMS
from .sources import Item
from .stages import Eyes, question

if TYPE_CHECKING:
    from rich.console import Console

    from .build import Setup


def dry_run(setup: Setup, out: Path, console: Console) -> int:
    """Print how much would be asked of whom, and the first question of each kind of source; the exit code."""

    def say(text: str) -> None:
        console.print(text, highlight=False, markup=False, soft_wrap=True)

    kinds = Counter(item.kind for item in setup.items)
    number = len(setup.items)
    say(f"{number} of {setup.of} items: " + ", ".join(f"{count} by {kind}" for kind, count in kinds.items()))
    done = Counter(data["stage"] for data, _ in lines(out / JOURNAL) if data.get("request"))
    for role, stage, each in (
        ("annotator", "annotate", 1),
        ("verifier", "verify", MOST_CLAIMS),
        ("judge", "judge", MOST_CLAIMS),
    ):
        grader = setup.graders[role]
        name = grader.model.name if grader.model else grader.engine
        kept = f", {done[stage]} answered" if done[stage] else ""
        say(f"{role} {name}: at most {number * each} requests ({each} an item){kept}")
    for kind in kinds:
        first = next(item for item in setup.items if item.kind == kind)
        say(f"\nThe first by {kind}, {first.id}:\n{asyncio.run(_shown(setup, first))}")
    return 0


async def _shown(setup: Setup, item: Item) -> str:
    with closing(Frames()) as frames:
        family, max_pixels = look(setup.speakers["annotator"], setup.graders["annotator"])
        eyes = Eyes(frames=frames, videos=setup.videos, family=family, max_pixels=max_pixels)
        try:
            asked = await question(item, eyes, setup.recipe.annotator, setup.recipe.rules)
        except VideoError as error:
            return f"(nothing is asked: {error})"
    return f"(nothing is asked: {asked.why})" if isinstance(asked, Drop) else written(asked[0])


def written(request: Request) -> str:
    """A request as text, its frames as their sizes."""
    return "".join(f"[{p.size[0]} x {p.size[1]}]" if isinstance(p, Frame) else str(p) for p in request.parts)
