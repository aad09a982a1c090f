"""One start of `harness train sft|gspo`: from a recipe to a checkpoint that every engine loads.

The folder of a stage holds training.json (what was asked), checkpoint-N (what TRL resumes from), the finished weights
with their tokenizer, and trainer_state.json, whose log_history has every learning curve. Where adapters are trained,
they are in adapter/, and merged into the finished weights.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
import os
import sys
from collections import Counter
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import schema
from harness.errors import UsageError, missing_extra
from harness.progress import Progress
from harness.store import write_bytes

from . import dryrun, evaluate, guards, launch, policy, rows, world
from .evaluate import Evaluation, is_first
from .examples import Examples, Looks
from .policy import Policy
from .recipe import Recipe, assign, load

if TYPE_CHECKING:
    from rich.console import Console

ASKED = "training.json"
PACKAGES = ("torch", "transformers", "trl", "accelerate", "datasets", "peft")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The command, before anything is looked up."""

    stage: str
    """"sft" or "gspo"."""
    recipe: str
    settings: tuple[str, ...] = ()
    """Replacements as in --set."""
    model: str | None = None
    data: Path | None = None
    out: Path | None = None
    """The folder of the stage; None is that of the stage below the recipe's `out`."""
    seed: int = 0
    dry: bool = False
    """Only say what training would be; weights that SFT has yet to make are taken to be those it starts from."""
    eval_after: str | None = None
    """Tasks that the harness runs on the checkpoint; None are those of the recipe's `evaluate`, if any."""
    eval_every: int | None = None
    """And on the checkpoint of every so many steps."""
    eval_data: Path | None = None
    eval_limit: int | None = None
    processes: int | None = None
    """None leaves it, and `launch`, to the recipe."""
    launch: str | None = None

    def plan(self) -> Plan:
        """What this stands for; UsageError or DataError when it cannot be."""
        recipe = load(self.recipe)
        for text in self.settings:
            recipe = assign(recipe, self.stage, text)
        if self.data is not None:
            recipe = replace(recipe, data=str(self.data))
        recipe = replace(recipe, processes=self.processes or recipe.processes, launch=self.launch or recipe.launch)
        stage = recipe.stage(self.stage)
        name = self.model or stage.model
        if name is None:
            name = recipe.model if self.stage == "sft" else str(Path(recipe.out) / "sft")
            if self.dry and not Path(name).is_dir():
                name = recipe.model
            elif self.stage == "gspo" and not Path(name).is_dir():
                raise UsageError(
                    f"there is no checkpoint {name} to go on from; run harness train sft --recipe {self.recipe} first, "
                    f"or give --model (for pure RL: --model {recipe.model})"
                )
        return Plan(
            stage=self.stage,
            recipe=recipe,
            model=policy.find(name, recipe),
            out=self.out or Path(recipe.out) / self.stage,
            seed=self.seed,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A stage with everything decided."""

    stage: str
    recipe: Recipe
    model: Policy
    out: Path
    seed: int

    @property
    def looks(self) -> Looks:
        """How rows are shown."""
        known = set(Looks.__dataclass_fields__) - {"family"}
        for name in self.recipe.looks:
            if name not in known:
                raise UsageError(
                    f"the recipe {self.recipe.name}: looks has no {name!r}; it has: {', '.join(sorted(known))}"
                )
        return Looks(family=self.model.family, **self.recipe.looks)

    @property
    def rows(self) -> Path:
        """The file of rows."""
        return Path(self.recipe.data) / self.recipe.stage(self.stage).rows

    def asked(self, fingerprint: str, count: int) -> dict[str, Any]:
        """The content of training.json before training."""
        mine = replace(self.recipe, stages={self.stage: self.recipe.stage(self.stage)})
        return {
            "stage": self.stage,
            "seed": self.seed,
            "model": asdict(self.model),
            "recipe": {name: told for name, told in asdict(mine).items() if name != "evaluate"},
            "rows": {"file": str(self.rows), "count": count, "sha256": fingerprint},
            "packages": {name: version(name) for name in PACKAGES},
        }


def train(asked: Asked, console: Console) -> int:
    """Train a stage, or go on with it where it was stopped; the exit code."""
    _need_packages()
    guards.check_launcher(os.environ)
    plan = asked.plan()
    if asked.dry:
        return dryrun.dry_run(plan, console)
    evaluation = _evaluation(asked, plan, console)
    if is_first():
        make_world(plan, console)
    notes: Counter[str] = Counter()
    found = rows.read(plan.rows, notes)
    for note, count in notes.items() if is_first() else ():
        console.print(f"{plan.rows}: {note} ({count})", highlight=False)
    told = plan.asked(hashlib.sha256(plan.rows.read_bytes()).hexdigest(), len(found))
    before = _before(plan.out, told)
    if before == "finished":
        console.print(f"{plan.out} is finished; give another --out to train again", highlight=False)
        return evaluation.finish(None) if evaluation else 0
    if launch.is_wanted(plan.recipe):
        return launch.start(plan.recipe, sys.argv[1:])
    if is_first():
        write_bytes(plan.out / ASKED, schema.dumps(told, ASKED, indent=2) + b"\n")
    stage = importlib.import_module(f".{plan.stage}", __package__)
    if not console.is_terminal:
        importlib.import_module("transformers").logging.disable_progress_bar()
    with closing(Examples(found, Path(plan.recipe.data), plan.looks)) as examples:
        trainer = stage.trainer(plan.recipe, plan.model, examples, plan.out, plan.seed)
        if evaluation:
            evaluation.attach(trainer)
        trainer.train(resume_from_checkpoint=before)
    finish(trainer, plan, told)
    return evaluation.finish(trainer) if evaluation else 0


def _evaluation(asked: Asked, plan: Plan, console: Console) -> Evaluation | None:
    return evaluate.find(
        plan.recipe,
        tasks=asked.eval_after,
        every=asked.eval_every,
        data=asked.eval_data,
        limit=asked.eval_limit,
        start=plan.model,
        folder=plan.out,
        complete=partial(complete, plan),
        console=console,
    )


def finish(trainer: Any, plan: Plan, told: dict[str, Any]) -> None:
    """Save the weights so that every engine loads them, and say that it is done."""
    adapter = plan.out / "adapter" if plan.recipe.weights.get("use_peft") else None
    trainer.save_model(str(adapter or plan.out))
    trainer.save_state()
    if is_first():
        if adapter is not None:
            known = policy.loading(policy.weights(plan.model, plan.recipe))
            kept = {name: known[name] for name in ("dtype", "revision") if name in known}
            policy.merge(plan.model.path, adapter, plan.out, **kept)
        complete(plan, plan.out)
        write_bytes(plan.out / ASKED, schema.dumps({**told, "finished": True}, ASKED, indent=2) + b"\n")


def complete(plan: Plan, folder: Path) -> None:
    """Give saved weights all that engines need beside them."""
    policy.complete(plan.model.path, folder)
    settings = {"frames": plan.looks.frames, "max_pixels": plan.looks.max_pixels}
    if plan.recipe.max_tokens:
        settings["max_tokens"] = plan.recipe.max_tokens
    write_bytes(folder / "harness.json", json.dumps(settings, indent=2).encode() + b"\n")


def make_world(plan: Plan, console: Console) -> None:
    """Write the synthetic data that the recipe asks for, unless it is there."""
    root = Path(plan.recipe.data)
    if not plan.recipe.world or plan.rows.exists():
        return
    with Progress(console, 2 * plan.recipe.world) as progress:
        world.write(root, plan.recipe.world, 0, progress)


def _before(out: Path, told: dict[str, Any]) -> str | None:
    """The checkpoint to go on from, "finished", or None for a new start."""
    path = out / ASKED
    if not path.exists():
        if out.exists() and any(out.iterdir()) and is_first():
            raise UsageError(f"{out} is there already and holds no training; give another --out")
        out.mkdir(parents=True, exist_ok=True)
        return None
    known = schema.loads(path.read_bytes(), str(path))
    finished = known.pop("finished", False)
    same = ("stage", "seed", "model", "recipe", "rows")
    for name in same:
        if known.get(name) != json.loads(json.dumps(told[name])):
            raise UsageError(f"{out} holds a training with another {name}; give another --out, or delete that folder")
    if finished:
        return "finished"
    saved = [each for each in out.glob("checkpoint-*") if (each / "trainer_state.json").is_file()]
    return str(max(saved, key=lambda each: int(each.name.partition("-")[2]))) if saved else None


def _need_packages() -> None:
    for name in ("trl", "datasets", "peft"):
        if importlib.util.find_spec(name) is None:
            raise missing_extra(name, "train")
