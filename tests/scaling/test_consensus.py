"""The medoid: one whole rollout, whatever their order."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import permutations

import pytest

from harness import metrics, plugins
from harness.contracts import Voter
from harness.geometry import Box, Span
from harness.records import Evidence, Prediction, Sample
from harness.scaling.consensus import Consensus

SAMPLE = Sample(id="s1", item="s1", kind="when", video="v", question="?")
consensus: Voter = plugins.load("harness.scaling", "consensus")
majority: Voter = plugins.load("harness.scaling", "majority")


def rollouts(rng: random.Random, count: int = 6) -> list[Prediction]:
    def path() -> dict[float, Box]:
        return {
            t: Box(rng.uniform(0, 5), 0, rng.uniform(5, 9), rng.uniform(1, 9))
            for t in (1.0, 2.0, 3.0)
            if rng.random() < 0.8
        }

    made = [Prediction(span=Span(rng.uniform(0, 4), rng.uniform(4, 9)), boxes=path(), rollout=k) for k in range(count)]
    return [Prediction(rollout=p.rollout) if rng.random() < 0.1 else p for p in made]


def test_the_vote_is_the_rollout_that_overlaps_most() -> None:
    rng = random.Random(0)
    for trial in range(50):
        made = rollouts(rng)
        spans = {p.rollout: p.span for p in made if p.span}
        merit = {k: sum(metrics.tiou(a, b) for j, b in spans.items() if j != k) for k, a in spans.items()}
        bare = [replace(p, boxes={}) for p in made]
        vote = consensus(replace(SAMPLE, id=f"s{trial}"), bare)
        assert merit[vote.rollout] == pytest.approx(max(merit.values())) and vote.span == spans[vote.rollout]
        assert vote.tally == majority(SAMPLE, bare).tally


def test_boxes_overlap_over_the_seconds_of_either() -> None:
    rng = random.Random(1)
    for _ in range(50):
        made = [replace(p, span=None) for p in rollouts(rng)]
        paths = {p.rollout: p.boxes for p in made if p.boxes}
        merit = dict.fromkeys(paths, 0.0)
        for k, a in paths.items():
            for j, b in paths.items():
                if j != k:
                    seconds = {**a, **b}
                    blank = Box(0, 0, 0, 0)
                    merit[k] += sum(a.get(t, blank).iou(b.get(t, blank)) for t in seconds) / len(seconds)
        vote = consensus(SAMPLE, made)
        assert merit[vote.rollout] == pytest.approx(max(merit.values()))


def test_the_order_of_the_rollouts_has_no_say() -> None:
    rng = random.Random(2)
    for trial in range(20):
        made = rollouts(rng, 4)
        made += [replace(made[0], rollout=4)]
        made = [replace(p, answer=rng.choice(["A", "B", None])) for p in made]
        sample = replace(SAMPLE, id=f"s{trial}")
        assert len({repr(consensus(sample, each)) for each in permutations(made)}) == 1


def test_answers_are_voted_as_in_a_majority() -> None:
    rng = random.Random(3)
    for trial in range(50):
        sample = replace(SAMPLE, id=f"s{trial}")
        made = [Prediction(answer=rng.choice(["A", "b", "B", "c d", None]), rollout=k) for k in range(5)]
        assert consensus(sample, made) == majority(sample, made)
    assert consensus(SAMPLE, []).abstained and consensus(SAMPLE, [Prediction(), Prediction()]).abstained


def test_the_speaker_brings_its_own_evidence_and_says_the_winner() -> None:
    def speak(answer: str, end: float, k: int) -> Prediction:
        proof = Evidence(label=f"{k}", time=1.0, box=None)
        return Prediction(answer=answer, span=Span(0, end), evidence=(proof,), rollout=k)

    vote = consensus(SAMPLE, [speak("A", 2, 0), speak("A", 9, 1), speak("B", 8, 2), speak("A", 8.5, 3)])
    assert (vote.answer, vote.rollout, vote.evidence[0].label) == ("A", 3, "3")


def test_weights_move_the_medoid() -> None:
    votes = [
        Prediction(span=Span(a, a + 4), signals={"s": w}, rollout=k)
        for k, (a, w) in enumerate([(0, 9.0), (3, 1.0), (6, 1.0)])
    ]
    plain = consensus(SAMPLE, votes)

    class Signal:
        name = "s"

    weighted = Consensus(Signal())
    assert plain.span == Span(3, 7) and weighted(SAMPLE, votes).span == Span(0, 4)
