"""Records to JSON data and back, by their type hints."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

from harness.errors import DataError

if TYPE_CHECKING:
    from msgspec.json import Decoder

T = TypeVar("T")

PLAIN = {str, int, float, bool, type(None)}
"""What is JSON data as it is."""


def encode(value: object) -> Any:
    """A record as plain JSON data: Span [start, end], Box [x1, y1, x2, y2], maps with string keys."""
    kind: Any = type(value)
    if kind in PLAIN:
        return value
    if names := _names(kind):
        return {name: encode(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {_key(k): encode(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(v) for v in value]
    return value


@cache
def _names(kind: type) -> tuple[str, ...]:
    """The fields of a dataclass; none of anything else."""
    return tuple(f.name for f in fields(kind)) if is_dataclass(kind) else ()


def compact(value: object) -> str:
    """A record as JSON in one fixed form, and fast: the same for equal records."""
    import msgspec

    try:
        return msgspec.json.encode(value, order="deterministic").decode()
    except (TypeError, UnicodeEncodeError):  # keys that are no strings, half characters
        return json.dumps(encode(value), sort_keys=True)


def decode(kind: type[T], data: Any) -> T:
    """The record of that type from what `encode` wrote."""
    import msgspec

    try:
        return msgspec.convert(data, kind, str_keys=True)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:  # the latter of half characters
        raise DataError(f"cannot read a {kind.__name__} from {str(data)[:120]!r}: {error}") from error


def decode_line(kind: type[T], line: bytes) -> T | None:
    """The same from a line of JSON, and fast; None when it is not such a record."""
    import msgspec

    try:
        return cast(T, _decoder(cast(Any, kind)).decode(line))
    except msgspec.DecodeError:
        return None


@cache
def _decoder(kind: Any) -> Decoder[Any]:
    from msgspec.json import Decoder

    return Decoder(kind)


def _key(key: object) -> str:
    return str(int(key)) if isinstance(key, float) and key.is_integer() else str(key)
