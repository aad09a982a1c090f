"""`harness run --adaptive`: rollouts in waves, as a user sees them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.schema import validate
from harness.store import read_records

Command = Callable[..., Any]
EIGHT = ("-n", 8, "--temperature", 1)


def read(folder: Path) -> dict[str, Any]:
    return {r.sample.id: r for r in read_records(folder)}


@pytest.mark.parametrize("rule", ["lossless", "settled:0.8", "window:2"])
def test_an_adaptive_run_draws_the_first_rollouts_of_the_whole_run(run: Command, tmp_path: Path, rule: str) -> None:
    assert run(*EIGHT, "--out", tmp_path / "all").code == 0
    said = run(*EIGHT, "--adaptive", rule)
    every, some = read(tmp_path / "all"), read(tmp_path / "run")
    assert every.keys() == some.keys() and len(some) == 15
    for name, record in some.items():
        assert record.responses == every[name].responses[: len(record.responses)]
        assert record.request == every[name].request and len(record.predictions) == len(record.responses)
        if rule == "lossless" and record.vote.answer is not None:
            assert record.vote.answer.casefold() == every[name].vote.answer.casefold()
    drawn = sum(len(record.responses) for record in some.values())
    counts = json.loads((tmp_path / "run/scores.json").read_text())["tasks"]["colours"]["counts"]
    assert counts["rollouts"] == drawn <= 120 and (drawn < 120 or rule == "lossless")
    assert counts["tokens"] == sum(r.tokens for record in some.values() for r in record.responses)
    told = json.loads((tmp_path / "run/run.json").read_text())
    validate("run", told, "run.json")
    assert told["settings"]["adaptive"] == rule
    line = f"adaptive: {rule}; {drawn} rollouts were drawn where 8 a sample would be 120"
    assert said.code == 0 and line in said.out and line in (tmp_path / "run/report.md").read_text()
    assert "- adaptive:" not in (tmp_path / "all/report.md").read_text()


def test_an_adaptive_run_goes_on_where_it_stopped(run: Command, tmp_path: Path) -> None:
    words = (*EIGHT, "--adaptive", "window:2")
    run(*words)
    path = tmp_path / "run/records.jsonl"
    before, scores = read(tmp_path / "run"), (tmp_path / "run/scores.json").read_bytes()
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:6]) + lines[6][:100])
    assert run(*words).code == 0
    after = read(tmp_path / "run")
    assert {name: r.responses for name, r in after.items()} == {name: r.responses for name, r in before.items()}
    assert (tmp_path / "run/scores.json").read_bytes() == scores


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--adaptive", "lossless"], "-n cannot be 1; it must be 2 or more with --adaptive"),
        ([*EIGHT, "--adaptive", "lossles"], "cannot stop early by 'lossles'; use lossless"),
        ([*EIGHT, "--adaptive", "same:0.95", "--voter", "first"], "use a voter such as majority"),
        ([*EIGHT, "--adaptive", "window:3"], "another run: adaptive was window:2 and is window:3"),
        ([*EIGHT], "another run: adaptive was window:2 and is none"),
    ],
)
def test_a_mistake_is_one_sentence(run: Command, tmp_path: Path, words: list[object], said: str) -> None:
    run(*EIGHT, "--adaptive", "window:2", "--limit", 1)
    found = run(*words, "--limit", 1)
    assert said in found.err
    assert found.code == 2 and found.err.count("\n") == 1 and found.err.startswith("harness: ")
