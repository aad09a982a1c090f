"""Video-MMMU: three parsers, five prompts, sums by track, and the published leaderboard."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import pytest

from harness.errors import UsageError
from harness.records import Record, Request, Response, Sample, Score, View
from harness.sampling import recipe
from harness.settings import configure
from harness.tasks import _videommmu_official, _videommmu_open
from harness.tasks._videommmu_rows import TRACKS
from harness.tasks.videommmu import VideoMMMU
from harness.tasks.videommmu_question_only import VideoMMMUQuestionOnly

VIEW = View(video="v.mp4", times=(0.0, 5.0), duration=10, width=100, height=100, size=(112, 112), family="qwen2_5_vl")
TEN = ("fig", "pear", "apple", "plum", "lime", "kiwi", "date", "yam", "oat", "rye")


def sample(kind: str = "mcq", track: str = "Perception", **changes: Any) -> Sample:
    told: dict[str, Any] = {
        "id": f"{track}/dev_Art_1",
        "item": f"{track}/dev_Art_1",
        "kind": kind,
        "video": "root/Art/dev_Art_1.mp4",
        "question": "Which?" if kind != "open" else "How much?",
        "options": TEN if kind != "open" else (),
        "answer": "B" if kind != "open" else "42",
        "groups": {"track": track, "discipline": "Art", "subject": "Art"},
    }
    return Sample(**told | changes)


def value(task: VideoMMMU, text: str, asked: Sample) -> float | None:
    prediction = task.read(asked, VIEW, Response(rollout=0, text=text, finish="stop"))
    found: float | None = task.score(asked, prediction).values["acc"]
    return found


# text, the official letter, that of Open-o3-Video's program asked directly, ours asked directly
LETTERS: list[tuple[str, str | None, str | None, str | None]] = [
    ("B) pear", None, None, "B"),
    ("<answer>C</answer>", None, None, "C"),
    ("B or C", "C", "C", None),
    ("Definitely", None, None, None),
    ("This is Clear", None, None, None),
    ("C, because the man in a CAR drives", None, None, None),
    ("The answer is (C) because D. is wrong", "D", "D", None),
    ("**C**", None, None, None),
    ("\\boxed{D}", None, None, None),
    ("a", None, None, "A"),
    ("b.", None, None, "B"),
    ("", None, None, None),
    ("Both A and B, final: C.", "C", "C", None),
    ("I think it is H, sure", "I", "I", None),
    ("I pick H) foo", "I", "I", None),
    ("I think the answer is H.", "H", "H", None),
    ("A: no. B: yes", "B", "B", None),
    ("after a while it must have been the pear", "B", "B", None),
    ("I", "I", "I", "I"),
    ("J. rye", "J", "J", "J"),
]


@pytest.mark.parametrize(("text", "official", "released", "ours"), LETTERS)
def test_letters(text: str, official: str | None, released: str | None, ours: str | None) -> None:
    for parser, prompt, expected in (
        ("official", "official", official),
        ("o3", "released-direct", released),
        ("strict", "direct", ours),
    ):
        task = VideoMMMU(prompt=prompt, parser=parser)
        read = task.read(sample(), VIEW, Response(rollout=0, text=text, finish="stop"))
        assert read.answer == expected, parser
        assert bool(read.problems) == (expected is None)


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("<think>x</think><answer> C </answer>", "C"),
        ("<think>x</think><answer>C.</answer>", None),
        ("<think>x</think><answer>(C)</answer>", None),
        ("<think>x</think><answer>c</answer>", None),
        ("<think>x</think><answer>K</answer>", None),
        ("<think>x</think><answer>AB</answer>", None),
        ("<answer>C</answer>", None),
        ("C", None),
    ],
)
def test_the_released_program_wants_one_of_ten_letters_in_the_tag_and_takes_others_for_an_a(
    text: str, letter: str | None
) -> None:
    task = VideoMMMU(prompt="released", parser="o3")
    asked = sample(options=(*TEN, "more"), answer="A")
    assert task.read(asked, VIEW, Response(rollout=0, text=text, finish="stop")).answer == letter
    assert value(task, text, asked) == (letter is None)


@pytest.mark.parametrize("letter", "KLMN")
def test_letters_beyond_j_are_letters(letter: str) -> None:
    asked = sample(options=tuple(f"{a} thing" for a in ascii_uppercase[:14]), answer=letter)
    parts = VideoMMMU().request(asked, VIEW).parts
    assert f"\n{letter}. {letter} thing\n" in str(parts[-1])
    for parser in ("strict", "official"):
        task = VideoMMMU(parser=parser)
        assert value(task, task.reference(asked, VIEW), asked) == 1.0
    assert value(VideoMMMU(), "<think>x</think><answer>O</answer>", asked) == 0.0


# answer, reference, official, ours
OPEN: list[tuple[str, str, bool, bool]] = [
    ("42.004", "42", True, True),
    ("42.1", "42", False, False),
    ("a dogma", "dog", True, False),
    ("a dog", "dog", True, True),
    ("3.43", "['24/7', '3.429', '3.43]", False, True),
    ("3.429 ft/s", "['24/7', '3.429', '3.43]", False, True),
    ("24/7", "['24/7', '3.429', '3.43]", False, True),
    ("So the current is 2.83 A.", "2.83", True, False),
    ("I = 2.83 A", "2.83", True, True),
    ("$7,243,000", "7243000", True, True),
    ("7.243", "7243000", False, False),
    ("the total is 4, or 5", "5", True, False),
    ("3 or 4", "4", True, False),
    (".286", "0.286", False, True),
    ("A", "A", True, True),
    ("Answers", "A", False, False),
    ("the value is 12\nso it is 13", "12", True, False),
    ("The value is 12. So it is 13", "12", False, False),
]


@pytest.mark.parametrize(("text", "reference", "official", "ours"), OPEN)
def test_open_answers(text: str, reference: str, official: bool, ours: bool) -> None:
    asked = sample("open", "Adaptation", answer=reference)
    assert value(VideoMMMU(prompt="official", parser="official"), text, asked) == official
    assert value(VideoMMMU(prompt="direct"), text, asked) == ours
    assert value(VideoMMMU(), f"<think>x</think><answer>{text}</answer>", asked) == ours


def test_open_answers_that_are_one_number_are_one_answer_in_a_vote() -> None:
    assert {_videommmu_open.plain(text) for text in ("$1,000", "1000 dollars", "1000.001", "x = 1000.")} == {"1000"}
    assert _videommmu_open.plain("type 2") == "type 2"


def test_the_released_program_reads_the_thinking_of_open_answers_too() -> None:
    asked = sample("open", "Adaptation")
    text = "<think>first I guess 42</think><answer>7</answer>"
    assert value(VideoMMMU(prompt="released", parser="o3"), text, asked) == 1.0
    assert value(VideoMMMU(prompt="released", parser="official"), text, asked) == 0.0


@pytest.mark.parametrize("kind", ["mcq", "open", "untyped"])
@pytest.mark.parametrize("text", ["", "API Error"])
def test_what_is_empty_leaves_the_published_denominator(kind: str, text: str) -> None:
    asked = sample(kind, "Adaptation")
    assert value(VideoMMMU(prompt="official", parser="official"), text, asked) is None
    assert value(VideoMMMU(prompt="direct"), text, asked) == 0.0
    released = VideoMMMU(prompt="released-direct", parser="o3")
    assert value(released, text, asked) == (0.0 if kind == "mcq" else None)
    assert value(VideoMMMU(prompt="official", parser="official"), "none of them", asked) == 0.0


def test_a_question_without_a_type_is_a_choice_here_and_open_to_published_programs() -> None:
    asked = sample("untyped", "Adaptation", answer="C")
    assert value(VideoMMMU(prompt="direct"), "C. apple", asked) == 1.0
    official = VideoMMMU(prompt="official", parser="official")
    assert value(official, "C", asked) == 1.0 and value(official, "(C)", asked) == 0.0
    assert "pear" not in words(official.request(asked, VIEW))
    assert "pear" in words(official.request(sample(track="Adaptation"), VIEW))


def words(request: Request) -> str:
    return "".join(part if isinstance(part, str) else "<image>" for part in request.parts)


def test_prompts_of_tracks_without_a_picture() -> None:
    asked = "\nWhich?\n" + "".join(f"{a}. {t}\n" for a, t in zip(ascii_uppercase, TEN, strict=False))
    assert asked + "First think between <think>" in words(VideoMMMU().request(sample(), VIEW))
    assert words(VideoMMMU(prompt="direct").request(sample(), VIEW)).endswith(
        asked + "Respond with only the letter of the best option."
    )
    official = VideoMMMU(prompt="official").request(sample(), VIEW)
    assert words(official).endswith("J. rye\nIgnore the quiz question in the last frame of the video.")
    for track in ("Perception", "Comprehension"):
        released = VideoMMMU(prompt="released").request(sample(track=track), VIEW)
        assert released.system is None and words(released).startswith("<image><image>Which?\nA. fig")
        assert f"J. rye\nQuestion Category:{track}\nIgnore the quiz" in words(released)
        assert words(released).endswith("respond with only the letter of the right option.")
    direct = words(VideoMMMU(prompt="released-direct").request(sample(), VIEW))
    assert "think" not in direct and "Question Category" in direct


def test_open_questions_are_asked_for_the_answer() -> None:
    task = VideoMMMUQuestionOnly
    asked = sample("open", "Adaptation")
    assert words(task().request(asked, VIEW)).startswith("\nThe picture: <image>\nHow much?\nFirst think")
    assert words(task().request(asked, VIEW)).endswith("Then give the answer between <answer> and </answer>.")
    assert words(task(prompt="direct").request(asked, VIEW)).endswith("How much?\nGive only the answer.")
    assert words(task(prompt="official").request(asked, VIEW)) == "<image>How much?\n"
    released = words(task(prompt="released").request(asked, VIEW))
    assert released.startswith("<image>How much?\n\nQuestion Category:Adaptation\n")
    assert released.endswith("respond with only the final answer.")
    lecture = words(VideoMMMU(prompt="official").request(asked, VIEW))
    assert "open question below. Its picture is at the end of the video.\nHow much?" in lecture


@pytest.mark.parametrize("name", ["official", "released"])
def test_presets_are_made_of_options_that_there_are(name: str) -> None:
    for task in (VideoMMMU(), VideoMMMUQuestionOnly()):
        preset = task.preset(name)
        configured: Any = configure(task, preset.options)
        assert configured.prompt == name and configured.parser == {"official": "official", "released": "o3"}[name]
        recipe(preset.frames or task.frames)


@pytest.mark.parametrize("option", ["prompt", "parser"])
def test_unknown_options_are_one_sentence(option: str) -> None:
    changes: dict[str, Any] = {option: "x"}
    with pytest.raises(UsageError, match=f"videommmu has no {option} 'x'; there are: "):
        VideoMMMU(**changes)


def _records(rights: dict[str, int], of: int = 300) -> Iterator[Record]:
    for track, right in rights.items():
        for number in range(of):
            score = Score(values={"acc": float(number < right)})
            yield Record(task="videommmu", version=1, sample=sample(track=track), score=score)


LEADERBOARD = json.loads((Path(__file__).parent / "data" / "videommmu_leaderboard.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("row", LEADERBOARD["rows"], ids=lambda row: row[0])
def test_the_leaderboard_is_counts_of_300_and_their_mean(row: list[Any]) -> None:
    name, printed, overall = row[0], row[1:4], row[4]
    rights = {track: round(3 * each) for track, each in zip(TRACKS, printed, strict=True)}
    found = VideoMMMU().aggregate([*_records(rights)])
    for track, each in zip(TRACKS, printed, strict=True):
        assert 100 * (found[track.lower()] or 0) == pytest.approx(each, abs=0.00501)
    assert 100 * (found["acc"] or 0) == pytest.approx(overall, abs=0.021 if name == "LongVA-7B" else 0.0071)


def test_the_overall_figure_is_the_mean_of_tracks_and_not_of_answers() -> None:
    records = [*_records({"Perception": 2}, of=2), *_records({"Adaptation": 0}, of=6)]
    expected = {"perception": 1.0, "comprehension": None, "adaptation": 0.0, "acc": 0.5}
    assert VideoMMMU().aggregate(records) == expected
    unread = Record(task="videommmu", version=1, sample=sample(), error="no video")
    assert VideoMMMU().aggregate([*records, unread]) == expected
    assert VideoMMMUQuestionOnly().aggregate([*_records({"Adaptation": 3}, of=4)]) == {"acc": 0.75}


def test_reading_takes_no_longer_than_the_text_is_long() -> None:
    for text in ("1" * 20_000, "1," * 10_000, "so is " * 4_000, "-" * 20_000, "1e" * 10_000, "1." * 10_000):
        assert not _videommmu_official.right(text, "pear")
        assert not _videommmu_open.right(text, "pear")
        assert _videommmu_official.letter(text, TEN) is None
