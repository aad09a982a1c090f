"""CameraBench VQA: the release's layout, both ways of answering, the published sums and tables."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from harness import metrics
from harness.errors import DataError, UsageError
from harness.prompt import THINK, YES_NO
from harness.records import NEVER, Prediction, Record, Response, Sample, Score, View
from harness.shapes.clip import Clip
from harness.shapes.events import does
from harness.tasks.camerabench import CameraBench

PUBLISHED = json.loads((Path(__file__).parent / "data" / "camerabench_published.json").read_text(encoding="utf-8"))
VIEW = View(video="v.mp4", times=(0.0, 1.0), duration=2, width=64, height=64, size=(64, 64), family="qwen2_5_vl")
TASK, WORDS = CameraBench(), CameraBench(answer="generation", prompt="direct")
ROW = {
    "skill": "rotation_direction",
    "task": "pan_left_vs_pan_right",
    "images": ["a.1.2.mp4", "b.3.mp4"],
    "texts": ["Does it pan left?", "Does it pan right?"],
    "pos_video": "a.1.2.mp4",
    "neg_video": "b.3.mp4",
    "pos_text": "Does it pan left?",
    "neg_text": "Does it pan right?",
    "pos_question": "Does it pan left?",
    "neg_question": "Does it pan right?",
}
PLACE = "vqa_and_retrieval/motion_direction/pan_left_vs_pan_right.jsonl"


def _write(root: Path, *rows: Mapping[str, Any] | str, place: str = PLACE) -> Path:
    (root / place).parent.mkdir(parents=True, exist_ok=True)
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    (root / place).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


def _sample(shown: str = "pos", asked: str = "pos", pair: int = 0, folder: str = "f") -> Sample:
    item = f"{folder}/t/{pair}"
    return Sample(
        id=f"{item}/{shown}/{asked}",
        item=item,
        kind="yes/no",
        video=f"{shown}.mp4",
        question=f"Is it {asked}?",
        answer="Yes" if shown == asked else "No",
        groups={"folder": folder},
    )


def _record(sample: Sample, right: bool | None) -> Record:
    score = None if right is None else Score(values={"acc": float(right)})
    return Record(task="camerabench", version=1, sample=sample, score=score, error=None if score else "no video")


def _pair(right: Iterable[bool | None], pair: int = 0, folder: str = "f") -> list[Record]:
    """The judgments of a pair, in the order pos-pos, pos-neg, neg-pos, neg-neg of video and question."""
    places = product(("pos", "neg"), repeat=2)
    return [_record(_sample(v, q, pair, folder), r) for (v, q), r in zip(places, right, strict=True)]


def _read(task: CameraBench, text: str, logprobs: Mapping[str, float] | None = None) -> Prediction:
    response = Response(rollout=0, text=text, finish="stop", choice_logprobs=logprobs)
    read: Prediction = task.read(_sample(), VIEW, response)
    return read


def test_a_row_is_four_judgments(tmp_path: Path) -> None:
    other = {**ROW, "pos_video": "c.mp4"}
    root = _write(_write(tmp_path, ROW, other), ROW, place="vqa_and_retrieval/has_motion/has_pan_left.jsonl")
    samples = TASK.samples(root)
    told = [(Path(s.video).name, s.question[-6:-1], s.answer) for s in samples[4:8]]
    assert told == [
        ("a.1.2.mp4", " left", "Yes"),
        ("a.1.2.mp4", "right", "No"),
        ("b.3.mp4", " left", "No"),
        ("b.3.mp4", "right", "Yes"),
    ]
    assert len({s.id for s in samples}) == 12
    assert list(dict.fromkeys(s.item for s in samples)) == [
        "has_motion/has_pan_left/0",
        "motion_direction/pan_left_vs_pan_right/0",
        "motion_direction/pan_left_vs_pan_right/1",
    ]
    assert samples[0].groups == {"folder": "has_motion", "skill": "rotation_direction", "task": "has_pan_left"}


def test_videos_are_found_by_their_names(tmp_path: Path) -> None:
    _write(tmp_path, ROW)
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "a.1.2.mp4").touch()
    found = {Path(s.video).relative_to(tmp_path).as_posix() for s in TASK.samples(tmp_path)}
    assert found == {"deep/er/a.1.2.mp4", "videos/b.3.mp4"}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({k: v for k, v in ROW.items() if k != "neg_video"}, "row 0: no column 'neg_video'"),
        ({**ROW, "pos_question": 3}, "row 0: column 'pos_question': expected text, found 3"),
        ({**ROW, "neg_question": ROW["pos_question"]}, "row 0: column 'neg_question': expected another one than in"),
        ({**ROW, "neg_video": ROW["pos_video"]}, "row 0: column 'neg_video': expected another one than in"),
        ({**ROW, "pos_video": "../../x.mp4"}, "row 0: column 'pos_video': expected a video inside"),
        ("no json", "pan_left_vs_pan_right.jsonl: expected JSON"),
    ],
)
def test_what_is_not_as_published_is_one_sentence(row: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        TASK.samples(_write(tmp_path, row))


def test_a_folder_without_pairs_says_where_they_are_published(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no file .*vqa_and_retrieval.*t2v_metrics"):
        TASK.samples(tmp_path)


def test_requests() -> None:
    official = "\nIs it pos? Please only answer Yes or No."
    likely, words = TASK.request(_sample(), VIEW), WORDS.request(_sample(), VIEW)
    assert likely.parts == words.parts and likely.parts[-1] == official
    assert (likely.choices, likely.max_tokens, words.choices) == (YES_NO, 1, ())
    thinking = CameraBench(answer="generation").request(_sample(), VIEW).parts[-1]
    assert thinking == f"\nIs it pos?\n{THINK}Then answer Yes or No between <answer> and </answer>."


def test_unknown_options_are_one_sentence() -> None:
    with pytest.raises(UsageError, match="camerabench has no answer 'x'; there are: probability, generation"):
        CameraBench(answer="x")
    with pytest.raises(UsageError, match="camerabench has no parser 'x'; there are: strict, lmms"):
        CameraBench(parser="x")


@pytest.mark.parametrize(
    ("text", "logprobs", "answer"),
    [
        ("No", {"Yes": -0.1, "No": -3.0}, "Yes"),
        ("Yes", {"Yes": -3.0, "No": -0.1}, "No"),
        ("Yes", {"Yes": -0.7, "No": -0.7}, None),
        ("Yes", {"Yes": NEVER, "No": NEVER}, None),
        ("No", {"Yes": -9.0}, "Yes"),
        ("No", None, "No"),
        ("No", {}, "No"),
    ],
)
def test_probabilities_outrank_the_token_drawn(
    text: str, logprobs: Mapping[str, float] | None, answer: str | None
) -> None:
    read = _read(TASK, text, logprobs)
    assert read.answer == answer and bool(read.problems) == read.abstained == (answer is None)
    assert TASK.score(_sample(), read).values == {"acc": float(answer == "Yes")}
    assert TASK.score(_sample(asked="neg"), read).values == {"acc": float(answer == "No")}


# text, strict after a direct question, lmms-eval's reading
SAID: list[tuple[str, str | None, str | None]] = [
    ("Yes", "Yes", "Yes"),
    ("no.", "No", "No"),
    ("**No**, it is still.", "No", "No"),
    ("yes and no", "Yes", "Yes"),
    ("There is no pan, yes", None, "No"),
    ("The answer is YES", None, "Yes"),
    ("Nothing moves", None, None),
    ("yesterday", None, None),
    ("", None, None),
    ("<think>no</think>Yes", "Yes", "No"),
    ("<answer>No</answer>", "No", "No"),
    ("<think>Yes", None, "Yes"),
    (" " * 99_999, None, None),
]


@pytest.mark.parametrize(("text", "strict", "lmms"), SAID)
def test_words(text: str, strict: str | None, lmms: str | None) -> None:
    assert _read(WORDS, text).answer == strict
    assert _read(CameraBench(answer="generation", prompt="direct", parser="lmms"), text).answer == lmms


def test_thinking_wants_an_answer_tag() -> None:
    thinks = CameraBench(answer="generation")
    assert _read(thinks, "<think>yes?</think><answer>No, it does not.</answer>").answer == "No"
    assert _read(thinks, "<think>yes?</think>No").problems == ("no answer tag",)


@pytest.mark.parametrize("task", [TASK, WORDS, CameraBench(answer="generation")])
@pytest.mark.parametrize("asked", ["pos", "neg"])
def test_the_reference_scores_one(task: CameraBench, asked: str) -> None:
    sample = _sample(asked=asked)
    read = task.read(sample, VIEW, Response(rollout=0, text=task.reference(sample, VIEW), finish="stop"))
    assert task.score(sample, read).values == {"acc": 1.0} and read.problems == ()


def test_sums_are_those_of_score_matrices() -> None:
    """As the published program has them: judgments and questions by comparing P(Yes) with P(No), a tie being wrong."""
    rng = random.Random(1)
    records, judged, asked = [], [], []
    for pair in range(300):
        yes, no = ([[rng.randrange(4) for _ in range(2)] for _ in range(2)] for _ in range(2))
        right = [[(yes if v == q else no)[v][q] > (no if v == q else yes)[v][q] for q in range(2)] for v in range(2)]
        judged += right[0] + right[1]
        asked += [right[0][q] and right[1][q] for q in range(2)]
        for v, q in product(range(2), repeat=2):
            sample = _sample(("pos", "neg")[v], ("pos", "neg")[q], pair)
            logprobs = {"Yes": float(yes[v][q]), "No": float(no[v][q])}
            read = TASK.read(sample, VIEW, Response(rollout=0, text="Yes", finish="stop", choice_logprobs=logprobs))
            records.append(Record(task="camerabench", version=1, sample=sample, score=TASK.score(sample, read)))
    found = TASK.aggregate(records)
    assert found["acc"] == sum(judged) / 1200 and found["q_acc"] == sum(asked) / 600


def test_chance_is_a_half_and_a_quarter() -> None:
    every = [r for n, right in enumerate(product((False, True), repeat=4)) for r in _pair(right, n)]
    assert list(TASK.aggregate(every).values()) == [0.5, 0.25, 0.5, 0.25]
    always_yes = [r for n in range(5) for r in _pair((True, False, False, True), n)]
    assert list(TASK.aggregate(always_yes).values()) == [0.5, 0.0, 0.5, 0.0]
    unsure = [replace(record, score=Score(values={"acc": 0.5})) for record in every]
    assert list(TASK.aggregate(unsure).values()) == [0.5, 0.25, 0.5, 0.25]
    constant = [r for n in range(5) for r in _pair((True, False, True, False), n)]
    assert TASK.aggregate(constant)["q_acc"] == 0.5


def test_a_question_that_lacks_a_judgment_is_left_out() -> None:
    found = TASK.aggregate([*_pair((True, True, None, True)), *_pair((None, None, None, None), 1)])
    assert found["acc"] == 1.0 and found["q_acc"] == 1.0
    found = TASK.aggregate([*_pair((True, False, None, True)), *_pair((True, True, True, True), 1, "g")])
    assert found["q_acc"] == pytest.approx(2 / 3) and found["q_acc_folders"] == 0.5
    assert set(TASK.aggregate(_pair((None,) * 4)).values()) == {None}


def _folder(name: str, pairs: int, acc: float, q_acc: float) -> list[Record]:
    """Judgments of which as many are right as the printed figures say; those of questions not right are spread."""
    right, whole = round(acc * pairs * 4 / 100), round(q_acc * pairs * 2 / 100)
    questions = [(True, True)] * whole + [(True, False)] * (right - 2 * whole)
    questions += [(False, False)] * (2 * pairs - len(questions))
    assert len(questions) == 2 * pairs and sum(map(sum, questions)) == right
    mixed = [(a, c, b, d) for (a, b), (c, d) in zip(questions[::2], questions[1::2], strict=True)]
    return [record for number, judged in enumerate(mixed) for record in _pair(judged, number, name)]


def test_the_published_row_recomputes() -> None:
    """The overall figures that the paper prints, 57.6 and 22.3, are near the sums over pairs, not the folders' mean."""
    told = PUBLISHED["table2"]["folders"]
    folders = {name: _folder(name, *row.values()) for name, row in told.items()}
    for name, records in folders.items():
        found = TASK.aggregate(records)
        assert all(round(100 * (found[key] or 0), 1) == told[name][key] for key in ("acc", "q_acc"))
    whole = {key: 100 * (value or 0) for key, value in TASK.aggregate(sum(folders.values(), [])).items()}
    assert list(whole) == ["acc", "q_acc", "acc_folders", "q_acc_folders"]
    assert [round(value, 1) for value in whole.values()] == [57.7, 22.6, 56.8, 20.4]
    printed = PUBLISHED["table2"]["overall"]
    for key in ("acc", "q_acc"):
        assert abs(whole[key] - printed[key]) < 0.3 < abs(whole[f"{key}_folders"] - printed[key])


@pytest.mark.parametrize("row", PUBLISHED["ap"]["rows"], ids=lambda row: row["model"])
def test_published_averages_of_the_binary_tasks(row: Mapping[str, Any]) -> None:
    """Both the figures and their average are rounded to a tenth; three rows are off by more, as is known."""
    off = row["average"] - (metrics.mean(row["ap"]) or 0)
    known = PUBLISHED["ap"]["off"].get(row["model"])
    assert len(row["ap"]) == 15
    assert abs(off) < 0.1 if known is None else off == pytest.approx(known, abs=0.01)


def test_the_demonstration_asks_what_the_cameras_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cameras: dict[str, str | None] = {}
    things: list[bool] = []

    def film(clip: Clip, path: Path) -> None:
        cameras[path.name] = clip.camera
        things.append(any(thing.speed_x or thing.speed_y for thing in clip.things))

    monkeypatch.setattr("harness.tasks._demo.write", film)
    TASK.demo(tmp_path, 17, 3)
    samples = TASK.samples(tmp_path)
    assert len(cameras) == 18 and len(samples) == 36 and not any(things)
    for sample in samples:
        said = sample.question == does(cameras[Path(sample.video).name] or "")
        assert (sample.answer == "Yes") == said
    folders = Counter(s.groups["folder"] for s in samples)
    assert folders == {"motion_direction": 12, "has_motion": 12, "motion_and_steadiness": 12}
    (path, *_) = sorted(tmp_path.glob("vqa_and_retrieval/*/*.jsonl"))
    before = path.read_text()
    TASK.demo(tmp_path, 17, 3)
    assert path.read_text() == before
    assert set(json.loads(before.splitlines()[0])) == set(ROW)
