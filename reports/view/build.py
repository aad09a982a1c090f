"""One start of harness view: run folders, record by record, to a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import UsageError
from harness.manifest import now
from harness.progress import Progress
from harness.schema import dumps
from harness.store import RECORDS, Key, key, read_records, read_run

from . import grades, outline, page
from .beside import Beside
from .folder import Folder
from .frames import Album
from .outline import Row
from .question import Teller

if TYPE_CHECKING:
    from rich.console import Console

CHUNK = 400_000
"""Bytes of a file of questions, from which the next one is begun."""
SINGLE = 64_000_000
"""Bytes of data and pictures that one file may hold: a browser reads all of it before it shows anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked of the command."""

    runs: Sequence[Path]
    out: Path
    frames: bool = True
    longest: int = 320
    """Pixels of the longer side of a picture."""
    single: bool = False


def view(asked: Asked, console: Console) -> Path:
    """Write the page; its path."""
    told = [read_run(run) for run in asked.runs]
    folder, building = Folder(asked.out), _Building(asked)
    folder.mark({"format": 1, "runs": [*map(str, asked.runs)], "written": now()})
    inside: dict[str, str] = {}
    with Progress(
        console, sum(task["samples"] for run in told for task in run["tasks"].values()), noun="questions"
    ) as bar:
        for name, text in building.chunks(bar):
            if asked.single:
                inside[name] = text
            else:
                folder.data(f"{name}.js", page.chunk(name, text))
    if not building.rows:
        raise UsageError(f"{asked.runs[0]} has no records yet in {RECORDS}; start harness run again, or wait")
    drawn = building.album.draw(folder.frames, console) if asked.frames else 0
    videos = building.album.told()
    index = {
        "format": 1,
        "frames": asked.frames,
        "runs": [about(*each) for each in zip(told, names(asked.runs), building.probes, strict=True)],
        "videos": videos,
        "questions": outline.columns(building.rows, len(asked.runs), building.videos()),
    }
    text = dumps(index, "the index").decode()
    if asked.single:
        path = folder.page(page.html({"index": text, **_with_pictures(folder, inside, building.pictures())}))
    else:
        folder.data("index.js", page.chunk("index", text))
        path = folder.page(page.html())
    folder.sweep(set() if asked.single or not asked.frames else building.pictures())
    _tell(console, f"{len(building.rows)} questions, {drawn} pictures of {len(videos)} videos")
    faults = [video["error"] for video in videos if video["error"] is not None]
    if faults:
        _tell(console, f"{len(faults)} videos cannot be shown, or not all of them; {faults[0]}")
    return path


def _tell(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)


class _Building:
    """What is gathered while records go by."""

    def __init__(self, asked: Asked) -> None:
        self.runs = asked.runs
        self.album = Album(asked.longest)
        self.rows: dict[Key, Row] = {}
        self.probes: list[list[str]] = []
        """The names of the probes of each run."""

    def chunks(self, bar: Progress) -> Iterator[tuple[str, str]]:
        """Files of questions: name and JSON; rows and wanted pictures are known once all have gone by."""
        signals = grades.signals()
        for run, path in enumerate(self.runs):
            beside = Beside(path)
            self.probes.append(beside.names)
            teller = Teller(beside, signals, self.album.name)
            number, content = 0, list[str]()
            for record in read_records(path):
                self.album.video(record.sample.video)
                content.append(dumps(teller.tell(record), record.sample.id).decode())
                row = self.rows.setdefault(key(record.task, record.sample.id), Row(record.task, record.sample))
                row.sides[run] = outline.side(record, number, len(content) - 1)
                bar.advance(record.error is not None)
                if sum(map(len, content)) >= CHUNK:
                    yield f"{run}-{number}", f"[{','.join(content)}]"
                    number, content = number + 1, []
            if content:
                yield f"{run}-{number}", f"[{','.join(content)}]"

    def videos(self) -> dict[str, int]:
        """Path of a video -> its number."""
        return {path: number for number, path in enumerate(self.album.videos)}

    def pictures(self) -> set[str]:
        """The names of all pictures that are wanted."""
        return {name for wanted in self.album.videos.values() for name in wanted.times}


def names(runs: Sequence[Path]) -> list[str]:
    """What runs are called: the names of their folders, or as much of the paths as tells them apart.

    >>> names([Path("a/sft"), Path("b/sft")]), names([Path("a/sft"), Path("a/gspo")])
    (['a/sft', 'b/sft'], ['sft', 'gspo'])
    """
    paths = [run.resolve().parts for run in runs]
    for length in range(1, max(map(len, paths)) + 1):
        found = ["/".join(parts[-length:]) for parts in paths]
        if len({*found}) == len(found):
            return found
    return [f"{run} ({number})" for number, run in enumerate(map(str, runs), 1)]


def about(told: Mapping[str, Any], name: str, probes: Sequence[str]) -> dict[str, Any]:
    """What the page says of a run; no paths of this machine."""
    settings = told["settings"]
    return {
        "name": name,
        "partial": told["partial"],
        "started": told["sessions"][0]["started"],
        "model": settings["model"] and settings["model"]["name"],
        "engine": settings["engine"]["name"],
        "decoding": settings["decoding"],
        "voter": settings["voter"],
        "seed": settings["seed"],
        "tasks": [
            {"name": task["name"], "title": told["tasks"][task["name"]]["title"]}
            | {field: task.get(field) for field in ("version", "frames", "options")}
            for task in settings["tasks"]
        ],
        "probes": probes,
    }


def _with_pictures(folder: Folder, inside: Mapping[str, str], pictures: Iterable[str]) -> dict[str, str]:
    """All data and pictures as one; UsageError when that is too much for one file."""
    there = {name: folder.frames / name for name in pictures if (folder.frames / name).is_file()}
    size = sum(map(len, inside.values())) + sum(path.stat().st_size * 4 // 3 for path in there.values())
    if size > SINGLE:
        raise UsageError(f"the page would be one file of {size / 1e6:.0f} MB; leave out --single, or add --no-frames")
    drawn = {name: page.picture(path.read_bytes()) for name, path in there.items()}
    return {**inside, "pictures": dumps(drawn, "the pictures").decode()}
