"""The released program's frames, prompts and letters, as the presets put them together."""

from __future__ import annotations

from typing import Any

import pytest

from harness.contracts import Task
from harness.geometry import Box, Span
from harness.records import Request, Response, Sample, View
from harness.sampling import recipe
from harness.settings import configure
from harness.tasks.videomme import VideoMME
from harness.tasks.vstar import VStar

VIEW = View(video="v.mp4", times=(0.0, 1.0), duration=10.04, width=200, height=100, size=(100, 50), family="qwen2_5_vl")
KINDS = ("what", "when_1", "where_1", "where_2", "when_2")
OPTIONS = ("apple", "pear", "fig", "plum")


def sample(kind: str = "what", **more: Any) -> Sample:
    told: dict[str, Any] = {
        "id": "a", "item": "a", "kind": kind, "video": "v.mp4", "question": "Where is it?", "answer": "A red star.",
        "span": Span(2.5, 4.5), "boxes": {3.0: Box(20, 20, 100, 80), 4.0: Box(40, 20, 120, 80)},
    }  # fmt: skip
    return Sample(**told | more)


MCQ = sample("mcq", options=OPTIONS, answer="B", question="Which fruit?")


def released(task: Task, **options: str) -> Any:
    return configure(task, {**task.preset("released").options, **options})


def words(request: Request) -> str:
    return "".join(part if isinstance(part, str) else "<image>" for part in request.parts)


@pytest.mark.parametrize("task", [VStar(), VideoMME()])
def test_a_preset_is_made_of_options_and_recipes_that_there_are(task: Task) -> None:
    preset = task.preset("released")
    assert preset.frames is not None
    recipe(preset.frames)
    assert released(task).parser == "o3"
    assert (preset.repetition_penalty, preset.temperature) == (1.05, None)
    assert preset.max_tokens == (2048 if task.name == "vstar" else 8192)
    assert configure(task, dict(task.preset("paper").options)) == task


def test_v_star_is_asked_in_the_released_order_and_forms() -> None:
    asked = {kind: words(released(VStar()).request(sample(kind), VIEW)) for kind in KINDS}
    frames = "Frame 1 at 0.0s: <image>\nFrame 2 at 1.0s: <image>\n"
    for kind in ("what", "where_1", "where_2"):
        assert asked[kind].startswith(frames)
    assert asked["when_1"].startswith(f"This video is 10.04 seconds long. {frames}")
    assert asked["when_2"].startswith(
        f"This video is 10.04 seconds long with a resolution of 200x100 (width x height). {frames}"
    )
    assert "2 bounding boxes" in asked["when_2"] and "[[20, 20, 100, 80], [40, 20, 120, 80]]" in asked["when_2"]
    for kind in ("when_1", "when_2"):
        assert asked[kind].endswith("`From <t>start_time</t>s to <t>end_time</t>s`")
    assert "[3, 4]" in asked["where_1"] and '{"3": [x1, y1, x2, y2],...}' in asked["where_1"]
    assert '{"0": [x0,y0,x1,y1], "1":..., ..., "2":...}' in asked["where_2"] and "[3, 4]" not in asked["where_2"]
    form = "`<obj>object_name</obj><box>bounding_box</box>at<t>time_in_seconds</t>s`"
    assert [kind for kind in KINDS if form in asked[kind]] == ["what"]
    assert all("<think> and </think>" in text for text in asked.values())
    direct = [words(released(VStar(), prompt="released-direct").request(sample(kind), VIEW)) for kind in KINDS]
    assert not any("think" in text for text in direct)


def test_video_mme_is_asked_with_bare_frames_and_no_system_turn() -> None:
    request = released(VideoMME()).request(MCQ, VIEW)
    assert request.system is None
    assert words(request).startswith("<image><image>Question:Which fruit?\nA. apple\nB. pear\nC. fig\nD. plum\nSelect ")
    assert "100 words" in words(request)
    direct = words(released(VideoMME(), prompt="released-direct").request(MCQ, VIEW))
    assert direct.startswith("<image><image>Select ") and direct.endswith("D. plum\n") and "think" not in direct


# text, with thinking, without
LETTERS: list[tuple[str, str | None, str | None]] = [
    ("B) pear", None, None),
    ("<answer>C</answer>", None, None),
    ("<think>x</think><answer> C </answer>", "C", "C"),
    ("<think>x</think><answer>C.</answer>", None, "C"),
    ("<think>x</think><answer>(C)</answer>", None, "C"),
    ("<think>x</think><answer>c</answer>", None, None),
    ("<think>x<answer>C</answer>", None, None),
    ("B or C", None, "C"),
    ("Definitely", None, None),
    ("This is Clear", None, None),
    ("C, because the man in a CAR drives", None, None),
    ("The answer is (C) because D. is wrong", None, "D"),
    ("**C**", None, "C"),
    ("\\boxed{D}", None, "D"),
    ("a", None, None),
    ("b.", None, None),
    ("C.", None, "C"),
    ("I would say that it is a. apple", None, "A"),
    ("", None, None),
]


@pytest.mark.parametrize(("text", "think", "direct"), LETTERS)
def test_letters_as_the_released_program_reads_them(text: str, think: str | None, direct: str | None) -> None:
    for prompt, expected in (("released", think), ("released-direct", direct)):
        task = released(VideoMME(), prompt=prompt)
        prediction = task.read(MCQ, VIEW, Response(rollout=0, text=text, finish="stop"))
        assert prediction.answer == expected
        assert bool(prediction.problems) == (expected is None)


def test_what_the_released_program_cannot_read_is_an_a() -> None:
    task = released(VideoMME())
    prediction = task.read(MCQ, VIEW, Response(rollout=0, text="plum", finish="stop"))
    assert prediction.abstained
    for answer, acc in (("A", 1.0), ("B", 0.0)):
        assert task.score(sample("mcq", options=OPTIONS, answer=answer), prediction).values == {"acc": acc}


@pytest.mark.parametrize(
    ("text", "prompt", "answer"),
    [
        ("<think>x</think><answer> a star </answer>", "released", "a star"),
        ("<think>x</think> a star", "released", "<think>x</think> a star"),
        ("<answer>a star</answer>", "released-direct", "<answer>a star</answer>"),
        ("<answer></answer>", "released", None),
    ],
)
def test_what_is_the_tag_or_all_of_the_text(text: str, prompt: str, answer: str | None) -> None:
    task = released(VStar(), prompt=prompt)
    assert task.read(sample(), VIEW, Response(rollout=0, text=text, finish="stop")).answer == answer


@pytest.mark.parametrize("parser", ["official", "o3"])
def test_the_pixels_of_frames_are_taken_for_those_of_the_video(parser: str) -> None:
    text = '{"3": [20, 20, 100, 80]}'
    response = Response(rollout=0, text=text, finish="stop")
    assert VStar(parser=parser).read(sample("where_1"), VIEW, response).boxes == {3.0: Box(20, 20, 100, 80)}
    assert VStar().read(sample("where_1"), VIEW, response).boxes == {3.0: Box(40, 40, 200, 160)}


@pytest.mark.parametrize("kind", KINDS)
def test_the_reference_of_the_released_preset_scores_one(kind: str) -> None:
    task = released(VStar())
    text = task.reference(sample(kind), VIEW)
    prediction = task.read(sample(kind), VIEW, Response(rollout=0, text=text, finish="stop"))
    assert set(task.score(sample(kind), prediction).values.values()) == {1.0}
    mcq = released(VideoMME())
    read = mcq.read(MCQ, VIEW, Response(rollout=0, text=mcq.reference(MCQ, VIEW), finish="stop"))
    assert mcq.score(MCQ, read).values == {"acc": 1.0}
