"""The places that published data is fetched from: which files each of them has, and how one is downloaded.

The token of the hub's user goes to the hub alone.
"""

from __future__ import annotations

import hashlib
import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from harness.dataset import Dataset, Hub, Source, Web, is_safe
from harness.errors import DataError, UsageError
from harness.unpack import PART

PLAIN = {"Accept-Encoding": "identity"}
"""A compressed answer has other positions than the file."""
REDIRECTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that is published."""

    name: str
    """Where it goes in the data folder."""
    url: str
    source: str
    """What it is a file of, as users are told."""
    size: int | None
    """None where the server does not say."""
    sha256: str | None = None
    git: str | None = None
    """The git hash, by which the hub knows small files."""
    of_hub: bool = False
    """Whether the hub has it, and may know who asks."""


def told(source: Source) -> str:
    """A source as users are told."""
    return source.repo if isinstance(source, Hub) else source.url


def listing(source: Source, revision: str | None) -> tuple[str | None, list[File]]:
    """The commit of a source, where it has one, and those of its files that are needed."""
    return _of_web(source) if isinstance(source, Web) else _of_hub(source, revision or source.revision)


def _of_hub(hub: Hub, revision: str) -> tuple[str, list[File]]:
    from huggingface_hub import HfApi, hf_hub_url

    end = os.environ.get("HF_ENDPOINT") or None
    info = HfApi(endpoint=end).dataset_info(hub.repo, revision=revision, files_metadata=True)
    commit = str(info.sha)
    files = [
        File(
            name=s.rfilename,
            url=hf_hub_url(hub.repo, s.rfilename, repo_type="dataset", revision=commit, endpoint=end),
            source=hub.repo,
            size=s.size or 0,
            sha256=s.lfs.sha256 if s.lfs else None,
            git=s.blob_id,
            of_hub=True,
        )
        for s in info.siblings or ()
        if any(fnmatch(s.rfilename, pattern) for pattern in hub.files)
    ]
    for pattern in hub.files:
        if not any(fnmatch(file.name, pattern) for file in files):
            raise DataError(f"{hub.repo} at {revision} has no file {pattern}; the data set was changed")
    return commit, files


def _of_web(web: Web) -> tuple[None, list[File]]:
    """The file as its server tells of it; DataError when it is really at an address that is not fit."""
    from huggingface_hub.utils import get_session, hf_raise_for_status  # type: ignore[attr-defined]

    url = web.url
    for _ in range(REDIRECTS):
        answer = get_session().head(url, headers=PLAIN, follow_redirects=False, timeout=30)
        if answer.next_request is None:
            hf_raise_for_status(answer)
            length = answer.headers.get("Content-Length", "")
            size = int(length) if length.isdecimal() else None
            return None, [File(name=web.name, url=web.url, source=web.url, size=size, sha256=web.sha256)]
        url = str(answer.next_request.url)
        if not is_safe(url):
            raise DataError(f"{web.url} leads to {url}, which is not an https address; it is not fetched")
    raise DataError(f"{web.url} leads from one address to the next, {REDIRECTS} times; it is not fetched")


def download(folder: Path, file: File) -> Path:
    """The file, with what an earlier start got of it: the library's own download always begins anew."""
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    path = folder / file.name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise DataError(f"{file.source} holds the file {file.name!r}, which would leave {folder}")
    if path.is_file() and path.stat().st_size == file.size:
        return path
    part = path.with_name(path.name + PART)
    part.parent.mkdir(parents=True, exist_ok=True)
    with part.open("ab") as target:
        if file.size is None or target.tell() > file.size:
            target.truncate(0)
        headers = {**(build_hf_headers() if file.of_hub else {}), **PLAIN}
        http_get(file.url, target, resume_size=target.tell(), headers=headers, expected_size=file.size)
        target.flush()
        os.fsync(target.fileno())
    part.replace(path)
    return path


def compare(path: Path, file: File) -> str:
    """The SHA-256 of a file that has come; DataError when it is not as published."""
    size = path.stat().st_size
    if file.size is not None and size != file.size:
        raise DataError(f"{path} has {size} bytes and the published one {file.size}; start the same command again")
    sha256 = hashlib.sha256()
    git = hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as content:
        while chunk := content.read(1 << 20):
            sha256.update(chunk)
            if not file.sha256:
                git.update(chunk)
    found = sha256.hexdigest()
    wrong = found != file.sha256 if file.sha256 else file.git is not None and git.hexdigest() != file.git
    if wrong:
        raise DataError(f"{path} was damaged on its way: its hash is not the published one; start the command again")
    return found


@contextmanager
def plainly(dataset: Dataset, source: str) -> Iterator[None]:
    """The errors of a source in one sentence."""
    errors: Any = importlib.import_module("huggingface_hub.errors")
    try:
        yield
    except errors.GatedRepoError as error:
        raise UsageError(
            f"{source} asks for its terms to be accepted at {dataset.homepage}; do so, then: hf auth login"
        ) from error
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.EntryNotFoundError) as error:
        raise DataError(f"the hub has no {source} as the task names it: {_first_line(error)}") from error
    except (errors.HTTPError, OSError, ValueError) as error:
        raise DataError(
            f"{source} could not be fetched ({_first_line(error)}); the same command goes on where it stopped"
        ) from error


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
