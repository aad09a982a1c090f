"""The folder of a page: only what is its own is replaced, and a folder that is somebody else's is refused."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.errors import DataError, UsageError
from harness.store import write, write_bytes

MARK, PAGE, DATA, FRAMES = "view.json", "index.html", "data", "frames"
"""What a folder of a page holds."""

OWN = {DATA: "*.js", FRAMES: "*/*.webp"}


class Folder:
    """A folder that a page is written into."""

    def __init__(self, path: Path) -> None:
        """Make it, or take that of an earlier page; UsageError when it holds something else."""
        self.path = path
        self.frames = path / FRAMES
        self._fresh: set[Path] = set()
        _refuse_foreign(path)
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"cannot write to {path}: {error.strerror}; give another --out") from error

    def mark(self, about: Mapping[str, Any]) -> None:
        """Say whose folder it is, before anything else is written."""
        write(self.path / MARK, "view", about)

    def data(self, name: str, content: bytes) -> None:
        """Write a file of data."""
        path = self.path / DATA / name
        path.parent.mkdir(exist_ok=True)
        write_bytes(path, content)
        self._fresh.add(path)

    def page(self, content: bytes) -> Path:
        """Write the page, which comes last, when all that it asks for is there."""
        write_bytes(self.path / PAGE, content)
        return self.path / PAGE

    def sweep(self, pictures: Collection[str]) -> None:
        """Delete data and pictures of an earlier page that this one does not use."""
        used = self._fresh | {self.frames / name for name in pictures}
        for path in self._own():
            if path not in used:
                path.unlink()
        for folder in sorted({*self.frames.glob("*"), self.frames, self.path / DATA}, reverse=True):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    def _own(self) -> Iterator[Path]:
        for name, pattern in OWN.items():
            yield from sorted((self.path / name).glob(pattern))


def _refuse_foreign(path: Path) -> None:
    if path.exists() and not path.is_dir():
        raise UsageError(f"--out {path} is a file; give a folder")
    found = sorted(each.name for each in path.iterdir() if each.name != f".{MARK}.tmp") if path.is_dir() else []
    if found and MARK not in found:
        raise UsageError(f"{path} is no page of harness view and holds {found[0]}; give an empty or new --out")
    links = [path / name for name in (DATA, FRAMES, PAGE) if (path / name).is_symlink()]
    links += [each for each in (path / FRAMES).glob("*") if each.is_symlink()]
    if links:
        raise DataError(f"{links[0]} is a link, and nothing is written through links; delete it or give another --out")
