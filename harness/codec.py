"""Records to JSON data and back, by their type hints."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, TypeVar

from harness.errors import DataError
from harness.geometry import Box, Span

T = TypeVar("T")


def encode(value: object) -> Any:
    """A record as plain JSON data: Span [start, end], Box [x1, y1, x2, y2], maps with string keys."""
    if isinstance(value, Span):
        return [value.start, value.end]
    if isinstance(value, Box):
        return [value.x1, value.y1, value.x2, value.y2]
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: encode(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {_key(k): encode(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(v) for v in value]
    return value


def decode(kind: type[T], data: Any) -> T:
    """The record of that type from what `encode` wrote."""
    try:
        return typing.cast(T, _decode(kind, data))
    except (AttributeError, TypeError, ValueError, KeyError) as error:
        raise DataError(f"cannot read a {kind.__name__} from {str(data)[:120]!r}: {error}") from error


def _key(key: object) -> str:
    return str(int(key)) if isinstance(key, float) and key.is_integer() else str(key)


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _decode(kind: Any, data: Any) -> Any:
    if kind is Span:
        return Span(*map(float, data))
    if kind is Box:
        return Box(*map(float, data))
    if is_dataclass(kind):
        hints = _hints(typing.cast(type, kind))
        return kind(**{name: _decode(hints[name], value) for name, value in data.items() if name in hints})  # type: ignore[operator]
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return _decode_union(args, data)
    if origin is tuple:
        return _decode_tuple(args, data)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {args[0](k): _decode(args[1], v) for k, v in data.items()}
    return kind(data) if kind in (int, float) and data is not None else data


def _decode_union(args: tuple[Any, ...], data: Any) -> Any:
    if data is None:
        return None
    for arg in args:
        if arg is str and isinstance(data, str):
            return data
    others = [arg for arg in args if arg not in (type(None), str)]
    if isinstance(data, Mapping):
        others = [arg for arg in others if is_dataclass(arg) and data.keys() <= _hints(arg).keys()] or others  # type: ignore[arg-type]
    return _decode(others[0], data) if others else data


def _decode_tuple(args: tuple[Any, ...], data: Any) -> Any:
    if len(args) == 2 and args[1] is Ellipsis:
        return tuple(_decode(args[0], v) for v in data)
    return tuple(_decode(a, v) for a, v in zip(args, data, strict=True))
