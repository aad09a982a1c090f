"""The reward of the paper on random completions, against one computed from what was put into them.

The completions are written from lists of statements. The expected values are counted from these lists, with fractions
for times, sets of pixels for boxes and n-grams for words: nothing is read from the text.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from fractions import Fraction
from functools import cache
from typing import Any

import pytest

from harness.records import View
from harness.training import rows as stgr
from harness.training.rewards import Rule, earn

SIDE = 16
VIEW = View(video="", times=(), duration=0, width=SIDE, height=SIDE, size=(SIDE, SIDE), family="qwen2_5_vl")
WORDS = ["the", "dog", "sniffs", "sniffing", "a", "bench", "benches", "running", "runs", "happily", "generally", "cat"]
Corners = tuple[int, int, int, int]
Statement = tuple[Fraction | None, list[Corners] | None]
"""A time and boxes; either may be missing."""


def corners(rng: random.Random) -> Corners:
    (x1, x2), (y1, y2) = (sorted(rng.sample(range(SIDE + 1), 2)) for _ in "xy")
    return x1, y1, x2, y2


def pixels(box: Corners) -> set[tuple[int, int]]:
    return {(x, y) for x in range(box[0], box[2]) for y in range(box[1], box[3])}


def overlap(one: Corners, other: Corners) -> Fraction:
    return Fraction(len(pixels(one) & pixels(other)), len(pixels(one) | pixels(other)))


def boxed(box: Corners) -> str:
    return f"<box>{list(box)}</box>"


def written(statement: Statement, rng: random.Random) -> str:
    time, boxes = statement
    moment = "" if time is None else f"<t>{float(time)}</t>s"
    if boxes is None:
        return f"It happens at {moment or 'once'}. "
    at = rng.choice(["at", " at "]) if moment else ""
    return f"The <obj>{rng.choice(WORDS)}</obj>{''.join(map(boxed, boxes))}{at}{moment} is seen. "


def statements(rng: random.Random, near: list[Fraction]) -> list[Statement]:
    made: list[Statement] = []
    for _ in range(rng.randint(0, 6)):
        time = max(Fraction(0), rng.choice(near) + Fraction(rng.randint(-50, 50), 10))
        kind = rng.random()
        boxes = [corners(rng) for _ in range(rng.choice([1, 1, 1, 2, 3]))]
        made.append((time, boxes) if kind < 0.75 else (time, None) if kind < 0.9 else (None, boxes))
    return made


@cache
def stem(word: str) -> str:
    from nltk.stem.porter import PorterStemmer  # type: ignore[import-untyped]

    return str(PorterStemmer().stem(word)) if len(word) > 3 else word


def rouge(said: list[str], reference: list[str]) -> float:
    one, other = ([stem(word) for word in words] for words in (said, reference))

    def f1(shared: int, first: int, second: int) -> float:
        return 2 * shared / (first + second) if shared else 0.0

    found = []
    for n in (1, 2):
        grams = [Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1)) for words in (one, other)]
        found.append(f1((grams[0] & grams[1]).total(), grams[0].total(), grams[1].total()))

    @cache
    def longest(i: int, j: int) -> int:
        if i == len(one) or j == len(other):
            return 0
        return longest(i + 1, j + 1) + 1 if one[i] == other[j] else max(longest(i + 1, j), longest(i, j + 1))

    return (sum(found) + f1(longest(0, 0), len(one), len(other))) / 3


def row(task: str, answer: str, **more: Any) -> stgr.Row:
    media = {"image_path": "a.jpg", "image_size": [2 * SIDE, SIDE]} if task == stgr.VISUAL else {"video_path": "a.mp4"}
    told = {"id": 1, "source": "x", "task": task, "question": "q", "answer": answer, **media, **more}
    return stgr.row(told, "here", Counter())


def values(row: stgr.Row, think: str, answer: str, progress: float, rule: Rule) -> list[float]:
    text = f"<think>{think}</think>\n<answer>{answer}</answer>"
    return [each.value for each in earn(row, text, VIEW, progress, rule).values()]


@pytest.mark.parametrize("seed", range(300))
def test_questions_with_key_frames(seed: int) -> None:
    rng = random.Random(seed)
    times = [Fraction(n, 10) for n in rng.sample(range(300), rng.randint(1, 4))]
    items = [
        {name: [corners(rng) for _ in range(rng.choice([1, 1, 2]))] for name in rng.sample(WORDS, rng.randint(0, 2))}
        for _ in times
    ]
    fractions = [{name: [[v / SIDE for v in box] for box in boxes] for name, boxes in each.items()} for each in items]
    reference, said = ([rng.choice(WORDS) for _ in range(rng.randint(1, 8))] for _ in "ab")
    asked = row(
        stgr.GROUNDED,
        " ".join(reference),
        key_frames=[{"idx": 7 * i, "time": float(time)} for i, time in enumerate(times)],
        key_items={str(7 * i): each for i, each in enumerate(fractions)},
    )
    made = statements(rng, times)
    progress, gate = rng.choice([0.0, 0.2, 0.6, 0.75, 1.0]), rng.choice([None, 0, 1, 3, 3, 3])
    sigma, adaptive = rng.choice([None, None, 1, 4, 2.5]), rng.random() < 0.7
    rule = Rule(gate=None if gate is None else float(gate), sigma=sigma, adaptive=adaptive)
    found = values(asked, "".join(written(each, rng) for each in made), " ".join(said).upper(), progress, rule)

    spread = sigma or ({0.0: 4, 0.2: 3.2, 0.6: 1.6}.get(progress, 1) if adaptive else 4)
    cited = [time for time, _ in made if time is not None]
    near, fit = 0.0, Fraction(0)
    for time in cited:
        gap = min(abs(time - each) for each in times)
        nearest = [abs(time - each) for each in times].index(gap)
        near += math.exp(-(float(gap) ** 2) / (2 * spread**2))
        here = [box for when, boxes in made if when == time for box in boxes or ()]
        known = [box for boxes in items[nearest].values() for box in boxes]
        if gate is None or gap <= gate:
            fit += max((overlap(one, other) for one in here for other in known), default=Fraction(0))
    whole = [time for time, boxes in made if boxes is not None]
    expected = [rouge(said, reference), near / max(1, len(cited)), float(fit / max(1, len(cited)))]
    assert found == pytest.approx([*expected, 1.0 if whole and None not in whole else 0.5])


@pytest.mark.parametrize("seed", range(150))
def test_questions_with_a_span(seed: int) -> None:
    rng = random.Random(seed)
    start, end = sorted(Fraction(n, 10) for n in rng.sample(range(200), 2))
    low, high = (Fraction(n, 10) for n in rng.choices(range(200), k=2))
    span, letter, choice = f"[{float(start)}, {float(end)}]", rng.choice("AB"), rng.random() < 0.5
    asked = row(stgr.TEMPORAL_CHOICE, f"B\n{span}") if choice else row(stgr.TEMPORAL, span)
    made = statements(rng, [start, end])
    answer = f"From <t>{float(low)}</t>s to <t>{float(high)}</t>s" + f"\nCorrect Option: {letter}" * choice
    found = values(asked, "".join(written(each, rng) for each in made), answer, rng.random(), Rule())

    mine, theirs = ({n for n in range(200) if a * 10 <= n < b * 10} for a, b in ((low, high), (start, end)))
    shared = len(mine & theirs) / (max(mine | theirs) + 1 - min(mine | theirs))
    cited = [time for time, _ in made if time is not None]
    inside = [time for time in cited if min(max(time, start), end) == time]
    right = ((letter == "B") + shared) / 2 if choice else shared
    assert found == pytest.approx([right, len(inside) / max(1, len(cited)), 0, 1.0 if cited else 0.5])


@pytest.mark.parametrize("seed", range(100))
def test_images(seed: int) -> None:
    rng = random.Random(seed)
    known, said, made = corners(rng), corners(rng), statements(rng, [Fraction(3)])
    original = [2 * known[0], known[1], 2 * known[2], known[3]]
    asked = row(stgr.VISUAL, f"<obj>cup</obj><box>{original}</box>")
    answer = f"<obj>cup</obj>{boxed(said)} or {boxed(known)}"
    found = values(asked, "".join(written(each, rng) for each in made), answer, rng.random(), Rule())

    cited = [float(overlap(box, known)) for _, boxes in made for box in boxes or ()]
    assert found == pytest.approx([float(overlap(said, known)), 0, max(cited, default=0), 1.0 if cited else 0.5])
