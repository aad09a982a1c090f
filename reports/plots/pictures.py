"""One start of `harness plot`: which kinds are drawn of which folders, and what has nothing to draw."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import UsageError, nearest
from harness.store import RUN

from .. import learning
from . import runs, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEARNING = "learning"
KINDS = ("curves", "reliability", "overlaps", "groups", "radar", LEARNING)


@dataclass(slots=True)
class Pictures:
    """What came of it."""

    files: dict[str, bytes] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    """In sentences: what has nothing to draw, and what must be known to read a picture."""


def draw(folders: Sequence[Path], kinds: Sequence[str] = (), forms: Sequence[str] = ("png",)) -> Pictures:
    """The pictures of run folders and of folders of trainings; UsageError where there is nothing to draw at all."""
    _refuse_unknown("kind", kinds, KINDS)
    _refuse_unknown("format", forms, style.FORMATS)
    made = Pictures()
    with style.applied():
        for name, figure in _figures(folders, kinds, made.said):
            if isinstance(figure, str):
                made.said.append(f"{name}: {figure}")
            else:
                made.files |= {f"{name}.{form}": style.encoded(figure, form) for form in forms}
    if not made.files:
        raise UsageError(f"there is nothing to draw; {'; '.join(made.said)}")
    return made


def _refuse_unknown(what: str, asked: Sequence[str], known: Sequence[str]) -> None:
    for name in asked:
        if name not in known:
            there = ", ".join(known)
            raise UsageError(f"there is no {what} {name!r} of pictures; {nearest(name, known)}there are: {there}")


def _figures(folders: Sequence[Path], kinds: Sequence[str], said: list[str]) -> Iterator[tuple[str, Figure | str]]:
    """KIND-TASK and its figure, or why there is none."""
    given = [folder for folder in folders if (folder / RUN).is_file()]
    trained = [folder for folder in folders if folder not in given]
    if trained and (LEARNING in kinds or not kinds):
        yield LEARNING, learning.figure(learning.read(trained))
    elif trained:
        said.append(f"{trained[0]} is no run folder; of trainings there is the kind {LEARNING}")
    elif LEARNING in kinds:
        yield LEARNING, "no folder of a training was given"
    names = learning.names([folder.resolve() for folder in given]) if given else []
    found = [runs.read(name, folder) for name, folder in zip(names, given, strict=True)]
    tasks = dict.fromkeys(task for run in found for task in run.answers)
    for task in tasks:
        here = [run for run in found if task in run.answers]
        if differ := runs.differing(here, task):
            said.append(f"{task}: the runs differ in {', '.join(differ)}; compare them with care")
        for kind in kinds or KINDS:
            if kind != LEARNING:
                yield f"{kind}-{task}", importlib.import_module(f"{__package__}.{kind}").draw(here, task)
