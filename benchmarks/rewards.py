"""How many completions a second are rewarded, by kind of question and preset.

    python benchmarks/rewards.py [COMPLETIONS]

writes completions of some 400 words with six claims, and prints the table of docs/rewards.md.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from typing import Any

from harness.records import View
from harness.training import rows as stgr
from harness.training.rewards import NAMES, Rule, earn

SIZE = (420, 224)
VIEW = View(video="", times=(), duration=0, width=SIZE[0], height=SIZE[1], size=SIZE, family="qwen2_5_vl")
WORDS = ("and", "then", "the", "dog", "walks", "over", "to", "an", "old", "bench", "where", "it", "sniffs", "looks")
ANSWERS = {
    stgr.VISUAL: ("<box>[64,120,256,240]</box>", "<obj>dog</obj><box>[42,56,168,112]</box>"),
    stgr.TEMPORAL: ("[4.0, 10.0]", "From <t>4</t>s to <t>9</t>s"),
    stgr.TEMPORAL_CHOICE: ("B\n[4.0, 10.0]", "From <t>4</t>s to <t>9</t>s\nCorrect Option: B"),
    stgr.GROUNDED: ("The dog is sniffing the leg of the old bench.", "The dog sniffs the bench and looks up."),
    stgr.CHOICE: ("B", "B"),
    stgr.OPEN: ("The dog is sniffing the leg of the old bench.", "The dog sniffs the bench and looks up."),
}


def row(task: str) -> stgr.Row:
    """A row of a kind."""
    data: dict[str, Any] = {"id": 0, "source": "made", "task": task, "question": "?", "answer": ANSWERS[task][0]}
    if task == stgr.VISUAL:
        data |= {"image_path": "a.jpg", "image_size": [640, 480]}
    else:
        data["video_path"] = "a.mp4"
    if task == stgr.GROUNDED:
        data["key_frames"] = [{"idx": n, "time": 3.0 * n} for n in range(4)]
        data["key_items"] = {str(n): {"dog": [[0.1, 0.2, 0.4, 0.6]], "bench": [[0.5, 0.2, 0.9, 0.8]]} for n in range(4)}
    return stgr.row(data, "benchmark", Counter())


def completion(rng: random.Random, task: str) -> str:
    """Words with claims between them."""
    parts = []
    for _ in range(6):
        x, y = rng.randint(0, 200), rng.randint(0, 100)
        parts += [rng.choice(WORDS) for _ in range(60)]
        parts.append(f"<obj>dog</obj><box>[{x},{y},{x + 100},{y + 90}]</box>at<t>{rng.uniform(0, 12):.1f}</t>s")
    return f"<think>{' '.join(parts)}</think><answer>{ANSWERS[task][1]}</answer>"


def rate(task: str, preset: str, count: int) -> float:
    """Completions a second."""
    rng, asked, rule = random.Random(0), row(task), Rule(preset=preset)
    texts = [completion(rng, task) for _ in range(count)]
    earn(asked, texts[0], VIEW, 0.5, rule)
    begun = time.process_time()
    for text in texts:
        earn(asked, text, VIEW, 0.5, rule)
    return count / (time.process_time() - begun)


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    sys.stdout.write(f"{'completions a second':32}" + "".join(f"{preset:>10}" for preset in NAMES) + "\n")
    for task in stgr.TASKS:
        rates = "".join(f"{rate(task, preset, count):10,.0f}" for preset in NAMES)
        sys.stdout.write(f"{task:32}{rates}\n")
