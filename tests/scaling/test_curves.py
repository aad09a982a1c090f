"""Curves against brute force: every subset is voted on by the voter itself."""

from __future__ import annotations

import importlib
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations, permutations
from math import comb
from typing import Any

import numpy as np
import pytest

from harness import plugins
from harness.contracts import Voter
from harness.geometry import Box, Span
from harness.records import Grade, Prediction, Record, Request, Sample

scaling = {
    name: importlib.import_module(f"harness.scaling.{name}")
    for name in ("ballots", "columns", "curves", "pool", "subsets", "weighted")
}
ballots, columns, curves, pool, subsets, weighted = scaling.values()
vstar = plugins.load("harness.tasks", "vstar")
first: Voter = plugins.load("harness.scaling", "first")
majority: Voter = plugins.load("harness.scaling", "majority")
SAMPLE = Sample(id="s", item="s", kind="what", video="v", question="?", answer="A star")
SPAN, BOX = Span(2, 6), Box(0, 0, 4, 4)


@dataclass(frozen=True)
class Noted:
    """A signal that is on record."""

    name: str = "s"

    def ask(self, record: Record, rollout: int) -> list[Request]:
        return []

    def value(self, record: Record, rollout: int, grades: Sequence[Grade]) -> float:
        return 0.0


heavy: Voter = weighted.Weighted(Noted())
huge: Voter = weighted.Weighted(Noted(), lambda weight: weight * 1e9)


def longest(sample: Sample, predictions: Sequence[Prediction]) -> Prediction:
    """A voter of its own kind, to which the number of a rollout matters."""
    return max(predictions, key=lambda p: (len(p.answer or ""), p.rollout or 0))


def rollout(rng: random.Random, kind: str, k: int) -> Prediction:
    problems: Sequence[tuple[str, ...]] = [(), ("cut",)]
    made = Prediction(rollout=k, signals={"s": rng.choice([0.0, 0.2, 0.6, 1.0])}, problems=rng.choice(problems))
    if kind == "what":
        return replace(made, answer=rng.choice(["star", "The star.", "a star", "moon", "sun", None]))
    if kind == "when_1":
        return replace(made, span=rng.choice([None, SPAN, Span(1, 4), Span(rng.uniform(0, 4), rng.uniform(4, 9))]))
    boxes = {1.0: Box(rng.uniform(0, 2), 0, 4, rng.uniform(2, 5)), 2.0: BOX}
    return replace(made, boxes=rng.choice([{}, boxes, {1.0: BOX}]))


def made(rng: random.Random, count: int, n: int, kinds: Sequence[str] = ("what", "when_1", "where_1")) -> Any:
    """A pool of V-STaR."""
    found = pool.Pool(vstar)
    for number in range(count):
        kind = rng.choice(kinds)
        truth: dict[str, Any] = (
            {"span": SPAN} if kind == "when_1" else {"boxes": {1.0: BOX, 2.0: BOX}} if kind == "where_1" else {}
        )
        sample = replace(SAMPLE, id=f"{number:03d}", item=f"{number}", kind=kind, video=f"v{number % 7}", **truth)
        predictions = tuple(rollout(rng, kind, k) for k in range(n))
        if rng.random() < 0.1:
            predictions = tuple(Prediction(rollout=k, signals={"s": 0.0}) for k in range(n))
        found.samples.append(pool.Rollouts(sample, predictions, (1,) * n, 1.0))
    return found


def brute(found: Any, voter: Voter, k: int) -> list[dict[str, float]]:
    """The mean score of the votes of all subsets, sample by sample."""
    result = []
    for each in found.samples:
        scores = [vstar.score(each.sample, voter(each.sample, c)) for c in combinations(each.predictions, k)]
        result.append({name: sum(score.values[name] for score in scores) / len(scores) for name in scores[0].values})
    return result


def expected(found: Any, voter: Voter, sizes: Sequence[int], seed: int = 0) -> Any:
    table = curves.table(found, found.n)
    full = [score for _, score in curves.votes(table, voter)]
    return table, curves.curve(table, voter, sizes, full, seed)


@pytest.mark.parametrize("voter", [majority, heavy, huge, longest], ids=["majority", "weighted", "huge", "own"])
def test_a_curve_is_the_mean_over_all_subsets(voter: Voter) -> None:
    for n in (1, 2, 5):
        found = made(random.Random(n), 24, n)
        table, curve = expected(found, voter, range(1, n + 1))
        for k, point in curve.items():
            assert point.exact.all() and point.parts is None
            for row, keys, want in zip(point.values, table.keys, brute(found, voter, k), strict=True):
                got = dict(zip(table.metrics, row, strict=True))
                assert {key: got[key] for key in keys} == pytest.approx(want, abs=1e-12)
                assert all(np.isnan(got[key]) for key in got.keys() - set(keys))


@pytest.mark.parametrize("voter", [majority, heavy], ids=["majority", "weighted"])
def test_who_speaks_for_a_subset_is_who_the_voter_lets_speak(voter: Any) -> None:
    rng = random.Random(4)
    for trial in range(40):
        n, sample = rng.randint(1, 6), replace(SAMPLE, id=f"s{trial}")
        said = [rollout(rng, "what", k) for k in range(n)]
        codes, units = ballots.ballot(voter, sample, said)
        ranks = ballots.ranked(said, units)
        counted = ballots.Ballots(*(np.array([part]) for part in (codes, units, ranks)))
        for k in range(1, n + 1):
            want = np.zeros(n + 1)
            for chosen in combinations(said, k):
                speaker = voter(sample, chosen).rollout
                want[n if speaker is None else speaker] += 1 / comb(n, k)
            ways = [ballots.by_weights(counted, subsets.subsets(n, k))]
            ways += [ballots.by_counts(counted, k)] if voter is majority else []
            for chances in ways:
                assert chances[0, 0] == pytest.approx(want, abs=1e-12)


def test_the_first_rollout_is_a_single_one_whatever_k_is() -> None:
    found = made(random.Random(0), 10, 4)
    table, curve = expected(found, first, [1, 3, 4])
    for point in curve.values():
        for row, keys, want in zip(point.values, table.keys, brute(found, first, 1), strict=True):
            got = dict(zip(table.metrics, row, strict=True))
            assert {key: got[key] for key in keys} == pytest.approx(want)


def test_with_all_rollouts_it_is_exactly_what_the_voter_gives() -> None:
    found = made(random.Random(1), 30, 40)
    for voter in (majority, heavy):
        table, curve = expected(found, voter, [40])
        for each, row, keys in zip(found.samples, curve[40].values, table.keys, strict=True):
            score = vstar.score(each.sample, voter(each.sample, each.predictions))
            assert [row[table.metrics.index(key)] for key in keys] == [score.values[key] for key in keys]


def test_with_too_many_subsets_a_majority_stays_exact_and_others_are_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    found, counts = made(random.Random(2), 6, 9), made(random.Random(2), 12, 9, ["what"])
    exact = {voter: expected(found, voter, [4])[1][4] for voter in (heavy, longest)}
    alike = expected(counts, majority, [4])[1][4]
    monkeypatch.setattr(subsets, "ALL_UP_TO", 100)
    monkeypatch.setattr(subsets, "IN_A_PART", 3)
    again = expected(counts, majority, [4])[1][4]
    assert again.exact.all() and again.values == pytest.approx(alike.values, abs=1e-12, nan_ok=True)
    for voter, truth in exact.items():
        runs = [expected(found, voter, [4], seed)[1][4] for seed in range(20)]
        assert not any(run.exact.any() for run in runs) and all(run.parts.shape[0] == subsets.PARTS for run in runs)
        drawn = np.array([run.values for run in runs])
        spread = drawn.std(0, ddof=1) / len(runs) ** 0.5
        off = (drawn.mean(0) - truth.values)[spread > 0] / spread[spread > 0]
        assert abs(off).max() < 4.5
        same = expected(found, voter, [4], 0)[1][4]
        assert np.array_equal(same.values, runs[0].values, equal_nan=True)


def test_the_error_of_an_estimate_is_its_spread_over_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subsets, "ALL_UP_TO", 1)
    found = made(random.Random(3), 40, 8, ["what"])
    points = []
    for seed in range(60):
        table, curve = expected(found, heavy, [3], seed)
        points.append(columns.Columns(table).points(curve[3])["acc"])
    spread = np.std([point.value for point in points], ddof=1)
    assert spread == pytest.approx(np.mean([point.error for point in points]), rel=0.3)


def test_plurality_against_brute_force_and_ties_that_are_fair_on_average() -> None:
    rng = random.Random(5)
    for _ in range(60):
        counts = [rng.randint(1, 3) for _ in range(rng.randint(1, 4))]
        silent = rng.randint(0, 3)
        n = sum(counts) + silent
        k = rng.randint(1, n)
        rollouts = [a for a, c in enumerate(counts) for _ in range(c)] + [-1] * silent
        won: Counter[tuple[int, int]] = Counter()
        fair = Fraction(0)
        for chosen in combinations(rollouts, k):
            given = Counter(a for a in chosen if a >= 0)
            if given:
                most = max(given.values())
                won[min(a for a in given if given[a] == most), most] += 1
                tied = [a for a in given if given[a] == most]
                fair += Fraction(0 in tied, len(tied))
        chances = ballots.plurality(np.array([counts]), np.array([silent]), k)[0]
        assert chances * comb(n, k) == pytest.approx(
            np.array([[won[a, x] for x in range(k + 1)] for a in range(len(counts))]), abs=1e-9
        )
        published = ballots.fair_majority(counts[0], counts[1:], silent, k)
        assert published == fair / comb(n, k)
        orders = list(permutations(range(len(counts))))
        ours = [
            ballots.plurality(np.array([[counts[a] for a in order]]), np.array([silent]), k)[0, order.index(0)].sum()
            for order in orders
        ]
        assert sum(ours) / len(orders) == pytest.approx(float(published))


def test_pass_at_k_is_the_best_of_k_right_and_wrong_ones() -> None:
    for n in range(1, 7):
        for right in range(n + 1):
            scores = [1.0] * right + [0.0] * (n - right)
            for k in range(1, n + 1):
                want = np.mean([max(chosen) for chosen in combinations(scores, k)])
                assert subsets.pass_at(n, right, k) == pytest.approx(want)
                assert subsets.best_of(np.array(scores), k).item() == pytest.approx(want)


def test_the_best_of_k_by_order_statistics() -> None:
    rng = np.random.default_rng(0)
    for n in (1, 4, 7):
        values = rng.random(n)
        holes = np.where(rng.random(n) < 0.4, np.nan, values)
        for k in range(1, n + 1):
            want = np.mean([max(chosen) for chosen in combinations(values, k)])
            assert subsets.best_of(values, k).item() == pytest.approx(want)
            scored = [max(known) for c in combinations(holes, k) if (known := [v for v in c if v == v])]
            want = np.mean(scored) if scored else np.nan
            assert subsets.best_of(holes, k).item() == pytest.approx(want, nan_ok=True)


def test_random_subsets_are_of_size_k_and_hit_every_rollout_alike() -> None:
    masks = subsets.subsets(30, 9, seed=1).masks
    assert masks.shape == (subsets.PARTS, subsets.IN_A_PART, 30) and (masks.sum(-1) == 9).all()
    hits = masks.sum((0, 1))
    assert abs(hits - 256 * 0.3).max() < 4.5 * (256 * 0.3 * 0.7) ** 0.5
    assert np.array_equal(masks, subsets.subsets(30, 9, seed=1).masks)
    assert not np.array_equal(masks, subsets.subsets(30, 9, seed=2).masks)


def test_a_subset_in_which_nothing_is_scored_is_left_out() -> None:
    official = replace(plugins.load("harness.tasks", "videomme"), parser="official")
    sample = replace(SAMPLE, kind="mcq", answer="A", options=("x", "y", "z", "w"))
    said = tuple(Prediction(answer=answer, rollout=k) for k, answer in enumerate(["A", None, None]))
    found = pool.Pool(official, [pool.Rollouts(sample, said, (1, 1, 1), 1.0)])
    _, curve = expected(found, majority, [1, 2, 3])
    assert [point.values.item() for point in curve.values()] == [1.0, 1.0, 1.0]
