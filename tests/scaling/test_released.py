"""The published program's evidence voting, case by case.

data/released.jsonl is what the evaluation of Open-o3-Video (commit 1eb6eca) gave on texts made for it. All of its code
ran, but for the model, which gave these responses and replies, and the frames, whose pixels told which part of which
frame a crop was. A case that ended the program with an error ("raises") has what it gave without the claim that did.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import numpy as np
import pytest

from harness import plugins
from harness.contracts import Task, Voter
from harness.errors import UsageError
from harness.geometry import Box
from harness.grading import weigh
from harness.records import Frame, Grade, Prediction, Record, Request, Response, Sample, View
from harness.scaling.released import Released, claims, crops, frame_at
from harness.settings import configure
from harness.tasks.videomme import VideoMME

CASES = [json.loads(line) for line in (Path(__file__).parent / "data" / "released.jsonl").read_text().splitlines()]
FRUIT = ("apple", "pear", "fig", "plum", "kiwi", "lime", "date", "quince", "grape", "melon")
ONE = "<think>A <obj>cat</obj><box>[10,20,60,70]</box>at<t>2.0</t>s.</think>"
SIGNAL = Released()
confidence: Voter = plugins.load("harness.scaling", "confidence-released")
majority: Voter = plugins.load("harness.scaling", "majority-released")


def task(mode: str = "think") -> VideoMME:
    options = {**VideoMME().preset("released").options, "prompt": "released" if mode == "think" else "released-direct"}
    found: Task = configure(VideoMME(), options)
    assert isinstance(found, VideoMME)
    return found


def view_of(case: dict[str, Any]) -> View:
    """The frames as qwen_vl_utils picks them, of a video twice as wide and four times as high as they are."""
    width, height = case["size"]
    indices = np.linspace(0, case["total"] - 1, case["frames"]).round()
    return View(
        video="v", times=tuple(float(i) / case["rate"] for i in indices), duration=case["total"] / case["rate"],
        width=2 * width, height=4 * height, size=(width, height), family="qwen2_5_vl",
    )  # fmt: skip


def record_of(responses: Sequence[str], view: View, letters: int = 4, mode: str = "think") -> Record:
    sample = Sample(id="s", item="s", kind="mcq", video="v", question="Which fruit?", options=FRUIT[:letters])
    said = tuple(Response(rollout=k, text=text, finish="stop") for k, text in enumerate(responses))
    read = tuple(task(mode).read(sample, view, response) for response in said)
    return Record(task="videomme", version=1, sample=sample, view=view, responses=said, predictions=read)


def told(record: Record, answers: Sequence[str]) -> Record:
    """With the letters that the program read: Video-MME knows four of ten."""
    read = [Prediction(answer=None if a == "NA" else a, rollout=k) for k, a in enumerate(answers)]
    return replace(record, predictions=tuple(read))


def test_the_cases_are_many_and_of_all_kinds() -> None:
    assert len(CASES) > 100 and len({case["shows"] for case in CASES}) == len(CASES)
    assert {case.get("raises") for case in CASES} == {None, "ValueError", "OverflowError", "IndexError"}
    assert {weight for case in CASES for weight in case["weights"]} == {0, 0.2, 0.6, 1.0}
    assert any(set(case["answers"]) == {"NA"} for case in CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["shows"])
def test_as_the_published_program(case: dict[str, Any]) -> None:
    view = view_of(case)
    record = record_of(case["responses"], view, case["letters"], case["mode"])
    if case["letters"] == 10:
        record = told(record, case["answers"])
    heard = ["NA" if w == 0 else a for a, w in zip(case["answers"], case["weights"], strict=True)]
    assert [p.answer or "NA" for p in record.predictions] == heard
    voter = majority
    if case["vote"] == "confidence":
        voter, weighed = confidence, []
        for k, reply in enumerate(case["replies"]):
            asked = SIGNAL.ask(record, k)
            shown = [part for request in asked for part in request.parts if isinstance(part, Frame)]
            assert shown == [crop_of(view, *place) for place in case["crops"][k]]
            weighed.append(SIGNAL.value(record, k, [Grade(request=r.key, choice=reply) for r in asked]))
        assert weighed == case["weights"]
        with_signals = [replace(p, signals={"released": w}) for p, w in zip(record.predictions, weighed, strict=True)]
        record = replace(record, predictions=tuple(with_signals))
    vote = voter(record.sample, random.Random(0).sample(record.predictions, len(heard)))
    assert vote.answer == case["winner"]
    assert vote.tally == {letter.lower(): weight for letter, weight in case["sums"].items()}
    assert vote.rollout == (heard.index(case["winner"]) if case["winner"] in heard else None)


def crop_of(view: View, frame: int, x1: int, y1: int, x2: int, y2: int) -> Frame:
    return Frame(video="v", time=view.times[frame], size=view.size, crop=Box(2 * x1, 4 * y1, 2 * x2, 4 * y2))


def test_with_no_letter_at_all_the_program_says_a_and_we_nothing() -> None:
    record = record_of(["no idea", "<answer>E</answer>", ""], view_of(CASES[0]))
    silent = [replace(p, signals={"released": 0.0, "relevance": 0.0}) for p in record.predictions]
    for voter in (confidence, majority):
        vote = voter(record.sample, silent)
        assert vote.answer == "A" and vote.rollout is None and vote.problems == ("the answer of no rollout",)
    for name in {"majority", "confidence"} & {*plugins.names("harness.scaling")}:
        vote = plugins.load("harness.scaling", name)(record.sample, silent)
        assert vote.abstained


def test_where_there_are_no_letters_the_first_rollout_speaks_and_nothing_is_asked() -> None:
    record = record_of([f"{ONE}<answer>a cat</answer>"] * 3, view_of(CASES[0]), letters=0)
    record = told(record, ["a cat", "a dog", "a dog"])
    assert SIGNAL.ask(record, 1) == [] and SIGNAL.value(record, 1, []) == 0
    assert confidence(record.sample, record.predictions).answer == "a cat"


def test_all_crops_are_asked_about_at_once_and_nothing_twice() -> None:
    two = ONE.replace(".</think>", ", then <obj>it</obj><box>[0,0,9,9]</box>at<t>4</t>s</think>")
    texts = [f"{two}<answer>B</answer>", f"{two}<answer>C</answer>", f"{ONE}<answer>C</answer>", "<answer>D</answer>"]
    record = record_of(texts, view_of(CASES[0]))
    asked: list[Request] = []

    async def generate(request: Request) -> list[Response]:
        asked.append(request)
        return [Response(rollout=0, text="21"[len(request.parts) == 2], finish="stop")]

    weighed = asyncio.run(weigh(record, [SIGNAL], generate))
    assert [p.signals["released"] for p in weighed.predictions] == [1.0, 1.0, 0.6, 0.0]
    assert [len(request.parts) for request in asked] == [3, 2]
    text = asked[0].parts[0]
    assert isinstance(text, str) and text.endswith("Question: Which fruit?\nA. apple\nB. pear\nC. fig\nD. plum")
    assert {(r.choices, r.n, r.temperature, r.max_tokens) for r in asked} == {(("0", "1", "2"), 1, 0.0, 1)}
    assert confidence(weighed.sample, weighed.predictions).answer == "C"


def test_what_is_not_on_record_is_one_sentence() -> None:
    record = record_of([f"{ONE}<answer>B</answer>"], view_of(CASES[0]))
    with pytest.raises(UsageError, match="the frames of s are not on record"):
        SIGNAL.ask(replace(record, view=None), 0)
    with pytest.raises(UsageError, match="the released of rollout 0 is not on record"):
        confidence(record.sample, record.predictions)


@pytest.mark.parametrize("text", ["<answer>B</answer>", "<answer>B", "<think>It<answer>B</answer>"])
def test_a_letter_that_only_another_parser_reads_weighs_nothing_without_thinking(text: str) -> None:
    record = record_of([text], view_of(CASES[0]))
    assert record.predictions[0].answer is None
    record = told(record, ["B"])
    assert SIGNAL.ask(record, 0) == [] and SIGNAL.value(record, 0, []) == 0


def test_a_crop_that_cannot_be_had_weighs_as_none() -> None:
    record = record_of([f"{ONE}<answer>B</answer>"], view_of(CASES[0]))
    assert SIGNAL.value(record, 0, [Grade(request="", error="VideoError: gone")]) == 0.2


def test_a_grid_is_turned_into_pixels() -> None:
    view = replace(view_of(CASES[0]), family="qwen3_vl", size=(320, 160), width=640, height=160)
    (frame,) = crops(view, ONE.replace("[10,20,60,70]", "[501,250,750,1000]"))
    assert frame.crop == Box(320, 40, 480, 160)


MARKS = ("<obj>", "</obj><box>[", "]</box>at<t>", "</t>s")
PARTS = (
    "cat",
    "1,2,3,4",
    "2.5",
    "nan",
    "-1,0,1e3,inf",
    "4,3,2,1",
    " ",
    "\n",
    "[",
    "]",
    "</t>",
    "</obj>",
    "<box>",
    *MARKS,
)


def searched(text: str) -> Iterator[tuple[list[float], float]]:
    """The same by a search that goes back and forth."""
    for _, box, when in re.findall("(.*?)".join(map(re.escape, MARKS)), text, re.DOTALL):
        try:
            x1, y1, x2, y2 = (float(part) for part in re.sub(r"[\[\] ]", "", box).split(","))
            at = round(float(when), 2)
        except ValueError:
            continue
        if x2 >= x1 and y2 >= y1:
            yield [x1, y1, x2, y2], at


def test_claims_are_those_that_a_search_finds() -> None:
    rng, found = random.Random(0), 0
    for _ in range(20_000):
        parts = [
            f"{mark if rng.random() < 0.9 else ''}{part if rng.random() < 0.8 else rng.choice(PARTS)}"
            for _ in range(rng.randint(1, 3))
            for mark, part in zip(MARKS, ("cat", "1,2,3,4", "2.5", ""), strict=True)
        ]
        mine = repr([*claims("".join(parts))])
        assert mine == repr([*searched("".join(parts))]), parts
        found += mine != "[]"
    assert 5000 < found < 15_000


def test_a_long_text_that_is_almost_a_claim_takes_no_time() -> None:
    begun = time.perf_counter()
    for text in ("<obj></obj><box>[]</box>at<t>" * 40_000, "<obj></obj><box>[" * 60_000, "<obj>" * 200_000):
        assert not [*claims(text)]
    assert time.perf_counter() - begun < 2


def test_times_become_frames_as_the_loader_counts_them() -> None:
    rng = random.Random(1)
    for _ in range(5000):
        rate, total = rng.choice([24000 / 1001, 25.0, 29.97, 30.0, 60.0]), rng.randint(8, 60_000)
        count = rng.choice([4, 8, 16, 64])
        case = {"size": (28, 28), "total": total, "rate": rate, "frames": count}
        at = round(rng.uniform(0, total / rate), rng.choice([0, 1, 2]))
        place = round(at * (count / max(total, 1e-6) * rate))
        assert frame_at(view_of(case), at) == (place if place < count else None)


def test_the_letters_of_a_tally_are_those_of_the_sample() -> None:
    for count in (2, 4, 10):
        sample = Sample(id="s", item="s", kind="mcq", video="v", question="?", options=FRUIT[:count])
        read = [Prediction(answer=letter, rollout=k) for k, letter in enumerate("KBA")]
        vote = majority(sample, read)
        assert vote.answer == "A" and list(vote.tally or {}) == list(ascii_uppercase[:count].lower())
        assert sum((vote.tally or {}).values()) == 2
