"""Recipes as YAML: read as data alone, with one sentence where they cannot be."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from harness.errors import DataError, UsageError, nearest


def read(path: Path, instead: str) -> Any:
    """The data of a file; UsageError, ending in `instead`, where there is none, and DataError where it is no YAML."""
    try:
        return parse(path.read_bytes(), str(path))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}; {instead}") from error


def parse(text: bytes | str, where: str) -> Any:
    """The data of a text; DataError, naming the place, where it is no YAML."""
    import yaml

    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DataError(f"{where} is not YAML: {' '.join(str(error).split())[:200]}") from error


def unknown(key: object, known: Iterable[object]) -> str:
    """That there is no such key, which is nearest, and which there are.

    >>> unknown("sead", ("seed", "parts"))
    "there is no 'sead'; did you mean 'seed'? there are: seed, parts"
    """
    names = [str(each) for each in known]
    return f"there is no {str(key)!r}; {nearest(key, names)}there are: {', '.join(names) or '-'}"
