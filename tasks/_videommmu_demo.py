"""A small instance of Video-MMMU from the synthetic world, in the published layout.

What is to be seen is perception, what happens when and together with what is comprehension; a question to apply what
was seen comes with a picture of a shape, or asks for a number.
"""

from __future__ import annotations

import io
import random
from dataclasses import replace
from pathlib import Path

from harness.shapes import events, questions
from harness.shapes.clip import Clip
from harness.shapes.questions import Question

from . import _demo
from ._videommmu_pictures import FOLDERS
from ._videommmu_rows import DISCIPLINES, FOLDER, TABLE, TRACKS


def write(root: Path, count: int, seed: int) -> None:
    """Write `count` lectures with their pictures, and the tables of the three tracks."""
    import pandas

    tables: dict[str, list[dict[str, object]]] = {track: [] for track in TRACKS}
    subjects = sorted(DISCIPLINES)
    for number, (_, _, clip, rng) in enumerate(_demo.clips(FOLDER, count, seed)):
        subject = subjects[7 * number % len(subjects)]
        name = f"shapes{seed}_{subject}_{number}"
        _demo.write(clip, root / DISCIPLINES[subject] / f"{name}.mp4")
        asked, picture = _applied(clip, rng, number)
        _demo.write(picture, root / FOLDERS[0] / f"{name}_image.mp4")
        rows = (questions.choice(clip, rng), _understood(clip, rng), asked)
        for track, question in zip(TRACKS, rows, strict=True):
            tables[track].append(_row(name, question))
        tables[TRACKS[-1]][-1]["image"] = {"bytes": _png(picture), "path": f"{name}.png"}
    for track, table in tables.items():
        path = root / track / TABLE
        path.parent.mkdir(parents=True, exist_ok=True)
        pandas.DataFrame(table).to_parquet(path, index=False)


def _understood(clip: Clip, rng: random.Random) -> Question:
    """Order or company where the clip has any, else motion, else what is to be seen."""
    makers = [events.follows, events.together, events.meets]
    rng.shuffle(makers)
    found = (make(clip, rng) for make in (*makers, events.moves))
    return next((q for q in found if q is not None), None) or questions.choice(clip, rng)


def _applied(clip: Clip, rng: random.Random, number: int) -> tuple[Question, Clip]:
    """A question with its picture, which tells nothing where the question is open."""
    found = events.pictured(clip, rng) if number % 3 else None
    if found is not None:
        return found[0], replace(found[1], rate=1.0)
    asked = Question("How many objects appear in the video?", str(len(clip.things)), clip.things)
    return asked, replace(clip, rate=1.0, duration=1, things=())


def _row(name: str, asked: Question) -> dict[str, object]:
    return {
        "id": name,
        "question": asked.text,
        "options": list(asked.options),
        "answer": asked.answer,
        "question_type": "multiple-choice" if asked.options else "open",
        "link_selected": "",
    }


def _png(picture: Clip) -> bytes:
    from PIL.Image import fromarray

    from harness.shapes import render

    file = io.BytesIO()
    fromarray(render.frame(picture, 0.0)).save(file, "PNG")
    return file.getvalue()
