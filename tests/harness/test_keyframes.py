"""Key frames against what the released program chose, and the rule against a plain second writing of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from harness.keyframes import choose

PUBLISHED = [json.loads(line) for line in (Path(__file__).parent / "data/aks.jsonl").read_text().splitlines()]
"""Scores made up for this, and the frames that frame_select.py of github.com/ncTimTang/AKS (commit 4667501, 2025) gives
for them with its own constants."""


@pytest.mark.parametrize("case", PUBLISHED, ids=lambda case: f"{case['kind']}-{case['budget']}-{len(case['scores'])}")
def test_the_frames_are_those_of_the_released_program(case: dict[str, Any]) -> None:
    assert choose(case["scores"], case["budget"]) == case["chosen"]


def plain(scores: Sequence[int], count: int) -> list[int]:
    """The same in exact fractions: halves are kept as lists of (score, place)."""
    if len(scores) <= count:
        return [*range(len(scores))]
    low, high = min(scores), max(scores)
    pairs = [(Fraction(s - low, high - low) if high > low else Fraction(0), place) for place, s in enumerate(scores)]

    def best(part: list[tuple[Fraction, int]], share: int) -> list[tuple[Fraction, int]]:
        return sorted(part, key=lambda pair: (-pair[0], pair[1]))[:share]

    def walk(part: list[tuple[Fraction, int]], share: Fraction, depth: int) -> Iterator[tuple[Fraction, int]]:
        top = best(part, count)
        lead = sum(s for s, _ in top) / len(top) - sum(s for s, _ in part) / Fraction(len(part))
        assume(lead != Fraction(4, 5))
        if lead > Fraction(4, 5) or depth == 5 or share < 2:
            yield from best(part, int(share))
        else:
            yield from walk(part[: len(part) // 2], share / 2, depth + 1)
            yield from walk(part[len(part) // 2 :], share / 2, depth + 1)

    chosen = [*walk(pairs, Fraction(count), 0)]
    chosen += best([pair for pair in pairs if pair not in chosen], count - len(chosen))
    return sorted(place for _, place in chosen)


@given(st.lists(st.integers(0, 37), min_size=1, max_size=150), st.integers(1, 70))
def test_the_rule_is_that_in_exact_numbers(scores: list[int], count: int) -> None:
    chosen = choose(scores, count)
    assert chosen == plain(scores, count)
    assert chosen == sorted(set(chosen)) and len(chosen) == min(count, len(scores))


@given(st.integers(1, 64), st.integers(1, 300), st.floats(-5, 5))
def test_flat_scores_spread_the_frames(count: int, total: int, level: float) -> None:
    chosen = choose([level] * total, count)
    if total > count and count in (2, 4, 8, 16, 32):
        edges = [total * k / count for k in range(count + 1)]
        assert all(abs(place - edge) < 3 for place, edge in zip(chosen, edges, strict=False))


@pytest.mark.parametrize("count", [1, 3, 16, 32, 48, 64])
def test_one_moment_that_stands_out_gets_all_frames(count: int) -> None:
    scores = [0.01 * (place % 7) for place in range(1000)]
    for place in range(400, 400 + count):
        scores[place] = 5.0 - 0.001 * place
    assert choose(scores, count) == [*range(400, 400 + count)]


def test_two_equal_moments_share_the_frames() -> None:
    scores = [0.0] * 800
    for start in (100, 700):
        scores[start : start + 60] = [1.0] * 60
    chosen = choose(scores, 64)
    assert sum(100 <= place < 160 for place in chosen) + sum(700 <= place < 760 for place in chosen) == 64


@pytest.mark.parametrize("change", [lambda s: 3 * s + 7, lambda s: s / 1000 - 1])
def test_only_the_shape_of_the_scores_matters(change: Callable[[float], float]) -> None:
    case = PUBLISHED[0]
    assert choose([change(score) for score in case["scores"]], case["budget"]) == case["chosen"]
