"""`harness judge`: judges that answer numbers, words, nothing and errors; killed and started again; two of them."""

from __future__ import annotations

import json
import math
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from harness import agreement, ratings
from harness.codec import encode
from harness.errors import DataError, UsageError
from harness.geometry import Span
from harness.plan import load
from harness.records import Prediction, Record, Response, Sample, Score, View
from harness.schema import dumps, validate
from harness.store import read_records

DATA = Path(__file__).parent / "data"
COLOURS, WORDY = DATA / "judged.py", DATA / "wordy.py"

Command = Callable[..., Any]
VIEW = View(video="v.mp4", times=(0.0,), duration=1.0, width=8, height=8, size=(28, 28), family="qwen2_5_vl")

GIVEN = ("red", "crimson", "rosy", "blue", "green", None)
"""The answers of each of the fixture's items; None is an abstention. The reference is red."""


def write_run(finished: Path, folder: Path, items: int = 3) -> Path:
    """A finished run whose answers are those of GIVEN, over and over."""
    folder.mkdir()
    told = json.loads((finished / "run.json").read_text())
    told["settings"]["tasks"][0]["plugin"] = str(COLOURS)
    told["tasks"]["colours"] |= {"samples": items * len(GIVEN), "items": items, "all_items": items}
    told["tasks"]["colours"]["groups"] = {"place": ["narrow", "wide"]}
    (folder / "run.json").write_text(json.dumps(told))
    lines = []
    for number in range(items):
        for given in GIVEN:
            name, place = f"q{number}-{given}", "wide" if number % 2 else "narrow"
            sample = Sample(id=name, item=str(number), kind="what", video="v.mp4", question=f"Which colour ({number})?",
                            answer="red", groups={"place": place})  # fmt: skip
            vote, said = Prediction(answer=given), Response(rollout=0, text=str(given), finish="stop", tokens=2)
            score = Score(values={"acc": float(given == "red")})
            record = Record(task="colours", version=1, sample=sample, view=VIEW, request="0" * 64, responses=(said,),
                            predictions=(vote,), vote=vote, score=score)  # fmt: skip
            lines.append(dumps(encode(record), name) + b"\n")
    (folder / "records.jsonl").write_bytes(b"".join(lines))
    return folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    return write_run(finished, tmp_path / "judged")


@pytest.fixture
def judge(harness: Command, folder: Path) -> Command:
    def command(says: Mapping[str, object], *words: object, name: str = "wordy") -> Any:
        told = json.dumps(says)
        start = ["judge", folder, "--judge-engine", WORDY, "--name", name, "--engine-option", f"says={told}"]
        return harness(*start, *words)

    return command


def judged(folder: Path, name: str = "wordy") -> Any:
    found = json.loads((folder / "scores.json").read_text())
    validate("scores", found, "scores.json")
    return found["tasks"]["colours"]["judges"][name]


MIXED = {"red": 3, "crimson": 2, "rosy": 1, "blue": "0\n", "green": 0}


def test_numbers_are_ratings_and_two_is_right(judge: Command, folder: Path) -> None:
    before = (folder / "records.jsonl").read_bytes()
    said = judge(MIXED)
    assert said.code == 0 and (folder / "records.jsonl").read_bytes() == before
    found = judged(folder)
    assert found["counts"] == {"answers": 15, "judged": 15, "unjudged": 0}
    assert found["evaluated"]["acc"] == pytest.approx(6 / 18) and found["mean_rating"] == pytest.approx(6 / 5)
    assert found["expected_rating"] is None and found["rule"] == "2 and 3 are right"
    plain = json.loads((folder / "scores.json").read_text())["tasks"]["colours"]
    assert plain["evaluated"]["acc"] == pytest.approx(3 / 18)
    page = (folder / "report.md").read_text()
    assert "| judge wordy | 33.3 |" in page and "judge wordy (no model, " in page and "2 and 3 are right" in page
    assert "judge wordy" in said.out and "unjudged 0" in said.out
    assert {part["counts"]["answers"] for part in found["by"]["place"].values()} == {10, 5}


@pytest.mark.parametrize("odd", ["four", "4", "-1", "", "2.5", "1 or 2", "\u0663", "error", "silence"])
def test_what_is_no_rating_is_unscored_and_counted(judge: Command, folder: Path, odd: str) -> None:
    said = judge(MIXED | {"crimson": odd, "blue": odd})
    found = judged(folder)
    assert said.code == 0 and found["counts"] == {"answers": 15, "judged": 9, "unjudged": 6}
    assert found["evaluated"]["acc"] == pytest.approx(3 / 12) and found["all"]["acc"] == pytest.approx(3 / 12)
    assert sum(found["errors"].values()) == 6 and "unjudged 6 (not scored)" in said.out
    assert all(r.rating is None for r in ratings.read(folder, "wordy").ratings.values() if r.error)


def test_a_judge_that_never_gives_a_number_ends_with_1(judge: Command, folder: Path) -> None:
    said = judge(dict.fromkeys(MIXED, "fine"))
    assert said.code == 1 and "no answer could be judged" in said.out
    assert judged(folder)["evaluated"]["acc"] == 0.0, "only abstentions are scored: they are wrong"
    assert judged(folder)["counts"]["unjudged"] == 15


def test_a_dead_judge_is_one_sentence_and_leaves_nothing_behind(judge: Command, folder: Path) -> None:
    said = judge(dict.fromkeys(MIXED, "error"), "--in-flight", 2)
    assert said.code == 1 and said.err.count("\n") == 1 and "too long" in said.err
    assert not ratings.read(folder, "wordy").ratings


def test_errors_are_asked_again_when_asked_for(judge: Command, folder: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    judge(MIXED | {"blue": "no", "green": "no"})
    words = ("--engine-option", f"log={log}")
    assert judge(MIXED, *words).code == 2, "another option is another judge"
    path = folder / "judge-wordy.jsonl"
    head, *lines = path.read_bytes().splitlines(keepends=True)
    changed = json.loads(head)
    changed["settings"]["engine"]["options"] = {"says": MIXED, "log": str(log)}
    path.write_bytes(dumps(changed, "head") + b"\n" + b"".join(lines))
    assert judge(MIXED, *words).code == 0 and not log.exists() and judged(folder)["counts"]["unjudged"] == 6
    assert judge(MIXED, "--retry-errors", *words).code == 0
    assert len(log.read_text().splitlines()) == 6 and judged(folder)["counts"]["unjudged"] == 0
    assert len(path.read_bytes().splitlines()) == 16


def test_log_probabilities_of_the_digits_give_the_expected_rating(harness: Command, folder: Path) -> None:
    chance = {"0": 0.1, "1": 0.2, "2": 0.3, "3": 0.4}
    logprobs = {grade: math.log(p) for grade, p in chance.items()}
    answers = folder.parent / "answers.jsonl"
    answers.write_text(json.dumps({"default": True, "choice_logprobs": logprobs}) + "\n")
    words = ("judge", folder, "--judge-engine", "scripted", "--answers", answers)
    assert harness(*words).code == 0
    assert judged(folder, "scripted")["expected_rating"] == pytest.approx(2.0)
    one = next(iter(ratings.read(folder, "scripted").ratings.values()))
    assert one.rating == 3 and one.logprobs == pytest.approx(logprobs) and one.answer in GIVEN
    assert harness(*words, "--name", "../x").code == 2


def test_a_scripted_judge_of_words_and_errors(harness: Command, folder: Path) -> None:
    answers = folder.parent / "answers.jsonl"
    told = [{"match": "to grade: red", "texts": ["3"]}, {"match": "to grade: crimson", "texts": ["nearly"]},
            {"match": "to grade: rosy", "error": "too long"}, {"default": True, "texts": ["0"]}]  # fmt: skip
    answers.write_text("".join(json.dumps(line) + "\n" for line in told))
    assert harness("judge", folder, "--judge-engine", "scripted", "--answers", answers).code == 0
    assert judged(folder, "scripted")["counts"] == {"answers": 15, "judged": 9, "unjudged": 6}


def test_killed_at_any_moment_it_goes_on_and_asks_nothing_twice(judge: Command, folder: Path, tmp_path: Path) -> None:
    log, path = tmp_path / "log", folder / "judge-slow.jsonl"
    options = {"says": json.dumps(MIXED), "delay": 0.15, "log": log}
    words = ["judge", folder, "--judge-engine", WORDY, "--name", "slow", "--in-flight", 1]
    words += [word for key, value in options.items() for word in ("--engine-option", f"{key}={value}")]
    command = [sys.executable, "-c", "from harness.cli import main; main()", *map(str, words)]
    rng = random.Random(0)
    for target in (1, 6, 11):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while not path.exists() or path.read_bytes().count(b"\n") <= target:
            time.sleep(0.02)
            assert process.poll() is None, process.communicate()
        time.sleep(rng.random() * 0.1)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        with path.open("ab") as file:
            file.write(b'{"task": "colours", "sam')
    assert subprocess.run(command, capture_output=True).returncode == 0
    assert judge(MIXED, name="alone").code == 0
    one, other = judged(folder, "slow"), judged(folder, "alone")
    assert one == other and one["counts"]["judged"] == 15
    asked = log.read_text().splitlines()
    assert len(set(asked)) == 15 and len(asked) <= 15 + 3, "at most the answer under way is asked again"


def test_a_report_and_a_resumed_run_keep_the_ratings(judge: Command, harness: Command, folder: Path) -> None:
    judge(MIXED)
    page = (folder / "report.md").read_bytes()
    assert harness("report", folder).code == 0 and (folder / "report.md").read_bytes() == page


def test_a_changed_answer_is_owed_a_new_rating(judge: Command, folder: Path) -> None:
    judge(MIXED)
    path = folder / "records.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"answer": "crimson"', b'"answer": "scarlet"'))
    before = len((folder / "judge-wordy.jsonl").read_bytes().splitlines())
    assert judge(MIXED).code == 0 and judged(folder)["counts"]["judged"] == 15
    assert len((folder / "judge-wordy.jsonl").read_bytes().splitlines()) == before + 3


def test_two_judges_and_their_agreement(judge: Command, harness: Command, folder: Path) -> None:
    judge(MIXED, name="a")
    judge(MIXED | {"crimson": 1, "rosy": "hm"}, name="b")
    assert set(json.loads((folder / "scores.json").read_text())["tasks"]["colours"]["judges"]) == {"a", "b"}
    said = harness("judge", folder, "--agreement", "a", "b")
    assert said.code == 0 and "12 answers rated by both; right by a 50.0%, by b 25.0%" in said.out
    assert "the same 75.0%" in said.out and "kappa 0.500" in said.out
    assert harness("judge", folder, "--agreement", "a", "c").err.count("there are: a, b") == 1


def test_what_cannot_be_judged_is_one_sentence(harness: Command, finished: Path, folder: Path, tmp_path: Path) -> None:
    for words, part in (
        ((tmp_path,), "is not a run folder"),
        ((folder, "--judge-engine", "vllm"), "give --judge-model"),
        ((folder, "--judge-engine", "none"), "there is no engine named"),
        ((folder, "--judge-engine", WORDY, "--in-flight", 0), "--in-flight cannot be 0"),
    ):
        said = harness("judge", *words)
        assert said.code == 2 and part in said.err and said.err.count("\n") == 1
    assert not list(folder.glob("judge-*"))


# Fleiss, Levin and Paik, Statistical Methods for Rates and Proportions, table 18.1: two raters of 100 subjects.
PUBLISHED = [[75, 1, 4], [5, 4, 1], [0, 0, 10]]


def test_kappa_is_the_published_one() -> None:
    assert agreement.raw(PUBLISHED) == pytest.approx(0.89)
    assert agreement.kappa(PUBLISHED) == pytest.approx(0.68, abs=0.005)
    assert agreement.kappa([[5, 0], [0, 0]]) is None and agreement.raw([[0, 0], [0, 0]]) is None
    assert agreement.kappa([[3, 0], [0, 4]], agreement.squared) == 1.0


def test_kappa_is_the_disagreement_of_pairs_over_that_of_all_with_all() -> None:
    rng = random.Random(1)
    for weight in (lambda a, b: float(a != b), agreement.squared):
        for _ in range(10):
            pairs = [(rng.randrange(4), rng.choice([0, 1, 3])) for _ in range(40)]
            found = sum(weight(a, b) for a, b in pairs) / 40
            chance = sum(weight(a, b) for a, _ in pairs for _, b in pairs) / 1600
            assert agreement.kappa(agreement.confusion(pairs), weight) == pytest.approx(1 - found / chance)


def test_no_common_answer_is_said(judge: Command, folder: Path) -> None:
    judge(dict.fromkeys(MIXED, "hm"), name="a")
    judge(MIXED, name="b")
    with pytest.raises(DataError, match="no answer that both a and b have rated"):
        agreement.rated_by_both(folder, ("a", "b"))


def test_ratings_from_elsewhere_are_a_judge_too(harness: Command, folder: Path) -> None:
    task = load(str(COLOURS))
    told: dict[str, Any] = {
        "model": None,
        "engine": {"name": "elsewhere", "dtype": "auto", "options": {}, "answers": None},
    }
    head = {"format": 1, "settings": told | {"tasks": {"colours": 1}}, "started": "2025-01-01", "versions": {}}
    found = []
    for record in read_records(folder):
        request = ratings.question(task, record)
        if request is not None:
            found.append(ratings.Rating(task="colours", sample=record.sample.id, request=request.key,
                                        answer=ratings.answer(record), rating=2))  # fmt: skip
    ratings.write(folder, "published", head, found)
    with pytest.raises(DataError, match="is there already"):
        ratings.write(folder, "published", head, found)
    assert harness("report", folder).code == 0 and "judge published" in (folder / "report.md").read_text()


def test_the_question_holds_what_a_judge_needs_and_no_frame() -> None:
    vstar = load("vstar")
    what = Sample(id="1", item="1", kind="what", video="v", question="What falls?", answer="a cup", span=Span(0, 1))
    request = vstar.ask_judge(what, Prediction(answer="a mug"))
    assert request is not None and request.choices == ("0", "1", "2", "3") and request.max_tokens == 1
    (text,) = request.parts
    assert all(part in str(text) for part in ("What falls?", "a cup", "a mug", "0, 1, 2 or 3"))
    assert vstar.ask_judge(what, Prediction()) is None, "an abstention is wrong without being asked about"
    assert [vstar.judged(what, rating).values for rating in range(4)] == [{"acc": v} for v in (0.0, 0.0, 1.0, 1.0)]
    assert "0-4" in vstar.judge_rule and "exact match" in vstar.judge_rule
    when = Sample(id="2", item="1", kind="when_1", video="v", question="When?", span=Span(0, 1))
    assert vstar.ask_judge(when, Prediction(span=Span(0, 1))) is None


def test_a_folder_in_use_is_refused(judge: Command, folder: Path) -> None:
    from harness.store import Store

    with Store(folder):
        assert judge(MIXED).code == 2
    shutil.rmtree(folder)
    with pytest.raises(UsageError, match="has no judge 'x'"):
        ratings.read(folder, "x")


def test_where_a_server_is_says_nothing_of_who_judges() -> None:
    from harness.manifest import describe_engine

    options = {"base_url": "http://127.0.0.1:1/v1", "logprobs": False}
    told = describe_engine("openai", "auto", options, None, ("base_url",))
    assert told["options"] == {"logprobs": False}
