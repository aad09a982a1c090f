"""The bridge to lmms-eval's tasks, on a stand-in of the package; test_lmms_real.py has it run the real one."""

from __future__ import annotations

import json
import os
import runpy
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.contracts import Task
from harness.errors import DataError, UsageError
from harness.geometry import Span
from harness.records import Prediction, Record, Response, Sample, View
from harness.shapes import clip, render
from harness.tasks import _lmms_tasks, lmms

STANDIN = Path(__file__).parent / "data" / "lmms_standin.py"
VIEW = View(video="v.mp4", times=(0.0, 1.0), duration=2, width=100, height=100, size=(100, 100), family="qwen2_5_vl")
OPTIONS = ["A. apple", "B. pear", "C. plum"]
KINDS = ["sweet"] * 8 + ["sour"] * 4


@pytest.fixture
def standin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The stand-in in place of the package, whether that is installed or not."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "lmms_eval"]:
        monkeypatch.delitem(sys.modules, name)
    made = runpy.run_path(str(STANDIN), run_name="lmms_standin")
    (tmp_path / "index").mkdir()
    for name, module in made["modules"](tmp_path / "index").items():
        monkeypatch.setitem(sys.modules, name, module)
    lmms.named.cache_clear()
    yield made
    lmms.named.cache_clear()


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "one.mp4"
    render.write(clip.make(1), path)
    return path


@pytest.fixture
def data(tmp_path: Path, film: Path) -> Path:
    """Twelve documents on one film; the answers are A, B, C in turn."""
    root = tmp_path / "data"
    docs = [
        {"question": f"Which fruit, {number}?", "options": OPTIONS, "answer": "ABC"[number % 3], "kind": kind,
         "film": "one.mp4", "number": number}
        for number, kind in enumerate(KINDS)
    ]  # fmt: skip
    (root / "owner" / "fruit").mkdir(parents=True)
    (root / "owner" / "fruit" / "docs.json").write_text(json.dumps(docs), encoding="utf-8")
    (root / "films").mkdir()
    shutil.copy(film, root / "films" / "one.mp4")
    return root


def answered(task: Task, samples: list[Sample], say: Callable[[int], str]) -> list[Record]:
    found = []
    for number, sample in enumerate(samples):
        vote = task.read(sample, VIEW, Response(rollout=0, text=say(number), finish="stop"))
        score = task.score(sample, vote)
        found.append(Record(task=task.name, version=task.version, sample=sample, vote=vote, score=score))
    return found


@pytest.mark.usefixtures("standin")
def test_documents_become_samples_with_the_words_and_videos_of_the_task(data: Path) -> None:
    before, folder = dict(os.environ), Path.cwd()
    task = lmms.named("fruit")
    samples = task.samples(data)
    assert (task.name, task.title, len(samples)) == ("lmms:fruit", "fruit of lmms-eval", 12)
    assert samples[1].question == "Which fruit, 1?\nA. apple\nB. pear\nC. plum\nAnswer with a letter."
    assert samples[1].options == ("apple", "pear", "plum")
    assert (samples[1].answer, samples[1].id, samples[1].part) == ("B", "1", None)
    assert samples[1].video == str((data / "films" / "one.mp4").resolve())
    assert [s.groups for s in samples] == [{"kind": kind} for kind in KINDS]
    assert task.request(samples[1], VIEW).parts[-1] == f"\n{samples[1].question}"
    assert (dict(os.environ), Path.cwd()) == (before, folder)
    (part,) = {sample.part for sample in lmms.named("fruit_part").samples(data)}
    assert part == Span(1.0, 2.5)
    assert {sample.answer for sample in lmms.named("fruit_part").samples(data)} == {None}


@pytest.mark.usefixtures("standin")
@pytest.mark.parametrize(
    ("text", "tags", "official"),
    [
        ("<think>A or B</think><answer>B</answer>", "B", "B"),
        ("<think>All of it</think> pear, B", "B", "B"),
        ("After All: <answer>B</answer>", "B", "A"),
        ("nothing", None, None),
        ("", None, None),
    ],
)
def test_what_is_scored_is_what_stands_in_the_tags(
    data: Path, text: str, tags: str | None, official: str | None
) -> None:
    sample = lmms.named("fruit").samples(data)[1]
    kind: Any = type(lmms.named("fruit"))
    for parser, expected in (("tags", tags), ("official", official)):
        vote = kind(parser=parser).read(sample, VIEW, Response(rollout=3, text=text, finish="stop"))
        assert (vote.answer or None, vote.rollout) == (expected, 3)


@pytest.mark.usefixtures("standin")
def test_sums_are_those_of_the_task_as_fractions_and_need_no_documents(data: Path) -> None:
    task = lmms.named("fruit")
    records = answered(task, task.samples(data), lambda number: "A" if KINDS[number] == "sweet" else "C")
    lmms.named.cache_clear()
    again = lmms.named("fruit")
    assert again is not task
    sweet, sour = 3 / 8, 2 / 4
    assert again.aggregate(records) == pytest.approx({"fruit_score": (sweet + sour) / 2, "mean of samples": 5 / 12})
    assert [again.score(r.sample, r.vote or Prediction()).values for r in records] == [
        r.score.values for r in records if r.score
    ]
    assert again.aggregate(records[:1]) == {"fruit_score": 1.0, "mean of samples": 1.0}
    assert again.aggregate([]) == {"fruit_score": None, "mean of samples": None}


@pytest.mark.usefixtures("standin")
def test_what_has_no_answer_at_all_counts_as_wrong(data: Path) -> None:
    task = lmms.named("fruit")
    samples = task.samples(data)[:4]
    records = answered(task, samples, lambda number: samples[number].answer or "")
    score = task.score(samples[3], Prediction())
    assert score.values == {"fruit_score": 0.0}
    silent = Record(task=task.name, version=1, sample=samples[3], vote=Prediction(), score=score)
    assert task.aggregate([*records[:3], silent]) == {"fruit_score": 0.75, "mean of samples": 0.75}
    assert task.aggregate([silent]) == {"fruit_score": 0.0, "mean of samples": 0.0}


def test_a_scorer_that_fails_is_asked_once_and_leaves_the_answer_unscored(standin: dict[str, Any], data: Path) -> None:
    task = lmms.named("fruit")
    sample = task.samples(data)[0]
    standin["CALLS"].clear()
    vote = task.read(sample, VIEW, Response(rollout=0, text="crash", finish="stop"))
    assert standin["CALLS"] == ["crash"]
    score = task.score(sample, vote)
    assert score.values == {"fruit_score": None}
    assert score.reason is not None
    assert "ValueError: no such fruit" in score.reason


@pytest.mark.usefixtures("standin")
def test_metrics_that_only_some_documents_have_and_those_that_are_no_numbers(data: Path) -> None:
    task = lmms.named("fruit_numbers")
    samples = task.samples(data)
    assert [s.kind for s in samples] == ["exact+sweet+handed_in"] * 8 + ["exact+handed_in"] * 4
    assert task.columns == {
        "exact": "exact",
        "sweet": "sweet (lower is better)",
        "handed_in": "handed_in",
        "mean of samples": "mean of samples",
    }
    records = answered(task, samples, lambda number: samples[number].answer or "" if number > 1 else "no")
    found = task.aggregate(records)
    assert found == pytest.approx(
        {"exact": 10 / 12, "sweet": 6 / 8, "handed_in": None, "mean of samples": 10 / 12}, nan_ok=False
    )
    silent = task.score(samples[0], Prediction())
    assert silent.values == {"exact": 0.0, "sweet": 0.0, "handed_in": 0.0}


@pytest.mark.usefixtures("standin")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fruits", "group of tasks; name one or more of them, such as lmms:fruit, lmms:fruit_numbers"),
        ("fruit_program", "a program of its own"),
        ("fruit_rounds", "of the kind generate_until_multi_round"),
        ("fruit_judged", r"judged over the network \(requests\)"),
        ("fruit_filtered", "filter_list"),
        ("fruti", "no task 'fruti'; did you mean fruit"),
        ("nowhere/fruit.yaml", "there is no task file nowhere/fruit.yaml"),
    ],
)
def test_what_cannot_be_run_is_said_by_name(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        lmms.named(name)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("standin")
def test_what_is_missing_is_said_before_a_model_is_loaded(data: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"reads https://far\.invalid/a; have a task file of your own"):
        lmms.named("fruit_away").samples(data)
    with pytest.raises(UsageError, match="document 0 of lmms-eval's fruit_pictures shows image; the bridge asks one"):
        lmms.named("fruit_pictures").samples(data)
    with pytest.raises(DataError, match="reads the data set owner/fruit, which is not in"):
        lmms.named("fruit").samples(tmp_path)
    (data / "films" / "one.mp4").rename(data / "films" / "other.mp4")
    with pytest.raises(DataError, match="12 of 12 documents .* number 0: video path:.*one.mp4 does not exist"):
        lmms.named("fruit").samples(data)
    shutil.rmtree(data / "films")
    with pytest.raises(DataError, match="looks for its videos in .*films, which is not there"):
        lmms.named("fruit").samples(data)
    with pytest.raises(UsageError, match="no synthetic instance"):
        lmms.named("fruit").demo(tmp_path, 1, 0)
    with pytest.raises(UsageError, match="say which task"):
        lmms.task.samples(data)


@pytest.mark.usefixtures("standin")
def test_data_that_the_hub_brought_is_found(data: Path) -> None:
    place = data / "hub" / "datasets--owner--fruit" / "snapshots" / "abc"
    place.parent.mkdir(parents=True)
    (data / "owner" / "fruit").rename(place)
    assert len(lmms.named("fruit").samples(data)) == 12


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    lmms.named.cache_clear()
    monkeypatch.setattr(_lmms_tasks, "PACKAGE", "no_such_package")
    with pytest.raises(UsageError, match=r"pip install 'grounded-harness\[lmms\]'"):
        lmms.named("fruit")


def test_a_run_and_a_vote_from_a_task_file(
    standin: dict[str, Any], data: Path, tmp_path: Path, harness: Callable[..., Any]
) -> None:
    file = tmp_path / "own" / "my_fruit.yaml"
    file.parent.mkdir()
    file.write_text(json.dumps({**standin["FRUIT"], "task": "my.fruit"}), encoding="utf-8")
    lines = [{"match": f"Which fruit, {n}?", "texts": ["ABC"[n % 3], "A", "A"]} for n in range(12)]
    answers = tmp_path / "answers.jsonl"
    answers.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    out = tmp_path / "run"
    said = harness("run", "--tasks", f"lmms:{file}", "--data", data, "--out", out, "--engine", "scripted", "--answers",
                   answers, "-n", "3", "--temperature", "1", "--preset", "official",
                   "-o", "lmms:my_fruit.parser=tags")  # fmt: skip
    assert said.code == 0, said.err
    scores = json.loads((out / "scores.json").read_text(encoding="utf-8"))["tasks"]["lmms:my_fruit"]
    assert scores["evaluated"] == pytest.approx({"fruit_score": (3 / 8 + 1 / 4) / 2, "mean of samples": 4 / 12})
    run = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert run["settings"]["decoding"]["max_tokens"] == 16
    shutil.rmtree(data)
    lmms.named.cache_clear()
    said = harness("vote", out, "--voters", "first,majority")
    assert said.code == 0, said.err
    votes = json.loads((out / "votes.json").read_text(encoding="utf-8"))["tasks"]["lmms:my_fruit"]
    assert votes, "the data is not needed any more"
