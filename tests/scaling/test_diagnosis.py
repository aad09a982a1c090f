"""Is a signal any good: against brute force over all pairs, and on worlds of which the answer is known."""

from __future__ import annotations

import importlib
import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from harness import metrics, plugins
from harness.comparison import Pair
from harness.plan import load
from harness.records import Evidence, Prediction, Sample, Score

diagnosis: Any = importlib.import_module("harness.scaling.diagnosis")
placebo: Any = importlib.import_module("harness.scaling.placebo")
pool: Any = importlib.import_module("harness.scaling.pool")
majority = plugins.load("harness.scaling", "majority")

VIDEOMME = load("videomme")


def brute(values: list[float], scores: list[float]) -> tuple[float, float, float]:
    """Rightly ordered (ties half), all, tied: over all pairs of different score."""
    wins = pairs = ties = 0.0
    for i, j in itertools.combinations(range(len(values)), 2):
        if scores[i] != scores[j]:
            better, worse = (i, j) if scores[i] > scores[j] else (j, i)
            pairs += 1
            ties += values[i] == values[j]
            wins += 1.0 if values[better] > values[worse] else 0.5 * (values[i] == values[j])
    return wins, pairs, ties


@pytest.mark.parametrize("grades", [(0, 1), (0, 0.25, 0.5, 1), None])
def test_concordance_is_a_count_over_all_pairs(grades: tuple[float, ...] | None) -> None:
    rng = random.Random(0)
    for trial in range(60):
        size = rng.randint(1, 14)
        values = [rng.choice([0.0, 0.5, 1.0, 1.5, 2.0]) for _ in range(size)]
        scores = [float(rng.choice(grades)) if grades else rng.random() for _ in range(size)]
        wins, pairs, ties = brute(values, scores)
        assert diagnosis.ordered(values, scores) == (wins, pairs, ties), trial
        found = diagnosis.concordance(values, scores)
        assert (found is None) if not pairs else found == pytest.approx(wins / pairs)
        if grades == (0, 1):
            hits, misses = ([v for v, s in zip(values, scores, strict=True) if s == grade] for grade in (1, 0))
            reference = metrics.auroc(hits, misses)
            assert (found is None) == (reference is None) and (found is None or found == pytest.approx(reference))


def test_concordance_of_many_rollouts_is_exact_too() -> None:
    rng = random.Random(1)
    scores = [float(rng.random() < 0.4) for _ in range(4000)]
    values = [rng.choice([0.0, 1.0, 2.0]) + score * rng.random() for score in scores]
    hits, misses = ([v for v, s in zip(values, scores, strict=True) if s == grade] for grade in (1, 0))
    assert diagnosis.concordance(values, scores) == pytest.approx(metrics.auroc(hits, misses), abs=1e-12)


def rollouts(number: int, told: Sequence[tuple[str | None, float]], name: str = "relevance") -> Any:
    sample = Sample(id=f"q{number}", item="i", kind="mcq", video=f"v{number // 2}", question="?", answer="A")
    made = tuple(Prediction(answer=a, rollout=k, signals={name: value}) for k, (a, value) in enumerate(told))
    return pool.Rollouts(sample, made, (1,) * len(made), 1.0)


def asked(samples: list[Any]) -> list[Any]:
    scorers = {s.sample.id: pool.Scorer(VIDEOMME, s.sample) for s in samples}
    found: list[Any] = diagnosis.questions(samples, scorers, "acc")
    return found


def drawn(rng: random.Random, count: int) -> list[Any]:
    told = [[(rng.choice(["A", "A", "B", None]), float(rng.randint(0, 2))) for _ in range(6)] for _ in range(count)]
    return [rollouts(number, each) for number, each in enumerate(told)]


def test_discrimination_within_a_question_leaves_out_who_abstains() -> None:
    samples = drawn(random.Random(2), 40)
    found = diagnosis.discrimination(asked(samples), "relevance")
    sums, flat = [0.0, 0.0, 0.0], []
    for each in samples:
        voices = [(p.signals["relevance"], float(p.answer == "A")) for p in each.predictions if p.answer]
        flat += voices
        sums = [a + b for a, b in zip(sums, brute([v for v, _ in voices], [s for _, s in voices]), strict=True)]
    assert found.within.value == pytest.approx(sums[0] / sums[1]) and found.pairs == sums[1]
    assert found.tied == pytest.approx(sums[2] / sums[1]) and found.samples == 40
    wins, pairs, _ = brute([v for v, _ in flat], [s for _, s in flat])
    assert found.pooled == pytest.approx(wins / pairs)
    assert found.within.low < found.within.value < found.within.high and found.within.clusters <= 20
    assert sum(level.n for level in found.levels) == len(flat) and [level.mean for level in found.levels] == [0, 1, 2]


def test_easy_questions_alone_make_a_signal_look_good() -> None:
    rng, samples = random.Random(3), []
    for number in range(80):
        easy = rng.random()
        told = [
            ("A" if rng.random() < easy else "B", float(round(2 * easy + rng.uniform(-0.3, 0.3), 1))) for _ in range(8)
        ]
        samples.append(rollouts(number, told))
    found = diagnosis.discrimination(asked(samples), "relevance")
    assert found.pooled > 0.75 and found.within.low < 0.5 < found.within.high


def test_a_sample_that_lacks_a_signal_or_a_score_is_left_out() -> None:
    samples = [rollouts(0, [("A", 2.0), ("B", 0.0)]), rollouts(1, [("A", 0.0), ("B", 2.0)], "other")]
    half = replace(samples[0].predictions[1], signals={})
    samples.append(replace(rollouts(2, [("A", 0.0), ("B", 2.0)]), predictions=(samples[0].predictions[0], half)))
    found = diagnosis.discrimination(asked(samples), "relevance")
    assert found.samples == 1 and found.within.value == 1.0
    assert found.within.low is None and found.within.note == "one cluster tells no error"
    nothing = diagnosis.discrimination([], "relevance")
    assert nothing.samples == 0 and nothing.pooled is None and nothing.within.value is None and nothing.tied is None
    assert nothing.levels == ()
    agreed = diagnosis.discrimination(asked([rollouts(0, [("A", 1.0), ("A", 2.0)])]), "relevance")
    assert agreed.pooled is None and agreed.within.value is None and agreed.pairs == 0


def test_levels_hold_all_values_and_cut_none() -> None:
    rng = random.Random(4)
    for _ in range(50):
        values = [rng.choice([rng.random(), 0.5, 1.0]) for _ in range(rng.randint(1, 60))]
        scores = [float(rng.random() < 0.5) for _ in values]
        found = diagnosis.levels(values, scores, bins=5)
        assert len(found) <= 5 and sum(level.n for level in found) == len(values)
        assert all(one.high < other.low for one, other in itertools.pairwise(found))
        assert math.fsum(level.n * level.score for level in found) == pytest.approx(sum(scores))
        for level in found:
            inside = [v for v in values if level.low <= v <= level.high]
            assert len(inside) == level.n and level.mean == pytest.approx(math.fsum(inside) / level.n)
    even = diagnosis.levels(range(100), [0.0] * 100, bins=10)
    assert [level.n for level in even] == [10] * 10


def test_calibration_by_hand() -> None:
    def vote(share: float) -> Prediction:
        return Prediction(answer="A", tally={"a": share, "b": 0.7 - share, "": 0.3} if share < 0.7 else {"a": share})

    found = diagnosis.calibration([(vote(0.4), 1.0), (vote(0.4), 0.0), (vote(0.6), 1.0), (vote(0.6), 1.0)])
    assert found.ece == pytest.approx((0.1 + 0.4) / 2)
    assert found.brier == pytest.approx((0.36 + 0.16 + 0.16 + 0.16) / 4)
    assert diagnosis.calibration([(Prediction(), 0.0)]) is None and diagnosis.calibration([(vote(0.4), 0.5)]) is None
    assert diagnosis.share(vote(0.9)) == 1.0 and diagnosis.share(Prediction(answer="A")) is None


def test_a_vote_that_is_right_as_often_as_its_share_is_calibrated() -> None:
    rng, votes = random.Random(5), []
    for _ in range(6000):
        share = rng.choice([3, 4, 5, 6, 7, 8]) / 8
        votes.append((Prediction(answer="A", tally={"a": share, "b": 1 - share}), float(rng.random() < share)))
    assert diagnosis.calibration(votes).ece < 0.02


def test_the_gap() -> None:
    samples = [rollouts(n, [("B", 0.0), ("A" if n < 6 else "B", 0.0)]) for n in range(10)]

    def pair(number: int) -> Pair:
        before, after = float(number < 2), float(number < 5)
        scores = (Score(values={"acc": before}), Score(values={"acc": after}))
        return Pair(sample=samples[number].sample, before=Prediction(), after=Prediction(), scores=scores)

    found = diagnosis.gap([pair(n) for n in range(10)], "acc", asked(samples))
    assert found.oracle == 0.6 and found.recovered.value == pytest.approx(3 / 4)
    assert found.recovered.low < 0.75 <= found.recovered.high
    nothing = diagnosis.gap([pair(n) for n in range(2)], "acc", asked(samples[:2]))
    assert nothing.oracle == 1.0 and nothing.recovered.value is None
    assert diagnosis.gap([], "acc", []).oracle is None


def test_shares() -> None:
    proof = Evidence(label="star", time=1.0, box=(0, 0, 1, 1))  # type: ignore[arg-type]
    made = rollouts(0, [("A", 0.0), (None, 0.0), ("A", 0.0), ("A", 0.0)])
    claims = [(proof,), (), (replace(proof, box=None),), (proof,) * 11]
    with_claims = [replace(p, evidence=e) for p, e in zip(made.predictions, claims, strict=True)]
    found = diagnosis.shares([replace(made, predictions=tuple(with_claims)), rollouts(1, [("A", 0.0), ("A", 0.0)])])
    assert (found.abstained, found.without_claims, found.without_evidence) == (1 / 6, 3 / 6, 4 / 6)
    assert (found.many_claims, found.unanimous) == (1 / 6, 1 / 2)
    assert diagnosis.shares([]).abstained is None and diagnosis.shares([]).unanimous is None


def test_shuffles_keep_the_weights_and_their_mean_is_that_of_all_orders() -> None:
    [question] = asked([rollouts(0, [("A", 2.0), ("B", 1.0), ("B", 0.0), ("C", 1.0)])])
    orders = placebo.shuffled(question, "relevance", shuffles=4000)
    assert all(sorted(order) == [0.0, 1.0, 1.0, 2.0] for order in orders)
    assert placebo.shuffled(question, "relevance") == placebo.shuffled(question, "relevance")
    voter = type(majority)(Named())
    sample, scorer = question.rollouts.sample, pool.Scorer(VIDEOMME, question.rollouts.sample)

    def right(values: Any) -> float:
        vote = voter(sample, placebo.weighed(question.rollouts, "relevance", values))
        return float(scorer(vote).values["acc"] or 0)

    every = [right(order) for order in itertools.permutations([2.0, 1.0, 0.0, 1.0])]
    some = [right(order) for order in orders]
    assert math.fsum(some) / len(some) == pytest.approx(math.fsum(every) / len(every), abs=0.03)
    [same] = asked([rollouts(0, [("A", 1.0), ("B", 1.0)])])
    assert placebo.shuffled(same, "relevance") == [(1.0, 1.0)] and placebo.shuffled(same, "other") == []


class Named:
    name = "relevance"
