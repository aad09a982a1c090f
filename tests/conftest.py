"""What all tests share: no network, few threads, the command as it is typed, a plain word in the output on what is
not installed."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import pytest

os.environ.update(HF_HUB_OFFLINE="1", VLLM_NO_USAGE_STATS="1", MPLBACKEND="agg", NO_PROXY="127.0.0.1")
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "2")
os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")


def installed_vllm() -> str | None:
    """Name and version of the installed vLLM, whichever build."""
    for name in ("vllm", "vllm-cpu"):
        try:
            return f"{name} {version(name)}"
        except PackageNotFoundError:
            continue
    return None


def chromium() -> str | None:
    """A browser that can be driven, by the path of its program."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def pytest_report_header() -> list[str]:
    found = installed_vllm()
    here = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    lmms = find_spec("lmms_eval") is not None
    return [
        f"vLLM: {found}" if found else f"vLLM: not installed ({here}), so ITS TESTS ARE SKIPPED",
        "lmms-eval: installed"
        if lmms
        else "lmms-eval: not installed, so ITS TESTS ARE SKIPPED; run them by: make lmms",
        "Ray: installed" if find_spec("ray") else "Ray: not installed, so ITS TESTS ARE SKIPPED; pip install '.[ray]'",
        "Ray: installed" if find_spec("ray") else "Ray: not installed, so ITS TESTS ARE SKIPPED; pip install '.[ray]'",
        "Chromium: installed"
        if chromium()
        else "Chromium: not installed, so TESTS OF THE PAGE IN A BROWSER ARE SKIPPED; apt-get install chromium",
    ]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if installed_vllm() is None:
        for item in items:
            if item.get_closest_marker("vllm"):
                item.add_marker(pytest.mark.skip(reason="vLLM is not installed"))
    if find_spec("ray") is None:
        for item in items:
            if item.get_closest_marker("ray"):
                item.add_marker(pytest.mark.skip(reason="Ray is not installed"))
    if chromium() is None:
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(pytest.mark.skip(reason="Chromium is not installed"))


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
