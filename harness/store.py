"""The run folder: run.json, records.jsonl, scores.json, report.md; written by one process at a time.

Records are a journal (harness/journal.py): killing the process loses none. Other files are replaced as a whole.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, TypeVar

from harness.codec import decode, decode_line, encode
from harness.errors import DataError, UsageError
from harness.journal import Journal, cut_torn_line, lines, lock, raw_lines
from harness.records import Record
from harness.schema import dumps, loads, validate, whole

T = TypeVar("T")

RUN, RECORDS, SCORES, REPORT, LOCK = "run.json", "records.jsonl", "scores.json", "report.md", "run.lock"

Key = tuple[str, str]
"""Task and sample id, as written."""


def key(task: str, sample: str) -> Key:
    """What a sample is known by in the run folder."""
    return whole(task), whole(sample)


def short_key(task: str, sample: str) -> int:
    """The same as a number of 128 bits, which takes less memory where there are very many."""
    return int.from_bytes(hashlib.sha256("\0".join(key(task, sample)).encode()).digest()[:16], "big")


class Store:
    """A run folder held for writing: a context manager, which a second process is refused."""

    def __init__(self, folder: Path) -> None:
        """Nothing is touched before the context is entered."""
        self.folder = folder
        self.done: set[int] = set()
        """Short keys of samples with a record from before; it does not grow with those that are appended."""
        self.failed: set[int] = set()
        """Those of them whose record is an error."""
        self.appended = 0
        """Records written since."""
        self._run: Mapping[str, Any] = {}
        self._file: Journal | None = None
        self._lock: BinaryIO | None = None

    def __enter__(self) -> Store:
        """Take the folder, made when it is not there."""
        refuse_foreign(self.folder)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = lock(self.folder / LOCK)
        except OSError as error:
            raise UsageError(f"cannot write to the output folder {self.folder}: {error.strerror}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Sync and let go."""
        if self._file is not None:
            self._file.close()
        if self._lock is not None:
            self._lock.close()

    def join(self, run: Mapping[str, Any], *, retry_errors: bool = False) -> None:
        """See what there is already of a run; UsageError when the folder is that of another one."""
        self._run = run
        if (self.folder / RUN).exists():
            before = read_run(self.folder)
            differ = [*differences(before["settings"], run["settings"])]
            if differ:
                raise UsageError(
                    f"{self.folder} is the output folder of another run: {'; '.join(differ[:3])}; give another --out"
                )
            self._run = {**run, "sessions": [*before["sessions"], *run["sessions"]]}
        path = self.folder / RECORDS
        if path.exists():
            cut_torn_line(path)
            self._scan()
            if retry_errors and self.failed:
                self._drop_failed()

    def begin(self) -> None:
        """Write run.json, and take records from here on."""
        write(self.folder / RUN, "run", self._run)
        self._file = Journal(self.folder / RECORDS)

    def append(self, record: Record) -> None:
        """Write one line."""
        if self._file is None:
            raise ValueError("begin before a record is appended")
        self._file.append("record", encode(record), f"the record of {record.sample.id}")
        self.appended += 1

    def _scan(self) -> None:
        for record in read_records(self.folder):
            known = short_key(record.task, record.sample.id)
            if known in self.done:
                name = record.sample.id
                raise DataError(f"{self.folder / RECORDS} has two records of {name}; delete one of the lines")
            self.done.add(known)
            if record.error is not None:
                self.failed.add(known)

    def _drop_failed(self) -> None:
        """Forget the errors; their samples are owed again."""
        replace_lines(self.folder / RECORDS, lambda line: line["error"] is None)
        self.done -= self.failed
        self.failed.clear()


def read_run(folder: Path) -> dict[str, Any]:
    """The run.json of a run folder; UsageError when it is none."""
    path = folder / RUN
    if not path.is_file():
        raise UsageError(f"{folder} is not a run folder: it has no {RUN}")
    data = loads(path.read_bytes(), str(path))
    validate("run", data, str(path))
    return dict(data)


def read_records(folder: Path) -> Iterator[Record]:
    """The records of a run folder, one at a time; a torn last line is not one."""
    return read_as(Record, folder)


def read_as(kind: type[T], folder: Path) -> Iterator[T]:
    """The records of a run folder as a type that has some of the fields of a Record: what is left out is not read."""
    for line, where in raw_lines(folder / RECORDS):
        record = decode_line(kind, line)
        if record is None:
            data = loads(line, where)
            validate("record", data, where)
            record = decode(kind, data)
        yield record


def write(path: Path, kind: str, data: object) -> None:
    """Replace a JSON file as a whole, after checking it."""
    validate(kind, data, str(path))
    write_bytes(path, dumps(data, str(path), indent=2) + b"\n")


def write_bytes(path: Path, content: bytes) -> None:
    """Replace a file as a whole: readers see the old one or the new one."""
    _replace(path, [content])


def replace_lines(path: Path, keep: Callable[[Any], bool]) -> None:
    """Leave in a file of JSON lines only those whose data is to be kept."""
    with path.open("rb") as file:
        _replace(path, (line for line in file if keep(loads(line, str(path)))))


def _replace(path: Path, chunks: Iterable[bytes]) -> None:
    new = path.with_name(f".{path.name}.tmp")
    try:
        with new.open("wb") as file:
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror}") from error


def begun(path: Path, kind: str, head: Mapping[str, Any], advice: str) -> bool:
    """Whether a journal whose first line is a head has one; UsageError when it is the head of other settings."""
    if not path.exists():
        return False
    cut_torn_line(path)
    for data, where in lines(path):
        validate(kind, data, where)
        if differ := [*differences(data["settings"], head["settings"])]:
            raise UsageError(f"{path} is of another {kind}: {'; '.join(differ[:3])}; {advice}")
        return True
    return False


def differences(before: object, now: object, place: str = "") -> Iterator[str]:
    """Where two settings differ, in words.

    >>> list(differences({"n": 8, "seed": 0}, {"n": 1, "seed": 0}))
    ['n was 8 and is 1']
    """
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for name in sorted(before.keys() | now.keys()):
            yield from differences(before.get(name), now.get(name), f"{place}.{name}" if place else name)
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for index, (one, other) in enumerate(zip(before, now, strict=True)):
            yield from differences(one, other, f"{place}[{index}]")
    elif before != now:
        yield f"{place} was {_short(before)} and is {_short(now)}"


def _short(value: object) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def refuse_foreign(folder: Path) -> None:
    """UsageError when the folder holds something else than a run."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--out {folder} is a file; give a folder")
    if folder.is_dir() and not (folder / RUN).exists():
        ours = (LOCK, f".{RUN}.tmp")
        other = sorted(p.name for p in folder.iterdir() if p.name not in ours)
        if other:
            raise UsageError(f"{folder} is not a run folder and holds {other[0]}; give an empty or new --out")
