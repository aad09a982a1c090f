"""signals.jsonl: filled by an engine that fails, dies and goes on; nothing is asked twice, nothing is made up."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from harness.errors import DataError, EngineError, UsageError
from harness.scaling import relevance, signals
from harness.scaling.asker import EngineChoice
from harness.scaling.controls import question_only, random_crop
from harness.scaling.logprob import likelihood
from harness.schema import validate
from harness.store import Store, read_records

Command = Callable[..., Any]
RELEVANCE, EXPECTED = relevance.relevance, relevance.expected


@pytest.fixture
def folder(run: Command, tmp_path: Path) -> Path:
    """A run with majority: its records hold no signals."""
    assert run().code == 0
    return tmp_path / "run"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def fill(folder: Path, log: Path) -> Command:
    """The missing samples, after asking for signals with the run's engine; options are those of data/grading.py."""

    def command(*wanted: Any, says: io.StringIO | None = None, **options: Any) -> Any:
        how = EngineChoice(engine_options={"log": str(log)} | options, cache_gb=0, in_flight=2)
        return signals.fill(folder, wanted, how, Console(file=says or io.StringIO(), width=200))

    return command


def asked(log: Path) -> list[str]:
    return [json.loads(line)[0] for line in log.read_text().splitlines()] if log.exists() else []


def lines(folder: Path) -> list[Any]:
    return [json.loads(line) for line in (folder / signals.FILE).read_text().splitlines()]


def test_filled_signals_are_those_of_a_live_run(fill: Command, folder: Path, run: Command, tmp_path: Path) -> None:
    before = (folder / "records.jsonl").read_bytes()
    assert fill(RELEVANCE, EXPECTED, likelihood) == 0 and (folder / "records.jsonl").read_bytes() == before
    for voter, name in (("confidence", "relevance"), ("expected-relevance", "expected"), ("logprob", "logprob")):
        assert run("--voter", voter, "--out", tmp_path / voter).code == 0
        live = {
            (r.task, r.sample.id): tuple(p.signals[name] for p in r.predictions) for r in read_records(tmp_path / voter)
        }
        assert live and {key: values[name] for key, values in signals.read(folder).items()} == live
    assert len({values["relevance"] for values in signals.read(folder).values()}) > 1
    head, *rest = lines(folder)
    validate("grader", head, "head")
    assert head["settings"] == {name: json.loads((folder / "run.json").read_text())["settings"][name]
                                for name in ("model", "engine")}  # fmt: skip
    for line in rest:
        validate("signals", line, "line")
        assert sum(grade["prompt_tokens"] for grade in line["grades"]) == 50 * len(line["grades"]) > 0


def test_what_is_known_is_not_asked(fill: Command, folder: Path, log: Path) -> None:
    assert fill(RELEVANCE) == 0
    first = asked(log)
    assert len(first) == len(set(first)) > 0
    assert fill(RELEVANCE) == fill(EXPECTED) == fill(RELEVANCE, EXPECTED, likelihood) == 0 and asked(log) == first
    assert sum(number for number, _ in signals.spent(folder).values()) == len(first)
    assert all(tokens == 50 * number > 0 for number, tokens in signals.spent(folder).values())
    assert set(next(iter(signals.read(folder).values()))) == {"relevance", "expected", "logprob"}
    assert fill(random_crop, question_only) == 0 and len(asked(log)) > len(first)
    assert len(lines(folder)) == 1 + 4 * len(signals.read(folder))


def test_grades_of_the_run_are_used_again(run: Command, fill: Command, folder: Path, log: Path) -> None:
    shutil.rmtree(folder)
    assert run("--voter", "confidence").code == 0
    assert fill(RELEVANCE) == 0 and not (folder / signals.FILE).exists(), "the records have it"
    assert fill(EXPECTED) == 0 and asked(log) == [] and len(signals.read(folder)) == len([*read_records(folder)])
    assert not any(line["grades"] for line in lines(folder)[1:])


def test_a_sample_that_fails_is_told_and_asked_again(fill: Command, folder: Path, log: Path) -> None:
    of = [record.sample.question for record in read_records(folder)]
    says = io.StringIO()
    assert (
        fill(RELEVANCE, fail=of[0], says=says)
        == of.count(of[0])
        < len(of)
        == len(signals.read(folder)) + of.count(of[0])
    )
    assert f"{of.count(of[0])} x EngineError: too long" in says.getvalue()
    before, there = len(asked(log)), (folder / signals.FILE).read_bytes()
    assert fill(RELEVANCE) == 0 and (folder / signals.FILE).read_bytes().startswith(there)
    again = [json.loads(line)[2] for line in log.read_text().splitlines()[before:]]
    assert again and all(of[0] in text for text in again) and len(signals.read(folder)) == len(of)


def test_a_video_that_is_gone_is_not_irrelevant_evidence(fill: Command, folder: Path) -> None:
    says, count = io.StringIO(), len([*read_records(folder)])
    assert fill(RELEVANCE, gone="", says=says) == count and "VideoError: the video is gone" in says.getvalue()
    assert signals.read(folder) == {} and fill(RELEVANCE) == 0 and len(signals.read(folder)) == count


def test_a_dead_engine_is_one_sentence_and_leaves_nothing(fill: Command, folder: Path) -> None:
    with pytest.raises(EngineError, match=r"failed the last \d+ requests in a row \(too long\)"):
        fill(RELEVANCE, dead=True)
    assert signals.read(folder) == {} and fill(RELEVANCE) == 0


def test_two_graders_do_not_share_a_file(fill: Command, folder: Path, log: Path) -> None:
    assert fill(RELEVANCE, mute=True) == 0 and not (folder / "nothing").exists()
    with pytest.raises(
        UsageError, match=r"signals.jsonl is of another grader: engine.options.mute was True and is none"
    ):
        fill(EXPECTED)
    assert fill(EXPECTED, mute=True) == 0
    assert all(values["relevance"] == values["expected"] for values in signals.read(folder).values())


def test_another_grader_asks_for_itself(run: Command, fill: Command, folder: Path, log: Path) -> None:
    shutil.rmtree(folder)
    assert run("--voter", "confidence").code == 0 and fill(RELEVANCE, mute=True) == 0
    assert asked(log) and len(signals.read(folder)) == len([*read_records(folder)])


def test_a_torn_line_and_an_odd_one(fill: Command, folder: Path) -> None:
    assert fill(RELEVANCE) == 0
    path = folder / signals.FILE
    whole = path.read_bytes()
    *kept, last = whole.splitlines(keepends=True)
    path.write_bytes(b"".join(kept) + last[: len(last) // 2])
    assert len(signals.read(folder)) == len(kept) - 1
    assert fill(RELEVANCE) == 0 and sorted(path.read_bytes().splitlines()) == sorted(whole.splitlines())
    path.write_bytes(whole + b'{"task": "videomme"}\n')
    with pytest.raises(DataError, match=r"signals.jsonl, line \d+ does not fit the schema of a signals"):
        signals.read(folder)


def test_one_process_at_a_time(fill: Command, folder: Path) -> None:
    with Store(folder), pytest.raises(UsageError, match="another process is writing"):
        fill(RELEVANCE)
    assert fill(RELEVANCE) == 0
    with Store(folder):
        assert fill(RELEVANCE) == 0, "what is there is read by as many as like"


def test_a_run_without_log_probabilities_cannot_be_voted_by_them(run: Command, fill: Command, tmp_path: Path) -> None:
    said = run("--voter", "logprob", "--engine-option", "mute=true", "--out", tmp_path / "mute")
    assert said.code == 2 and said.err.count("\n") == 1 and "has no log-probability" in said.err
    assert run("--engine-option", "mute=true", "--out", tmp_path / "majority").code == 0
    with pytest.raises(UsageError, match="has no log-probability"):
        signals.fill(tmp_path / "majority", [likelihood], EngineChoice(), Console(file=io.StringIO()))


def test_who_grades_must_be_there(folder: Path, tmp_path: Path) -> None:
    how = EngineChoice(engine="scripted", answers=tmp_path / "none.jsonl")
    with pytest.raises(UsageError, match="cannot read --answers"):
        signals.fill(folder, [RELEVANCE], how, Console(file=io.StringIO()))
    with pytest.raises(UsageError, match="is not a run folder"):
        signals.fill(tmp_path / "no", [RELEVANCE], EngineChoice(), Console(file=io.StringIO()))
    with pytest.raises(UsageError, match="--in-flight cannot be 0"):
        EngineChoice(in_flight=0)
    assert signals.read(tmp_path) == {}


def test_a_served_model_has_no_fingerprint_and_can_grade_and_judge() -> None:
    who = {"model": {"name": "m", "family": "qwen3_vl", "fingerprint": None},
           "engine": {"name": "openai", "dtype": "auto", "options": {}, "answers": None}}  # fmt: skip
    head = {"format": 1, "settings": who, "started": "now", "versions": {}}
    validate("grader", head, "head")
    validate("judge", head | {"settings": who | {"tasks": {"vstar": 1}}}, "head")
