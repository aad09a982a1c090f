"""One start of harness view: run folders, record by record, to a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import UsageError
from harness.manifest import now
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
    if not 1 <= len(asked.runs) <= 2:
        raise UsageError(f"{len(asked.runs)} runs were given; give one, or two to put them side by side")
    told = [read_run(run) for run in asked.runs]
    folder, building = Folder(asked.out), _Building(asked)
    about = {"format": 1, "runs": [*map(str, asked.runs)], "written": now()}
    folder.mark(about)
    for number, content in building.chunks():
        if asked.single:
            building.inside[number] = content
        else:
            folder.data(f"{number}.js", page.chunk(number, content))
    if not building.rows:
        raise UsageError(f"{asked.runs[0]} has no records yet in {RECORDS}; start harness run again, or wait")
    drawn = building.album.draw(folder.frames, console) if asked.frames else 0
    index = {
        "format": 1,
        "frames": asked.frames,
        "runs": [_about(run, said, name) for run, said, name in zip(asked.runs, told, names(asked.runs), strict=True)],
        "videos": building.album.told(),
        "questions": outline.columns(building.rows, len(asked.runs), building.videos()),
    }
    pictures = building.pictures() if asked.frames else set()
    if asked.single:
        path = folder.page(page.html(_single(folder, building.inside, index, pictures)))
        pictures = set()
    else:
        folder.data("index.js", page.chunk("index", index))
        path = folder.page(page.html())
    folder.sweep(pictures)
    faults = sum(video["error"] is not None for video in index["videos"])
    console.print(
        f"{len(building.rows)} questions, {drawn} pictures of {len(index['videos'])} videos"
        + (f", {faults} of which cannot be shown as they should" if faults else ""),
        highlight=False,
    )
    return path


class _Building:
    """What is gathered while records go by."""

    def __init__(self, asked: Asked) -> None:
        self.runs = asked.runs
        self.album = Album(asked.longest)
        self.rows: dict[Key, Row] = {}
        self.inside: dict[str, object] = {}

    def chunks(self) -> Iterator[tuple[str, list[object]]]:
        """Files of questions: name and content; rows and wanted pictures are known once all have gone by."""
        signals = grades.signals()
        for run, path in enumerate(self.runs):
            teller = Teller(Beside(path), signals, self.album.name)
            number, size, content = 0, 0, list[object]()
            for record in read_records(path):
                self.album.video(record.sample.video)
                told = teller.tell(record)
                row = self.rows.setdefault(key(record.task, record.sample.id), Row(record.task, record.sample))
                row.sides[run] = outline.side(record, number, len(content))
                content.append(told)
                size += len(dumps(told, record.sample.id))
                if size >= CHUNK:
                    yield f"{run}-{number}", content
                    number, size, content = number + 1, 0, []
            if content:
                yield f"{run}-{number}", content

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


def _about(run: Path, told: Mapping[str, Any], name: str) -> dict[str, Any]:
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
        "probes": Beside(run).names,
    }


def _single(
    folder: Folder, inside: Mapping[str, object], index: Mapping[str, Any], pictures: set[str]
) -> dict[str, object]:
    """All data and pictures as one; UsageError when that is too much for one file."""
    there = {name: folder.frames / name for name in sorted(pictures) if (folder.frames / name).is_file()}
    size = sum(path.stat().st_size * 4 // 3 for path in there.values()) + sum(
        len(dumps(content, name)) for name, content in inside.items()
    )
    if size > SINGLE:
        raise UsageError(
            f"the page would be one file of {size / 1e6:.0f} MB; leave out --single, or add --no-frames"
        )
    drawn = {name: page.picture(path.read_bytes()) for name, path in there.items()}
    return {"index": index, **inside, "pictures": drawn}
