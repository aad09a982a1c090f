"""Made-up answers to Video-MME and V-STaR, for run folders."""

from __future__ import annotations

import random
from collections.abc import Mapping

from harness.records import Sample

PARTS = {"what": "acc", "when_1": "tiou", "when_2": "tiou", "where_1": "viou", "where_2": "viou"}
Row = tuple[Sample, Mapping[str, float | None] | None, str | None]
PARTS = {"what": "acc", "when_1": "tiou", "when_2": "tiou", "where_1": "viou", "where_2": "viou"}


def choices(seed: int, skill: float, count: int = 120, root: str = "/data") -> list[Row]:
    """Video-MME: three questions a video, videos of different difficulty."""
    made = list[Row]()
    for number in range(count):
        video = number // 3
        ease = random.Random(video).uniform(-0.3, 0.3)
        right = random.Random(f"{seed}/{number}").random() < skill + ease
        sample = Sample(id=f"q{number:04d}", item=f"q{number}", kind="mcq", video=f"{root}/{video}.mp4",
                        question="Which?", options=("a", "b"), answer="A",
                        groups={"length": "long" if video % 2 else "short"})  # fmt: skip
        made.append((sample, {"acc": float(right)}, "A" if right else "B"))
    return made


def grounded(seed: int, items: int = 40, missing: float = 0.0) -> list[Row]:
    """V-STaR: two items a video, some without some of their parts."""
    rng, made = random.Random(seed), list[Row]()
    for item in range(items):
        for kind, metric in PARTS.items():
            value = float(rng.random() < 0.5) if metric == "acc" else rng.choice([0.0, rng.random()])
            scores: dict[str, float | None] = {metric: value}
            if metric == "tiou":
                scores["r1_05"] = float(value >= 0.5)
            sample = Sample(id=f"{item}/{kind}", item=str(item), kind=kind, video=f"/data/{item // 2}.mp4",
                            question="?", groups={"domain": f"d{item % 3}"})  # fmt: skip
            if random.Random(f"{item}/{kind}").random() >= missing:
                made.append((sample, scores, "x"))
    return made
