"""What stopping early saves and costs, on made-up rollouts shaped like the benchmarks of arXiv 2510.20579, Table 13.

    python benchmarks/adaptive.py
    python benchmarks/adaptive.py --rules lossless,same:0.9,settled:0.8 -n 32 --questions 900

A question has a chance for each option, drawn from a Dirichlet distribution whose mean is the accuracy of one rollout
for the right option and even for the others. Its concentration says how firm the model is: at 0.4 two rollouts mostly
agree, at 3 they seldom do. How firm a model is at temperature 1 differs, so every benchmark is shown at three. Each
rule is replayed as `harness vote --adaptive` replays it, over several orders of the same rollouts.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence

from harness import plugins
from harness.records import Prediction, Sample
from harness.scaling.adaptive import Row, replay
from harness.scaling.pool import Pool, Rollouts

SHAPES = {"WorldSense": (4, 0.375), "VideoMMMU": (10, 0.523), "Video-MME": (4, 0.636)}
"""Benchmark -> number of options, accuracy of one rollout."""
FIRM = {"firm": 0.4, "middling": 1.0, "loose": 3.0}
"""Name -> concentration of the chances of a question."""
RULES = "lossless,same:0.95,same:0.85,settled:0.95,settled:0.8,window:4,window:3"
HEADINGS = "rule", "rollouts", "waves", "saved %", "changed %", "accuracy", "points to all, 95 % interval"
TOKENS = 300, 120
"""Mean and spread of the length of an answer."""


def make(options: int, accuracy: float, concentration: float, questions: int, n: int, rng: random.Random) -> Pool:
    """A pool of Video-MME, with as many options as are asked for and three questions a video."""
    found = []
    means = [accuracy, *[(1 - accuracy) / (options - 1)] * (options - 1)]
    for number in range(questions):
        chances = [rng.gammavariate(concentration * mean, 1) for mean in means]
        said = rng.choices("ABCDEFGHIJ"[:options], [c + 1e-300 for c in chances], k=n)
        sample = Sample(
            id=f"{number:05d}", item="", kind="mcq", video=f"{number // 3}", question="?", answer="A",
            options=("",) * options, groups={"duration": "short"},
        )  # fmt: skip
        predictions = tuple(Prediction(answer=letter, rollout=k) for k, letter in enumerate(said))
        tokens = tuple(max(1, round(rng.gauss(*TOKENS))) for _ in range(n))
        found.append(Rollouts(sample, predictions, tokens, 0.0))
    return Pool(plugins.load("harness.tasks", "videomme"), found)


def agreement(pool: Pool) -> float:
    """How often the first two rollouts of a question agree."""
    pairs = [r.predictions[:2] for r in pool.samples]
    return float(sum(a.answer == b.answer for a, b in pairs) / len(pairs))


def tell(row: Row) -> list[str]:
    """The cells of one rule."""
    value, low, high = row.differences["acc"] or (0.0, None, None)
    interval = f" [{100 * low:+.2f}, {100 * high:+.2f}]" if low is not None and high is not None else ""
    shares = [f"{100 * share:.1f}" for share in (row.saved, row.changed, row.metrics["acc"] or 0.0)]
    return [row.rule, f"{row.rollouts:.2f}", f"{row.waves:.2f}", *shares, f"{100 * value:+.2f}{interval}"]


def main(words: Sequence[str] | None = None) -> None:
    """Print the tables."""
    from rich.console import Console
    from rich.table import Table

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rules", default=RULES)
    parser.add_argument("-n", type=int, default=8, help="rollouts a question")
    parser.add_argument("--questions", type=int, default=2700)
    parser.add_argument("--orders", type=int, default=3, help="orders of the rollouts that are averaged")
    parser.add_argument("--voter", default="majority")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(words)
    voter = plugins.load("harness.scaling", asked.voter)
    for name, (options, accuracy) in SHAPES.items():
        for firm, concentration in FIRM.items():
            rng = random.Random(f"{asked.seed}:{name}:{firm}")
            pool = make(options, accuracy, concentration, asked.questions, asked.n, rng)
            title = f"{name}, {options} options, {firm}: two rollouts agree on {100 * agreement(pool):.0f} %"
            table = Table(*HEADINGS, title=title, title_justify="left", box=None)
            for row in replay(pool, voter, asked.rules.split(","), asked.orders):
                table.add_row(*tell(row))
            Console(width=120).print(table, "")


if __name__ == "__main__":
    main()
