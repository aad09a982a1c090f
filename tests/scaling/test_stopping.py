"""The rules that stop early: lossless against every continuation, the others against their formulas."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import pytest

from harness import plugins
from harness.contracts import Stop, Voter
from harness.errors import UsageError
from harness.geometry import Box, Span
from harness.records import Grade, Prediction, Record, Request, Sample
from harness.scaling.stopping import most_frequent, rule, stays_ahead
from harness.scaling.weighted import Weighted, draw, said

SAMPLE = Sample(id="s1", item="s1", kind="mcq", video="v", question="?")
MAJORITY: Voter = plugins.load("harness.scaling", "majority")
LETTERS = ["A", "B", "C", None]


@dataclass(frozen=True)
class Given:
    """A signal that is on record."""

    name: str = "given"

    def ask(self, record: Record, rollout: int) -> Sequence[Request]:
        return ()

    def value(self, record: Record, rollout: int, grades: Sequence[Grade]) -> float:
        return record.predictions[rollout].signals[self.name]


@dataclass(frozen=True)
class Bounded(Given):
    """One that tells its largest value."""

    most: float = 2.0


def heard(answers: Sequence[str | None], weights: Sequence[float] = ()) -> list[Prediction]:
    made = [Prediction(answer=answer, rollout=k) for k, answer in enumerate(answers)]
    return [replace(p, signals={"given": w}) for p, w in zip(made, weights, strict=True)] if weights else made


def lucky(sample: Sample) -> str:
    """An answer that wins every tie with those above."""
    lowest = min(draw(sample, letter) for letter in "abc")
    return next(f"word{k}" for k in range(100_000) if draw(sample, f"word{k}") < lowest)


def ends(sample: Sample, start: list[Prediction], n: int, voter: Voter, weights: Sequence[float]) -> set[str]:
    """The winners of all votes that begin like this."""
    say = [*heard([*LETTERS, lucky(sample)])]
    say = [replace(p, signals={"given": w}) for p in say for w in weights]
    return {said(voter(sample, [*start, *rest])) for rest in product(say, repeat=n - len(start))}


def pools(rng: random.Random, trials: int, weights: Sequence[float]) -> Iterator[tuple[Sample, list[Prediction], int]]:
    for trial in range(trials):
        n, skew = rng.randint(3, 5), rng.choice([1, 4])
        drawn = rng.randint(n - 3, n)
        answers = rng.choices(LETTERS, [skew, 1, 1, 1], k=drawn)
        yield replace(SAMPLE, id=f"s{trial}"), heard(answers, [rng.choice(weights) for _ in answers]), n


@pytest.mark.parametrize(
    ("voter", "weights", "trials"),
    [
        (MAJORITY, [1.0], 300),
        (Weighted(Bounded()), [0.0, 1.0, 2.0], 40),
        (Weighted(Bounded(), lambda value: 0.2 + 0.4 * value), [0.0, 2.0], 60),
    ],
    ids=["majority", "weighted", "mapped"],
)
def test_lossless_stops_exactly_when_nothing_can_change_the_winner(
    voter: Voter, weights: Sequence[float], trials: int
) -> None:
    stopped = 0
    for sample, start, n in pools(random.Random(0), trials, weights):
        more = rule("lossless", voter)(sample, start, n)
        assert more <= n - len(start)
        if any(said(p) for p in start):
            found = ends(sample, start, n, voter, weights)
            assert (more == 0) == (len(found) == 1), (start, n, found)
            assert more or found == {said(voter(sample, start))}
        stopped += more == 0 and len(start) < n
    assert stopped > trials / 40


def test_a_signal_without_a_bound_is_never_settled_without_loss() -> None:
    stop = rule("lossless", Weighted(Given()))
    assert [stop(SAMPLE, heard(["A"] * k, [5.0] * k), 8) for k in range(9)] == [8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert rule("lossless", Weighted(Bounded()))(SAMPLE, heard(["A"] * 5, [0.0] * 5), 8) == 3


@pytest.mark.parametrize("text", ["lossless", "same:0.95", "settled:0.95", "settled:0.8", "window:4"])
@pytest.mark.parametrize("n", [2, 5, 8, 16])
def test_a_wave_is_as_long_as_is_needed_if_all_agree(text: str, n: int) -> None:
    stop, rng = rule(text, MAJORITY), random.Random(n)
    for _ in range(60):
        start = heard(rng.choices("AAB", k=rng.randint(0, n)))
        leader = MAJORITY(SAMPLE, start).answer or "A"
        more = stop(SAMPLE, start, n)
        for k in range(n - len(start)):
            settled = stop(SAMPLE, [*start, *heard([leader] * k)], n) == 0
            assert settled == (k >= more) or (text == "window:4" and not settled), (start, n, k, more)


@pytest.mark.parametrize("counts", [(0, 0), (1, 0), (4, 0), (3, 1), (9, 4), (2.5, 0.7)])
def test_the_posterior_is_that_of_a_beta(counts: tuple[float, float]) -> None:
    from scipy import stats

    ahead, behind = counts
    assert most_frequent(ahead, behind) == pytest.approx(stats.beta(ahead + 1, behind + 1).sf(0.5), abs=1e-12)
    for left in (0, 1, 5, 20):
        lost = stats.betabinom(left, behind + 1, ahead + 1)
        lead = [ahead + left - k - behind - k for k in range(left + 1)]
        expected = sum(lost.pmf(k) * (0.5 if m == 0 else m > 0) for k, m in enumerate(lead))
        assert stays_ahead(ahead, behind, left) == pytest.approx(expected, abs=1e-9)
    assert stays_ahead(ahead, behind, 2001) == pytest.approx(most_frequent(ahead, behind), abs=2e-3)


@pytest.mark.parametrize(
    ("text", "first"), [("lossless", 5), ("same:0.95", 3), ("settled:0.95", 4), ("settled:0.8", 3), ("window:4", 4)]
)
def test_the_first_wave(text: str, first: int) -> None:
    stop = rule(text, MAJORITY)
    assert stop(SAMPLE, [], 8) == first
    assert stop(SAMPLE, heard(["A"] * first), 8) == 0
    assert stop(SAMPLE, heard([None] * first), 8) > 0


@pytest.mark.parametrize("text", ["same:0.9", "settled:0.9"])
def test_a_vote_is_the_same_as_often_as_is_said(text: str) -> None:
    rng, stop, n = random.Random(3), rule(text, MAJORITY), 12
    same = []
    for trial in range(1500):
        sample, share = replace(SAMPLE, id=f"s{trial}"), rng.random()
        pool = heard(["A" if rng.random() < share else "B" for _ in range(n)])
        drawn = 0
        while more := stop(sample, pool[:drawn], n):
            drawn += more
        same.append(said(MAJORITY(sample, pool[:drawn])) == said(MAJORITY(sample, pool)))
    assert sum(same) / len(same) > 0.9


def test_a_weight_counts_by_its_share() -> None:
    votes = ["A", "A", "B", "A"]
    light = [rule("settled:0.8", Weighted(Given()))(SAMPLE, heard(votes, w), 8) for w in ([1] * 4, [9] * 4)]
    assert light == [rule("settled:0.8", MAJORITY)(SAMPLE, heard(votes), 8)] * 2 == [0, 0]
    assert rule("settled:0.8", Weighted(Given()))(SAMPLE, heard(votes, [1, 1, 2, 1]), 8) > 0


def test_spans_and_boxes_settle_when_they_are_steady() -> None:
    def spans(*ends: float) -> list[Prediction]:
        return [Prediction(span=Span(0, end), rollout=k) for k, end in enumerate(ends)]

    same, lossless = rule("same:0.95", MAJORITY), rule("lossless", MAJORITY)
    assert [lossless(SAMPLE, spans(*[5.0] * k), 8) for k in (5, 7, 8)] == [3, 1, 0]
    assert [same(SAMPLE, spans(*[5.0] * k), 8) for k in (1, 2, 3)] == [2, 1, 0]
    assert same(SAMPLE, spans(3, 5, 8), 8) == 2 and same(SAMPLE, spans(3, 5, 8, 1, 9, 2, 9.5), 8) == 1
    assert same(SAMPLE, spans(4.9, 5, 5.1), 8) == 0
    assert rule("same:0.95:0.7", MAJORITY)(SAMPLE, spans(3, 5, 7), 8) == 0
    paths = [Prediction(boxes={1.0: Box(0, 0, 4, 4 + k), 2.0: Box(0, 0, 4, 4)}, rollout=k) for k in (0, 0, 3)]
    assert same(SAMPLE, paths, 8) == 2 and same(SAMPLE, paths[:2] * 2, 8) == 0
    both = [replace(p, answer=a) for p, a in zip(spans(5, 5, 5), "AAB", strict=True)]
    assert same(SAMPLE, both, 8) == rule("same:0.95", MAJORITY)(SAMPLE, heard("AAB"), 8) > 0


@pytest.mark.parametrize(
    "text",
    ["", "lossles", "lossless:1", "same", "same:2", "same:x", "same:0.4", "settled:1", "settled:0.9:2", "window:1",
     "window:2.5", "window:4:0.9:1", "same:nan"],
)  # fmt: skip
def test_what_is_no_rule_is_told_with_those_there_are(text: str) -> None:
    with pytest.raises(UsageError, match=r"cannot stop early by .*lossless .*same:P .*settled:P .*window:W"):
        rule(text, MAJORITY)


def test_a_voter_whose_weights_are_not_known_is_refused() -> None:
    with pytest.raises(UsageError, match="majority"):
        rule("same:0.95", plugins.load("harness.scaling", "first"))
    stop: Stop = rule("same:0.95", plugins.load("harness.scaling", "consensus"))
    assert stop(SAMPLE, heard("AAA"), 8) == 0
