"""Unpacks zip archives with care: nothing leaves the folder, and what was begun is finished the next time."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from zipfile import BadZipFile, ZipFile, ZipInfo
from zlib import error as ZlibError

from harness.errors import DataError

if TYPE_CHECKING:
    from rich.console import Console

PART = ".part"
"""Ends the name of a file that is being written."""


def unpack(archive: Path, folder: Path, console: Console, keep: Collection[str] = ()) -> int:
    """Unpack into a folder all that is not there yet in full; the number of files in the archive.

    `keep` names files of the folder that no archive may replace. All names are looked at before anything is written.
    """
    from rich.progress import track

    try:
        with ZipFile(archive) as opened:
            members = [m for m in opened.infolist() if not m.is_dir() and not m.filename.startswith("__MACOSX/")]
            places = [_place(archive, folder, member, keep) for member in members]
            pairs = list(zip(members, places, strict=True))
            shown = track(pairs, archive.name, console=console, disable=not console.is_terminal)
            for member, path in shown:
                if not (path.is_file() and path.stat().st_size == member.file_size):
                    _write(opened, member, path)
    except (BadZipFile, ZlibError, EOFError, NotImplementedError) as error:
        raise DataError(f"{archive} is damaged ({error}); delete it and fetch again") from error
    except OSError as error:
        raise DataError(f"cannot unpack {archive}: {error.strerror or error}; the same command goes on") from error
    return len(members)


def _place(archive: Path, folder: Path, member: ZipInfo, keep: Collection[str]) -> Path:
    """Where a member goes; DataError when it would leave the folder, or is no plain file."""
    name = PurePosixPath(member.filename.replace("\\", "/"))
    path = folder / name
    mode = member.external_attr >> 16
    safe = name.parts and not name.is_absolute() and ".." not in name.parts and ":" not in name.parts[0]
    if not safe or not path.resolve().is_relative_to(folder.resolve()):
        raise DataError(
            f"{archive} holds the file {member.filename!r}, which would leave {folder}; nothing is unpacked"
        )
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG) or member.flag_bits & 1:
        raise DataError(f"{archive} holds {member.filename!r}, a link or an encrypted file; nothing is unpacked")
    if str(name) in keep:
        raise DataError(f"{archive} holds {member.filename!r}, which is not for an archive to write")
    return path


def _write(opened: ZipFile, member: ZipInfo, path: Path) -> None:
    """Write one file; its checksum is compared by reading it to the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + PART)
    with opened.open(member) as source, part.open("wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
        target.flush()
        os.fsync(target.fileno())
    part.replace(path)
