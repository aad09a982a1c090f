"""A disk that is full, a folder that cannot be written to, a folder in use: one sentence, and nothing is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.plan import load

DATA = Path(__file__).parent / "data"
TASK, ENGINE = str(DATA / "seen.py"), str(DATA / "steady.py")
RUN = ("--tasks", TASK, "--engine", ENGINE, "-n", "2", "--temperature", "1", "--cache-gb", "0", "--in-flight", "4")

Command = Callable[..., Any]


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    load(TASK).demo(root, 2, 0)
    return root


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of 40 KiB: a run of 40 samples takes more than that."""
    place = tmp_path / "small"
    place.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=40k", "tmpfs", str(place)]
    if sys.platform != "linux" or os.geteuid() or subprocess.run(mounting, capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted here; it takes root on Linux")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def lines(path: Path) -> list[str]:
    return [json.loads(line)["sample"]["id"] for line in path.read_bytes().split(b"\n")[:-1]]


def test_a_full_disk_ends_the_run_and_with_more_room_it_goes_on(
    harness: Command, videos: Path, small: Path, tmp_path: Path
) -> None:
    out = small / "run"
    said = harness("run", *RUN, "--data", videos, "--out", out)
    assert said.code == 2 and said.err.count("\n") == 1
    assert "make room and start the same command again" in said.err
    kept = lines(out / "records.jsonl")
    assert 3 < len(kept) == len(set(kept)) < 40
    again = harness("run", *RUN, "--data", videos, "--out", out)
    assert again.code == 2 and again.err.count("\n") == 1 and lines(out / "records.jsonl")[: len(kept)] == kept
    subprocess.run(["mount", "-o", "remount,size=4m", str(small)], check=True)
    assert harness("run", *RUN, "--data", videos, "--out", out).code == 0
    assert harness("run", *RUN, "--data", videos, "--out", tmp_path / "alone").code == 0
    done = lines(out / "records.jsonl")
    assert done[: len(kept)] == kept and len(done) == len(set(done)) == 40
    assert (out / "scores.json").read_bytes() == (tmp_path / "alone" / "scores.json").read_bytes()


def test_a_disk_that_is_full_from_the_start_is_told(harness: Command, videos: Path, small: Path) -> None:
    (small / "other").write_bytes(bytes(40 << 10))
    said = harness("run", *RUN, "--data", videos, "--out", small / "run")
    assert said.code == 2 and said.err.count("\n") == 1 and "No space left on device" in said.err


def test_frames_that_find_no_room_in_their_cache_are_used_all_the_same(
    harness: Command, videos: Path, small: Path, tmp_path: Path
) -> None:
    words = (*RUN, "--cache-gb", "1", "--cache", small / "frames")
    said = harness("run", *words, "--data", videos, "--out", tmp_path / "run")
    told = json.loads((tmp_path / "run" / "scores.json").read_text())["tasks"]["seen"]["counts"]
    assert said.code == 0 and told["evaluated"] == 40 and told["errors"] == 0


def test_a_folder_that_cannot_be_written_to_is_told(harness: Command, videos: Path, small: Path) -> None:
    (small / "run").mkdir()
    subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
    for out in (small / "run", small / "new"):
        said = harness("run", *RUN, "--data", videos, "--out", out)
        assert said.code == 2 and said.err.count("\n") == 1
        assert f"cannot write to the output folder {out}: Read-only file system" in said.err


def test_a_second_process_is_refused_by_each_verb_that_writes(harness: Command, videos: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    first = ("run", *RUN, "--data", videos, "--out", out)
    assert harness(*first).code == 0
    code = f"with Store(Path({str(out)!r})): print(flush=True); input()"
    code = f"from pathlib import Path\nfrom harness.store import Store\n{code}"
    holder = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None and holder.stdout.readline() == b"\n"
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    for words in (
        first,
        ("judge", out, "--judge-engine", ENGINE, "--name", "steady"),
        ("probe", out, "--cache-gb", 0),
        ("vote", out, "--voters", "confidence", "--cache-gb", 0),
    ):
        said = harness(*words)
        assert said.code == 2 and said.err.count("\n") == 1, words
        assert f"another process is writing to {out}; wait for it or give another --out" in said.err
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    holder.communicate(b"\n")
    assert harness(*first).code == 0
