"""Train nano: the vision tower on its own first, then everything on the harness's own questions."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import prompt
from harness.shapes.clip import COLOURS, SHAPES, make

from . import model as shape
from .gauge import Gauge
from .lessons import Teacher
from .words import token

if TYPE_CHECKING:
    from torch import Tensor

SIGHT_SHARE = 0.22
"""Share of the time spent on the vision tower alone."""
CLIPS = 8
"""Clips a step and process."""
CROPS = 8
"""Crops a step and process."""
RATE = 2.5e-3
WARM_UP = 80
"""Steps."""
SAVE_EVERY = 5.0
"""Minutes."""


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
    """Train for that long, from nothing or from `start`; the checkpoint is in `out`, and every five minutes before."""
    from torch.multiprocessing.spawn import spawn

    out.mkdir(parents=True, exist_ok=True)
    (out / ".store").unlink(missing_ok=True)
    plan = Plan(out, minutes, seed, processes, start)
    spawn(_work, args=(plan,), nprocs=processes)
    (out / ".store").unlink(missing_ok=True)


def _work(rank: int, plan: Plan) -> None:
    import torch
    import torch.distributed as distributed

    torch.set_num_threads(1)
    meeting = (plan.out / ".store").resolve().as_uri()
    distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=plan.processes)
    _Trainer(rank, plan).run()
    distributed.destroy_process_group()


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
        self.numbers, self.image = token(self.tokenizer, "0"), token(self.tokenizer, "<|image_pad|>")
        sight, text = _matrices(self.net, "sight"), _matrices(self.net, "text")
        self.muon = Muon([{"params": sight}, {"params": text}], lr=RATE)
        others = [[*_others(self.net, "sight"), *self.head.parameters()], _others(self.net, "text")]
        groups = [{"params": group} for group in others]
        self.adam = torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.98), weight_decay=0)
        self.all = [*sight, *text, *others[0], *others[1]]
        seeds = iter(range(rank + plan.processes * 10**6 * plan.seed, 10**9, plan.processes))
        self.clips, self.crops = self._pools(seeds), self._pools(seeds, crop=True)

    def run(self) -> None:
        """Until the time is over."""
        start, step, saved = time.monotonic(), 0, 0.0
        with Gauge(self.plan.minutes, shown=self.rank == 0) as gauge:
            while (done := self._shared((time.monotonic() - start) / 60 / self.plan.minutes)) < 1:
                self._rates(done, step)
                losses = self._step(self.plan.start is None and done < SIGHT_SHARE)
                step += 1
                gauge.move(done, CLIPS * self.plan.processes, losses)
                if done * self.plan.minutes - saved > SAVE_EVERY:
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

        grads = [p.grad for p in self.all if p.grad is not None]
        flat = torch.cat([grad.flatten() for grad in grads])
        distributed.all_reduce(flat)
        flat /= self.plan.processes
        flat *= min(1.0, 1.0 / (float(flat.norm()) + 1e-6))
        for grad, part in zip(grads, flat.split([grad.numel() for grad in grads]), strict=True):
            grad.copy_(part.view_as(grad))

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


def _matrices(net: Any, tower: str) -> list[Tensor]:
    """The matrices inside of a tower's layers, which Muon updates."""
    return [p for name, p in net.named_parameters() if _of(name, tower) and _inside(name, p)]


def _others(net: Any, tower: str) -> list[Tensor]:
    """What is left of a tower, which AdamW updates."""
    return [p for name, p in net.named_parameters() if _of(name, tower) and not _inside(name, p)]


def _of(name: str, tower: str) -> bool:
    return (".visual." in name) == (tower == "sight")


def _inside(name: str, parameter: Tensor) -> bool:
    return parameter.ndim == 2 and "embed" not in name and "lm_head" not in name
