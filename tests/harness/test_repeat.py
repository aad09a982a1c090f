"""The same seed, model and engine give the same records, whatever is under way at once."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from harness.instance import write
from harness.plan import load
from harness.records import Record
from harness.session import session
from harness.settings import Asked
from harness.store import read_records, read_run


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("repeat")
    write(load("vstar"), root / "vstar", 2, 0)
    texts = ["<think>a</think><answer>B</answer>", "<answer>From <t>1</t>s to <t>3</t>s</answer>"]
    (root / "answers.jsonl").write_text(json.dumps({"default": True, "texts": texts}) + "\n")
    return root


def records(data: Path, out: Path, **how: Any) -> list[Record]:
    """Those of a run by their ids, without how long they took."""
    asked = Asked(tasks=("vstar",), data=data, out=out, n=2, temperature=1.0, cache_gb=0, **how)
    assert session(asked, Console(quiet=True)) == 0
    return sorted((replace(each, seconds=0.0) for each in read_records(out)), key=lambda each: each.sample.id)


def test_scripted_records_are_the_same(data: Path, tmp_path: Path) -> None:
    how = {"engine": "scripted", "answers": data / "answers.jsonl"}
    one, other = (records(data, tmp_path / f"{flight}", in_flight=flight, **how) for flight in (1, 7))
    assert one == other and len(one) == 10


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_those_of_a_model_are_the_same_whatever_is_batched(data: Path, tmp_path: Path) -> None:
    how: dict[str, Any] = {"engine": "transformers", "model": "nano", "max_tokens": 48, "dtype": "float32"}
    one, again, other = (
        records(data, tmp_path / f"{number}", in_flight=flight, **how) for number, flight in enumerate((1, 1, 6))
    )
    assert one == again
    for a, b in zip(one, other, strict=True):
        assert [r.text for r in a.responses] == [r.text for r in b.responses]
        assert (a.request, a.predictions, a.vote, a.score) == (b.request, b.predictions, b.vote, b.score)
        assert [r.logprob for r in a.responses] == pytest.approx([r.logprob for r in b.responses], abs=1e-3)


def test_a_run_says_what_repeating_it_needs(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_BATCH_INVARIANT", "1")
    monkeypatch.setenv("VLLM_API_KEY", "hush")
    records(data, tmp_path / "run", engine="scripted", answers=data / "answers.jsonl")
    told = read_run(tmp_path / "run")
    (start,) = told["sessions"]
    assert start["folder"] == str(Path.cwd()) and start["machine"]["cores"] >= 1 and start["machine"]["processor"]
    assert start["environment"]["VLLM_BATCH_INVARIANT"] == "1" and "hush" not in json.dumps(told)
    assert told["settings"]["engine"]["answers"] and told["settings"]["tasks"][0]["fingerprint"]
