"""Measures against brute force on a grid and on hand-made cases."""

from __future__ import annotations

import math
import random

import pytest

from harness import metrics
from harness.geometry import Box, Span

STEP = 8
"""Grid cells a second or pixel in the brute force; all corners lie on the grid."""


def _cells(start: int, end: int) -> set[int]:
    return set(range(start, end))


def test_tiou_equals_counting_cells() -> None:
    rng = random.Random(0)
    for _ in range(500):
        (a, b), (c, d) = sorted(rng.choices(range(60), k=2)), sorted(rng.choices(range(60), k=2))
        hull = max(b, d) - min(a, c)
        expected = len(_cells(a, b) & _cells(c, d)) / hull if hull else 0.0
        assert metrics.tiou(Span(a / STEP, b / STEP), Span(c / STEP, d / STEP)) == pytest.approx(expected)


def _random_box(rng: random.Random) -> tuple[int, int, int, int]:
    x1, x2 = sorted(rng.choices(range(14), k=2))
    y1, y2 = sorted(rng.choices(range(14), k=2))
    return x1, y1, x2, y2


def _pixels(box: tuple[int, int, int, int]) -> set[tuple[int, int]]:
    x1, y1, x2, y2 = box
    return {(x, y) for x in range(x1, x2) for y in range(y1, y2)}


def test_viou_and_ap_equal_counting_pixels() -> None:
    rng = random.Random(1)
    for _ in range(200):
        reference = {t: _random_box(rng) for t in rng.sample(range(8), rng.randint(1, 5))}
        predicted = {t: _random_box(rng) for t in rng.sample(range(8), rng.randint(0, 6))}
        ious = []
        for second, box in reference.items():
            one, two = _pixels(box), _pixels(predicted[second]) if second in predicted else set()
            ious.append(len(one & two) / len(one | two) if one | two else 0.0)
        ours = {float(t): Box(*b) for t, b in predicted.items()}
        theirs = {float(t): Box(*b) for t, b in reference.items()}
        assert metrics.viou(ours, theirs) == pytest.approx(sum(ious) / len(ious))
        for m in (0.1, 0.3, 0.5):
            assert metrics.ap_at(ours, theirs, m) == pytest.approx(sum(i >= m for i in ious) / len(ious))


@pytest.mark.parametrize(
    ("predicted", "reference", "expected"),
    [
        (Span(7, 3), Span(3, 7), 0.0),
        (Span(3, 3), Span(3, 3), 0.0),
        (Span(0, 1), Span(1, 2), 0.0),
        (Span(0, 10), Span(2, 7), 0.5),
        (Span(3, 7), Span(3, 7), 1.0),
        (None, Span(3, 7), 0.0),
    ],
)
def test_tiou_edges(predicted: Span | None, reference: Span, expected: float) -> None:
    assert metrics.tiou(predicted, reference) == expected


def test_boxes_that_are_none_score_nothing() -> None:
    good = {1.0: Box(0, 0, 10, 10)}
    assert metrics.viou({1.0: Box(10, 10, 0, 0)}, good) == 0.0
    assert metrics.viou({1.0: Box(math.nan, 0, 10, 10)}, good) == 0.0
    assert metrics.viou({2.0: Box(0, 0, 10, 10)}, good) == 0.0
    assert metrics.viou({}, {}) is None
    assert metrics.ap_at({}, {}, 0.5) is None


def test_lgm_is_the_negative_log_of_the_geometric_mean_of_the_complements() -> None:
    rng = random.Random(2)
    for _ in range(100):
        parts = [rng.random() * 0.999 for _ in range(3)]
        product = (1 - parts[0]) * (1 - parts[1]) * (1 - parts[2])
        assert metrics.log_geometric_mean(*parts) == pytest.approx(-math.log(product ** (1 / 3)))


def test_lgm_is_finite_at_one() -> None:
    assert metrics.log_geometric_mean(1.0, 0.0, 0.0) == pytest.approx(-math.log(metrics.EPS) / 3)


def test_means_leave_out_none() -> None:
    assert metrics.mean([]) is None
    assert metrics.mean([None]) is None
    assert metrics.mean([None, 0.0, 1.0]) == 0.5


@pytest.mark.parametrize(
    ("predicted", "reference", "expected"),
    [
        ("A cup.", "cup", 1.0),
        ("the  CUP", "A cup.", 1.0),
        ("red-star", "red star", 1.0),
        ("cups", "cup", 0.0),
        ("a", "the", 0.0),
        ("", "cup", 0.0),
        ("theatre", "atre", 0.0),
    ],
)
def test_exact_match(predicted: str, reference: str, expected: float) -> None:
    assert metrics.exact_match(predicted, reference) == expected
