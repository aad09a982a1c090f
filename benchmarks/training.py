"""Tables 3 and 5 of arXiv 2510.20579 in miniature: what SFT, GRPO, GSPO and the parts of the reward do for nano.

    python benchmarks/training.py --out DIR [--seeds 2] [--items 320] [--jobs 2] [--only NAME,...]

Every checkpoint is trained by `harness train`, asked V-STaR about clips that none has seen by `harness run`, and put
into tables by `harness report --as table3`. Given again, it goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

VARIANTS = {
    "sft-gspo": ("sft", []),
    "sft-grpo": ("sft", ["policy=grpo"]),
    "no-ada": ("sft", ["rewards.adaptive=false"]),
    "no-gat": ("sft", ["rewards.gate=null"]),
    "rl": ("base", []),
}
"""Name -> where RL starts, and what differs from the recipe. "rl" is pure reinforcement learning."""


def harness(log: Path, *words: object) -> None:
    """Run the command in one thread, with what it prints in a file."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as file:
        command = [sys.executable, "-m", "harness", *map(str, words)]
        subprocess.run(command, check=True, stdout=file, stderr=file, env={**os.environ, "OMP_NUM_THREADS": "1"})


class Miniature:
    """The runs of one folder."""

    def __init__(self, asked: argparse.Namespace) -> None:
        """Remember what was asked."""
        self.out, self.base, self.jobs = asked.out, asked.base, asked.jobs
        self.seeds, self.items = range(asked.seeds), asked.items
        self.names = [name for name in VARIANTS if not asked.only or name in asked.only.split(",")]
        self.pool = ThreadPoolExecutor(asked.jobs)

    def run(self) -> None:
        """Data, then SFT of all seeds, then RL of all variants; each checkpoint is evaluated behind its training."""
        if not (self.out / "data" / "vstar").exists():
            self.do("data", "data", "shapes", "--tasks", "vstar", "--out", self.out / "data",
                    "--count", self.items, "--seed", 7)  # fmt: skip
        if not (self.out / "stgr").exists():
            self.do("stgr", "data", "stgr", "shapes", "--out", self.out / "stgr")
        self.all([("base", self.base, None)])
        self.all([(f"sft-s{seed}", self.base, ("sft", seed, [])) for seed in self.seeds])
        self.all([
            (f"{name}-s{seed}", self.base if VARIANTS[name][0] == "base" else self.out / f"sft-s{seed}",
             ("gspo", seed, VARIANTS[name][1]))
            for name in self.names for seed in self.seeds
        ])  # fmt: skip

    def all(self, jobs: list[tuple[str, Path | str, tuple[str, int, list[str]] | None]]) -> None:
        """Train and evaluate, as many at once as there are jobs."""
        list(self.pool.map(lambda job: self.one(*job), jobs))

    def one(self, name: str, model: Path | str, stage: tuple[str, int, list[str]] | None) -> None:
        """Train a checkpoint, unless it is a given one, and ask it everything."""
        if stage is not None:
            kind, seed, settings = stage
            changes = [word for text in settings for word in ("--set", text)]
            self.do(name, "train", kind, "--recipe", "nano", "--model", model, "--data", self.out / "stgr",
                    "--seed", seed, "--out", self.out / name, *changes)  # fmt: skip
            model = self.out / name
        self.do(name, "run", "--tasks", "vstar", "--data", self.out / "data", "--model", model,
                "--out", self.out / "runs" / name, "--engine", "transformers")  # fmt: skip
        sys.stdout.write(f"{name}\n")
        sys.stdout.flush()

    def do(self, name: str, *words: object) -> None:
        """One command, with its log."""
        harness(self.out / "logs" / f"{name}.log", *words)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--base", default="nano-base")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--items", type=int, default=320)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", help="Names of variants, with commas between them.")
    Miniature(parser.parse_args()).run()
