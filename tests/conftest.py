"""What all tests share: no network, few threads, and a plain word on vLLM in the head of the output."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

import pytest

os.environ.update(HF_HUB_OFFLINE="1", VLLM_NO_USAGE_STATS="1", MPLBACKEND="agg", NO_PROXY="127.0.0.1")
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


def pytest_report_header() -> str:
    found = installed_vllm()
    here = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"vLLM: {found}" if found else f"vLLM: not installed ({here}), so ITS TESTS ARE SKIPPED"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if installed_vllm() is None:
        for item in items:
            if item.get_closest_marker("vllm"):
                item.add_marker(pytest.mark.skip(reason="vLLM is not installed"))
