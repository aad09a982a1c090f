"""`harness compare RUN`: figures against a count by hand, verdicts on worlds of which the truth is known."""

from __future__ import annotations

import importlib
import json
import random
import runpy
import shutil
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from scipy.stats import binomtest, ttest_1samp

from harness.errors import UsageError
from harness.geometry import Span
from harness.records import Prediction
from harness.schema import loads, validate
from harness.store import read_run

compare: Any = importlib.import_module("harness.scaling.compare")
report: Any = importlib.import_module("harness.reports.comparison")
HERE = Path(__file__).parent
worlds: Any = SimpleNamespace(**runpy.run_path(str(HERE / "worlds.py")))

TRUSTING = str(HERE / "data" / "trusting.py")
VOTERS = ("majority", TRUSTING)

Signals = Callable[[random.Random, bool, float], Mapping[str, float]]


def telling(rng: random.Random, good: bool, easy: float) -> Mapping[str, float]:
    return {"relevance": float(rng.choice([1, 2, 2] if good else [0, 0, 1])), "random-crop": float(rng.randint(0, 2))}


def useless(rng: random.Random, good: bool, easy: float) -> Mapping[str, float]:
    return {"relevance": float(rng.randint(0, 2))}


def misleading(rng: random.Random, good: bool, easy: float) -> Mapping[str, float]:
    return {"relevance": float(rng.choice([0, 0, 1] if good else [1, 2, 2]))}


def easiness(rng: random.Random, good: bool, easy: float) -> Mapping[str, float]:
    return {"relevance": round(2 * easy + rng.uniform(-0.2, 0.2), 1) + 1}


def flat(rng: random.Random, good: bool, easy: float) -> Mapping[str, float]:
    return {"relevance": 1.0}


@pytest.fixture(scope="session")
def helped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two tasks where the signal tells."""
    made = {"videomme": worlds.choices(telling, count=150, videos=50), "vstar": worlds.spans(telling, count=40)}
    folder = tmp_path_factory.mktemp("helped") / "run"
    worlds.write(folder, made, errors=3)
    return folder


@pytest.fixture(scope="session")
def figures(helped: Path) -> dict[str, Any]:
    found: dict[str, Any] = compare.compare(helped, VOTERS)
    return found


def judged(folder: Path, signals: Signals, **kinds: int) -> dict[str, Any]:
    run = worlds.write(folder, {"videomme": worlds.choices(signals, **kinds)})
    found: dict[str, Any] = compare.compare(run, VOTERS)["tasks"]["videomme"]
    return found


def winner(predictions: list[Prediction], weigh: Callable[[Prediction], float]) -> set[str]:
    """The answers of the largest weight, the more often given ones where those are as large."""
    sums: dict[str, tuple[float, int]] = defaultdict(lambda: (0.0, 0))
    every = all(weigh(p) == 0 for p in predictions)
    for p in predictions:
        if p.answer:
            sums[p.answer] = (sums[p.answer][0] + (1 if every else weigh(p)), sums[p.answer][1] + 1)
    best = max(sums.values(), default=None)
    return {answer for answer, each in sums.items() if each == best}


def test_figures_are_those_of_a_count_by_hand(tmp_path: Path) -> None:
    made = [
        (sample, told)
        for sample, told in worlds.choices(telling, count=200, videos=70)
        if len(winner(told, lambda p: 1.0)) == 1 == len(winner(told, lambda p: p.signals["relevance"]))
    ]
    rows = [(s.video, winner(told, lambda p: 1.0), winner(told, lambda p: p.signals["relevance"])) for s, told in made]
    found = compare.compare(worlds.write(tmp_path / "run", {"videomme": made}), VOTERS)["tasks"]["videomme"]
    told = found["against"]["trusting"]["metrics"]["acc"]
    before, after = ([float(row[side] == {"A"}) for row in rows] for side in (1, 2))
    gain = [b - a for a, b in zip(before, after, strict=True)]
    fixed, broken = gain.count(1.0), gain.count(-1.0)
    other = sum(a != b and a != {"A"} != b for _, a, b in rows)
    assert told["flips"] == {
        "fixed": fixed,
        "broken": broken,
        "changed": other,
        "same": len(rows) - fixed - broken - other,
    }
    assert told["before"] == pytest.approx(sum(before) / len(rows)) and told["after"] == pytest.approx(
        sum(after) / len(rows)
    )
    assert told["mcnemar"] == pytest.approx(binomtest(fixed, fixed + broken).pvalue)
    sums: dict[str, float] = defaultdict(float)
    centre = sum(gain) / len(gain)
    for (video, _, _), each in zip(rows, gain, strict=True):
        sums[video] += each - centre
    error = (len(sums) / (len(sums) - 1) * sum(v * v for v in sums.values())) ** 0.5 / len(rows)
    assert told["difference"]["value"] == pytest.approx(centre) and told["difference"]["error"] == pytest.approx(error)
    assert told["difference"]["clusters"] == len(sums) == found["videos"] and told["random_flips"] is None
    oracle = sum(any(p.answer == "A" for p in each) for _, each in made) / len(made)
    gap = found["against"]["trusting"]["why"]["acc"]["gap"]
    assert gap["oracle"] == pytest.approx(oracle)
    assert gap["recovered"]["value"] == pytest.approx(sum(gain) / (oracle * len(rows) - sum(before)))


def test_a_video_of_one_question_each_gives_the_t_interval(tmp_path: Path) -> None:
    made = worlds.choices(telling, count=60, videos=60)
    run = worlds.write(tmp_path / "run", {"videomme": made})
    told = compare.compare(run, VOTERS)["tasks"]["videomme"]["against"]["trusting"]["metrics"]["acc"]
    flips = told["flips"]
    gain = [1.0] * flips["fixed"] + [-1.0] * flips["broken"] + [0.0] * (flips["changed"] + flips["same"])
    reference = ttest_1samp(gain, 0).confidence_interval()
    assert (told["difference"]["low"], told["difference"]["high"]) == pytest.approx((reference.low, reference.high))
    assert told["p"] == pytest.approx(told["mcnemar"]), "a cluster each: the sign-flip test is McNemar's"


def test_a_signal_that_tells_helps_and_that_explains_it(figures: dict[str, Any]) -> None:
    for name, metric in (("videomme", "acc"), ("vstar", "tiou")):
        task = figures["tasks"][name]
        against = task["against"]["trusting"]
        text = against["verdict"][metric]
        assert task["main"] == metric and task["errors"] == 3 and text.startswith("It helps: +")
        assert (
            "after Holm" in text and "which explains it" in text and "It is better than with its weights shuff" in text
        )
        assert task["signals"][metric]["relevance"]["within"]["low"] > 0.6
        crop = task["signals"][metric]["random-crop"]["within"]
        assert crop["low"] < 0.55 and crop["high"] > 0.45
        placebos = against["why"][metric]["placebos"]
        assert set(placebos) == {"shuffled", "random-crop"} and against["why"][metric]["uneven"] == 0
        assert all(each["difference"]["low"] > 0 for each in placebos.values())
    assert figures["tasks"]["vstar"]["against"]["trusting"]["why"]["tiou"]["calibration"]["majority"] is None


def test_holm_goes_over_the_main_metrics_alone(figures: dict[str, Any]) -> None:
    told = {name: task["against"]["trusting"]["metrics"] for name, task in figures["tasks"].items()}
    smaller, larger = sorted((told["videomme"]["acc"], told["vstar"]["tiou"]), key=lambda each: float(each["p"]))
    assert smaller["holm"] == pytest.approx(2 * smaller["p"])
    assert larger["holm"] == pytest.approx(max(larger["p"], smaller["holm"]))
    assert all(each["holm"] is None for name, each in told["vstar"].items() if name != "tiou")
    assert told["vstar"]["tiou"]["mcnemar"] is None and told["vstar"]["r1_05"]["mcnemar"] is not None


def test_a_signal_of_chance_establishes_nothing(tmp_path: Path) -> None:
    task = judged(tmp_path / "run", useless, seed=1)
    text = task["against"]["trusting"]["verdict"]["acc"]
    assert text.startswith("Neither help nor harm is established") and "so no gain was to be expected" in text
    assert "would have been found with a chance of 80%" in text and "not shown to matter" in text


def test_a_signal_that_misleads_harms(tmp_path: Path) -> None:
    text = judged(tmp_path / "run", misleading)["against"]["trusting"]["verdict"]["acc"]
    assert text.startswith("It harms: -") and "is higher for the worse rollouts" in text and "explains it" in text
    assert "It is worse than with its weights shuffled" in text


def test_a_signal_of_easy_questions_is_found_out(tmp_path: Path) -> None:
    task = judged(tmp_path / "run", easiness)
    signal = task["signals"]["acc"]["relevance"]
    assert signal["pooled"] > signal["within"]["value"] + 0.1
    assert "easy questions against hard ones are no use" in task["against"]["trusting"]["verdict"]["acc"]


def test_votes_that_never_differ_say_so(tmp_path: Path) -> None:
    task = judged(tmp_path / "run", flat, count=40)
    told, why = task["against"]["trusting"], task["against"]["trusting"]["why"]["acc"]
    assert told["verdict"]["acc"].startswith("The votes are the same on all 40 samples.")
    assert "Of 100% of the pairs" in told["verdict"]["acc"]
    figures = told["metrics"]["acc"]
    assert figures["p"] == figures["holm"] == figures["mcnemar"] == 1 and figures["detectable"] is None
    assert figures["difference"]["low"] == figures["difference"]["high"] == 0
    assert why["placebos"]["shuffled"]["difference"]["value"] == 0 and task["signals"]["acc"]["relevance"]["tied"] == 1


def test_one_video_or_one_rollout_tells_no_error(tmp_path: Path) -> None:
    text = judged(tmp_path / "one", telling, count=30, videos=1)["against"]["trusting"]["verdict"]["acc"]
    assert text.startswith("Whether it helps cannot be told: one cluster tells no error.")
    task = judged(tmp_path / "alone", telling, count=30, rollouts=1)
    assert "No question has rollouts of different scores" in task["against"]["trusting"]["verdict"]["acc"]
    assert task["rollouts"] == 1 and task["shares"]["unanimous"] == 1


def test_the_control_of_the_signal_itself_is_preferred(tmp_path: Path) -> None:
    def both(rng: random.Random, good: bool, easy: float) -> Mapping[str, float]:
        return {**telling(rng, good, easy), "relevance-random-crop": 1.0, "question-only": 0.5}

    placebos = judged(tmp_path / "run", both, count=40)["against"]["trusting"]["why"]["acc"]["placebos"]
    assert list(placebos) == ["shuffled", "relevance-random-crop", "question-only"]


def test_the_files_are_the_same_again_and_records_stay(
    harness: Callable[..., Any], helped: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(helped, tmp_path / "run")
    before = (copy / "records.jsonl").read_bytes()
    said = harness("compare", copy, "--voters", f"majority, {TRUSTING},first")
    assert said.code == 0 and not said.err and "trusting, acc: It helps" in said.out and "first, tiou: " in said.out
    files = {name: (copy / name).read_bytes() for name in ("compare.json", "compare.md")}
    found = loads(files["compare.json"], "compare.json")
    validate("compare", found, "compare.json")
    assert found["voters"] == ["majority", "trusting", "first"]
    assert found["tasks"]["vstar"]["against"]["first"]["why"]["tiou"]["placebos"] == {}
    page = files["compare.md"].decode()
    assert "### trusting against majority" in page and "| r1_05 |" in page and "share of the winner" in page
    width = 0
    for line in page.splitlines():
        assert not line.startswith("|") or not width or line.replace("\\|", "").count("|") == width
        width = line.replace("\\|", "").count("|") if line.startswith("|") else 0
    assert harness("compare", copy, "--voters", f"majority,{TRUSTING},first").code == 0
    assert files == {name: (copy / name).read_bytes() for name in files}
    assert (copy / "records.jsonl").read_bytes() == before


def test_mistakes_are_one_sentence_and_write_nothing(harness: Callable[..., Any], tmp_path: Path) -> None:
    plain = [(s, [replace(p, signals={}) for p in told]) for s, told in worlds.choices(flat, count=3)]
    run = worlds.write(tmp_path / "run", {"videomme": plain})
    failed = worlds.write(tmp_path / "failed", {"videomme": plain}, errors=3)
    cases = {
        (
            run,
            f"majority,{TRUSTING}",
        ): f"has no relevance for 3 of 3 samples of videomme, by which {TRUSTING} weighs; run "
        f"`harness vote {run} --voters {TRUSTING}` first",
        (run, "majority"): "two voters or more are compared",
        (run, "majority,majority"): "each named once",
        (run, "majority,nobody"): "nobody",
        (failed, "majority,first"): "has no evaluated samples",
        (tmp_path, "majority,first"): "is not a run folder",
    }
    for (folder, voters), words in cases.items():
        said = harness("compare", folder, "--voters", voters)
        assert said.code == 2 and words in said.err and said.err.count("\n") == 1, said.err
        assert not list(tmp_path.rglob("compare.*"))


def test_a_task_without_an_evaluated_sample_stands_beside_others(tmp_path: Path) -> None:
    run = worlds.write(tmp_path / "run", {"videomme": worlds.choices(telling, count=5, videos=5), "vstar": []})
    found = compare.compare(run, VOTERS)
    empty = found["tasks"]["vstar"]
    assert empty["main"] is None and empty["samples"] == 0 and empty["against"]["trusting"]["metrics"] == {}
    validate("compare", found, "compare.json")
    assert "V-STaR" in report.markdown(found) and read_run(run)["tasks"]["vstar"]["samples"] == 0


def test_a_vote_of_spans_may_be_better_than_its_best_rollout(tmp_path: Path) -> None:
    [(sample, _)], made = worlds.spans(flat, count=1), []
    for number in range(8):
        odd = number % 2
        ends = [(3.0, 10.0), (5.0, 12.0 + number * odd), (5.0, 10.0) if odd else (5.5, 9.0)]
        told = [Prediction(span=Span(*e), rollout=k, signals={"relevance": float(k)}) for k, e in enumerate(ends)]
        made.append((replace(sample, id=f"{number}:when_1", video=f"{number}.mp4"), told))
    found = compare.compare(worlds.write(tmp_path / "run", {"vstar": made}), VOTERS)["tasks"]["vstar"]
    gap = found["against"]["trusting"]["why"]["tiou"]["gap"]
    assert found["against"]["trusting"]["metrics"]["tiou"]["before"] >= gap["oracle"]
    assert "hardly anything to gain" in found["against"]["trusting"]["verdict"]["tiou"]


def test_no_figure_is_nan(figures: dict[str, Any]) -> None:
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
    with pytest.raises(UsageError):
        compare.compare(Path("nowhere"), VOTERS)
