"""The voters: same type out, no say for silence or for the order of the rollouts."""

from __future__ import annotations

import random
import statistics
from collections import Counter
from dataclasses import replace
from itertools import permutations

import pytest

from harness import plugins
from harness.contracts import Voter
from harness.geometry import Box, Span
from harness.records import Evidence, Prediction, Sample

SAMPLE = Sample(id="s1", item="s1", kind="mcq", video="v", question="?")
first: Voter = plugins.load("harness.scaling", "first")
majority: Voter = plugins.load("harness.scaling", "majority")


def said(*answers: str | None) -> list[Prediction]:
    return [Prediction(answer=answer, rollout=k) for k, answer in enumerate(answers)]


@pytest.mark.parametrize(
    ("answers", "winner", "tally"),
    [
        (["A"], "A", {"a": 1}),
        (["A", "B", "B"], "B", {"a": 1, "b": 2}),
        (["A", None, None, None], "A", {"a": 1, "": 3}),
        ([None, None], None, {"": 2}),
        ([], None, {}),
        (["", "  ", None], None, {"": 3}),
        (["A red star.", "red star", "star", "star."], None, {"a": 0}),
        (["?", "?", "x"], "?", {"?": 2, "x": 1}),
    ],
)
def test_plurality(answers: list[str | None], winner: str | None, tally: dict[str, float]) -> None:
    vote = majority(SAMPLE, said(*answers))
    if tally != {"a": 0}:
        assert vote.answer == winner and vote.tally == tally
    else:
        assert vote.tally == {"red star": 2, "star": 2}
    assert vote.answer is None or answers[vote.rollout or 0] == vote.answer


def test_the_order_of_the_rollouts_has_no_say() -> None:
    rng = random.Random(0)
    for trial in range(40):
        sample = replace(SAMPLE, id=f"s{trial}")
        box = Box(0, 0, rng.random(), 1)
        made = [
            Prediction(
                answer=rng.choice(["A", "a", "B", "C", None]),
                span=rng.choice([None, Span(rng.random(), 1 + rng.random())]),
                boxes=rng.choice([{}, {1.0: box}, {1.0: box, 2.0: Box(0, 0, 1, rng.random())}]),
                evidence=(Evidence(label=f"{k}", time=None, box=None),),
                rollout=k,
            )
            for k in range(5)
        ]
        assert len({repr(majority(sample, each)) for each in permutations(made)}) == 1
        assert len({repr(first(sample, each)) for each in permutations(made)}) == 1


def test_a_tie_favours_no_letter() -> None:
    winners = Counter(majority(replace(SAMPLE, id=f"s{k}"), said(*"ABCD")).answer for k in range(2000))
    assert set(winners) == set("ABCD") and min(winners.values()) > 430


def test_spans_are_voted_by_their_medians() -> None:
    rng = random.Random(1)
    for _ in range(30):
        spans = [Span(rng.uniform(0, 9), rng.uniform(9, 20)) for _ in range(rng.randint(1, 8))]
        votes = [*(Prediction(span=s, rollout=k) for k, s in enumerate(spans)), Prediction(problems=("no span",))]
        vote = majority(SAMPLE, votes)
        assert vote.span == Span(statistics.median([s.start for s in spans]), statistics.median([s.end for s in spans]))
        assert vote.answer is None and vote.tally == {"": 1, "span": len(spans)} and vote.rollout is None


def test_boxes_are_voted_second_by_second() -> None:
    a, b, c = Box(0, 0, 4, 4), Box(2, 0, 8, 4), Box(4, 0, 6, 10)
    votes = [{3.0: a, 4.0: a}, {3.0: b, 5.0: a}, {3.0: c, 4.0: c}, {}]
    vote = majority(SAMPLE, [Prediction(boxes=boxes, rollout=k) for k, boxes in enumerate(votes)])
    assert vote.boxes == {3.0: Box(2, 0, 6, 4), 4.0: Box(2, 0, 5, 7)}
    assert vote.tally == {"": 1, "boxes": 3}


def test_the_speaker_is_one_that_agrees() -> None:
    proof = (Evidence(label="star", time=1.0, box=None),)
    votes = [Prediction(answer="x", rollout=0), *(Prediction(answer="y", evidence=proof, rollout=k) for k in (1, 2))]
    assert majority(SAMPLE, votes).evidence == proof


def test_first_takes_the_lowest_rollout() -> None:
    assert first(SAMPLE, said("A", "B")).answer == "A"
    assert first(SAMPLE, said(None, "B")).answer is None
    assert first(SAMPLE, []).abstained


def test_the_names_of_the_voters() -> None:
    assert {"first", "majority"} <= set(plugins.names("harness.scaling"))
