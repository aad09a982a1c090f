"""A training recipe: a YAML file that says what is trained on what, and how.

    model: nano-base               # a shipped name, a folder, or a name on the hub
    out: checkpoints/nano          # gets a folder for each stage
    data: data/stgr                # the STGR files and the folders of their media
    family: qwen2_5_vl             # only where config.json cannot say it yet
    looks: {frames: "uniform:16", max_pixels: 100352}
    weights: {dtype: bfloat16}     # fields of trl.ModelConfig: LoRA, quantisation, attention
    sft: {rows: STGR-SFT.json, trl: {learning_rate: 1.0e-6}}       # fields of trl.SFTConfig
    gspo: {rows: STGR-RL.json, rewards: {preset: paper}, trl: {}}  # fields of trl.GRPOConfig
    evaluate: {tasks: vstar, data: data, limit: 200}  # fields of harness.settings.Asked

What TRL and transformers can be told is told in their own words under `trl` and `weights`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from harness.errors import DataError, UsageError

from .yamlfile import parse, unknown

T = TypeVar("T")

FOLDER = Path(__file__).parent / "recipes"
"""The recipes that ship with the package."""

POLICIES: Mapping[str, Mapping[str, Any]] = {
    "off-policy": {
        "importance_sampling_level": "sequence",
        "loss_type": "grpo",
        "beta": 0.0,
        "epsilon": 3e-4,
        "epsilon_high": 4e-4,
        "steps_per_generation": 4,
    },
    "parity": {
        "importance_sampling_level": "sequence",
        "loss_type": "grpo",
        "beta": 0.04,
        "use_bias_correction_kl": False,
        "epsilon": 0.2,
        "gradient_accumulation_steps": 4,
        "num_generations": 4,
        "per_device_train_batch_size": 1,
        "top_p": 0.95,
    },
    "grpo": {
        "importance_sampling_level": "token",
        "loss_type": "grpo",
        "beta": 0.0,
        "epsilon": 0.2,
        "steps_per_generation": 4,
    },
}
"""How the policy is updated. "off-policy": GSPO with the settings of its paper (arXiv 2507.18071), several updates a
rollout; "parity": as Open-o3-Video's program, whose single update a rollout makes GSPO and GRPO the same; "grpo":
token-level ratios with the usual clip, off-policy too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One of the two stages of a recipe."""

    rows: str
    """The file of rows, relative to the data folder."""
    model: str | None = None
    """Where it starts; None is the recipe's model for SFT, and what SFT made for GSPO."""
    policy: str = "off-policy"
    """A key of POLICIES; GSPO only."""
    rewards: Mapping[str, Any] = field(default_factory=dict)
    """Fields of harness.training.rewards.rule.Rule; GSPO only."""
    trl: Mapping[str, Any] = field(default_factory=dict)
    """Fields of trl.SFTConfig or trl.GRPOConfig."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What is trained on what, and how."""

    name: str
    model: str
    out: str
    data: str
    title: str = ""
    world: int = 0
    """Clips a stage of the synthetic world, written to the data folder when it is not there; 0 for none."""
    family: str | None = None
    looks: Mapping[str, Any] = field(default_factory=dict)
    """Fields of harness.training.examples.Looks, but for the family."""
    weights: Mapping[str, Any] = field(default_factory=dict)
    """Fields of trl.ModelConfig."""
    launch: str | None = None
    """An accelerate configuration: a file, or one of those that TRL ships (zero2, zero3, fsdp2 ...)."""
    processes: int = 1
    max_tokens: int | None = None
    """How long answers of the checkpoint may be when it is evaluated; None leaves that to the task."""
    evaluate: Mapping[str, Any] = field(default_factory=dict)
    """Fields of harness.settings.Asked: what the harness runs on checkpoints (training/evaluate.py)."""
    stages: Mapping[str, Stage] = field(default_factory=dict)

    def stage(self, name: str) -> Stage:
        """The stage of that name; UsageError when the recipe has none."""
        if name not in self.stages:
            raise UsageError(
                f"the recipe {self.name} has no stage {name!r}; it has: {', '.join(self.stages) or 'none'}"
            )
        return self.stages[name]

    def with_stage(self, name: str, **changes: Any) -> Recipe:
        """The recipe with some fields of a stage replaced."""
        return replace(self, stages={**self.stages, name: replace(self.stage(name), **changes)})


STAGES = ("sft", "gspo")


def names() -> list[str]:
    """The recipes that ship."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml") if not path.stem.startswith("mix"))


def load(name_or_file: str) -> Recipe:
    """The recipe of a shipped name or of a file; UsageError or DataError, in a sentence, when it is not one."""
    path = Path(name_or_file)
    if path.suffix not in (".yaml", ".yml"):
        path = FOLDER / f"{name_or_file}.yaml"
    if not path.is_file():
        raise UsageError(f"there is no recipe {name_or_file!r}; give a YAML file, or one of: {', '.join(names())}")
    data = parse(path.read_bytes(), str(path))
    if not isinstance(data, dict):
        raise DataError(f"{path} is not a recipe: expected keys such as model, out, data, sft, gspo")
    stages = {name: _made(Stage, data.pop(name), f"{path}, {name}") for name in STAGES if name in data}
    return _made(Recipe, {"name": path.stem, **data, "stages": stages}, str(path))


def assign(recipe: Recipe, stage: str, text: str) -> Recipe:
    """The recipe with one setting replaced: "trl.learning_rate=1e-5", "rewards.gate=null", "looks.frames=fps:2:16",
    "world=40".

    The words before "=" name a field of the stage or, where it has no such field, of the recipe.
    """
    path, equals, value = text.partition("=")
    first, _, second = path.partition(".")
    if not equals or not first:
        raise UsageError(f"--set {text!r} is not NAME=VALUE, such as trl.learning_rate=1e-5")
    read = _value(value)
    owner: Any = recipe.stage(stage) if first in _fields(Stage) else recipe
    if first not in _fields(Stage) | _fields(Recipe) or first == "stages":
        raise UsageError(f"--set {path}: {unknown(first, sorted(_fields(Stage) | _fields(Recipe)))}")
    if second:
        old = getattr(owner, first)
        if not isinstance(old, Mapping):
            raise UsageError(f"--set {path}: {first} has no parts; give {first}=VALUE")
        read = {**old, second: read}
    if isinstance(owner, Stage):
        return recipe.with_stage(stage, **{first: read})
    return _made(Recipe, {**{f.name: getattr(recipe, f.name) for f in fields(recipe)}, first: read}, f"--set {path}")


def _value(text: str) -> Any:
    """A YAML value; numbers such as 1e-5, which YAML 1.1 takes for words, too."""
    try:
        return float(text) if "e" in text.lower() and text[0] in "+-.0123456789" else parse(text, text)
    except (ValueError, IndexError, DataError):
        return text


def _made(kind: type[T], data: Any, where: str) -> T:
    """The dataclass of that data, which must have its fields and no others, of the right types."""
    if not isinstance(data, Mapping):
        raise DataError(f"{where} is not a list of settings, each as name: value")
    known = _fields(kind)
    for name in data:
        if name not in known:
            raise DataError(f"{where}: {unknown(name, sorted(known))}")
    for each in fields(kind):  # type: ignore[arg-type]
        value = data.get(each.name)
        if each.name not in data and each.name in ("model", "out", "data", "rows") and "| None" not in str(each.type):
            raise DataError(f"{where} does not say {each.name}")
        if value is not None and not isinstance(value, _type(str(each.type))):
            raise DataError(f"{where}: {each.name} is {value!r}; expected {str(each.type).split('[')[0].lower()}")
    return kind(**data)


def _type(annotation: str) -> type:
    kinds: Mapping[str, type] = {"str": str, "int": int, "Mapping": Mapping}
    return kinds[annotation.split("[")[0].split(" ")[0]]


def _fields(kind: type) -> set[str]:
    return {each.name for each in fields(kind)}
