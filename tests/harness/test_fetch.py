"""`harness fetch` with the real huggingface_hub against a stand-in for the hub, and `harness data check`."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import pytest
from rich.console import Console

from harness.errors import DataError
from harness.plan import load
from harness.unpack import unpack

Command = Callable[..., Any]

SMALL = '''
"""V-STaR of three videos."""
from dataclasses import dataclass, replace
from typing import ClassVar
from harness.dataset import Dataset
from harness.tasks.vstar import VStar

@dataclass(frozen=True, kw_only=True)
class Small(VStar):
    name: ClassVar[str] = "small"
    dataset: ClassVar[Dataset] = replace(VStar.dataset, revision="main", items=3, videos=3)

task = Small()
'''
ZIPPED = "vstar_videos.zip"


def _hub_module() -> Any:
    spec = importlib.util.spec_from_file_location("hub", Path(__file__).parent / "hub.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the data set as the hub has them."""
    made, folder = tmp_path_factory.mktemp("made"), tmp_path_factory.mktemp("published")
    load("vstar").demo(made, 3, 0)
    with ZipFile(folder / ZIPPED, "w", ZIP_STORED) as archive:
        for path in sorted(made.rglob("*.mp4")):
            archive.write(path, f"vstar_videos/{path.name}")
        archive.writestr("__MACOSX/._junk", b"junk")
        archive.writestr("padding.bin", os.urandom(24_000_000))
    (folder / "V_STaR_test.json").write_bytes((made / "V_STaR_test.json").read_bytes())
    (folder / "README.md").write_text("not needed")
    return folder


@pytest.fixture
def hub(published: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
    server = _hub_module().Hub("V-STaR-Bench/V-STaR", published)
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    yield server
    server.stop()


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.py"
    path.write_text(SMALL)
    return path


@pytest.fixture
def fetch(harness: Command, hub: Any, small: Path, tmp_path: Path) -> Command:
    def command(*words: object, accept: bool = True) -> Any:
        start = ["fetch", small, "--out", tmp_path / "data", *(["--accept-licence"] if accept else [])]
        return harness(*start, *words)

    return command


def test_the_data_arrives_in_the_layout_that_the_task_reads(fetch: Command, hub: Any, tmp_path: Path) -> None:
    said = fetch()
    assert said.code == 0, said
    assert "CC BY-NC-SA 4.0" in said.out and "small: 15 samples" in said.out and ": complete" in said.out
    folder = tmp_path / "data/small"
    assert len(list(folder.rglob("*.mp4"))) == 3 and not (folder / ZIPPED).exists()
    assert not (folder / "README.md").exists() and not list(folder.rglob("*junk"))
    told = json.loads((folder / "fetched.json").read_text())
    assert told["revision"] == "c0ffee" + "0" * 34 and set(told["done"]) == {ZIPPED, "V_STaR_test.json"}
    before = list(hub.begun)
    assert fetch().code == 0 and hub.begun == before, "what is done is not asked for again"


def test_a_licence_is_accepted_first(fetch: Command, tmp_path: Path) -> None:
    said = fetch(accept=False)
    assert said.code == 2 and "--accept-licence" in said.err and "CC BY-NC-SA" in said.err
    assert not (tmp_path / "data").exists()


def test_a_killed_download_goes_on_where_it_stopped(fetch: Command, hub: Any, small: Path, tmp_path: Path) -> None:
    hub.stall = 12_000_000  # the library writes what has come in pieces of 10 MB
    words = ["fetch", str(small), "--out", str(tmp_path / "data"), "--accept-licence"]
    command = [sys.executable, "-c", "from harness.cli import main; main()", *words]
    environment = {**os.environ, "HF_HUB_OFFLINE": "0", "HF_ENDPOINT": hub.url}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    part: list[Path] = []
    while not part:
        part = [path for path in (tmp_path / "data").rglob("*.zip.part") if path.stat().st_size >= 10_000_000]
        time.sleep(0.05)
        assert process.poll() is None, process.communicate()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    size, hub.stall = part[0].stat().st_size, None
    hub.go_on.set()
    assert fetch().code == 0
    assert hub.begun[-1] == (ZIPPED, size) and size > 0


def test_a_damaged_file_is_not_kept(fetch: Command, hub: Any, tmp_path: Path) -> None:
    hub.spoilt = {ZIPPED}
    said = fetch()
    assert said.code == 2 and "damaged on its way" in said.err and said.err.count("\n") == 1
    assert not (tmp_path / "data/small" / ZIPPED).exists()
    hub.spoilt = set()
    assert fetch().code == 0


def test_a_hub_that_refuses_or_is_gone_is_one_sentence(fetch: Command, hub: Any, monkeypatch: Any) -> None:
    hub.status = 403
    said = fetch()
    assert said.code == 2 and "hf auth login" in said.err and said.err.count("\n") == 1
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    said = fetch()
    assert said.code == 2 and "could not be fetched" in said.err and said.err.count("\n") == 1


def test_a_task_without_a_data_set_says_so(harness: Command, tmp_path: Path) -> None:
    said = harness("fetch", "shapes", "--out", tmp_path)
    assert said.code == 2 and "has no published data set" in said.err


def test_the_check_names_what_is_missing(fetch: Command, harness: Command, small: Path, tmp_path: Path) -> None:
    assert fetch().code == 0
    folder = tmp_path / "data/small"
    one, other, third = sorted(folder.rglob("*.mp4"))
    one.unlink()
    other.write_bytes(b"")
    third.write_bytes(b"no video")
    for words in ((), ("--deep",)):
        said = harness("data", "check", small, "--data", tmp_path / "data", *words)
        assert said.code == 1 and "missing: 1 videos" in said.out and "empty: 1 videos" in said.out
        assert "opened 1 of 1 videos: 1 cannot be read" in said.out and "NOT complete" in said.out
    rows = json.loads((folder / "V_STaR_test.json").read_text())
    (folder / "V_STaR_test.json").write_text(json.dumps(rows[:1]))
    assert "items: 1 are there and 3 were published" in harness("data", "check", small, "--data", folder).out
    (folder / "V_STaR_test.json").unlink()
    assert "put the published annotation there" in harness("data", "check", small, "--data", folder).err


def test_the_published_numbers_are_asked_for(harness: Command, tmp_path: Path) -> None:
    (tmp_path / "videomme").mkdir()
    load("videomme").demo(tmp_path / "videomme", 2, 0)
    said = harness("data", "check", "videomme", "--data", tmp_path)
    assert said.code == 1 and "and 2,700 were published" in said.out and "videos: 2 are there and 900" in said.out
    assert "subtitle/*.srt: 1 are there and 744 were published" in said.out


def zipped(path: Path, *names: str, mode: int = 0) -> Path:
    with ZipFile(path, "w") as archive:
        archive.writestr("fine.txt", "fine")
        for name in names:
            info = ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, "content")
    return path


@pytest.mark.parametrize(
    "name", ["../out.txt", "/out.txt", "a/../../out.txt", "..\\out.txt", "C:/out.txt", "link/out.txt", "state.json"]
)
def test_no_file_leaves_the_folder(tmp_path: Path, name: str) -> None:
    folder, outside = tmp_path / "data", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (folder / "link").symlink_to(outside)
    with pytest.raises(DataError, match="which"):
        unpack(zipped(tmp_path / "a.zip", name), folder, Console(), keep={"state.json"})
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == ["a.zip"], "not even what is fine"


def test_links_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a link or an encrypted file"):
        unpack(zipped(tmp_path / "a.zip", "l", mode=stat.S_IFLNK | 0o777), tmp_path / "data", Console())


def test_what_was_begun_is_finished(tmp_path: Path) -> None:
    archive, folder = zipped(tmp_path / "a.zip", "deep/one", "deep/two"), tmp_path / "data"
    assert unpack(archive, folder, Console()) == 3
    (folder / "deep/one").write_text("con")
    (folder / "deep/two.part").write_text("c")
    kept = (folder / "fine.txt").stat().st_mtime_ns
    assert unpack(archive, folder, Console()) == 3
    assert (folder / "deep/one").read_text() == "content" and (folder / "fine.txt").stat().st_mtime_ns == kept


def test_a_damaged_archive_is_one_sentence(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", "one")
    content = archive.read_bytes().replace(b"content", b"c0ntent")
    archive.write_bytes(content)
    with pytest.raises(DataError, match="is damaged"):
        unpack(archive, tmp_path / "data", Console())
    assert not (tmp_path / "data/one").exists()
    archive.write_bytes(content[:40])
    with pytest.raises(DataError, match="is damaged"):
        unpack(archive, tmp_path / "data", Console())
