"""Unpacks archives with care: nothing leaves the folder, and what was begun is finished the next time."""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from gzip import BadGzipFile
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING
from zipfile import BadZipFile, ZipFile, ZipInfo
from zlib import error as ZlibError

from harness.errors import DataError

if TYPE_CHECKING:
    from rich.console import Console

ARCHIVES = (".zip", ".tar.gz", ".tgz")
"""How the names of archives end."""
PART = ".part"
"""Ends the name of a file that is being written."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive."""

    name: str
    size: int
    plain: bool
    """Whether it is a file that can be read: no link, no device, not encrypted."""
    open: Callable[[], IO[bytes]]


def unpack(archive: Path, folder: Path, console: Console, keep: Collection[str] = ()) -> int:
    """Unpack into a folder all that is not there yet in full; the number of files in the archive.

    `keep` names files of the folder that no archive may replace. All names are looked at before anything is written.
    """
    from rich.progress import track

    try:
        with _opened(archive, folder) as members:
            places = [_place(archive, folder, member, keep) for member in members]
            pairs = list(zip(members, places, strict=True))
            shown = track(pairs, archive.name, console=console, disable=not console.is_terminal)
            for member, path in shown:
                if not (path.is_file() and path.stat().st_size == member.size):
                    _write(member, path)
    except (BadZipFile, BadGzipFile, tarfile.TarError, ZlibError, EOFError, NotImplementedError) as error:
        raise DataError(f"{archive} is damaged ({error}); delete it and fetch again") from error
    except OSError as error:
        raise DataError(f"cannot unpack {archive}: {error.strerror or error}; the same command goes on") from error
    return len(members)


@contextmanager
def _opened(archive: Path, folder: Path) -> Iterator[list[Member]]:
    """The files of an archive, without what a Mac adds of its own."""
    if archive.suffix == ".zip":
        with ZipFile(archive) as opened:
            yield [_zipped(opened, info) for info in opened.infolist() if not info.is_dir() and _wanted(info.filename)]
    else:
        with tarfile.open(archive, "r:gz") as packed:
            members = [info for info in packed.getmembers() if not info.isdir() and _wanted(info.name)]
            yield [_tarred(packed, info, folder) for info in members]


def _wanted(name: str) -> bool:
    return not name.startswith("__MACOSX/") and not PurePosixPath(name).name.startswith("._")


def _zipped(opened: ZipFile, info: ZipInfo) -> Member:
    regular = stat.S_IFMT(info.external_attr >> 16) in (0, stat.S_IFREG)
    return Member(info.filename, info.file_size, regular and not info.flag_bits & 1, lambda: opened.open(info))


def _tarred(packed: tarfile.TarFile, info: tarfile.TarInfo, folder: Path) -> Member:
    def content() -> IO[bytes]:
        found = packed.extractfile(info)
        assert found is not None
        return found

    return Member(info.name, info.size, info.isreg() and _harmless(info, folder), content)


def _harmless(info: tarfile.TarInfo, folder: Path) -> bool:
    """What Python's own filter for data says."""
    try:
        tarfile.data_filter(info, str(folder))
    except tarfile.FilterError:
        return False
    return True


def _place(archive: Path, folder: Path, member: Member, keep: Collection[str]) -> Path:
    """Where a member goes; DataError when it would leave the folder, or is no plain file."""
    name = PurePosixPath(member.name.replace("\\", "/"))
    path = folder / name
    safe = name.parts and not name.is_absolute() and ".." not in name.parts and ":" not in name.parts[0]
    if not safe or not path.resolve().is_relative_to(folder.resolve()):
        raise DataError(f"{archive} holds the file {member.name!r}, which would leave {folder}; nothing is unpacked")
    if not member.plain:
        raise DataError(
            f"{archive} holds {member.name!r}, a link or an encrypted file or a device; nothing is unpacked"
        )
    if str(name) in keep:
        raise DataError(f"{archive} holds {member.name!r}, which is not for an archive to write")
    return path


def _write(member: Member, path: Path) -> None:
    """Write one file; its checksum, where it has one, is compared by reading it to the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + PART)
    with member.open() as source, part.open("wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
        target.flush()
        os.fsync(target.fileno())
    if part.stat().st_size != member.size:
        raise EOFError(f"{member.name!r} ends too early")
    part.replace(path)
