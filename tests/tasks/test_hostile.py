"""Annotations of somebody who means harm, or of a disk that does: one sentence, or samples within the data folder."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import plugins
from harness.contracts import Task
from harness.errors import DataError
from harness.plan import LONGEST, load
from harness.tasks import _srt, _videommmu_rows

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
    """The rows as JSON, where and as loaders look for it in place of a table."""
    if path.suffix == ".parquet":
        path.unlink(missing_ok=True)
        tracks = path.parent.name in _videommmu_rows.TRACKS
        path = path.parents[1] / f"{path.parent.name.lower()}_video.json" if tracks else path.with_suffix(".json")
    if path.name.endswith("_video.json"):
        told = {path.name.split("_")[0].capitalize(): {str(number): row for number, row in enumerate(told)}}
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


@pytest.mark.parametrize("name", [name for name in TASKS if name != "videommmu-question-only"])
def test_a_file_of_more_than_a_gigabyte_is_not_read(name: str, root: Path) -> None:
    task = load(name)
    task.demo(root, 2, 0)
    refused = []
    for path in files(root):
        path = write(path, rows(path))
        before = path.read_bytes()
        os.truncate(path, (1 << 30) + 1)
        try:
            task.samples(root)
        except DataError as error:
            refused.append(str(error))
        path.write_bytes(before)
    assert refused and all("1.0 GiB of text" in told for told in refused)


def test_subtitles_of_a_gigabyte_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.srt"
    path.touch()
    os.truncate(path, 1 << 30)
    with pytest.raises(DataError, match="a.srt has 1,024 MiB, which no subtitles have"):
        _srt.load(path)


def test_a_question_of_many_megabytes_is_refused_at_the_start(harness: Callable[..., Any], root: Path) -> None:
    load("vstar").demo(root, 2, 0)
    (path,) = root.glob("*.json")
    told = rows(path)
    told[1]["question"] = LONGEST * "x"
    write(path, told)
    said = harness("run", "--tasks", "vstar", "--data", root, "--out", root / "out", "--model", "nano")
    assert said.code == 2 and "vstar has a sample of 16,777," in said.err and len(said.err) < 400
    assert not (root / "out").exists()


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
