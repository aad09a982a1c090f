"""What a user can get wrong: one sentence that says what, where and what to do; exit 2; nothing overwritten."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).parent / "data"
COLOURS, SLOW = str(DATA / "colours.py"), str(DATA / "slow.py")

MISTAKES: list[tuple[str, list[str], str]] = [
    ("unknown task", ["--tasks", "vstarr"], "no task named 'vstarr'; did you mean 'vstar'? there are: "),
    ("unknown task file", ["--tasks", "./gone.py"], "no plugin file gone.py"),
    ("no task", ["--tasks", ","], "--tasks cannot be"),
    ("unknown engine", ["--engine", "vlllm"], "no engine named 'vlllm'; did you mean 'vllm'?"),
    ("unknown voter", ["--voter", "majorty"], "no voter named 'majorty'; did you mean 'majority'?"),
    ("no data folder", ["--data", "gone"], "no data folder gone; give --data"),
    ("greedy rollouts", ["-n", "8"], "8 rollouts at temperature 0 would be copies; give --temperature"),
    ("cold", ["--temperature", "-1"], "--temperature cannot be -1.0; it must be 0 or more"),
    ("nan", ["--temperature", "nan"], "--temperature cannot be nan"),
    ("no rollouts", ["-n", "0"], "-n cannot be 0; it must be at least 1"),
    ("top-p", ["--top-p", "0"], "--top-p cannot be 0.0"),
    ("penalty", ["--repetition-penalty", "0"], "--repetition-penalty cannot be 0.0"),
    ("tokens", ["--max-tokens", "0"], "--max-tokens cannot be 0"),
    ("limit", ["--limit", "0"], "--limit cannot be 0"),
    ("in flight", ["--in-flight", "0"], "--in-flight cannot be 0"),
    ("frames", ["--frames", "sometimes"], "cannot sample frames by 'sometimes'; use uniform:N"),
    ("option of no task", ["-o", "vstar.prompt=direct"], "no such task is asked for; there are: colours"),
    ("no such option", ["-o", "colours.strct=true"], "no option 'strct'; did you mean 'strict'? there are: strict"),
    ("option that is no flag", ["-o", "colours.strict=1"], "-o colours.strict=1: the value must be true or false"),
    ("option without value", ["-o", "colours.strict"], "write it as task.field=value"),
    ("option without task", ["-o", "strict=true"], "write it as task.field=value"),
    ("engine option", ["--engine-option", "delay"], "write it as key=value"),
    ("no model", ["--model", "gone"], "no model 'gone'; give a model folder or one of: "),
    ("served model", ["--engine", "openai", "--model", "far"], "only the name is known; set --family"),
    ("no served model", ["--engine", "openai"], "set --model to the name by which the server knows"),
    ("weights", ["--model", "EMPTY"], "has no weights; a model folder must hold *.safetensors"),
    ("config", ["--model", "BARE"], "has no config.json"),
    ("family", ["--family", "llama"], "unknown model family 'llama'"),
    ("answers", ["--answers", "gone"], "cannot read --answers gone"),
    ("other files", ["--out", "FOREIGN"], "is not a run folder and holds thesis.tex; give an empty or new --out"),
    ("other run", ["--seed", "9"], "is the output folder of another run: seed was 0 and is 9; give another --out"),
    ("other limit", ["--limit", "2"], "another run: limit was none and is 2; "),
    ("other decoding", ["--temperature", "1"], "another run: decoding.temperature was 0.0 and is 1.0"),
    ("other show", ["--show", "video"], "another run: tasks[0].show was images and is video"),
    ("annotation", ["--data", "COLUMN"], "expected rows with the columns answer, place, question, video"),
    ("no samples", ["--data", "NONE"], "expected rows with the columns"),
    ("same task twice", ["--tasks", f"{COLOURS},COPY.py"], "have the same name: colours, colours; run them apart"),
]


def contents(folder: Path) -> dict[str, bytes]:
    files = (p for p in sorted(folder.rglob("*")) if p.is_file() and p.parent.name != "__pycache__")
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Model folders without this and that, annotations gone wrong, and a folder of somebody else."""
    root = tmp_path_factory.mktemp("work")
    for name in ("EMPTY", "BARE", "FOREIGN", "COLUMN", "NONE"):
        (root / name).mkdir()
    (root / "EMPTY/config.json").write_text(json.dumps({"model_type": "qwen2_5_vl"}))
    (root / "FOREIGN/thesis.tex").write_text("years of work")
    (root / "COLUMN/questions.csv").write_text("video,question\na.mp4,Which?\n")
    (root / "NONE/questions.csv").write_text("video,question,answer,place\n")
    shutil.copy(COLOURS, root / "COPY.py")
    return root


@pytest.mark.parametrize(("words", "said"), [case[1:] for case in MISTAKES], ids=[case[0] for case in MISTAKES])
def test_a_mistake_is_one_sentence(
    run: Callable[..., Any],
    finished: Path,
    workplace: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    said: str,
) -> None:
    shutil.copytree(finished, tmp_path / "run")
    monkeypatch.chdir(workplace)
    before = contents(tmp_path) | contents(workplace)
    found = run(*words)
    assert said in found.err
    assert found.code == 2 and found.err.count("\n") == 1 and found.err.startswith("harness: ")
    assert contents(tmp_path) | contents(workplace) == before


def test_data_that_changed_is_another_run(run: Callable[..., Any], data: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(data, changed)
    run()
    with (changed / "colours/questions.csv").open("a") as file:
        file.write("0.mp4,Another?,red,wide\n")
    found = run("--data", changed)
    assert found.code == 2 and "another run: tasks[0].fingerprint was " in found.err


def test_data_that_moved_is_the_same_run(run: Callable[..., Any], data: Path, tmp_path: Path) -> None:
    run()
    shutil.copytree(data, tmp_path / "moved")
    assert run("--data", tmp_path / "moved").code == 0


def test_reports_of_what_is_no_run(harness: Callable[..., Any], tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "gone"):
        found = harness("report", folder)
        assert found.code == 2 and "is not a run folder: it has no run.json" in found.err


def test_words_that_are_no_command(harness: Callable[..., Any]) -> None:
    for words in (["rnu"], ["run"], ["run", "--tasks", "vstar"], ["tasks", "--chek", "vstar"]):
        assert harness(*words).code == 2
