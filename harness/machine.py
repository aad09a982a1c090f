"""What a run was made on: processor, memory, GPUs, and the settings of the environment that can change answers."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TELLING = re.compile(r"(VLLM|TORCH|PYTORCH|CUDA|CUBLAS|NVIDIA|NCCL|OMP|MKL|RAY|HIP|TOKENIZERS)_")
"""Names of variables that are written down begin so."""

SECRET = re.compile(r"KEY|TOKEN(?!IZERS)|SECRET|PASSWORD|CREDENTIAL|AUTH")
"""But for those with such a word."""


def machine() -> dict[str, Any]:
    """The processor and its cores, memory in GB, and a line for each GPU with its driver."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "gpus": _gpus(),
    }


def environment(variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables that can change answers or speed, no secrets among them.

    >>> environment({"VLLM_BATCH_INVARIANT": "1", "VLLM_API_KEY": "x", "HOME": "/root"})
    {'VLLM_BATCH_INVARIANT': '1'}
    """
    told = (name for name in sorted(variables) if TELLING.match(name) and not SECRET.search(name))
    return {name: variables[name] for name in told}


def _processor() -> str:
    try:
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def _gpus() -> list[str]:
    if shutil.which("nvidia-smi") is None:
        return []
    ask = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        said = subprocess.run(ask, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return said.splitlines()
