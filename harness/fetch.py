"""One start of `harness fetch`: a published data set into the layout that its task reads.

Each file is downloaded (an interrupted one goes on where it stopped), compared with the published size and hash,
unpacked when it is an archive, and then done: fetched.json in the data folder says which are. An archive is removed
once it is unpacked, so that the disk holds all of the data and one archive at the most.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.contracts import Task
from harness.dataset import Dataset, Hub
from harness.errors import DataError, UsageError
from harness.schema import loads, validate
from harness.sources import File, compare, download, listing, plainly, told
from harness.store import write
from harness.unpack import ARCHIVES, unpack

if TYPE_CHECKING:
    from rich.console import Console

STATE = "fetched.json"

State = dict[str, Any]


def fetch(task: Task, out: Path, *, accept: bool, keep_archives: bool, console: Console) -> Path:
    """Bring the data of a task; the data folder. UsageError without a data set or an accepted licence."""
    dataset = task.dataset
    if dataset is None:
        raise UsageError(f"the task {task.name} has no published data set; make data with: harness data shapes")
    _tell(task, dataset, accept, console)
    folder = out / task.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error.strerror}") from error
    state = _state(folder, dataset)
    files = _files(dataset, state)
    left = [file for file in files if file.name not in state["done"]]
    _need_room(folder, left)
    console.print(f"{len(files)} files, {_gb(files)}; to fetch: {len(left)}, {_gb(left)}", highlight=False)
    write(folder / STATE, "fetched", state)
    for file in left:
        state["done"][file.name] = _bring(folder, dataset, file, keep_archives, console)
        write(folder / STATE, "fetched", state)
    return folder


def _tell(task: Task, dataset: Dataset, accept: bool, console: Console) -> None:
    """Say what will be fetched, and ask for its licence."""
    size = f", {dataset.size / 1e9:.3g} GB" if dataset.size else ""
    places = ", ".join(map(told, dataset.sources))
    words = f"{task.title}: {places}{size}; licence: {dataset.licence}; see {dataset.homepage}"
    console.print(words, highlight=False, markup=False, soft_wrap=True)
    if not accept:
        raise UsageError(
            f"the data of {task.title} is under a licence ({dataset.licence}); read it at {dataset.homepage} "
            "and give --accept-licence when you accept it"
        )


def _state(folder: Path, dataset: Dataset) -> State:
    path = folder / STATE
    if not path.is_file():
        return {
            "format": 1,
            "repo": dataset.repo,
            "revision": None,
            "others": {},
            "licence": dataset.licence,
            "done": {},
        }
    state: State = dict(loads(path.read_bytes(), str(path)))
    validate("fetched", state, str(path))
    if state["repo"] != dataset.repo:
        raise UsageError(f"{folder} holds {state['repo']} and not {dataset.repo}; give another --out")
    return {"others": {}, **state}


def _files(dataset: Dataset, state: State) -> list[File]:
    """The files of all sources, archives last; the commits of their repositories go into the state."""
    files: list[File] = []
    for source in dataset.sources:
        first = isinstance(source, Hub) and source.repo == dataset.repo
        known = state["revision"] if first else state["others"].get(told(source))
        with plainly(dataset, told(source)):
            commit, found = listing(source, known)
        if first:
            state["revision"] = commit
        elif commit is not None:
            state["others"][told(source)] = commit
        files += found
    twice = [name for name, count in Counter(file.name for file in files).items() if count > 1]
    if twice:
        raise DataError(f"two of the sources have a file of the name {twice[0]}; the data set was changed")
    return sorted(files, key=lambda file: (file.name.endswith(ARCHIVES), file.name))


def _bring(folder: Path, dataset: Dataset, file: File, keep_archives: bool, console: Console) -> dict[str, Any]:
    """Bring one file; its size and hash."""
    with plainly(dataset, file.source):
        path = download(folder, file)
    try:
        sha256 = compare(path, file)
    except DataError:
        path.unlink()
        raise
    size = path.stat().st_size
    if file.name.endswith(ARCHIVES):
        members = unpack(path, folder, console, keep={STATE})
        console.print(f"{file.name}: {members} files unpacked", highlight=False, markup=False)
        if not keep_archives:
            path.unlink()
    return {"size": size, "sha256": sha256}


def _need_room(folder: Path, files: Iterable[File]) -> None:
    sizes = [file.size or 0 for file in files]
    free, needed = shutil.disk_usage(folder).free, sum(sizes) + max(sizes, default=0)
    if free < needed:
        raise UsageError(f"{folder} has {free / 1e9:.1f} GB of room and {needed / 1e9:.1f} GB are needed; make room")


def _gb(files: Iterable[File]) -> str:
    return f"{sum(file.size or 0 for file in files) / 1e9:.3g} GB"
