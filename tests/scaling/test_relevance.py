"""Signals from grades, against the formulas; what cannot be graded; controls that differ only in what is shown."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from harness import plugins, prompt
from harness.contracts import Voter
from harness.errors import EngineError, UsageError, VideoError
from harness.geometry import Box
from harness.grading import attach, has, weigh
from harness.records import Evidence, Frame, Grade, Prediction, Record, Request, Response, Sample, View
from harness.scaling.controls import expected_question_only, question_only, random_crop
from harness.scaling.logprob import likelihood
from harness.scaling.relevance import expected, relevance

VIEW = View(video="v.mp4", times=(0.0, 1.0, 2.0), duration=3, width=200, height=100, size=(56, 28), family="qwen2_5_vl")
SAMPLE = Sample(id="s", item="s", kind="mcq", video="v.mp4", question="What runs?")
DOG = Evidence(label="dog", time=1.0, box=Box(10, 10, 60, 60))
CAT = Evidence(label="cat", time=2.0, box=Box(0, 0, 50, 50))
LATE = replace(DOG, time=90.0)
BARE = Evidence(label="dog", time=None, box=None)


def record(*rollouts: Sequence[Evidence], **more: Any) -> Record:
    predictions = tuple(Prediction(answer="A", evidence=tuple(claims), rollout=k) for k, claims in enumerate(rollouts))
    return Record(task="t", version=1, sample=SAMPLE, view=VIEW, predictions=predictions, **more)


class Model:
    """Grades by the label; counts what it was asked, and how much of that at once."""

    def __init__(self, grades: dict[str, str], logprobs: dict[str, float] | None = None) -> None:
        self.grades, self.logprobs = grades, logprobs
        self.asked: list[Request] = []
        self.now = self.most = 0

    async def __call__(self, request: Request) -> list[Response]:
        self.asked.append(request)
        self.now, self.most = self.now + 1, max(self.most, self.now + 1)
        await asyncio.sleep(0.001)
        self.now -= 1
        says = next(grade for label, grade in self.grades.items() if f"show: {label}." in str(request.parts[-1]))
        if says == "gone":
            raise VideoError("v.mp4 cannot be decoded")
        if says == "fails":
            raise EngineError("too long")
        given = Response(rollout=0, text=says, finish="stop", prompt_tokens=9, choice_logprobs=self.logprobs)
        return [] if says == "silent" else [given]


def signal(model: Model, made: Record, *signals: Any) -> list[dict[str, float]]:
    found = asyncio.run(weigh(made, signals or [relevance], model))
    return [dict(prediction.signals) for prediction in found.predictions]


@pytest.mark.parametrize(
    ("claims", "value"),
    [
        ([DOG], 2.0),
        ([DOG, CAT], 1.5),
        ([DOG, DOG, DOG, CAT], 1.5),
        ([DOG, BARE], 2.0),
        ([DOG, LATE], 1.0),
        ([LATE], 0.0),
        ([BARE], 0.0),
        ([], 0.0),
        ([DOG, replace(CAT, label="ghost")], 1.0),
        ([DOG, replace(CAT, label="riddle")], 1.0),
        ([replace(CAT, label="ghost")], 0.0),
    ],
)
def test_relevance_is_the_mean_over_claims_with_where_and_when(claims: list[Evidence], value: float) -> None:
    model = Model({"dog": "2", "cat": "1", "ghost": "gone", "riddle": "two"})
    assert signal(model, record(claims)) == [{"relevance": value}]


def test_the_expectation_is_the_mean_under_the_log_probabilities() -> None:
    chances = {"0": 0.1, "1": 0.3, "2": 0.2}
    model = Model({"dog": "1", "cat": "2"}, {grade: math.log(p) for grade, p in chances.items()})
    found = signal(model, record([DOG, CAT], [DOG, LATE]), relevance, expected)
    mean = (0.3 + 2 * 0.2) / 0.6
    assert found == [
        {"relevance": 1.5, "expected": pytest.approx(mean)},
        {"relevance": 0.5, "expected": pytest.approx(mean / 2)},
    ]
    assert len(model.asked) == 2, "both signals read the same grades, and both rollouts cite the same dog"
    plain = Model({"dog": "1", "cat": "2"})
    assert signal(plain, record([DOG, CAT]), expected) == [{"expected": 1.5}]


def test_all_questions_of_all_rollouts_are_put_at_once() -> None:
    claims = [replace(DOG, box=Box(k, 0, 60, 60)) for k in range(40)]
    model = Model({"dog": "1"})
    signal(model, record(*([claims[4 * k : 4 * k + 4] for k in range(10)])))
    assert len(model.asked) == model.most == 40
    assert all((r.n, r.temperature, r.max_tokens, r.choices) == (1, 0, 1, ("0", "1", "2")) for r in model.asked)


@pytest.mark.parametrize("fault", ["fails", "silent"])
def test_a_question_that_fails_fails_the_sample_and_leaves_nothing_behind(fault: str) -> None:
    model = Model({"dog": fault, "cat": "1"})
    with pytest.raises(EngineError):
        signal(model, record([DOG, CAT, replace(CAT, time=0.0)]))
    assert model.now == 0, "no question is still under way"


def test_grades_tell_what_they_cost_and_why_there_is_none() -> None:
    made = asyncio.run(
        weigh(
            record([DOG, CAT, replace(CAT, label="riddle")]),
            [relevance],
            Model({"dog": "2", "cat": "gone", "riddle": "?"}),
        )
    )
    told = {(g.choice, g.prompt_tokens, g.error) for g in made.grades}
    assert told == {
        ("2", 9, None),
        (None, 0, "VideoError: v.mp4 cannot be decoded"),
        (None, 9, "the answer '?' is none of 0, 1, 2"),
    }


def test_what_is_on_record_is_not_asked_again() -> None:
    made = asyncio.run(weigh(record([DOG, CAT]), [relevance], Model({"dog": "2", "cat": "1"})))
    again = replace(made, predictions=tuple(replace(p, signals={}) for p in made.predictions))
    assert attach(again, [relevance]) == made and has(attach(again, [expected]), [expected])
    assert signal(Model({}), again, relevance, expected) == [{"relevance": 1.5, "expected": 1.5}]


def crop_of(request: Request) -> Frame:
    (frame,) = prompt.frames(request)
    return frame


def test_a_random_crop_differs_only_in_its_place() -> None:
    for k in range(200):
        box = Box(k % 90, k % 30, k % 90 + 1 + k % 70, k % 30 + 1 + k % 50)
        made = record([replace(DOG, box=box), CAT])
        shown, moved = relevance.ask(made, 0)[0], random_crop.ask(made, 0)[0]
        assert random_crop.ask(made, 0)[0] == moved
        one, other = crop_of(shown), crop_of(moved)
        assert one.crop is not None and other.crop is not None
        assert replace(shown, parts=()) == replace(moved, parts=()) and shown.parts[1:] == moved.parts[1:]
        assert (one.time, one.size, one.video) == (other.time, other.size, other.video)
        assert one.crop.area == other.crop.area and other.crop == other.crop.clip(VIEW.width, VIEW.height)
        assert one.crop.iou(other.crop) < 0.2


def test_random_crops_fill_the_frame_and_follow_sample_and_claim() -> None:
    made = record([DOG])
    places = {crop_of(random_crop.ask(replace(made, sample=replace(SAMPLE, id=f"{k}")), 0)[0]).crop for k in range(100)}
    xs, ys = {place[0] for place in places if place}, {place[1] for place in places if place}
    assert len(places) > 90 and max(xs) > 140 and max(ys) > 40, "150 and 50 are the most that fit"
    assert random_crop.ask(record([DOG, CAT]), 0)[0] == random_crop.ask(record([CAT, DOG]), 0)[1]
    whole = record([replace(DOG, box=Box(0, 0, 200, 100))])
    assert random_crop.ask(whole, 0) == relevance.ask(whole, 0), "a box as large as the frame has no other place"


def test_the_question_alone_is_the_same_words_without_the_crop() -> None:
    made = record([DOG, LATE, replace(DOG, time=2.0), CAT])
    shown, alone = relevance.ask(made, 0), question_only.ask(made, 0)
    assert [r.parts[1:] for r in shown] == [r.parts for r in alone] and len(alone) == 3
    model = Model({"dog": "2", "cat": "1"})
    assert signal(model, made, question_only, expected_question_only) == [
        {"question-only": 5 / 4, "expected-question-only": 5 / 4}
    ]
    assert len(model.asked) == 2, "one question a label"


def test_likelihood_is_the_geometric_mean_of_the_chances_of_the_tokens() -> None:
    chances = (0.5, 0.9, 0.2)
    said = Response(rollout=0, text="x", finish="stop", tokens=3, logprob=sum(map(math.log, chances)))
    made = record([DOG], [], responses=(said, replace(said, tokens=0, logprob=0.0)))
    found = signal(Model({}), made, likelihood)
    assert found == [{"logprob": pytest.approx(math.prod(chances) ** (1 / 3))}, {"logprob": 1.0}]
    mute = replace(made, responses=(said, replace(said, rollout=1, logprob=None)))
    with pytest.raises(UsageError, match="rollout 1 of s has no log-probability"):
        attach(mute, [likelihood])


@pytest.mark.parametrize("name", ["confidence", "expected-relevance", "logprob"])
def test_each_voter_weighs_by_its_signal(name: str) -> None:
    voter: Voter = plugins.load("harness.scaling", name)
    key = voter.signal.name  # type: ignore[attr-defined]
    said = [("A", 0.4), ("A", 0.5), ("B", 1.0), (None, 2.0)]
    votes = [Prediction(answer=a, signals={key: w}, rollout=k) for k, (a, w) in enumerate(said)]
    vote = voter(SAMPLE, votes)
    assert vote.answer == "B" and vote.rollout == 2 and vote.tally == {"": 2.0, "a": 0.9, "b": 1.0}
    flat = voter(SAMPLE, [replace(vote, signals={key: 0.0}) for vote in votes])
    assert flat.answer == "A" and flat.tally == {"": 1.0, "a": 2.0, "b": 1.0}
    with pytest.raises(UsageError, match=f"the {key} of rollout 0 is not on record"):
        voter(SAMPLE, [Prediction(answer="A", rollout=0)])


def test_the_grade_of_the_record_schema_can_be_read_without_its_cost() -> None:
    assert Grade(request="x").prompt_tokens == 0
