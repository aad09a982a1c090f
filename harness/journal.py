"""Files of JSON lines that only grow: a line is one write, so that killing the process loses none that was written.

The disk is synced every few seconds and at the end, so that a power cut costs at most those seconds. A torn last
line is cut off when the file is opened again, and is passed over by readers.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from harness.errors import DataError, UsageError
from harness.schema import dumps, loads, validate

SYNC_SECONDS = 5.0
"""At most this much work is lost to a power cut."""


class Journal:
    """A file of lines, open for more of them; close it."""

    def __init__(self, path: Path) -> None:
        """Open the file, made when it is not there."""
        self.path = path
        self._file = path.open("ab", buffering=0)
        self._synced = time.monotonic()

    def append(self, kind: str, data: object, name: str) -> None:
        """Write one line, after checking it against the schema of its kind; `name` is for the error."""
        line = dumps(data, name) + b"\n"
        validate(kind, data, name)
        try:
            if self._file.write(line) != len(line):
                raise OSError(errno.ENOSPC, "there is no room left for a whole line")
            if time.monotonic() - self._synced > SYNC_SECONDS:
                os.fsync(self._file.fileno())
                self._synced = time.monotonic()
        except OSError as error:
            raise self._full(error) from error

    def close(self) -> None:
        """Sync and let go."""
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._full(error) from error
        finally:
            self._file.close()

    def _full(self, error: OSError) -> DataError:
        return DataError(f"cannot write to {self.path}: {error.strerror}; make room and start the same command again")


def lines(path: Path) -> Iterator[tuple[Any, str]]:
    """The data of each whole line, and where it is in words; none when there is no such file."""
    for line, where in raw_lines(path):
        yield loads(line, where), where


def raw_lines(path: Path) -> Iterator[tuple[bytes, str]]:
    """Each whole line as it is, and where it is in words; none when there is no such file."""
    if not path.is_file():
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.endswith(b"\n"):
                yield line, f"{path}, line {number}"


def cut_torn_line(path: Path) -> None:
    """Drop what follows the last line end: a line whose writing was interrupted."""
    with path.open("r+b") as file:
        end = file.seek(0, os.SEEK_END)
        while end > 0:
            begin = max(0, end - 65536)
            file.seek(begin)
            found = file.read(end - begin).rfind(b"\n")
            if found >= 0:
                file.truncate(begin + found + 1)
                return
            end = begin
        file.truncate(0)


def lock(path: Path) -> BinaryIO:
    """Hold a lock file until it is closed; UsageError when another process holds it."""
    import fcntl

    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise UsageError(f"another process is writing to {path.parent}; wait for it or give another --out") from None
    return file
