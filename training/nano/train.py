"""Train nano: the vision tower on its own first, then everything on the harness's own questions."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.shapes.clip import COLOURS, SHAPES

from . import model as shape
from .lessons import Lesson, Teacher

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger(__name__)

SIGHT_SHARE = 0.22
"""Share of the time spent on the vision tower alone."""
CLIPS = 8
"""Clips a step and process."""
CROPS = 8
"""Crops a step and process."""
RATE = 2.5e-3
WARM_UP = 80


@dataclass(frozen=True, slots=True)
class Plan:
    """What the processes share."""

    out: Path
    minutes: float
    seed: int
    processes: int
    start: Path | None
    """A checkpoint to go on from."""


def train(out: Path, minutes: float = 55, seed: int = 0, processes: int = 2, start: Path | None = None) -> None:
    """Train for that long, from nothing or from `start`, and write the checkpoint to `out`, also every five minutes."""
    import torch.multiprocessing as multiprocessing

    out.mkdir(parents=True, exist_ok=True)
    (out / ".store").unlink(missing_ok=True)
    plan = Plan(out, minutes, seed, processes, start)
    multiprocessing.spawn(_work, args=(plan,), nprocs=processes)


def _work(rank: int, plan: Plan) -> None:
    import torch
    import torch.distributed as distributed

    logging.basicConfig(level=logging.INFO if rank == 0 else logging.WARNING, format="%(asctime)s %(message)s")
    torch.set_num_threads(1)
    store = distributed.FileStore(str(plan.out / ".store"), plan.processes)
    distributed.init_process_group("gloo", store=store, rank=rank, world_size=plan.processes)
    _Trainer(rank, plan).run()
    distributed.destroy_process_group()
    if rank == 0:
        (plan.out / ".store").unlink(missing_ok=True)


class _Trainer:
    def __init__(self, rank: int, plan: Plan) -> None:
        import torch

        from .corpus import tokenizer
        from .muon import Muon

        self.rank, self.plan = rank, plan
        self.tokenizer = tokenizer()
        self.net: Any = shape.make(self.tokenizer, plan.seed) if plan.start is None else shape.load(plan.start)
        self.head = torch.nn.Linear(shape.WIDTH, 1 + len(COLOURS) + len(SHAPES) + 4)
        torch.nn.init.zeros_(self.head.weight)
        self.teacher = Teacher(self.tokenizer)
        self.numbers = self.tokenizer.convert_tokens_to_ids("0")
        self.image = self.tokenizer.convert_tokens_to_ids("<|image_pad|>")
        self.groups = _parameters(self.net, self.head)
        matrices = self.groups["sight_matrix"] + self.groups["text_matrix"]
        self.muon = Muon([{"params": self.groups["sight_matrix"]}, {"params": self.groups["text_matrix"]}], lr=RATE)
        self.adam = torch.optim.AdamW(
            [{"params": self.groups["sight_other"]}, {"params": self.groups["text_other"]}], lr=RATE, betas=(0.9, 0.98), weight_decay=0
        )
        self.all = matrices + self.groups["sight_other"] + self.groups["text_other"]
        seeds = iter(range(rank + plan.processes * 10**6 * plan.seed, 10**9, plan.processes))
        self.clips = self._pools(seeds)
        self.crops = self._pools(seeds, crop=True)
        self.seen = 0

    def run(self) -> None:
        start, step, saved = time.monotonic(), 0, 0.0
        shown: dict[str, float] = defaultdict(float)
        while True:
            done = self._shared((time.monotonic() - start) / 60 / self.plan.minutes)
            if done >= 1:
                break
            self._rates(done, step)
            for name, value in self._step(self.plan.start is None and done < SIGHT_SHARE).items():
                shown[name] = 0.95 * shown[name] + 0.05 * value if shown[name] else value
            step += 1
            if step % 20 == 0:
                told = " ".join(f"{name} {value:.3f}" for name, value in shown.items())
                log.info("%3.0f %%  step %d  clips %d  %s", 100 * done, step, self.seen * self.plan.processes, told)
            if done * self.plan.minutes - saved > 5:
                saved = done * self.plan.minutes
                self._save()
        self._save()

    def _step(self, sight_only: bool) -> dict[str, float]:
        from .batch import collate
        from .forward import losses

        self.net.zero_grad()
        self.head.zero_grad()
        lessons = [self.teacher.lesson(seed, not sight_only) for seed in next(self.clips)]
        text, sight = losses(self.net, self.head, collate(lessons, self.image, 5), self.numbers)
        self.seen += len(lessons)
        shown = {"sight": sight.item()}
        loss = sight
        if not sight_only:
            crops = [self.teacher.crop(seed) for seed in next(self.crops)]
            graded, _ = losses(self.net, self.head, collate(crops, self.image, 1), self.numbers)
            loss = 0.3 * sight + text + 0.3 * graded
            shown |= {"text": text.item(), "crops": graded.item()}
        loss.backward()
        self._reduce()
        self.muon.step()
        self.adam.step()
        return shown

    def _pools(self, seeds: Iterator[int], crop: bool = False) -> Iterator[list[int]]:
        """Seeds of clips of one frame size and like length, as many as a step takes."""
        from harness import prompt
        from harness.shapes.clip import make

        size = CROPS if crop else CLIPS
        pools: dict[tuple[int, int, bool], list[int]] = defaultdict(list)
        for seed in seeds:
            length = "short" if crop else self.teacher.length(seed)
            clip = make(seed, length)
            frame = prompt.FAMILIES["qwen2_5_vl"].resize(clip.width, clip.height, shape.MAX_PIXELS)
            key = (*frame, length == "short")
            pools[key].append(seed)
            if len(pools[key]) == size:
                yield pools.pop(key)

    def _reduce(self) -> None:
        """Mean of the gradients of all processes, and clip their norm to 1."""
        import torch
        import torch.distributed as distributed

        used = [p for p in self.all if p.grad is not None]
        flat = torch.cat([p.grad.flatten() for p in used])
        distributed.all_reduce(flat)
        flat /= self.plan.processes
        flat *= min(1.0, 1.0 / (float(flat.norm()) + 1e-6))
        for parameter, part in zip(used, flat.split([p.numel() for p in used]), strict=True):
            parameter.grad.copy_(part.view_as(parameter))

    def _rates(self, done: float, step: int) -> None:
        """Warm up, hold, and fall to nothing over the last two thirds; the tower more slowly once text has begun."""
        rate = RATE * min(1.0, (step + 1) / WARM_UP) * min(1.0, (1 - done) / 0.66)
        for optimizer in (self.muon, self.adam):
            for group, factor in zip(optimizer.param_groups, (1.0 if done < SIGHT_SHARE else 0.5, 1.0), strict=True):
                group["lr"] = rate * factor

    def _shared(self, value: float) -> float:
        """The first process's value, so that all stop at the same step."""
        import torch
        import torch.distributed as distributed

        box = torch.tensor([value])
        distributed.broadcast(box, 0)
        return float(box)

    def _save(self) -> None:
        if self.rank == 0:
            shape.save(self.net, self.tokenizer, self.plan.out)


def _parameters(net: Any, head: Any) -> dict[str, list[Tensor]]:
    """Weights by tower and by kind: matrices inside of layers go to Muon, the rest to AdamW."""
    groups: dict[str, list[Tensor]] = defaultdict(list)
    for name, parameter in net.named_parameters():
        tower = "sight" if ".visual." in name else "text"
        inside = parameter.ndim == 2 and "embed" not in name and "lm_head" not in name
        groups[f"{tower}_{'matrix' if inside else 'other'}"].append(parameter)
    groups["sight_other"] += list(head.parameters())
    return groups
