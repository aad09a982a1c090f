"""The model under evaluation: weights or a served name, the family it belongs to, and its trained sampling."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import families
from harness.errors import DataError, UsageError

CHECKPOINTS = Path(__file__).parent / "checkpoints"
"""The models that ship with the package, one folder each."""

SETTINGS = {"frames": str, "max_pixels": int, "max_tokens": int}
"""What `harness.json` beside `config.json` may hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What is known of a model without its weights; all there is of one that a server has."""

    name: str
    family: str
    """A key of harness.families.FAMILIES, or for a model that is shown no frames its own type."""
    frames: str | None = None
    """Frame sampling it was trained with, as in --frames; None leaves it to the task."""
    max_pixels: int | None = None
    """Pixel budget of a frame it was trained with."""
    max_tokens: int | None = None
    """How long its answers may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model(Named):
    """Weights on disk, checked to be there."""

    path: Path


def shipped() -> list[str]:
    """The names of the models in the package."""
    return sorted(folder.name for folder in CHECKPOINTS.glob("*") if (folder / "config.json").is_file())


def resolve(name_or_path: str | Path, family: str | None = None, *, sees: bool = True) -> Model:
    """The model of a shipped name or of a folder; UsageError when there is none, DataError when it lacks something.

    With `sees` false it will be shown no frames, so that it may be of any family.
    """
    text = str(name_or_path)
    path = _folder(text)
    if not path.is_dir():
        raise UsageError(f"there is no model {text!r}; give a model folder or one of: {', '.join(shipped()) or '-'}")
    path = path.resolve()
    config = _read(path / "config.json", "a model folder must hold it")
    _check_weights(path)
    kind = str(config.get("model_type"))
    family = _family(path, kind, family) if sees else kind
    return Model(name=path.name, path=path, family=family, **_settings(path))


def served(name: str, family: str | None = None, *, sees: bool = True) -> Named:
    """The model that a server knows by that name; UsageError when its family is unknown.

    Where the name is that of a shipped model or of a folder here, as it often is for a server on the same machine,
    family and trained sampling are read from there.
    """
    path = _folder(name)
    if (path / "config.json").is_file():
        kind = str(_read(path / "config.json", "").get("model_type"))
        return Named(name=name, family=_family(path, kind, family) if sees else kind, **_settings(path))
    if not sees:
        return Named(name=name, family="unknown")
    if family is None:
        known = ", ".join(families.FAMILIES)
        raise UsageError(
            f"of the served model {name!r} only the name is known; set --family to one of: {known} "
            "(it fixes how boxes are written)"
        )
    return Named(name=name, family=families.family(family).name)


def _family(path: Path, kind: str, asked: str | None) -> str:
    """The family of weights of that `model_type`; another one can only be asked for where the type is not known."""
    if kind in families.FAMILIES and asked in (None, kind):
        return kind
    if asked is None:
        known = ", ".join(families.FAMILIES)
        raise UsageError(f"{path} is of the unknown type {kind!r}; set --family to one of: {known}")
    name = families.family(asked).name
    if kind in families.FAMILIES:
        raise UsageError(f"{path / 'config.json'} says {kind!r}, which is not --family {name}; leave --family out")
    return name


def _folder(name: str) -> Path:
    return CHECKPOINTS / name if name in shipped() else Path(name).expanduser()


def _read(path: Path, need: str) -> dict[str, Any]:
    if not path.is_file():
        raise DataError(f"{path.parent} has no {path.name}; {need}")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path} is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise DataError(f"{path} must hold an object, found {type(data).__name__}")
    return data


def _check_weights(path: Path) -> None:
    if not any(path.glob("*.safetensors")):
        raise DataError(f"{path} has no weights; a model folder must hold *.safetensors files")
    index = path / "model.safetensors.index.json"
    if index.is_file():
        parts = sorted(set(_read(index, "").get("weight_map", {}).values()))
        absent = [part for part in parts if not (path / part).is_file()]
        if absent:
            raise DataError(f"{path} lacks {len(absent)} of {len(parts)} weight files, the first {absent[0]}")


def _settings(path: Path) -> dict[str, Any]:
    file = path / "harness.json"
    if not file.is_file():
        return {}
    data = _read(file, "")
    for key, value in data.items():
        kind = SETTINGS.get(key)
        if kind is None:
            raise DataError(f"{file} has the unknown key {key!r}; there are: {', '.join(SETTINGS)}")
        if not isinstance(value, kind) or isinstance(value, bool):
            raise DataError(f"{file}: {key!r} must be of type {kind.__name__}, found {value!r}")
    return data
