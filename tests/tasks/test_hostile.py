"""Annotations of somebody who means harm, or of a disk that does: one sentence, or samples within the data folder."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import plugins
from harness.contracts import Task
from harness.errors import DataError
from harness.plan import load

TASKS = [name for name in plugins.names("harness.tasks") if not name.startswith("lmms")]

VALUES: dict[str, Any] = {
    "traversal": "../../../../../../etc/passwd",
    "absolute": "/etc/passwd",
    "zero byte": "a\0b",
    "half a character": "\ud800",
    "long": "x" * 300_000,
    "line ends": "a\nb\r\nc",
    "nan": float("nan"),
    "infinity": float("-inf"),
    "huge number": 10**400,
    "negative": -1,
    "null": None,
    "true": True,
    "list": [],
    "object": {},
    "nested": [[[["a"]]]],
}

BYTES: dict[str, Any] = {
    "utf-16": lambda text: text.encode("utf-16"),
    "latin-1": lambda text: ("é" + text).encode("latin-1"),
    "byte order mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "zeros": lambda text: bytes(len(text)),
    "cut off": lambda text: text.encode()[: len(text) // 2],
    "twice": lambda text: (text + "\n" + text).encode(),
    "empty": lambda text: b"",
    "deep": lambda text: b"[" * 100_000,
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def touch(_: object, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    monkeypatch.setattr("harness.tasks._demo.write", touch)
    return tmp_path


def check(task: Task, root: Path, how: str) -> None:
    """What the loader makes of the folder."""
    try:
        samples = task.samples(root)
    except DataError as error:
        assert "\n" not in str(error) and len(str(error)) < 2000, how
        return
    assert all(Path(sample.video).resolve().is_relative_to(root.resolve()) for sample in samples), how


def files(root: Path) -> list[Path]:
    """Those with text alone: pictures in a table have no form in JSON."""
    found = sorted(path for path in root.rglob("*") if path.suffix in (".json", ".jsonl", ".parquet"))
    return [path for path in found if "Adaptation" not in path.parts]


def rows(path: Path) -> Any:
    if path.suffix == ".parquet":
        import pandas

        told = pandas.read_parquet(path).to_dict("records")
        return [{k: v.tolist() if hasattr(v, "tolist") else v for k, v in row.items()} for row in told]
    text = path.read_text()
    return [json.loads(line) for line in text.splitlines()] if path.suffix == ".jsonl" else json.loads(text)


def write(path: Path, told: Any) -> Path:
    """The rows as JSON, which loaders take in place of a table of the same name."""
    if path.suffix == ".parquet":
        path.unlink(missing_ok=True)
        path = path.with_suffix(".json")
    lines = path.suffix == ".jsonl"
    path.write_text("\n".join(map(json.dumps, told)) if lines else json.dumps(told), encoding="utf-8")
    return path


def places(value: Any) -> Iterator[tuple[Any, ...]]:
    """Where something can be put: at each key, and at the first place of each list."""
    if isinstance(value, (dict, list)):
        for key in value if isinstance(value, dict) else range(min(1, len(value))):
            yield (key,)
            yield from ((key, *deeper) for deeper in places(value[key]))


def put(whole: Any, place: tuple[Any, ...], value: Any) -> Any:
    made = inner = copy.deepcopy(whole)
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return made


@pytest.mark.parametrize("name", TASKS)
def test_a_hostile_value_anywhere_is_refused_or_harmless(name: str, root: Path) -> None:
    task = load(name)
    task.demo(root, 2, 0)
    for path in files(root):
        whole = rows(path)
        for place in places(whole):
            for what, value in VALUES.items():
                write(path, put(whole, place, value))
                check(task, root, f"{what} at {place} of {path.name}")
        write(path, whole)


@pytest.mark.parametrize("name", TASKS)
def test_a_file_in_another_encoding_or_form_is_refused_or_harmless(name: str, root: Path) -> None:
    task = load(name)
    task.demo(root, 2, 0)
    for path in files(root):
        path = write(path, whole := rows(path))
        text = path.read_text(encoding="utf-8")
        for what, spoil in BYTES.items():
            path.write_bytes(spoil(text))
            check(task, root, f"{what}: {path.name}")
        write(path, [*whole, *whole] if isinstance(whole, list) else [whole])
        check(task, root, f"every row twice: {path.name}")
        write(path, whole)


@pytest.mark.parametrize("name", TASKS)
def test_a_link_out_of_the_data_folder_is_refused(name: str, tmp_path: Path, root: Path) -> None:
    task = load(name)
    (root / "data").mkdir()
    task.demo(root / "data", 2, 0)
    (tmp_path / "secret.mp4").touch()
    videos = {sample.video for sample in task.samples(root / "data")}
    for video in map(Path, videos):
        video.unlink(missing_ok=True)
        video.symlink_to(tmp_path / "secret.mp4")
    with pytest.raises(DataError, match="inside|is outside of"):
        task.samples(root / "data")
