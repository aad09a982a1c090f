"""What is trained and asked for the claims of the paper, in steps; the same at every scale."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .scale import GENERAL, Scale
from .step import Step

WAYS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "sft": ("sft", "base", ()),
    "gspo": ("gspo", "sft", ()),
    "grpo": ("gspo", "sft", ("policy=grpo",)),
    "rl": ("gspo", "base", ()),
    "no-ada": ("gspo", "sft", ("rewards.adaptive=false",)),
    "no-gat": ("gspo", "sft", ("rewards.gate=null",)),
    "words-sft": ("sft", "base", ("looks.evidence=false",)),
    "words": ("gspo", "words-sft", ("looks.evidence=false",)),
}
"""Checkpoint -> its stage, what it starts from, and what differs from the recipe (docs/training.md).

"gspo" is the paper's model; "rl" has no SFT before it; "no-ada" and "no-gat" lack a part of the reward; "words" is the
variant that reasons in words alone ("non-o3").
"""
VOTERS = "first,majority,confidence"
MODEL = "gspo"
"""The checkpoint that is voted with, probed and looked at."""
MINUTES = {"sft": 20.0, "gspo": 9.0}


@dataclass(frozen=True)
class Plan:
    """The steps of a reproduction in one folder."""

    out: Path
    scale: Scale
    from_checkpoints: bool = False

    @property
    def steps(self) -> list[Step]:
        """All of them, each behind those it needs."""
        return [*self._data(), *self._training(), *self._asking(), *self._voting(), *self._telling()]

    @property
    def seeds(self) -> list[str]:
        """What the names of the trainings of one way end with."""
        return [f"-s{seed}" for seed in range(self.scale.seeds)]

    def runs(self, name: str) -> list[Path]:
        """The V-STaR runs of a checkpoint, one for each seed."""
        return [self.out / "runs" / each for each in (["base"] if self._is_base(name) else self._named(name))]

    def model(self, name: str) -> str:
        """The weights of a checkpoint, such as base or gspo-s0."""
        if self._is_base(name):
            return self.scale.base
        if self.from_checkpoints:
            return self.scale.shipped[name.rpartition("-s")[0]]
        return str(self.out / "checkpoints" / name)

    def checkpoints(self) -> list[str]:
        """Those that are asked."""
        ways = [way for way in WAYS if way != "words-sft" and not self._is_base(way)]
        return ["base", *(name for way in ways for name in self._named(way))]

    def _is_base(self, name: str) -> bool:
        """Whether it is the base, or a training that left it as it is."""
        return name == "base" or (self.from_checkpoints and self.scale.shipped.get(name) == self.scale.base)

    def _named(self, way: str) -> list[str]:
        return [way + seed for seed in self.seeds]

    @property
    def _folders(self) -> tuple[Path, Path]:
        return self.scale.data or self.out / "data", self.scale.stgr or self.out / "stgr"

    def _data(self) -> Iterator[Step]:
        if not self.scale.synthetic:
            return
        data, stgr = self._folders
        for task, count in (("vstar", self.scale.grounded), *((task, self.scale.general) for task in GENERAL)):
            size: tuple[str, ...] = ("--count", str(count), "--seed", "7")
            yield Step(f"data-{task}", ("data", "shapes", "--tasks", task, "--out", str(data), *size), (), 0.5)
        if not self.from_checkpoints:
            yield Step(
                "stgr", ("data", "stgr", "shapes", "--out", str(stgr), "--clips", str(self.scale.clips)), (), 5.0
            )

    def _training(self) -> Iterator[Step]:
        if self.from_checkpoints:
            return
        before = ("stgr",) if self.scale.synthetic else ()
        for way, (stage, start, changes) in WAYS.items():
            for seed, ending in enumerate(self.seeds):
                first = start if start == "base" else start + ending
                words = ["train", stage, "--recipe", self.scale.recipe, "--model", self.model(first)]
                words += ["--data", str(self._folders[1]), "--seed", str(seed), "--out", self.model(way + ending)]
                words += [word for change in changes for word in ("--set", change)]
                needed = before if start == "base" else (*before, f"train-{first}")
                yield Step(f"train-{way}{ending}", (*words, *self.scale.train), needed, MINUTES[stage])

    def _needs(self, name: str, *tasks: str) -> tuple[str, ...]:
        made = () if name == "base" or self.from_checkpoints else (f"train-{name}",)
        return (*made, *(f"data-{task}" for task in tasks if self.scale.synthetic))

    def _run(self, out: str, name: str, tasks: str, *words: object) -> tuple[str, ...]:
        told = ("run", "--tasks", tasks, "--data", self._folders[0], "--model", self.model(name))
        asked = ("--prompt", "words") if name.startswith("words") else ()
        return tuple(map(str, (*told, "--out", self.out / out, *self.scale.run, *asked, *words)))

    def _asking(self) -> Iterator[Step]:
        for name in self.checkpoints():
            yield Step(f"run-{name}", self._run(f"runs/{name}", name, "vstar"), self._needs(name, "vstar"), 1.7)
        for name in ("base", *self._named(MODEL)[:1], *self._named("words")[:1]):
            words = self._run(f"general/{name}", name, ",".join(GENERAL))
            yield Step(f"general-{name}", words, self._needs(name, *GENERAL), 1.5)

    def _voting(self) -> Iterator[Step]:
        name = self._named(MODEL)[0]
        limit = () if self.scale.voted is None else ("--limit", self.scale.voted)
        drawn = ("-n", self.scale.rollouts, "--temperature", 1.0, "--voter", "confidence", *limit)
        words = self._run("votes", name, "vstar,videomme", *drawn)
        yield Step("rollouts", words, self._needs(name, "vstar", "videomme"), 6.0)
        votes, asked = str(self.out / "votes"), str(self.out / "runs" / name)
        yield Step("vote", ("vote", votes, "--voters", VOTERS, "--controls"), ("rollouts",), 2.0)
        yield Step("compare-votes", ("compare", votes, "--voters", "majority,confidence,first"), ("vote",), 0.5)
        probe = ("probe", asked, "--remove", "evidence,random", "--draws", str(self.scale.draws))
        yield Step("probe", probe, (f"run-{name}",), 4.0)

    def _telling(self) -> Iterator[Step]:
        name = self._named(MODEL)[0]
        run, base = str(self.out / "runs" / name), str(self.out / "runs" / "base")
        plot = ("plot", base, run, "--kinds", "overlaps,groups", "--out", str(self.out / "pictures"))
        yield Step("plot", plot, (f"run-{name}", "run-base"), 0.2)
        view = ("view", base, run, "--out", str(self.out / "view"))
        yield Step("view", view, (f"run-{name}", "run-base", "probe"), 0.5)
        if not self.from_checkpoints:
            for parts, ways in (("rewards", (MODEL, "no-ada", "no-gat")), ("policies", (MODEL, "grpo", "rl"))):
                names = [each for way in ways for each in self._named(way)]
                folders = [str(self.out / "checkpoints" / each) for each in names]
                words = ("train", "curves", *folders, "--out", str(self.out / f"{parts}.png"))
                yield Step(f"curves-{parts}", words, tuple(f"train-{each}" for each in names), 0.2)
