"""At which size the paper is reproduced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.errors import UsageError

GENERAL = ("videomme", "worldsense", "videommmu", "longvideo_reason", "tvgbench")
"""The benchmarks of Table 2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Models, data and effort."""

    name: str
    recipe: str
    """Of training."""
    base: str
    """The model that training begins with."""
    shipped: Mapping[str, str] = field(default_factory=dict)
    """Way of training -> the checkpoint of it that ships with the package."""
    data: Path | None = None
    """Folder of the benchmarks; None is the synthetic world, which is written first."""
    stgr: Path | None = None
    """Folder of the rows to train on; None as for data."""
    clips: int = 0
    """Synthetic clips that training has for each stage."""
    grounded: int = 0
    """Synthetic items of V-STaR."""
    general: int = 0
    """Synthetic items of each of the other benchmarks."""
    voted: int | None = None
    """Items a task of which eight rollouts are drawn; None is all."""
    draws: int = 3
    """Times that random frames are taken away."""
    rollouts: int = 8
    run: tuple[str, ...] = ()
    """Further words of `harness run`."""
    train: tuple[str, ...] = ()
    """Further words of `harness train`."""
    seeds: int = 1
    """Trainings of each way."""
    threads: int | None = None
    """Of each step; None leaves that to it."""

    @property
    def synthetic(self) -> bool:
        """Whether all is about the synthetic world."""
        return self.data is None


# Reinforcement learning alone leaves nano-base as it is, bit for bit: no rollout of it earns anything.
NANO = Scale(
    name="nano",
    recipe="nano",
    base="nano-base",
    shipped={
        **{way: f"nano-{way}" for way in ("sft", "gspo", "grpo", "no-ada", "no-gat", "words")},
        "rl": "nano-base",
    },
    clips=1800,
    grounded=320,
    general=40,
    voted=80,
    run=("--engine", "transformers"),
    threads=1,
)
FULL = Scale(
    name="full",
    recipe="open-o3-video-7b",
    base="Qwen/Qwen2.5-VL-7B-Instruct",
    data=Path("data"),
    stgr=Path("stgr"),
    run=("--engine", "vllm"),
    train=("--processes", "8", "--launch", "zero3"),
)
SCALES = {scale.name: scale for scale in (NANO, FULL)}


def find(name: str, *, seeds: int, data: Path | None, stgr: Path | None, base: str | None) -> Scale:
    """The scale of that name with what the command says; UsageError where that does not fit."""
    if name not in SCALES:
        raise UsageError(f"--scale cannot be {name!r}; it must be one of {', '.join(SCALES)}")
    scale = SCALES[name]
    if scale.synthetic and (data or stgr or base):
        raise UsageError(f"--data, --stgr and --base are for --scale full; {name} makes its own data")
    return replace(scale, seeds=seeds, data=data or scale.data, stgr=stgr or scale.stgr, base=base or scale.base)
