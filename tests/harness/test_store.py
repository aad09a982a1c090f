"""The run folder: nothing lost, nothing twice, nothing of another run touched."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import DataError, UsageError
from harness.records import Prediction, Record, Sample, Score, View
from harness.store import RECORDS, RUN, Store, differences, read_records, read_run, short_key, write

VIEW = View(video="v.mp4", times=(0.0,), duration=1.0, width=8, height=8, size=(28, 28), family="qwen2_5_vl")


def record(name: str, error: str | None = None) -> Record:
    sample = Sample(id=name, item=name, kind="what", video="v.mp4", question="?")
    if error is not None:
        return Record(task="t", version=1, sample=sample, error=error)
    scored = {"view": VIEW, "request": "0" * 64, "vote": Prediction(answer="a"), "score": Score(values={"acc": 1.0})}
    return Record(task="t", version=1, sample=sample, **scored)  # type: ignore[arg-type]


def run(seed: int = 0, **more: Any) -> dict[str, Any]:
    """A run.json."""
    task = {"plugin": "t", "name": "t", "version": 1, "options": {}, "fingerprint": "0" * 64, "frames": "uniform:2"}
    decoding = {"n": 1, "temperature": 0.0, "top_p": 1.0, "repetition_penalty": 1.0, "max_tokens": 9}
    session: dict[str, Any] = {"started": "now", "argv": [], "python": "3", "platform": "", "git": None, "versions": {}}
    return {
        "format": 1,
        "partial": False,
        "settings": {
            "tasks": [{**task, "max_pixels": 1}],
            "model": None,
            "family": "qwen2_5_vl",
            "engine": {"name": "e", "dtype": "auto", "options": {}, "answers": None},
            "decoding": decoding,
            "voter": "first",
            "seed": seed,
            "limit": None,
        },
        "tasks": {},
        "places": {},
        "sessions": [{**session, "tensor_parallel": 1, "in_flight": 1, "trust_remote_code": False}],
        **more,
    }


def fill(folder: Path, *records: Record, **how: Any) -> Store:
    with Store(folder) as store:
        store.join(run(), **how)
        store.begin()
        for each in records:
            store.append(each)
    return store


def test_what_is_written_is_there_when_the_folder_is_opened_again(tmp_path: Path) -> None:
    fill(tmp_path / "run", record("a"), record("b", "VideoError: gone"))
    fill(tmp_path / "run", record("c"))
    store = fill(tmp_path / "run")
    assert store.done == {short_key("t", "a"), short_key("t", "b"), short_key("t", "c")} and store.failed == {
        short_key("t", "b")
    }
    assert [r.sample.id for r in read_records(tmp_path / "run")] == ["a", "b", "c"]
    assert len(read_run(tmp_path / "run")["sessions"]) == 3


@pytest.mark.parametrize("torn", [b"{", b'{"task": "t"', b"\x00" * 70_000, b'{"a": 1}', "é".encode()[:1]])
def test_a_torn_last_line_is_dropped(tmp_path: Path, torn: bytes) -> None:
    fill(tmp_path, record("a"))
    with (tmp_path / RECORDS).open("ab") as file:
        file.write(torn)
    assert [r.sample.id for r in read_records(tmp_path)] == ["a"]
    fill(tmp_path, record("b"))
    assert [r.sample.id for r in read_records(tmp_path)] == ["a", "b"]


def test_a_file_that_is_one_torn_line_is_emptied(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / RECORDS).write_bytes(b'{"task"')
    assert fill(tmp_path).done == set()
    assert (tmp_path / RECORDS).read_bytes() == b""


@pytest.mark.parametrize("cut", range(1, 200, 7))
def test_a_cut_anywhere_costs_one_record(tmp_path: Path, cut: int) -> None:
    fill(tmp_path, record("a"), record("b"))
    path = tmp_path / RECORDS
    os.truncate(path, path.stat().st_size - cut)
    assert fill(tmp_path).done == {short_key("t", "a")}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"oops\n", "line 2 is not JSON"),
        (b"{}\n", "line 2 does not fit the schema"),
        (b"\n", "line 2 is not JSON"),
        (b'{"task": NaN}\n', "line 2 is not JSON"),
    ],
)
def test_a_bad_line_that_is_not_torn_is_told(tmp_path: Path, line: bytes, said: str) -> None:
    fill(tmp_path, record("a"))
    with (tmp_path / RECORDS).open("ab") as file:
        file.write(line)
    with pytest.raises(DataError, match=said):
        fill(tmp_path)


def test_a_sample_with_two_records_is_told(tmp_path: Path) -> None:
    fill(tmp_path, record("a"), record("a"))
    with pytest.raises(DataError, match="two records of a"):
        fill(tmp_path)


def test_errors_are_owed_again_when_asked_for(tmp_path: Path) -> None:
    fill(tmp_path, record("a"), record("b", "EngineError: no"), record("c"))
    assert fill(tmp_path).failed == {short_key("t", "b")}
    store = fill(tmp_path, retry_errors=True)
    assert store.done == {short_key("t", "a"), short_key("t", "c")} and not store.failed
    assert [r.sample.id for r in read_records(tmp_path)] == ["a", "c"]


def test_the_folder_of_another_run_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    fill(tmp_path, record("a"))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(UsageError, match="another run: seed was 0 and is 1; give another --out"), Store(tmp_path) as s:
        s.join(run(seed=1))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(UsageError, match=r"holds thesis\.tex"), Store(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x")
    with pytest.raises(UsageError, match="is a file"), Store(tmp_path / "out"):
        pass


def test_what_a_start_killed_early_leaves_behind_is_no_hindrance(tmp_path: Path) -> None:
    with Store(tmp_path):
        (tmp_path / f".{RUN}.tmp").write_text("{")
    fill(tmp_path, record("a"))
    assert fill(tmp_path).done == {short_key("t", "a")}


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    code = f"from pathlib import Path; from harness.store import Store; Store(Path({str(tmp_path)!r})).__enter__()"
    with Store(tmp_path):
        other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "UsageError: another process is writing" in other.stderr
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_full_disk_is_told_and_nothing_before_is_lost(tmp_path: Path) -> None:
    class Full:
        """A file that takes ten bytes."""

        def __init__(self, file: Any) -> None:
            self.file = file

        def write(self, line: bytes) -> int:
            self.file.write(line[:10])
            raise OSError(errno.ENOSPC, "No space left on device")

        def __getattr__(self, name: str) -> Any:
            return getattr(self.file, name)

    with Store(tmp_path) as store:
        store.join(run())
        store.begin()
        store.append(record("a"))
        assert store._file is not None
        store._file._file = Full(store._file._file)  # type: ignore[assignment]
        with pytest.raises(DataError, match="No space left on device; make room"):
            store.append(record("b"))
    fill(tmp_path, record("b"))
    assert fill(tmp_path).done == {short_key("t", "a"), short_key("t", "b")}


def test_a_record_that_does_not_fit_the_schema_is_not_written(tmp_path: Path) -> None:
    bad = record("a")
    object.__setattr__(bad, "seconds", -1.0)
    with pytest.raises(DataError, match=r"the record of a does not fit the schema of a record at \$\.seconds"):
        fill(tmp_path, bad)
    assert (tmp_path / RECORDS).read_bytes() == b""


def test_a_number_that_json_has_not_is_not_written(tmp_path: Path) -> None:
    bad = record("a")
    object.__setattr__(bad, "seconds", float("inf"))
    with pytest.raises(DataError, match="NaN or infinite"):
        fill(tmp_path, bad)
    assert (tmp_path / RECORDS).read_bytes() == b""


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data.pop("settings"),
        lambda data: data.update(format=2),
        lambda data: data.update(extra=1),
        lambda data: data["settings"].update(seed="0"),
        lambda data: data["settings"]["decoding"].update(n=0),
        lambda data: data["settings"]["tasks"].clear(),
    ],
)
def test_a_run_file_that_does_not_fit_is_told(tmp_path: Path, spoil: Callable[[Any], object]) -> None:
    fill(tmp_path)
    data = json.loads((tmp_path / RUN).read_text())
    spoil(data)
    (tmp_path / RUN).write_text(json.dumps(data))
    with pytest.raises(DataError, match=r"run\.json does not fit the schema of a run"):
        fill(tmp_path)
    with pytest.raises(DataError, match="does not fit"):
        write(tmp_path / "other.json", "run", data)
    assert not (tmp_path / "other.json").exists()


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"a": NaN}'])
def test_a_run_file_that_is_none_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / RUN).write_text(content)
    with pytest.raises(DataError, match=r"run\.json"):
        fill(tmp_path)


def test_a_folder_without_a_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a run folder"):
        read_run(tmp_path)


def test_differences_name_the_place() -> None:
    before = {"tasks": [{"name": "a", "frames": "x"}], "n": 1, "model": None}
    now = {"tasks": [{"name": "a", "frames": "y"}], "n": 1, "model": {"name": "m"}}
    assert list(differences(before, now)) == ["model was none and is {'name': 'm'}", "tasks[0].frames was x and is y"]
