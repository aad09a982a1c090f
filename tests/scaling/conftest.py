"""Runs whose rollouts cite evidence, without a model."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ENGINE = str(Path(__file__).parent / "data" / "grading.py")


@dataclass(frozen=True)
class Said:
    """What a command left: its exit code and its words."""

    code: int
    out: str
    err: str


Command = Callable[..., Said]


@pytest.fixture
def harness(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    """Run `harness ...` in this process."""
    from harness.cli import main

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def run(*words: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["harness", *map(str, words)])
        try:
            main()
            code: object = 0
        except SystemExit as stop:
            code = stop.code
        said = capsys.readouterr()
        return Said(int(str(code or 0)), said.out, said.err)

    return run


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two questions about each of three clips: letters of Video-MME."""
    from harness.plan import load

    root = tmp_path_factory.mktemp("data")
    (root / "videomme").mkdir()
    load("videomme").demo(root / "videomme", 3, 0)
    return root


@pytest.fixture
def run(harness: Command, data: Path, tmp_path: Path) -> Command:
    """`harness run` of that with the engine of data/grading.py into tmp_path/run; further words are added."""

    def command(*words: object) -> Said:
        start = ["run", "--tasks", "videomme", "--data", data, "--engine", ENGINE, "-n", 4, "--temperature", 1]
        return harness(*start, "--cache-gb", 0, *([] if "--out" in words else ["--out", tmp_path / "run"]), *words)

    return command
