"""Several processes for one stage: torch's launcher, or accelerate's with a configuration of ZeRO or FSDP.

What must exist once is made before; each process then is the same command, and finds in its environment which it is.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import DataError, UsageError, missing_extra

from .recipe import Recipe
from .yamlfile import parse


def is_wanted(recipe: Recipe, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether processes are to be started; not in one that was started by a launcher, this one or the user's own."""
    return "RANK" not in environment and (recipe.processes > 1 or recipe.launch is not None)


def start(recipe: Recipe, words: Sequence[str]) -> int:
    """Run `harness` with these words in each process; the exit code of the first that failed, or 0."""
    import torch

    gpus = torch.cuda.device_count()
    called = command(recipe, words, gpus)
    environment = {**os.environ}
    environment.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // recipe.processes)))
    if not gpus:
        environment["ACCELERATE_USE_CPU"] = "true"
    with subprocess.Popen(called, env=environment) as child:
        before = signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        try:
            code = child.wait()
        finally:
            signal.signal(signal.SIGTERM, before)
    return code if code >= 0 else 128 - code


def command(recipe: Recipe, words: Sequence[str], gpus: int) -> list[str]:
    """What starts the processes; UsageError or DataError when it cannot."""
    if gpus and recipe.processes > gpus:
        raise UsageError(f"{recipe.processes} processes want a GPU each, and there are {gpus}; set --processes {gpus}")
    count = str(recipe.processes)
    if recipe.launch is None:
        launcher = ["torch.distributed.run", "--standalone", "--nproc_per_node", count]
    else:
        file = configuration(recipe.launch, gpus)
        launcher = ["accelerate.commands.launch", "--config_file", str(file), "--num_processes", count]
    return [sys.executable, "-m", *launcher, "-m", "harness", *words]


def configuration(name: str, gpus: int) -> Path:
    """The file of a configuration of accelerate that TRL ships, such as zero2, or of one's own."""
    spec = importlib.util.find_spec("trl")
    if spec is None or not spec.submodule_search_locations:
        raise missing_extra("trl", "train")
    folder = Path(spec.submodule_search_locations[0]) / "accelerate_configs"
    shipped = sorted(path.stem for path in folder.glob("*.yaml"))
    path = folder / f"{name}.yaml" if name in shipped else Path(name)
    if not path.is_file():
        raise UsageError(f"--launch {name} is no file; give one of accelerate config, or one of: {', '.join(shipped)}")
    told = _read(path)
    if not gpus or told.get("use_cpu") or told.get("distributed_type") == "MULTI_CPU":
        raise UsageError(f"--launch {name} needs a GPU; on a CPU give --processes N alone")
    if told.get("distributed_type") == "DEEPSPEED" and importlib.util.find_spec("deepspeed") is None:
        raise UsageError(f"--launch {name} needs deepspeed, which is not installed; run: pip install deepspeed")
    return path


def _read(path: Path) -> dict[str, Any]:
    told = parse(path.read_bytes(), str(path))
    if not isinstance(told, dict):
        raise DataError(f"{path} is not a configuration of accelerate; make one with: accelerate config")
    return told
