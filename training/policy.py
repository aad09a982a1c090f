"""The model that is trained: where its weights are, how it is given images, which adapters it gets."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import model
from harness.errors import UsageError
from harness.families import family

from .recipe import Recipe

LANGUAGE = r".*(?:language_model|model\.layers).*\.(?:q|k|v|o|gate|up|down)_proj"
"""The layers that adapters are put on unless the recipe names others: those of the language model, not of its eyes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The model that is trained."""

    path: str
    """A folder, or a name on the hub."""
    family: str


def find(name: str, recipe: Recipe) -> Policy:
    """The model of a shipped name, of a folder, or of a name on the hub, whose family the recipe must tell then."""
    if name in model.shipped() or Path(name).is_dir():
        found = model.resolve(name, recipe.family)
        return Policy(path=str(found.path), family=found.family)
    if recipe.family is None or "/" not in name or name.startswith(("/", ".")):
        raise UsageError(
            f"there is no model folder {name!r}; give a folder, one of {', '.join(model.shipped())}, "
            "or a name on the hub together with `family` in the recipe"
        )
    return Policy(path=name, family=family(recipe.family).name)


def processor(policy: Policy, max_pixels: int) -> Any:
    """What makes tokens and patches. Frames come in a size within the budget, which it keeps.

    It pads on the left, where TRL's GRPOTrainer expects it; its SFTTrainer pads on its own and does not mind.
    """
    from transformers import AutoProcessor

    made = AutoProcessor.from_pretrained(policy.path)
    least = min(made.image_processor.size["shortest_edge"], max_pixels)
    made.image_processor.size = {"shortest_edge": least, "longest_edge": max_pixels}
    made.tokenizer.padding_side = "left"
    return made


def weights(policy: Policy, recipe: Recipe) -> Any:
    """The recipe's settings of the model as a trl.ModelConfig; UsageError for one that it has not."""
    from trl import ModelConfig

    told = dict(recipe.weights)
    if told.get("use_peft"):
        told.setdefault("lora_target_modules", LANGUAGE)
    known = set(ModelConfig.__dataclass_fields__)
    for name in told:
        if name not in known:
            raise UsageError(
                f"the recipe {recipe.name}: trl.ModelConfig has no {name!r}; look it up with: trl sft --help"
            )
    return ModelConfig(model_name_or_path=policy.path, **told)


def loading(config: Any) -> dict[str, Any]:
    """How the weights are loaded: `model_init_kwargs` of TRL."""
    told = {
        "dtype": config.dtype or "bfloat16",
        "attn_implementation": config.attn_implementation,
        "revision": config.model_revision if "/" in config.model_name_or_path else None,
    }
    return {name: value for name, value in told.items() if value is not None}


def complete(source: str, folder: Path) -> None:
    """Give a saved checkpoint the files of its origin that trainers leave out, so that every engine can load it."""
    origin = Path(source)
    for name in ("preprocessor_config.json", "chat_template.jinja", "generation_config.json", "harness.json"):
        if (origin / name).is_file() and not (folder / name).exists():
            shutil.copyfile(origin / name, folder / name)


def merge(source: str, adapter: Path, folder: Path, **loading: Any) -> None:
    """Write the weights of the origin with an adapter merged into them, and the adapter's processor."""
    from peft import PeftModel
    from transformers import AutoModelForImageTextToText, AutoProcessor

    base = AutoModelForImageTextToText.from_pretrained(source, **loading)
    PeftModel.from_pretrained(base, str(adapter)).merge_and_unload().save_pretrained(folder)
    AutoProcessor.from_pretrained(adapter).save_pretrained(folder)
