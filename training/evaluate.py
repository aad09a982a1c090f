"""From checkpoint to benchmark: `harness run` on what a training has saved; its run folder lies beside, in `runs`.

It runs in a process of its own, so that an engine comes and goes cleanly and neither the weights nor the random numbers
of the training are touched. Where it fails, that is told and counted, and the training goes on.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from harness import schema
from harness.errors import HarnessError, UsageError
from harness.session import look_up
from harness.settings import Asked
from harness.store import RUN, SCORES, write_bytes

from . import policy, wanted
from .policy import Policy
from .recipe import Recipe

if TYPE_CHECKING:
    from rich.console import Console

RUNS, FINAL = "runs", "final"
STATE = "trainer_state.json"
PATIENCE = 20.0
"""Seconds after which waiting processes hear again that the evaluation goes on, long before their network gives up."""
LAUNCHED = ("RANK", "LOCAL_", "WORLD_", "GROUP_", "ROLE_", "MASTER_", "NODE_", "TORCHELASTIC_", "ACCELERATE_", "FSDP_")
"""How the variables begin by which a launcher ties processes together; the evaluation is none of those."""


@dataclass(kw_only=True)
class Evaluation:
    """What is asked of the checkpoints of a training, and how often that failed."""

    asked: Asked
    """Its `model` and `out` are those of each checkpoint."""
    start: Policy
    """What the training starts from."""
    folder: Path
    """Of the training."""
    complete: Callable[[Path], None]
    """Gives a saved folder what engines need beside weights."""
    console: Console
    every: int | None = None
    """Steps from one evaluation to the next; None evaluates only what training ends with."""
    failures: list[str] = field(default_factory=list)

    def check(self) -> None:
        """Find tasks, data, engine and options before training; UsageError or DataError where one is wrong."""
        path = self.start.path
        found = look_up(replace(self.asked, model=path if Path(path).is_dir() else None, family=None))
        if getattr(found.engine, "served", False):
            raise UsageError("a server cannot load the checkpoints of a training; evaluate with vllm or transformers")

    def attach(self, trainer: Any) -> None:
        """Have the trainer call it; UsageError when checkpoints are not saved where they are to be evaluated."""
        if self.every is None:
            return
        args = trainer.args
        if str(args.save_strategy) not in ("steps", "SaveStrategy.STEPS") or self.every % args.save_steps:
            raise UsageError(
                f"--eval-every {self.every} needs a checkpoint at each of those steps, but trl.save_strategy is "
                f"{getattr(args.save_strategy, 'value', args.save_strategy)} and trl.save_steps {args.save_steps:g}; "
                f"set trl.save_steps={self.every}, or to a part of it"
            )
        trainer.add_callback(_callback(self, trainer))

    def evaluate(self, checkpoint: Path, name: str) -> dict[str, float]:
        """Run the harness on a checkpoint; its scores, empty where it failed. All processes of a training call it."""
        out, failure = self.folder / RUNS / name, None
        with ExitStack() as stack:
            child = None
            if is_first():
                try:
                    child = stack.enter_context(self._run(checkpoint, out))
                except (HarnessError, OSError, ValueError) as error:
                    failure = " ".join(str(error).split())
            failure = _outcome(child, _log(out), failure)
        if failure:
            self.failures.append(failure)
        if not is_first():
            return {}
        if failure:
            self._say(f"{checkpoint} could not be evaluated: {failure} (see {_log(out)}); training is not affected")
            return {}
        found = scores(out)
        self._say(f"{out}: {', '.join(f'{key} {100 * value:.1f}' for key, value in found.items())} (per cent)")
        return found

    def finish(self, trainer: Any | None) -> int:
        """Evaluate what training ended with; 1 when that or any evaluation before it failed, else 0."""
        if trainer is not None:
            _release(trainer)
        found = self.evaluate(self.folder, FINAL)
        path = self.folder / STATE
        if found and path.is_file():
            state = schema.loads(path.read_bytes(), str(path))
            step = state["global_step"]
            if not is_logged(state["log_history"], step):
                if trainer is not None:
                    _log_scores(trainer, found)
                state["log_history"].append({**found, "epoch": state["epoch"], "step": step})
                write_bytes(path, schema.dumps(state, STATE, indent=2) + b"\n")
        return 1 if self.failures else 0

    @contextmanager
    def _run(self, checkpoint: Path, out: Path) -> Iterator[subprocess.Popen[bytes]]:
        """The process that evaluates it; ended with the block."""
        out.parent.mkdir(parents=True, exist_ok=True)
        with as_model(checkpoint, self.start, self.complete) as model, _log(out).open("ab") as log:
            command = [sys.executable, "-m", "harness", *wanted.words(replace(self.asked, model=str(model), out=out))]
            log.write(f"{shlex.join(command)}\n".encode())
            log.flush()
            _empty_cache()
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=_environment())
            try:
                yield child
            finally:
                if child.poll() is None:
                    child.terminate()
                    child.wait()

    def _say(self, text: str) -> None:
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)


def find(
    recipe: Recipe,
    *,
    tasks: str | None,
    every: int | None,
    data: Path | None,
    limit: int | None,
    **owner: Any,
) -> Evaluation | None:
    """What the flags and the recipe's `evaluate` ask for, looked up; None when no evaluation is. `owner` are the other
    fields of Evaluation."""
    asked = wanted.read(recipe, tasks=tasks, data=data, limit=limit)
    if asked is None:
        given = {"--eval-every": every, "--eval-data": data, "--eval-limit": limit}
        if flags := [flag for flag, value in given.items() if value is not None]:
            raise UsageError(f"{flags[0]} needs --eval-after TASKS, or `tasks` under `evaluate` in the recipe")
        return None
    if every is not None and every < 1:
        raise UsageError(f"--eval-every cannot be {every}; it must be at least 1")
    found = Evaluation(asked=asked, every=every, **owner)
    found.check()
    return found


@contextmanager
def as_model(folder: Path, start: Policy, complete: Callable[[Path], None]) -> Iterator[Path]:
    """The folder of a checkpoint as one that every engine loads; adapters are merged into a copy for that long."""
    if not (folder / "adapter_config.json").is_file():
        complete(folder)
        yield folder
        return
    with TemporaryDirectory(dir=folder, prefix=".merged-") as place:
        whole = Path(place) / folder.name
        with _undisturbed():
            policy.merge(start.path, folder, whole, dtype="auto")
        complete(whole)
        yield whole


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Leave the random numbers of python, numpy and torch as they were."""
    import random

    import numpy
    import torch

    known = random.getstate(), numpy.random.get_state()
    with torch.random.fork_rng(range(torch.cuda.device_count())):
        yield
    random.setstate(known[0])
    numpy.random.set_state(known[1])


def scores(out: Path) -> dict[str, float]:
    """The columns of a run's tasks as "eval_TASK/METRIC", fractions; trackers show the group `eval`."""
    told = schema.loads((out / RUN).read_bytes(), str(out / RUN))["tasks"]
    found = schema.loads((out / SCORES).read_bytes(), str(out / SCORES))["tasks"]
    named = {
        f"eval_{task}/{name}": found[task]["evaluated"].get(name) for task in told for name in told[task]["columns"]
    }
    return {name: value for name, value in named.items() if value is not None}


def is_logged(history: Sequence[Mapping[str, Any]], step: int) -> bool:
    """Whether the log of a training has scores of that step."""
    return any(entry.get("step") == step and any(str(key).startswith("eval_") for key in entry) for entry in history)


def is_first() -> bool:
    """Whether this process is the one that evaluates, of those that train together."""
    return os.environ.get("RANK", "0") == "0"


def _callback(evaluation: Evaluation, trainer: Any) -> Any:
    """What the trainer calls when it has saved a checkpoint, and when it goes on from one."""
    from transformers import TrainerCallback

    class Evaluate(TrainerCallback):
        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.on_save(args, state, control)

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            step = state.global_step
            folder = Path(args.output_dir) / f"checkpoint-{step}"
            if (
                not step
                or step % (evaluation.every or step)
                or not folder.is_dir()
                or is_logged(state.log_history, step)
            ):
                return
            if found := evaluation.evaluate(folder, f"step-{step:06d}"):
                _log_scores(trainer, found)
                new = folder / f".{STATE}.tmp"
                state.save_to_json(str(new))
                new.replace(folder / STATE)

    return Evaluate()


def _log_scores(trainer: Any, found: Mapping[str, float]) -> None:
    """Log as transformers does. TRL's own `log` would take the figures of training that wait to be logged along."""
    from transformers import Trainer

    Trainer.log(trainer, dict(found))


def _log(out: Path) -> Path:
    """What the process says."""
    return out.with_name(f"{out.name}.log")


def _outcome(child: subprocess.Popen[bytes] | None, log: Path, failure: str | None) -> str:
    """Why it failed, "" when it did not: the same in all processes, which wait here for the first."""
    from accelerate.utils import broadcast_object_list

    while True:
        told: list[str | None] = [failure]
        if child is not None:
            with suppress(subprocess.TimeoutExpired):
                told = [_complaint(log) if child.wait(PATIENCE) else ""]
        broadcast_object_list(told)
        if told[0] is not None:
            return told[0]


def _complaint(log: Path) -> str:
    """The last line of what it said: its error."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1].removeprefix("harness: ")[:500]


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(LAUNCHED)}


def _empty_cache() -> None:
    """Give back what torch keeps of a GPU but does not use."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _release(trainer: Any) -> None:
    """Give back the memory of a training that is over."""
    import gc

    trainer.accelerator.free_memory()
    for owner in (trainer, trainer.callback_handler):
        for name in ("model", "model_wrapped", "optimizer", "lr_scheduler", "vllm_generation", "ref_model"):
            if hasattr(owner, name):
                setattr(owner, name, None)
    gc.collect()
