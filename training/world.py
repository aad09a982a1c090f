"""STGR of the synthetic world: the same files, rows and folders, about clips whose truth is exact (harness/shapes)."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from harness.geometry import Box
from harness.progress import Progress
from harness.shapes import questions, render
from harness.shapes.clip import Clip, Thing, make

from . import rows, sources
from .rows import CHOICE, GROUNDED, OPEN, TEMPORAL, VISUAL, KeyFrame, Row

SFT, RL = "STGR-SFT.json", "STGR-RL.json"
SOURCE = "shapes"
FIRST_SEED = 5 * 10**8
"""Clips have seeds from here on: apart from those of nano's first lessons and from those of benchmarks."""
FEW = 100
"""Clips below which further processes take longer to start than they save."""
RATE = 4.0
"""Frames a second: a clip is a file to be written and read again."""


def write(root: Path, clips: int, seed: int, progress: Progress | None = None) -> None:
    """Write both files with five rows a clip, and the media; the clips of one file are not those of the other."""
    (root / "videos").mkdir(parents=True, exist_ok=True)
    drawn = random.Random(f"stgr:{seed}").sample(range(10**8), 2 * clips)
    for name, seeds in ((SFT, drawn[:clips]), (RL, drawn[clips:])):
        made: list[Row] = []
        for found in _all(partial(_clip, root=root, reasoned=name == SFT), seeds):
            made += found
            if progress is not None:
                progress.advance(False)
        random.Random(seed).shuffle(made)
        rows.write(made, root / name)


def _all(work: Callable[[int], list[Row]], seeds: Sequence[int]) -> Iterator[list[Row]]:
    """The rows of each clip in order, made by as many processes as there are cores where that pays."""
    if len(seeds) < FEW:
        yield from map(work, seeds)
        return
    with ProcessPoolExecutor(min(os.cpu_count() or 1, 16), get_context("spawn")) as pool:
        yield from pool.map(work, seeds, chunksize=8)


def _clip(number: int, root: Path, reasoned: bool) -> list[Row]:
    return list(_rows(replace(make(FIRST_SEED + number), rate=RATE), root, reasoned))


def _rows(clip: Clip, root: Path, reasoned: bool) -> Iterator[Row]:
    """The rows of a clip; its files are written."""
    rng = random.Random(f"stgr:{clip.seed}")
    thing = rng.choice(clip.things)
    time = float(rng.randint(int(thing.span.start), int(thing.span.end)))
    general = _choice if rng.random() < 0.5 else _exists
    made = [ask(clip, rng) for ask in (_what, _when, _where, general)]
    made = [replace(row, video=f"{clip.seed}.mp4") for row in made]
    made.append(replace(_still(clip, thing, time), image=f"{clip.seed}.png"))
    render.write(clip, sources.media(root, made[0]))
    _draw(clip, time, sources.media(root, made[-1]))
    for number, row in enumerate(made):
        yield replace(row, id=f"{clip.seed}-{number}", reasoning=row.reasoning if reasoned else None)


def _row(task: str, question: str, answer: str, reasoning: str) -> Row:
    return Row(id="", source=SOURCE, task=task, question=question, answer=answer, reasoning=reasoning)


def _what(clip: Clip, rng: random.Random) -> Row:
    """An open question that rests on one look at a thing."""
    asked = questions.what(clip, rng)
    thing = asked.things[0]
    time = float(round((thing.span.start + thing.span.end) / 2))
    return _cited(_row(GROUNDED, asked.text, asked.answer, ""), clip, thing, [time])


def _when(clip: Clip, rng: random.Random) -> Row:
    """When a thing is there: it rests on its first and its last sight. Now and then it is told where it is."""
    thing = rng.choice(clip.things)
    question = questions.when(thing)
    if rng.random() < 0.5:
        places = (json.dumps(_fractions(clip, box)) for box in clip.boxes(thing).values())
        question += f"\nIt is seen in these boxes: {', '.join(f'<box>{place}</box>' for place in places)}."
    row = _row(TEMPORAL, question, f"[{thing.span.start}, {thing.span.end}]", "")
    return replace(_cited(row, clip, thing, [*thing.span]), key_frames=(), key_items={})


def _where(clip: Clip, rng: random.Random) -> Row:
    """Where a thing is at each second: general abilities are kept, not taught, by half of the mix."""
    thing = rng.choice(clip.things)
    boxes = clip.boxes(thing)
    told = ", ".join(str(int(second)) for second in boxes)
    known = f"of these seconds: {told}" if rng.random() < 0.5 else f"second it is seen, {len(boxes)} boxes in all"
    question = f"{questions.where(thing)}\nGive the box at each {known}."
    answer = json.dumps({str(int(second)): _fractions(clip, box) for second, box in boxes.items()})
    row = _cited(_row(OPEN, question, answer, ""), clip, thing, [thing.span.start])
    return replace(row, key_frames=(), key_items={})


def _choice(clip: Clip, rng: random.Random) -> Row:
    asked = questions.choice(clip, rng)
    options = "\n".join(f"{letter}. {option}" for letter, option in zip(questions.LETTERS, asked.options, strict=True))
    right = asked.options[questions.LETTERS.index(asked.answer)]
    return _row(CHOICE, f"{asked.text}\n{options}", asked.answer, f"So the answer is {right}.")


def _exists(clip: Clip, rng: random.Random) -> Row:
    asked = questions.exists(clip, rng)
    return _row(OPEN, asked.text, asked.answer, f"So the answer is {asked.answer}.")


def _still(clip: Clip, thing: Thing, time: float) -> Row:
    """A question about one frame as an image, whose answer is a box."""
    box = [round(edge) for edge in clip.box(thing, time).clip(clip.width, clip.height)]
    place = f"<obj>{thing.name}</obj><box>{json.dumps(box, separators=(',', ':'))}</box>"
    row = _row(VISUAL, questions.where(thing), place, f"The {place}.")
    return replace(row, image_size=(clip.width, clip.height))


def _cited(row: Row, clip: Clip, thing: Thing, times: Sequence[float]) -> Row:
    """The row with reasoning that cites a thing at these times, and with what it rests on."""
    boxes = [_fractions(clip, clip.box(thing, time)) for time in times]
    claims = [
        f"The <obj>{thing.name}</obj><box>{json.dumps(box, separators=(',', ':'))}</box>at<t>{time:.1f}</t>s."
        for time, box in zip(times, boxes, strict=True)
    ]
    return replace(
        row,
        reasoning=" ".join(claims),
        key_frames=tuple(KeyFrame(idx=idx, time=time) for idx, time in enumerate(times)),
        key_items={idx: {thing.name: (Box(*box),)} for idx, box in enumerate(boxes)},
    )


def _fractions(clip: Clip, box: Box) -> list[float]:
    part = box.clip(clip.width, clip.height).scale(1 / clip.width, 1 / clip.height)
    return [round(edge, 4) for edge in part]


def _draw(clip: Clip, time: float, path: Path) -> None:
    from PIL.Image import fromarray

    fromarray(render.frame(clip, time)).save(path)
