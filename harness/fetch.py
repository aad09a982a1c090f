"""One start of `harness fetch`: a published data set into the layout that its task reads.

Each file is downloaded (an interrupted one goes on where it stopped), compared with the hub's size and hash, unpacked
when it is an archive, and then done: fetched.json in the data folder says which are. An archive is removed once it is
unpacked, so that the disk holds all of the data and one archive at the most.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.contracts import Task
from harness.dataset import Dataset
from harness.errors import DataError, UsageError
from harness.schema import loads, validate
from harness.store import write
from harness.unpack import PART, unpack

if TYPE_CHECKING:
    from rich.console import Console

STATE = "fetched.json"

Told = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of the hub."""

    name: str
    size: int
    sha256: str | None
    """None for small files, which are known by their git hash."""
    git: str | None


def fetch(task: Task, out: Path, *, accept: bool, keep_archives: bool, console: Console) -> Path:
    """Bring the data of a task; the data folder. UsageError without a data set or an accepted licence."""
    dataset = task.dataset
    if dataset is None:
        raise UsageError(f"the task {task.name} has no published data set; make data with: harness data shapes")
    size = f", {dataset.size / 1e9:.3g} GB" if dataset.size else ""
    told = f"{task.title}: {dataset.repo}{size}; licence: {dataset.licence}; see {dataset.homepage}"
    console.print(told, highlight=False, soft_wrap=True)
    if not accept:
        raise UsageError(
            f"the data of {task.title} is under a licence ({dataset.licence}); read it at {dataset.homepage} "
            "and give --accept-licence when you accept it"
        )
    folder = out / task.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error.strerror}") from error
    state = _state(folder, dataset)
    with _hub_errors(dataset):
        state["revision"], files = listing(dataset, state["revision"] or dataset.revision)
    left = [file for file in files if file.name not in state["done"]]
    _need_room(folder, left)
    console.print(f"{len(files)} files, {_gb(files)}; to fetch: {len(left)}, {_gb(left)}", highlight=False)
    write(folder / STATE, "fetched", state)
    for file in left:
        _bring(folder, dataset, state["revision"], file, keep_archives, console)
        state["done"][file.name] = {"size": file.size, "sha256": file.sha256}
        write(folder / STATE, "fetched", state)
    return folder


def _state(folder: Path, dataset: Dataset) -> Told:
    path = folder / STATE
    if not path.is_file():
        return {"format": 1, "repo": dataset.repo, "revision": None, "licence": dataset.licence, "done": {}}
    state: Told = dict(loads(path.read_bytes(), str(path)))
    validate("fetched", state, str(path))
    if state["repo"] != dataset.repo:
        raise UsageError(f"{folder} holds {state['repo']} and not {dataset.repo}; give another --out")
    return state


def listing(dataset: Dataset, revision: str) -> tuple[str, list[File]]:
    """The commit of a revision, and those of its files that are needed; annotations first, then by name."""
    from huggingface_hub import HfApi

    info = HfApi(endpoint=_endpoint()).dataset_info(dataset.repo, revision=revision, files_metadata=True)
    files = [
        File(name=s.rfilename, size=s.size or 0, sha256=s.lfs.sha256 if s.lfs else None, git=s.blob_id)
        for s in info.siblings or ()
        if any(fnmatch(s.rfilename, pattern) for pattern in dataset.files)
    ]
    for pattern in dataset.files:
        if not any(fnmatch(file.name, pattern) for file in files):
            raise DataError(f"{dataset.repo} at {revision} has no file {pattern}; the data set was changed")
    return str(info.sha), sorted(files, key=lambda file: (file.name.endswith(".zip"), file.name))


def _bring(folder: Path, dataset: Dataset, commit: str, file: File, keep_archives: bool, console: Console) -> None:
    with _hub_errors(dataset):
        path = _download(folder, dataset, commit, file)
    try:
        _compare(path, file)
    except DataError:
        path.unlink()
        raise
    if path.suffix == ".zip":
        members = unpack(path, folder, console, keep={STATE})
        console.print(f"{file.name}: {members} files unpacked", highlight=False)
        if not keep_archives:
            path.unlink()


def _download(folder: Path, dataset: Dataset, commit: str, file: File) -> Path:
    """The file, with what an earlier start got of it: the library's own download always begins anew."""
    from huggingface_hub import hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    path = folder / file.name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise DataError(f"{dataset.repo} holds the file {file.name!r}, which would leave {folder}")
    if path.is_file() and path.stat().st_size == file.size:
        return path
    part = path.with_name(path.name + PART)
    part.parent.mkdir(parents=True, exist_ok=True)
    url = hf_hub_url(dataset.repo, file.name, repo_type="dataset", revision=commit, endpoint=_endpoint())
    with part.open("ab") as target:
        if target.tell() > file.size:
            target.truncate(0)
        # A compressed answer has other positions than the file.
        headers = {**build_hf_headers(), "Accept-Encoding": "identity"}
        http_get(url, target, resume_size=target.tell(), headers=headers, expected_size=file.size)
        target.flush()
        os.fsync(target.fileno())
    part.replace(path)
    return path


def _compare(path: Path, file: File) -> None:
    """DataError when the file is not that of the hub."""
    size = path.stat().st_size
    if size != file.size:
        raise DataError(f"{path} has {size} bytes and the hub's has {file.size}; start the same command again")
    digest = hashlib.sha256() if file.sha256 else hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as content:
        while chunk := content.read(1 << 20):
            digest.update(chunk)
    wanted = file.sha256 or file.git
    if wanted is not None and digest.hexdigest() != wanted:
        raise DataError(f"{path} was damaged on its way: its hash is not the hub's; start the same command again")


def _need_room(folder: Path, files: list[File]) -> None:
    free, largest = shutil.disk_usage(folder).free, max((file.size for file in files), default=0)
    needed = sum(file.size for file in files) + largest
    if free < needed:
        raise UsageError(f"{folder} has {free / 1e9:.1f} GB of room and {needed / 1e9:.1f} GB are needed; make room")


def _gb(files: list[File]) -> str:
    return f"{sum(file.size for file in files) / 1e9:.3g} GB"


def _endpoint() -> str | None:
    return os.environ.get("HF_ENDPOINT") or None


@contextmanager
def _hub_errors(dataset: Dataset) -> Iterator[None]:
    """The hub's errors in one sentence."""
    errors: Any = importlib.import_module("huggingface_hub.errors")
    try:
        yield
    except errors.GatedRepoError as error:
        raise UsageError(
            f"{dataset.repo} asks for its terms to be accepted at {dataset.homepage}; do so, then: hf auth login"
        ) from error
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.EntryNotFoundError) as error:
        raise DataError(f"the hub has no {dataset.repo} at {dataset.revision}: {_first_line(error)}") from error
    except (errors.HTTPError, OSError, ValueError) as error:
        raise DataError(
            f"{dataset.repo} could not be fetched ({_first_line(error)}); the same command goes on where it stopped"
        ) from error


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
