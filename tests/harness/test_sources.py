"""Data that lies in several places: a second repository, .tar.gz archives, plain addresses."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from harness.dataset import Dataset, Hub, Web
from harness.errors import DataError, UsageError
from harness.fetch import fetch
from harness.plan import load
from harness.schema import loads, validate
from harness.tasks.vstar import VStar
from harness.unpack import unpack

ANNOTATION, WORDS = "V_STaR_test.json", b"0123456789" * 100


def tarred(path: Path, files: dict[str, bytes], **changes: Any) -> Path:
    """An archive with those files; the last one has changes to its header."""
    with tarfile.open(path, "w:gz") as archive:
        for number, (name, content) in enumerate(files.items(), 1):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for field, value in changes.items() if number == len(files) else ():
                setattr(info, field, value)
            archive.addfile(info, io.BytesIO(content))
    return path


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The annotation in one folder and the videos, as .tar.gz, in another."""
    root = tmp_path_factory.mktemp("published")
    made, rows, videos = (root / name for name in ("made", "rows", "videos"))
    for folder in (made, rows, videos):
        folder.mkdir()
    load("vstar").demo(made, 2, 0)
    (rows / ANNOTATION).write_bytes((made / ANNOTATION).read_bytes())
    tarred(videos / "part1.tar.gz", {f"./part1/{p.name}": p.read_bytes() for p in sorted(made.rglob("*.mp4"))})
    return root


@pytest.fixture
def hub(published: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A hub with both as repositories, and a plain file."""
    from huggingface_hub import constants

    spec = importlib.util.spec_from_file_location("hub", Path(__file__).parent / "hub.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
    server = module.Hub("a/rows", published / "rows")
    server.repos["a/videos"], server.plain["/words.txt"] = published / "videos", WORDS
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setenv("HF_TOKEN", "secret")
    yield server
    server.stop()


@pytest.fixture
def bring(hub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    def start(**changes: Any) -> Path:
        more = (Hub(repo="a/videos", revision="main", files=("*.tar.gz",)), *changes.pop("web", ()))
        told: dict[str, Any] = {"repo": "a/rows", "files": (ANNOTATION,), "more": more, "licence": "free",
                                "homepage": "https://example.org", "items": 2, "videos": 2}  # fmt: skip
        monkeypatch.setattr(VStar, "dataset", Dataset(**told | changes))
        return fetch(load("vstar"), tmp_path / "data", accept=True, keep_archives=False, console=Console(quiet=True))

    return start


def web(hub: Any, **changes: Any) -> Web:
    told = {"url": f"{hub.url}/words.txt", "name": "more/words.txt", "sha256": hashlib.sha256(WORDS).hexdigest()}
    return Web(**told | changes)


def test_all_places_go_into_one_folder(bring: Callable[..., Path], hub: Any) -> None:
    folder = bring(web=[web(hub)])
    samples = [*load("vstar").samples(folder)]
    assert len(samples) == 10 and all(Path(sample.video).is_file() for sample in samples)
    assert (folder / "more/words.txt").read_bytes() == WORDS and not list(folder.rglob("*.gz"))
    told = loads((folder / "fetched.json").read_bytes(), "state")
    validate("fetched", told, "state")
    assert set(told["done"]) == {ANNOTATION, "part1.tar.gz", "more/words.txt"}
    assert told["revision"] == told["others"]["a/videos"] == "c0ffee" + "0" * 34
    before = list(hub.begun)
    bring(web=[web(hub)])
    assert hub.begun == before, "what is done is not asked for again"


def test_the_token_goes_to_the_hub_alone(bring: Callable[..., Path], hub: Any) -> None:
    bring(web=[web(hub)])
    asked = {path: token for path, token in hub.asked}
    assert asked.pop("/words.txt") is None and set(asked.values()) == {"Bearer secret"}


def test_data_that_is_not_on_the_hub_at_all(bring: Callable[..., Path], hub: Any) -> None:
    folder = bring(repo="", files=(), more=(web(hub, sha256=None),))
    told = json.loads((folder / "fetched.json").read_text())
    assert told["done"] == {"more/words.txt": {"size": 1000, "sha256": hashlib.sha256(WORDS).hexdigest()}}


def test_a_plain_file_goes_on_where_it_stopped(bring: Callable[..., Path], hub: Any, tmp_path: Path) -> None:
    part = tmp_path / "data/vstar/more/words.txt.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(WORDS[:400])
    assert (bring(web=[web(hub)]) / "more/words.txt").read_bytes() == WORDS
    assert ("words.txt", 400) in hub.begun


def test_a_plain_file_that_is_not_the_published_one_is_not_kept(bring: Callable[..., Path], hub: Any) -> None:
    hub.spoilt = {"words.txt"}
    with pytest.raises(DataError, match="damaged on its way"):
        bring(web=[web(hub)])
    hub.spoilt, hub.plain = set(), {}
    with pytest.raises(DataError, match=r"words.txt could not be fetched \(.*404.*the same command goes on"):
        bring(web=[web(hub)])


def test_addresses_that_others_could_change_are_refused(bring: Callable[..., Path], hub: Any) -> None:
    for url in ("http://example.org/a", "ftp://example.org/a", "file:///etc/passwd", "http://127.0.0.1@example.org/"):
        with pytest.raises(UsageError, match="must be at an https address"):
            web(hub, url=url)
    hub.moved["/words.txt"] = f"{hub.url.replace('127.0.0.1', '127.0.0.2')}/words.txt"
    with pytest.raises(DataError, match="leads to http://127.0.0.2:.*, which is not an https address"):
        bring(web=[web(hub)])
    hub.moved["/words.txt"] = f"{hub.url}/words.txt"
    with pytest.raises(DataError, match="from one address to the next"):
        bring(web=[web(hub)])


def test_no_name_leaves_the_folder_or_is_there_twice(bring: Callable[..., Path], hub: Any) -> None:
    with pytest.raises(DataError, match="would leave"):
        bring(web=[web(hub, name="../words.txt")])
    with pytest.raises(DataError, match="two of the sources have a file of the name"):
        bring(web=[web(hub, name=ANNOTATION)])


def test_a_state_of_before_there_were_several_sources_is_read(bring: Callable[..., Path], tmp_path: Path) -> None:
    state = {"format": 1, "repo": "a/rows", "revision": None, "licence": "free", "done": {}}
    (tmp_path / "data/vstar").mkdir(parents=True)
    (tmp_path / "data/vstar/fetched.json").write_text(json.dumps(state))
    assert (bring() / ANNOTATION).is_file()


@pytest.mark.parametrize("name", ["../out.txt", "/out.txt", "a/../../out.txt", "link/out.txt", "state.json"])
def test_no_file_of_a_tar_leaves_the_folder(tmp_path: Path, name: str) -> None:
    folder, outside = tmp_path / "data", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (folder / "link").symlink_to(outside)
    archive = tarred(tmp_path / "a.tar.gz", {"fine.txt": b"fine", name: b"content"})
    with pytest.raises(DataError, match="which"):
        unpack(archive, folder, Console(), keep={"state.json"})
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == ["a.tar.gz"], "not even what is fine"


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    archive = tarred(tmp_path / "a.tgz", {"fine.txt": b"fine", "l": b""}, type=kind, linkname="fine.txt")
    with pytest.raises(DataError, match="a link or an encrypted file or a device"):
        unpack(archive, tmp_path / "data", Console())
    assert not (tmp_path / "data").exists()


def test_a_tar_that_was_begun_is_finished(tmp_path: Path) -> None:
    files = {"./deep/one.mp4": b"content", "deep/._one.mp4": b"of a Mac", "two.webm": b"more"}
    archive, folder = tarred(tmp_path / "a.tar.gz", files), tmp_path / "data"
    assert unpack(archive, folder, Console()) == 2
    kept = (folder / "two.webm").stat().st_mtime_ns
    (folder / "deep/one.mp4").write_text("con")
    assert unpack(archive, folder, Console()) == 2
    assert (folder / "deep/one.mp4").read_text() == "content" and (folder / "two.webm").stat().st_mtime_ns == kept


@pytest.mark.parametrize(
    "spoil", [lambda c: c[:-20], lambda c: c[:30], lambda c: b"x" + c[1:], lambda c: gzip.compress(b"no tar")]
)
def test_a_damaged_tar_is_one_sentence(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    archive = tarred(tmp_path / "a.tar.gz", {"one": bytes(range(256)) * 99})
    archive.write_bytes(spoil(archive.read_bytes()))
    with pytest.raises(DataError, match="is damaged"):
        unpack(archive, tmp_path / "data", Console())
    assert not (tmp_path / "data/one").exists()


def test_a_dataset_of_one_repository_is_as_before() -> None:
    published = VStar.dataset
    assert published is not None
    assert published.sources == (Hub(repo=published.repo, revision=published.revision, files=published.files),)
    assert replace(published, repo="", files=()).sources == ()
