"""How many of the frames that are shown have the thing that is asked about: evenly spread, and chosen by the question.

    python benchmarks/keyframes.py [VIDEOS]

writes long clips of the synthetic world, asks "When is the red circle visible?" of one thing of each, and prints the
table of docs/frames.md.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from harness.chooser import Chooser, Scoring
from harness.frames import Frames
from harness.manifest import describe_scorer
from harness.plugins import load
from harness.records import Sample
from harness.shapes import questions
from harness.shapes.clip import Clip, Thing, make
from harness.shapes.render import write

RECIPES = ("uniform:16", "aks:16", "uniform:64", "aks:64")
FIRST = 3 * 10**9


async def shown(asked: list[tuple[Sample, Thing]], recipe: str, views: Chooser) -> tuple[float, int]:
    """The share of shown frames that have the thing, and in how many videos there is one."""
    shares = []
    for sample, thing in asked:
        view = await views.view(sample, recipe, "qwen2_5_vl", 112 * 112)
        shares.append(sum(map(thing.visible, view.times)) / len(view.times))
    return sum(shares) / len(shares), sum(share > 0 for share in shares)


async def main(count: int, folder: Path) -> None:
    """Write the clips and print a row for each recipe."""
    asked = []
    for number in range(count):
        clip: Clip = make(FIRST + number, "long")
        path, thing = folder / f"{number}.mp4", clip.things[0]
        write(clip, path)
        sample = Sample(id=str(number), item=str(number), kind="when", video=str(path), question=questions.when(thing))
        asked.append((sample, thing))
    scorer = load("harness.scorers", "shapes")("")
    scoring = Scoring(scorer=scorer, told=describe_scorer("shapes", scorer))
    with closing(Frames()) as frames, closing(Chooser(frames, scoring)) as views:
        await views.start()
        sys.stdout.write(f"{'':12} frames that have it   videos with such a frame\n")
        for recipe in RECIPES:
            share, videos = await shown(asked, recipe, views)
            sys.stdout.write(f"{recipe:12} {100 * share:17.1f} % {videos:19} of {count}\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 30, Path(scratch)))
