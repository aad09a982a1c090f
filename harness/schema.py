"""The JSON Schemas of what is on disk, and JSON that any reader takes: UTF-8, no NaN, no half characters.

Records are many, and jsonschema takes milliseconds for one. So each schema is also made into a plain function that
accepts at once what fits; whatever it does not accept goes to jsonschema, which decides and says what is wrong.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import DataError

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

Fits = Callable[[Any], bool]
Maker = Callable[[Any, Any], Fits]

TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "null": (type(None),),
    "object": (dict,),
    "array": (list,),
}


@cache
def validator(kind: str) -> Validator:
    """The compiled schema of "run", "record" or "scores"."""
    from jsonschema import Draft202012Validator

    return Draft202012Validator(_schema(kind))


def validate(kind: str, data: Any, where: str) -> None:
    """DataError, naming the place, when the data is not of that kind."""
    if _quick(kind)(data) or validator(kind).is_valid(data):
        return
    from jsonschema.exceptions import best_match

    error = best_match(validator(kind).iter_errors(data))
    place, reason = (error.json_path, error.message) if error is not None else ("$", "does not fit")
    if len(reason) > 200:
        reason = f"{reason[:197]}..."
    raise DataError(f"{where} does not fit the schema of a {kind} at {place}: {reason}")


def dumps(data: object, where: str, indent: int | None = None) -> bytes:
    """Strict JSON as UTF-8; half of a surrogate pair, which UTF-8 cannot hold, becomes U+FFFD."""
    try:
        text = json.dumps(data, ensure_ascii=False, allow_nan=False, indent=indent)
    except ValueError as error:
        raise DataError(f"{where} would hold a number that JSON has not (NaN or infinite): {error}") from error
    return whole(text).encode()


def loads(text: bytes, where: str) -> Any:
    """The data of strict JSON."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where} is not JSON: {error}") from error


def whole(text: str) -> str:
    r"""The text with U+FFFD for each half of a surrogate pair that stands alone.

    >>> whole("a\ud800b") == "a\ufffdb"
    True
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


@cache
def _schema(kind: str) -> dict[str, Any]:
    text = (Path(__file__).parent / "schemas" / f"{kind}.json").read_text(encoding="utf-8")
    return dict(json.loads(text, object_hook=_referred))


def _referred(data: dict[str, Any]) -> dict[str, Any]:
    """What a {"$ref": "record.json"} stands for; anything else as it is."""
    return _schema(data["$ref"].removesuffix(".json")) if str(data.get("$ref")).endswith(".json") else data


@cache
def _quick(kind: str) -> Fits:
    return _fits(_schema(kind))


def _fits(schema: Mapping[str, Any]) -> Fits:
    """A function that is true only of data that fits; it is never true where a keyword is not known here."""
    words = schema.keys() - {"$schema", "title", "description"}
    if words & _OBJECT:
        words = words - _OBJECT | {"additionalProperties"}
    if not words <= _MAKERS.keys():
        return lambda data: False
    checks = [_MAKERS[word](schema.get(word), schema) for word in sorted(words, reverse=True)]
    if len(checks) == 1:
        return checks[0]
    return lambda data: all(check(data) for check in checks)


def _type(value: Any, schema: Any) -> Fits:
    kinds = {kind for name in ([value] if isinstance(value, str) else value) for kind in TYPES.get(name, ())}
    return lambda data: type(data) in kinds


def _object(value: Any, schema: Any) -> Fits:
    """`properties`, `patternProperties` and `additionalProperties` in one; the latter two exclude each other here."""
    known = {name: _fits(each) for name, each in schema.get("properties", {}).items()}
    patterns = [(re.compile(name), _fits(each)) for name, each in schema.get("patternProperties", {}).items()]
    rest = schema.get("additionalProperties", True)
    other: Fits = _fits(rest) if isinstance(rest, dict) else lambda data: bool(rest)

    def fit(name: str, data: Any) -> bool:
        if name in known and not known[name](data):
            return False
        found = [check for pattern, check in patterns if pattern.search(name)]
        return all(check(data) for check in found) and (bool(found) or name in known or other(data))

    def fit_all(data: Any) -> bool:
        if not isinstance(data, dict):
            return True
        if patterns:
            return all(fit(name, each) for name, each in data.items())
        return all(known.get(name, other)(each) for name, each in data.items())

    return fit_all


def _items(value: Any, schema: Any) -> Fits:
    one = _fits(value)
    return lambda data: not isinstance(data, list) or all(map(one, data))


def _list(least: bool) -> Maker:
    return lambda value, schema: (
        lambda data: not isinstance(data, list) or (len(data) >= value if least else len(data) <= value)
    )


def _pattern(value: Any, schema: Any) -> Fits:
    search = re.compile(value).search
    return lambda data: not isinstance(data, str) or search(data) is not None


def _any_of(value: Any, schema: Any) -> Fits:
    choices = [_fits(each) for each in value]
    return lambda data: any(choice(data) for choice in choices)


_OBJECT = {"properties", "patternProperties", "additionalProperties"}
_MAKERS: dict[str, Maker] = {
    "type": _type,
    "additionalProperties": _object,
    "items": _items,
    "minItems": _list(True),
    "maxItems": _list(False),
    "required": lambda value, schema: lambda data: not isinstance(data, dict) or data.keys() >= set(value),
    "minimum": lambda value, schema: lambda data: not isinstance(data, (int, float)) or data >= value,
    "minLength": lambda value, schema: lambda data: not isinstance(data, str) or len(data) >= value,
    "pattern": _pattern,
    "enum": lambda value, schema: lambda data: data in value,
    "anyOf": _any_of,
}
