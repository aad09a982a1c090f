"""Model folders: what is read from them, and what is said of those that are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import DataError, UsageError
from harness.model import Named, resolve, served, shipped

GOOD = {"config.json": {"model_type": "qwen2_5_vl"}, "model.safetensors": ""}
INDEX = {"weight_map": {"a": "part-1.safetensors", "b": "part-2.safetensors"}}


def folder(path: Path, files: dict[str, Any]) -> Path:
    path.mkdir()
    for name, content in files.items():
        (path / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_what_is_read(tmp_path: Path) -> None:
    extra = {"harness.json": {"frames": "fps:1:16", "max_pixels": 12544, "max_tokens": 256}}
    model = resolve(folder(tmp_path / "ckpt-12", GOOD | extra))
    assert (model.name, model.family, model.path) == ("ckpt-12", "qwen2_5_vl", tmp_path / "ckpt-12")
    assert (model.frames, model.max_pixels, model.max_tokens) == ("fps:1:16", 12544, 256)
    assert resolve(str(tmp_path / "ckpt-12"), "qwen2_5_vl") == model


def test_defaults_are_left_open(tmp_path: Path) -> None:
    model = resolve(folder(tmp_path / "m", GOOD))
    assert (model.frames, model.max_pixels, model.max_tokens) == (None, None, None)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "has no config.json"),
        ({"config.json": "{"}, "is not JSON"),
        ({"config.json": []}, "must hold an object, found list"),
        ({"config.json": GOOD["config.json"]}, "has no weights"),
        (GOOD | {"model.safetensors.index.json": INDEX}, "lacks 2 of 2 weight files, the first part-1.safetensors"),
        (GOOD | {"harness.json": {"fames": "fps:1:16"}}, "unknown key 'fames'"),
        (GOOD | {"harness.json": {"max_pixels": "many"}}, "'max_pixels' must be of type int, found 'many'"),
    ],
)
def test_a_folder_that_is_no_model(files: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message) as caught:
        resolve(folder(tmp_path / "m", files))
    assert str(tmp_path / "m") in str(caught.value)


def test_families_and_names_that_are_not_known(tmp_path: Path) -> None:
    odd = folder(tmp_path / "m", GOOD | {"config.json": {"model_type": "llava"}})
    with pytest.raises(UsageError, match="'llava'; set --family"):
        resolve(odd)
    assert resolve(odd, "qwen2_5_vl").family == "qwen2_5_vl"
    with pytest.raises(UsageError, match="--family"):
        resolve(odd, "llava")
    with pytest.raises(UsageError, match=r"config.json says 'qwen3_vl', which is not --family qwen2_5_vl; leave"):
        resolve(folder(tmp_path / "m3", GOOD | {"config.json": {"model_type": "qwen3_vl"}}), "qwen2_5_vl")
    with pytest.raises(UsageError, match="there is no model 'nono'"):
        resolve("nono")


@pytest.mark.parametrize("name", shipped())
def test_shipped_models_resolve(name: str) -> None:
    assert resolve(name).name == name


def test_served_models(tmp_path: Path) -> None:
    here = folder(tmp_path / "m", {"config.json": {"model_type": "qwen3_vl"}, "harness.json": {"max_pixels": 12544}})
    assert served(str(here)) == Named(name=str(here), family="qwen3_vl", max_pixels=12544)
    assert served("far/away", "qwen2_5_vl") == Named(name="far/away", family="qwen2_5_vl")
    with pytest.raises(UsageError, match="'far/away' only the name is known; set --family to one of: qwen2_5_vl"):
        served("far/away")
    with pytest.raises(UsageError, match="unknown model family 'llava'"):
        served("far/away", "llava")
