"""How long videos are: from a file that says so, else from the videos themselves, each opened once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

from harness.errors import DataError, VideoError
from harness.journal import Journal, cut_torn_line, lines
from harness.schema import validate

from . import sources
from .cases import Cases
from .rows import Row

KIND = "duration"

Video = tuple[str, str | None]
"""The source and the video that a row names."""


def read(path: Path) -> dict[str, float]:
    """Seconds by name from a file of lines {"video": name, "seconds": number}; none when there is no such file."""
    found: dict[str, float] = {}
    for data, where in lines(path):
        validate(KIND, data, where)
        found[data["video"]] = data["seconds"]
    return found


def measure(root: Path, rows: Iterable[Row], path: Path | None, faults: Cases) -> dict[Video, float]:
    """Seconds of the videos of these rows: of those that the file has, and of the others, which are added to it.

    Stopped halfway, the next call goes on from there. A video that is missing, cannot be read or breaks off has no
    length: it is one of the `faults`. DataError when a path would leave the root.
    """
    known, folder = _begun(path) if path is not None else {}, sources.base(root)
    named = {(row.source, row.video): row for row in rows if row.video is not None}
    names = {video: sources.media(root, row).relative_to(folder).as_posix() for video, row in named.items()}
    owed = [each for each in dict.fromkeys(names.values()) if each not in known]
    if owed:
        with _kept(path) as keep:
            for each, seconds in _probed(folder, owed, faults):
                known[each] = seconds
                keep(each, seconds)
    return {video: known[each] for video, each in names.items() if each in known}


def _begun(path: Path) -> dict[str, float]:
    """What a file has that is to grow."""
    try:
        if path.exists():
            cut_torn_line(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    return read(path)


def _unwritable(path: Path, error: OSError) -> DataError:
    return DataError(f"cannot write {path}, where the lengths of videos are kept: {error.strerror}")


@contextmanager
def _kept(path: Path | None) -> Iterator[Callable[[str, float], None]]:
    """What adds a length to the file, where there is one."""
    if path is None:
        yield lambda name, seconds: None
        return
    try:
        journal = Journal(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    with closing(journal):
        yield lambda name, seconds: journal.append(KIND, {"video": name, "seconds": seconds}, f"the length of {name}")


def _probed(folder: Path, names: Sequence[str], faults: Cases) -> Iterator[tuple[str, float]]:
    """Name and seconds of each video that can be read, in their order; opened by several threads."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    with ThreadPoolExecutor(min(os.cpu_count() or 1, 8)) as pool:
        found = pool.map(_seconds, [folder / each for each in names])
        told = track(found, "opening", total=len(names), console=console, disable=not console.is_terminal)
        for each, seconds in zip(names, told, strict=True):
            if isinstance(seconds, float):
                yield each, seconds
            else:
                faults.add(seconds, each)


def _seconds(path: Path) -> float | str:
    """How long a video is, or what is wrong with it."""
    from harness.guarded import probe

    if not os.path.isfile(path):  # noqa: PTH113 - a name that is too long is no file, not an error
        return "videos that are missing"
    try:
        info = probe(str(path))
    except VideoError:
        return "videos that cannot be read"
    return "videos that break off" if info.broken else info.duration
