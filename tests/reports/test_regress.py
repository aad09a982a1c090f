"""`harness regress`: verdicts on worlds of which the truth is known, baselines, suites, JUnit, exit codes."""

from __future__ import annotations

import importlib
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy
import pytest
from scipy import stats as reference

from harness import stats
from harness.errors import DataError, UsageError
from harness.records import Sample
from harness.stats import Estimate

verdict: Any = importlib.import_module("harness.reports.regress.verdict")
suites: Any = importlib.import_module("harness.reports.regress.suite")
gates: Any = importlib.import_module("harness.reports.regress.gate")
shown: Any = importlib.import_module("harness.reports.regress.shown")
baselines: Any = importlib.import_module("harness.reports.regress.baseline")
sides: Any = importlib.import_module("harness.reports.runs.sides")

Row = tuple[Sample, Mapping[str, float | None] | None, str | None]
Write = Callable[..., Path]
ANSWERS = '''
"""A task that sums up answers, which a baseline does not keep."""
from dataclasses import dataclass
from harness.tasks.videomme import VideoMME

@dataclass(frozen=True, kw_only=True)
class Lettered(VideoMME):
    name = "lettered"

    def aggregate(self, records):
        told = [r.vote.answer for r in records if r.vote and r.vote.answer]
        return {**super().aggregate(records), "share_of_a": told.count("A") / len(told) if told else None}

task = Lettered()
'''


def rows(drop: float = 0.0, *, videos: int = 150, seed: int = 0, each: int = 2, kind: str = "mcq") -> list[Row]:
    """Questions that are right with a chance of 0.7 - drop, the same ones for the same seed."""
    made = list[Row]()
    for number in range(videos * each):
        sample = Sample(id=f"q{number:05d}", item=f"q{number}", kind=kind, video=f"/data/{number // each}.mp4",
                        question="Which?", options=("a", "b"), answer="A", groups={"length": "short"})  # fmt: skip
        right = random.Random(f"{seed}/{number}").random() < 0.7 - drop
        made.append((sample, {"acc": float(right)}, "A" if right else "B"))
    return made


def estimate(value: float, error: float, clusters: int = 2001) -> Estimate:
    return Estimate(value=value, error=error, low=value - 2 * error, high=value + 2 * error, n=300, clusters=clusters)


@pytest.mark.parametrize(
    ("value", "error", "said", "lower"),
    [
        (0.0, 0.005, "pass", False),
        (-0.01, 0.004, "pass", True),
        (-0.08, 0.02, "regressed", True),
        (-0.03, 0.01, "unclear", True),
        (0.0, 0.02, "unclear", False),
        (0.05, 0.02, "pass", False),
    ],
)
def test_the_interval_decides(value: float, error: float, said: str, lower: bool) -> None:
    at = verdict.levels(0.05, 1, 2)
    found = verdict.judge(estimate(value, error), 0.02, at)
    assert (found.verdict, found.lower) == (said, lower)
    low, high = (value + reference.t.ppf(chance, 2000) * error for chance in (0.05, 0.975))
    assert (found.low, found.high) == pytest.approx((low, high))
    assert f"{100 * value:+.1f} points, between {100 * low:+.1f} and {100 * high:+.1f}" in found.said


def test_power_is_that_of_a_simulation() -> None:
    chance, at = numpy.random.default_rng(0), verdict.levels(0.05, 1, 1)
    found = verdict.judge(estimate(0.0, 0.01, 2001), 0.02, at)
    for truth, expected, side in ((0.0, found.chance, "pass"), (-found.detectable, 0.8, "regressed")):
        drawn = [
            verdict.judge(estimate(truth + 0.01 * z, 0.01, 2001), 0.02, at).verdict for z in chance.normal(size=2000)
        ]
        assert drawn.count(side) / 2000 == pytest.approx(expected, abs=0.03)
    few = verdict.judge(estimate(0.0, 0.02, 2001), 0.02, at)
    more = verdict.judge(replace(estimate(0.0, 0.02 * (few.needed / 300) ** -0.5, 2001), n=few.needed), 0.02, at)
    assert few.needed > 300 and more.chance == pytest.approx(0.8, abs=0.01) and more.needed is None


@pytest.mark.parametrize(("drop", "wrong"), [(0.05, "pass"), (0.05, "regressed"), (0.01, "pass")])
def test_wrong_verdicts_are_as_rare_as_declared(drop: float, wrong: str) -> None:
    """Where the truth is the margin itself, either verdict is wrong; the smaller one hardly ever differs at all."""
    chance, at, found = numpy.random.default_rng(1), verdict.levels(0.1, 1, 1), 0
    videos, trials = [n // 4 for n in range(240)], 400
    for _ in range(trials):
        before = chance.random(240) < 0.8 if drop > 0.02 else numpy.ones(240, dtype=bool)
        hard = numpy.repeat(chance.random(60) < 2 * drop, 4)
        after = before & ~(hard & (chance.random(240) < 0.5 / before.mean()))
        told = stats.difference(before.astype(float), after.astype(float), videos)
        found += verdict.judge(told, drop, at).verdict == wrong
    assert found / trials <= 0.1 + 3 * (0.1 * 0.9 / trials) ** 0.5


def test_looks_and_tests_share_alpha() -> None:
    at = verdict.levels(0.05, 20, 4)
    assert (at.low, at.high) == (0.05 / 20, 0.05 / 80)
    once = verdict.judge(estimate(-0.06, 0.018), 0.02, verdict.levels(0.05, 1, 1)).verdict
    assert (once, verdict.judge(estimate(-0.06, 0.018), 0.02, at).verdict) == ("regressed", "unclear")


def test_the_same_answers_on_few_videos_are_not_enough() -> None:
    at = verdict.levels(0.05, 1, 1)
    same = [Estimate(value=0.0, error=0.0, low=0.0, high=0.0, n=2 * g, clusters=g) for g in (148, 149)]
    few, enough = (verdict.judge(each, 0.02, at) for each in same)
    assert (few.verdict, enough.verdict) == ("unclear", "pass") and 0.98**148 > 0.05 > 0.98**149
    assert few.needed == 297 and "148 videos of which hardly any differs are too few" in few.said
    alone = verdict.judge(Estimate(value=0.0, n=2, clusters=1, note="one cluster tells no error"), 0.02, at)
    assert alone.verdict == "unclear" and alone.said == "nothing can be said: one cluster tells no error"


def test_unanswered_questions_cannot_hide_a_drop(tmp_path: Path, write_run: Write) -> None:
    good = rows(videos=200)
    gone = [(sample, None, None) if n < 9 else (sample, *rest) for n, (sample, *rest) in enumerate(good)]
    runs = write_run(tmp_path / "a", {"videomme": good}), write_run(tmp_path / "b", {"videomme": gone})
    (test,) = gates.gate(*runs, suites.Suite())["tests"]
    assert (
        test["lost"] == 9
        and test["result"]["verdict"] == "unclear"
        and "2.2% of the questions" in test["result"]["said"]
    )
    runs = runs[0], write_run(tmp_path / "c", {"videomme": good[:-10]}, planned=400)
    assert gates.gate(*runs, suites.Suite())["tests"][0]["lost"] == 10


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, write_run: Write) -> dict[str, Path]:
    """A run, one with 15 points less, one of other frames."""
    folder = tmp_path_factory.mktemp("gate")
    made = {"good": rows(), "bad": rows(0.15)}
    found = {name: write_run(folder / name, {"videomme": each}) for name, each in made.items()}
    return found | {"frames": write_run(folder / "frames", {"videomme": rows(0.15)}, frames="uniform:2")}


def test_the_gate_by_its_exit_codes(harness: Callable[..., Any], runs: dict[str, Path], tmp_path: Path) -> None:
    words = ["regress", "--baseline", runs["good"], "--candidate"]
    assert harness(*words, runs["good"], "--out", tmp_path / "same").code == 0
    said = harness(*words, runs["bad"], "--out", tmp_path / "bad")
    assert said.code == 1 and "1 regressed; the gate fails" in said.out
    assert json.loads((tmp_path / "bad" / "regress.json").read_text())["verdict"] == "regressed"
    assert (tmp_path / "bad" / "regress.md").read_text().startswith("# Regressed\n")
    refused = harness(*words, runs["frames"])
    assert refused.code == 2 and "frames was uniform:8 and is uniform:2" in refused.err and "--anyway" in refused.err
    assert harness(*words, runs["frames"], "--anyway").code == 1
    assert (runs["frames"] / "regress-good" / "junit.xml").is_file()
    assert harness("regress").code == 2


def test_junit_is_what_its_readers_expect(harness: Callable[..., Any], runs: dict[str, Path], tmp_path: Path) -> None:
    for unclear, code, tag in (("pass", 0, "skipped"), ("fail", 1, "failure")):
        (tmp_path / "s.toml").write_text(f'unclear = "{unclear}"\n[[test]]\ntask = "videomme"\nmargin = 0.01\n')
        asked = ["--suite", tmp_path / "s.toml", "--out", tmp_path / unclear]
        assert harness("regress", "--baseline", runs["good"], "--candidate", runs["good"], *asked).code == code
        root = ElementTree.parse(tmp_path / unclear / "junit.xml").getroot()
        (suite,) = root
        (case,) = suite
        assert (root.tag, suite.tag, case.tag) == ("testsuites", "testsuite", "testcase")
        assert (case.get("classname"), case.get("name")) == ("regress.videomme", "acc")
        assert case.find(tag) is not None and suite.get("failures") == str(code) and suite.get("tests") == "1"


def test_hostile_strings_stay_text(runs: dict[str, Path]) -> None:
    found = gates.gate(runs["good"], runs["bad"], suites.Suite())
    bad = "\x00\x1b ]]> <a href='x'>& \ud800|\n"
    found |= {"candidate": bad}
    found["tests"] = [{**found["tests"][0], "task": bad, "title": bad, "metric": bad, "notes": [bad]}]
    root = ElementTree.fromstring(shown.junit(found))
    assert root[0][0].get("name", "").startswith("\ufffd\ufffd ]]> <a href='x'>& \ufffd|")
    assert "<a " not in shown.markdown(found)


def test_a_recorded_baseline_gives_the_verdict_of_its_run(
    harness: Callable[..., Any], runs: dict[str, Path], tmp_path: Path
) -> None:
    said = harness("regress", "record", runs["good"], "--out", tmp_path / "base.json")
    assert said.code == 0 and "300 questions of videomme" in said.out
    text = (tmp_path / "base.json").read_text()
    assert "Which?" not in text and "/data/" not in text
    told = [
        gates.gate(before, runs["bad"], suites.Suite())["tests"] for before in (runs["good"], tmp_path / "base.json")
    ]
    assert told[0] == told[1]
    harness("regress", "record", runs["good"], "--out", tmp_path / "full.json", "--texts")
    assert "Which?" in (tmp_path / "full.json").read_text()
    out = harness("compare", tmp_path / "full.json", runs["bad"], "--out", tmp_path)
    assert out.code == 0 and "Which?" in (tmp_path / "flips.md").read_text()


def test_scores_of_all_kinds_survive_a_baseline(tmp_path: Path, write_run: Write) -> None:
    rng, made = random.Random(0), list[Row]()
    for number in range(3000):
        kind, names = (("what", ("acc",)), ("when_1", ("tiou", "r1_03", "r1_05", "r1_07")),
                       ("where_1", ("viou", "ap_01", "ap_03", "ap_05", "ap_07", "ap_09")))[number % 3]  # fmt: skip
        values = {name: None if number == 4 else rng.random() for name in names}
        sample = Sample(id=f"vid_{number // 3:05d}/{kind}", item=f"{number // 3}", kind=kind, question="?",
                        video=f"/data/{number // 6:011d}.mp4", groups={"domain": f"d{number % 7}"})  # fmt: skip
        made.append((sample, None if number == 9 else values, None if number == 3 else "x"))
    run = write_run(tmp_path / "run", {"vstar": made})
    assert baselines.record(run, tmp_path / "base.json") == {"vstar": 3000}
    assert (tmp_path / "base.json").stat().st_size < 300_000
    full, kept = (sides.read(path).parts["vstar"].cases for path in (run, tmp_path / "base.json"))
    assert full.keys() == kept.keys()
    for id, case in full.items():
        mine = kept[id]
        assert (mine.asked, mine.video, mine.evaluated) == (case.asked, case.video, case.evaluated)
        assert mine.record.sample.groups == case.record.sample.groups and mine.record.error == case.record.error
        assert sides.rounded(case).record.score == mine.record.score
    assert kept["vid_00001/what"].record.vote is not None and kept["vid_00001/what"].record.vote.abstained


def test_what_a_baseline_lacks_is_refused(tmp_path: Path, write_run: Write) -> None:
    (tmp_path / "lettered.py").write_text(ANSWERS)
    run = write_run(tmp_path / "run", {str(tmp_path / "lettered.py"): rows(videos=20)})
    baselines.record(run, tmp_path / "base.json")
    asked = suites.Suite(tests=(suites.Test(task="lettered", metric="share_of_a"),))
    assert gates.gate(run, run, asked)["tests"][0]["difference"] == 0
    with pytest.raises(UsageError, match="does not keep what share_of_a of lettered is made of"):
        gates.gate(tmp_path / "base.json", run, asked)


def test_a_damaged_baseline_is_refused(runs: dict[str, Path], tmp_path: Path) -> None:
    baselines.record(runs["good"], tmp_path / "base.json")
    told = json.loads((tmp_path / "base.json").read_text())
    for change, said in (({"ids": ["x"]}, "columns of videomme do not go together"), ({"ids": [1]}, "schema")):
        broken = {**told["tasks"]["videomme"], "samples": {**told["tasks"]["videomme"]["samples"], **change}}
        (tmp_path / "bad.json").write_text(json.dumps({**told, "tasks": {"videomme": broken}}))
        with pytest.raises(DataError, match=said):
            sides.read(tmp_path / "bad.json")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("alpha = 0.05", "has no tests; give one or more [[test]]"),
        ("alfa = 1\n[[test]]\ntask='x'", "unknown key 'alfa'; did you mean 'alpha'?"),
        ("[[test]]\ntask='x'\nmargins=1", "test 1 has an unknown key 'margins'; did you mean 'margin'?"),
        ("[[test]]\nmetric='x'", "task and metric must be names"),
        ("[[test]]\ntask='x'\nmargin=0", "margin cannot be 0; give a number between 0 and 100"),
        ("[[test]]\ntask='x'\nmargin=nan", "margin cannot be nan"),
        ("looks = 0\n[[test]]\ntask='x'", "looks cannot be 0; give a whole number, 1 or more"),
        ("alpha = 0.7\n[[test]]\ntask='x'", "alpha cannot be 0.7"),
        ("unclear = 'maybe'\n[[test]]\ntask='x'", "unclear cannot be 'maybe'; give pass or fail"),
        ("[[test]]\ntask='x'\n[[test]]\ntask='x'", "test 2: the main metric of x is there twice"),
        ("[[test", "is not TOML"),
    ],
)
def test_a_wrong_suite_is_refused_in_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "suite.toml").write_text(text)
    with pytest.raises(UsageError) as found:
        suites.read(tmp_path / "suite.toml")
    assert said in str(found.value) and "\n" not in str(found.value)


def test_a_suite_must_fit_the_runs(runs: dict[str, Path]) -> None:
    def gate(*tests: Sequence[str | None]) -> None:
        made = tuple(suites.Test(task=task, metric=metric) for task, metric in tests)
        gates.gate(runs["good"], runs["bad"], suites.Suite(tests=made))

    for tests, said in (
        ([("videomm", None)], "has no task 'videomm'; did you mean 'videomme'?"),
        ([("videomme", "ac")], "videomme has no metric 'ac'; did you mean 'acc'?"),
        ([("videomme", None), ("videomme", "acc")], "has acc of videomme twice"),
    ):
        with pytest.raises(UsageError, match=said.replace("?", r"\?")):
            gate(*tests)
