"""Train nano: to look words up first, then the vision tower to see, then everything on the harness's own questions."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from harness.families import FAMILIES
from harness.shapes.clip import COLOURS, SHAPES, make

from . import model as shape
from .gauge import Gauge
from .lessons import Teacher
from .plan import Plan

if TYPE_CHECKING:
    from torch import Tensor

CLIPS = 3
"""Clips a step and process."""
SIGHTS = 36
"""Clips a step and process while the vision tower is alone, two frames of each."""
GLANCES = 16
"""Clips a step and process of which a few frames are seen; a quarter of them beside easy clips."""
LONG = 0.08
"""Share of steps, once clips are not easy, whose clips are longer than their frames tell."""
CROPS = 3
"""Crops a step and process."""
FILMS, PICTURES = 8, 2
"""Clips a step and process, once clips are not easy: in turn such whose camera moves, and such that come with a
picture."""
DRILLS = 16
"""Drills a step and process; a quarter of them beside a few frames, half of them beside clips."""
EASY = 0.6
"""Until this share of the time clips are of at most seven seconds and three things."""
RATE = 2e-3
MATRIX_RATE = 4e-3
WARM_UP = 80
"""Steps."""
AGAIN, SIGHT_AGAIN = 0.5, 0.15
"""Share of the rates with which one goes on from a checkpoint, and that of the vision tower's."""
SAVE_EVERY = 5.0
"""Minutes."""


def train(plan: Plan) -> None:
    """Train for as long as planned; the checkpoint is in `plan.out`, and every five minutes before."""
    from torch.multiprocessing.spawn import spawn

    plan.out.mkdir(parents=True, exist_ok=True)
    (plan.out / ".store").unlink(missing_ok=True)
    spawn(_work, args=(plan,), nprocs=plan.processes)
    (plan.out / ".store").unlink(missing_ok=True)


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

        from .batch import words_of
        from .corpus import tokenizer
        from .muon import Muon

        self.rank, self.plan = rank, plan
        self.tokenizer = tokenizer(plan.start) if plan.eyes is None else shape.load_tokenizer(plan.eyes)
        if plan.start is None:
            self.net: Any = shape.make(self.tokenizer, plan.seed)
        else:
            self.net = shape.load(plan.start)
            shape.extend(self.net, shape.load_tokenizer(plan.start), self.tokenizer)
        if plan.eyes is not None:
            self.net.model.visual.load_state_dict(shape.load(plan.eyes).model.visual.state_dict())
        kinds = torch.nn.Linear(shape.WIDTH, 1 + len(COLOURS) + len(SHAPES) + 4)
        places = torch.nn.Linear(shape.WIDTH, 4 * shape.WIDTH)
        torch.nn.init.zeros_(kinds.weight)
        if plan.start is not None:
            torch.nn.init.zeros_(places.weight)
        self.head = torch.nn.ModuleList([kinds, places])
        self.teacher = Teacher(self.tokenizer, plan.plain)
        self.words = words_of(self.tokenizer)
        sight, text = _matrices(self.net, "sight"), _matrices(self.net, "text")
        self.muon = Muon([{"params": sight}, {"params": text}], lr=RATE)
        others = [_others(self.net, "sight"), [*_others(self.net, "text"), *self.head.parameters()]]
        groups = [{"params": group} for group in others]
        self.adam = torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.98), weight_decay=0)
        self.all = [*sight, *text, *others[0], *others[1]]
        seeds = iter(range(rank + plan.processes * 10**6 * plan.seed, 10**9, plan.processes))
        self.easy, self.full = self._pools(seeds, CLIPS, easy=True), self._pools(seeds, CLIPS)
        self.long = self._pools(seeds, CLIPS, short=False)
        self.seeds = seeds
        self.silent, self.crops = self._pools(seeds, SIGHTS), self._pools(seeds, CROPS)
        self.glances = self._pools(seeds, GLANCES)
        self.films, self.pictures = self._pools(seeds, FILMS), self._pools(seeds, PICTURES)

    def run(self) -> None:
        """Until the time is over."""
        start, step, saved = time.monotonic(), 0, 0.0
        with Gauge(self.plan.minutes, shown=self.rank == 0) as gauge:
            while (done := self._shared((time.monotonic() - start) / 60 / self.plan.minutes)) < 1:
                self._rates(done, step)
                drilled, seen, glanced = self.plan.shares
                if done < drilled:
                    losses = self._drill()
                elif done < seen:
                    losses = self._see(next(self.silent))
                elif done < glanced:
                    losses = self._glance()
                else:
                    losses = self._read(step, done < EASY and self.plan.start is None)
                step += 1
                gauge.move(done, CLIPS * self.plan.processes, losses)
                if done * self.plan.minutes - saved > SAVE_EVERY:
                    saved = done * self.plan.minutes
                    self._save()
        self._save()

    def _drill(self) -> dict[str, float]:
        """A step of looking things up in texts."""
        loss = self._looked_up(DRILLS)
        self._learn(loss)
        return {"drills": loss.item()}

    def _looked_up(self, count: int) -> Tensor:
        from .batch import collate
        from .forward import losses

        lessons = [self.teacher.drill(next(self.seeds)) for _ in range(count)]
        return losses(self.net, self.head, collate(lessons, self.words, 2), self.words.zero)[0]

    def _see(self, seeds: list[int]) -> dict[str, float]:
        """A step of the vision tower alone."""
        from .batch import collate
        from .forward import losses

        lessons = [self.teacher.lesson(seed, False) for seed in seeds]
        _, sight = losses(self.net, self.head, collate(lessons, self.words), self.words.zero)
        self._learn(sight)
        return {"sight": sight.item()}

    def _glance(self) -> dict[str, float]:
        """A step of claims about a few frames, with some looking up so that it is not forgotten."""
        self.net.model.visual.blocks.requires_grad_(False)
        text, sight = self._glanced(GLANCES)
        drills = self._looked_up(DRILLS // 4)
        self._learn(text + 0.3 * sight + 0.3 * drills)
        return {"drills": drills.item(), "sight": sight.item(), "glances": text.item()}

    def _glanced(self, count: int) -> tuple[Tensor, Tensor]:
        from .batch import collate
        from .forward import losses

        lessons = [self.teacher.glimpse(seed) for seed in next(self.glances)[:count]]
        return losses(self.net, self.head, collate(lessons, self.words, 2), self.words.zero)

    def _read(self, step: int, easy: bool) -> dict[str, float]:
        """A step of everything; the layers of the vision tower learn where clips are not easy, from what is short."""
        from .batch import collate
        from .forward import losses

        blocks = self.net.model.visual.blocks.requires_grad_(False)
        lessons = [self.teacher.lesson(seed) for seed in self._next(step, easy)]
        text, sight = losses(self.net, self.head, collate(lessons, self.words, 8), self.words.zero)
        cut = [self.teacher.crop(seed) for seed in next(self.crops)]
        graded, _ = losses(self.net, self.head, collate(cut, self.words, 1), self.words.zero)
        blocks.requires_grad_(not easy)
        glances, near = self._glanced(GLANCES // 4)
        told = {"sight": 0.3 * (sight + near), "text": text, "crops": 0.5 * graded, "glances": 0.5 * glances}
        told["drills"] = 0.5 * self._looked_up(DRILLS // 2)
        if not easy and not self.plan.plain:
            kind = ("pictures", "films")[step % 2]
            told[kind], moved = self._beside(kind)
            told["sight"] = told["sight"] + 0.3 * moved
        self._learn(sum(told.values(), text.new_zeros(())))
        return {name: loss.item() for name, loss in told.items()}

    def _beside(self, kind: str) -> tuple[Tensor, Tensor]:
        """Losses of the text and of sight of lessons of one kind."""
        from .batch import collate
        from .forward import losses

        if kind == "films":
            lessons = [self.teacher.film(seed) for seed in next(self.films)]
        else:
            lessons = [self.teacher.picture(seed) for seed in next(self.pictures)]
        return losses(self.net, self.head, collate(lessons, self.words, 4), self.words.zero)

    def _learn(self, loss: Tensor) -> None:
        self.net.zero_grad()
        self.head.zero_grad()
        loss.backward()
        self._reduce()
        self.muon.step()
        self.adam.step()

    def _next(self, step: int, easy: bool) -> list[int]:
        """Clips of the same kind in all processes, as each waits for the slowest."""
        if easy:
            return next(self.easy)
        return next(self.long if random.Random(step).random() < LONG else self.full)

    def _pools(self, seeds: Iterator[int], size: int, easy: bool = False, short: bool = True) -> Iterator[list[int]]:
        """Seeds of clips of one frame size and like length, `size` at a time."""
        pools: dict[tuple[int, int], list[int]] = defaultdict(list)
        for seed in seeds:
            length = self.teacher.length(seed)
            if (length == "short") != short:
                continue
            clip = make(seed, length)
            if easy and (clip.duration > 7 or len(clip.things) > 3):
                continue
            frame = FAMILIES["qwen2_5_vl"].resize(clip.width, clip.height, shape.MAX_PIXELS)
            pools[frame].append(seed)
            if len(pools[frame]) == size:
                yield pools.pop(frame)

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
        """Warm up, hold, and fall to nothing over the last two thirds."""
        fresh = self.plan.start is None
        rate = min(1.0, (step + 1) / (WARM_UP if fresh else WARM_UP / 2)) * min(1.0, (1 - done) / 0.66)
        shares = (1.0, 1.0) if fresh else (SIGHT_AGAIN, AGAIN)
        for optimizer, most in ((self.muon, MATRIX_RATE), (self.adam, RATE)):
            for group, share in zip(optimizer.param_groups, shares, strict=True):
                group["lr"] = most * rate * share

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
