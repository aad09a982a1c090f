"""The recipe of a mix: a YAML file that says which rows of which sources, after which filters, and how many.

seed: 2510                        # of the draw
rows: json_data/STGR-SFT.json     # the file or files of all parts, below the data folder
parts:
  temporal:
    sources: [TVG_*]              # patterns of the `source` of a row
    keep: {span_below: 0.7}       # filters (training/filters.py)
    count: 4119                   # so many at random, or `all`
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import DataError, UsageError

from .filters import FILTERS
from .yamlfile import parse, unknown

SHIPPED = Path(__file__).parent / "recipes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Rows of some sources."""

    name: str
    sources: tuple[str, ...]
    """Patterns as a shell has them; a row belongs to the one part that has a pattern of its source."""
    rows: tuple[str, ...]
    """The files that they are taken from, below the data folder."""
    count: int | None
    """How many are drawn; None for all."""
    keep: Mapping[str, float] = field(default_factory=dict)
    """Filter -> limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """What a training file is drawn from."""

    name: str
    seed: int
    parts: tuple[Part, ...]
    share: float = 1.0
    """Every part gives this share of its count: for a run in small."""


def read(recipe: str, changes: Sequence[str] = ()) -> Mix:
    """A recipe by its path or by the name of one that ships, with changes such as "parts.general.count=5000".

    UsageError when there is none or a change cannot be made; DataError when the recipe is not what it should be.
    """
    path = _path(recipe)
    data = parse(path.read_bytes(), str(path))
    if not isinstance(data, dict):
        raise DataError(f"{path} is not a recipe: expected the keys seed, rows and parts")
    for change in changes:
        _change(data, change)
    return _mix(data, path)


def _path(recipe: str) -> Path:
    for path in (Path(recipe), SHIPPED / f"{recipe}.yaml"):
        if path.is_file():
            return path
    names = sorted(path.stem for path in SHIPPED.glob("mix-*.yaml"))
    raise UsageError(f"there is no recipe {recipe}; give a file, or one of: {', '.join(names)}")


def _change(data: dict[str, Any], change: str) -> None:
    way, equals, value = change.partition("=")
    *outer, last = way.split(".")
    place: Any = data
    for key in outer:
        if not isinstance(place, dict) or key not in place:
            raise UsageError(f"--set {change!r}: {unknown(key, place if isinstance(place, dict) else ())}")
        place = place[key]
    if not equals or not last or not isinstance(place, dict):
        raise UsageError(f"--set {change!r} cannot be read; write it as parts.general.count=5000")
    place[last] = parse(value, f"--set {change!r}")


def _mix(data: Mapping[str, Any], path: Path) -> Mix:
    where = f"the recipe {path}"
    _keys(data, ("seed", "parts"), ("rows", "share"), where)
    seed, share, parts = data["seed"], data.get("share", 1.0), data["parts"]
    if type(seed) is not int:
        raise DataError(f"{where}: seed must be a whole number, not {seed!r}")
    if not _is_number(share) or not 0 < share <= 1:
        raise DataError(f"{where}: share must be above 0 and at most 1, not {share!r}")
    if not isinstance(parts, dict) or not parts:
        raise DataError(f"{where}: parts must hold a part for each kind of rows, under its name")
    made = tuple(_part(str(name), each, data.get("rows"), f"{where}, part {name}") for name, each in parts.items())
    return Mix(name=path.stem, seed=seed, share=float(share), parts=made)


def _part(name: str, data: Any, rows: Any, where: str) -> Part:
    if not isinstance(data, dict):
        raise DataError(f"{where} must have the keys sources and count")
    _keys(data, ("sources", "count"), ("rows", "keep"), where)
    count, keep = data["count"], data.get("keep") or {}
    if count != "all" and (type(count) is not int or count < 0):
        raise DataError(f"{where}: count must be a whole number or all, not {count!r}")
    if not isinstance(keep, dict):
        raise DataError(f"{where}: keep must say a limit for each filter, not {keep!r}")
    _keys(keep, (), tuple(FILTERS), f"{where}, keep")
    for each, limit in keep.items():
        if not _is_number(limit) or limit < 0:
            raise DataError(f"{where}, keep: {each} must be a number, 0 or more, not {limit!r}")
    return Part(
        name=name,
        sources=_texts(data["sources"], f"{where}: sources", "patterns of sources, such as [TVG_*]"),
        rows=_texts(data.get("rows", rows), f"{where}: rows", "files below the data folder"),
        count=None if count == "all" else count,
        keep=keep,
    )


def _texts(value: Any, where: str, wanted: str) -> tuple[str, ...]:
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not found or not all(isinstance(each, str) and each for each in found):
        raise DataError(f"{where} must be {wanted}, not {value!r}")
    return tuple(found)


def _keys(data: Mapping[str, Any], needed: Iterable[str], others: Iterable[str], where: str) -> None:
    for key in needed:
        if key not in data:
            raise DataError(f"{where} has no {key}")
    known = (*needed, *others)
    for key in data:
        if key not in known:
            raise DataError(f"{where}: {unknown(key, known)}")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
