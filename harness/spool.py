"""Long sequences of records that are kept in a temporary file, so that memory does not grow with a run."""

from __future__ import annotations

import json
import tempfile
import weakref
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO, Any, TypeVar, overload

import msgspec

from harness.codec import decode, decode_line, encode
from harness.errors import DataError

S = TypeVar("S")
T = TypeVar("T")

IN_MEMORY = 1 << 20
"""Bytes up to which there is no file."""


class Lazy(Sequence[T]):
    """A sequence whose items are made whenever they are looked at."""

    def __init__(self, length: int, make: Callable[[int], T]) -> None:
        """`make` gives the item at a place, 0 to length - 1."""
        self._length, self._make = length, make

    def __len__(self) -> int:
        """How many there are."""
        return self._length

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...

    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        """One of them, or a part, which is lazy too."""
        found = range(self._length)[index]
        return self._make(found) if isinstance(found, int) else self.at(found)

    def __iter__(self) -> Iterator[T]:
        """All of them in order."""
        return map(self._make, range(self._length))

    def map(self, make: Callable[[T], S]) -> Lazy[S]:
        """What is made of each item, whenever it is looked at."""
        return Lazy(self._length, lambda place: make(self._make(place)))

    def at(self, places: Iterable[int]) -> Lazy[T]:
        """The items at these places, in this order."""
        order = array("q", places)
        return Lazy(len(order), lambda place: self._make(order[place]))


class Spool(Lazy[T]):
    """Dataclasses of one kind; written to a file where they are many, and read from it again and again."""

    def __init__(self, kind: type[T], items: Iterable[T] = ()) -> None:
        """Begin with those."""
        super().__init__(0, self._read)
        self._kind = kind
        self._begins = array("q", [0])
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115
        self._at_end = True
        weakref.finalize(self, self._file.close)
        for item in items:
            self.append(item)

    def append(self, item: T) -> None:
        """One more; DataError when there is no room for it."""
        line = _line(item)
        try:
            if not self._at_end:
                self._file.seek(self._begins[-1])
            self._file.write(line)
        except OSError as error:
            raise DataError(
                f"cannot write to {tempfile.gettempdir()}: {error.strerror}; make room, or set TMPDIR to another folder"
            ) from error
        self._at_end = True
        self._begins.append(self._begins[-1] + len(line))
        self._length += 1

    def _read(self, place: int) -> T:
        begin, end = self._begins[place : place + 2]
        self._at_end = False
        self._file.seek(begin)
        line = self._file.read(end - begin)
        item = decode_line(self._kind, line)
        return decode(self._kind, json.loads(line)) if item is None else item


def _line(item: Any) -> bytes:
    try:
        return msgspec.json.encode(item)
    except (TypeError, UnicodeEncodeError):  # other mappings than dict, half characters
        return json.dumps(encode(item)).encode()
