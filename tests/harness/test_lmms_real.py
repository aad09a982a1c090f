"""The real lmms-eval, where it is installed: our votes under it, its log here, and back to its scorers."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

THERE = importlib.util.find_spec("lmms_eval") is not None
pytestmark = [
    pytest.mark.lmms,
    pytest.mark.slow,
    pytest.mark.skipif(not THERE, reason="lmms-eval is not installed, so that ITS TESTS ARE SKIPPED"),
]
Command = Callable[..., Any]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Video-MME's layout for both: ours in the folder, lmms-eval's in `theirs` and `hf`; it knows few categories."""
    import pandas

    from harness.tasks.videomme import task

    root = tmp_path / "videomme"
    task.demo(root, 2, 5)
    (annotation,) = root.glob("videomme/*.parquet")
    table = pandas.read_parquet(annotation).assign(
        domain="Knowledge", sub_category="Technology", task_type="Object Recognition"
    )
    table.to_parquet(annotation, index=False)
    copy = tmp_path / "theirs/lmms-eval/Video-MME/videomme" / annotation.name
    copy.parent.mkdir(parents=True)
    table.to_parquet(copy, index=False)
    (tmp_path / "hf/videomme").mkdir(parents=True)
    (tmp_path / "hf/videomme/data").symlink_to(root / "data")
    return root


def lmms_eval(root: Path, model: str, arguments: str) -> tuple[float, Path]:
    """The figure that lmms-eval finds, and its log of samples."""
    out = root / f"logs-{model}"
    command = [sys.executable, "-m", "lmms_eval", "--model", model, "--model_args", arguments, "--tasks", "videomme"]
    where = {"HF_HOME": str(root / "hf"), "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    done = subprocess.run(
        [*command, "--batch_size", "1", "--log_samples", "--output_path", str(out)],
        cwd=root / "theirs", env={**os.environ, **where}, capture_output=True, text=True,
    )  # fmt: skip
    found = list(out.rglob("*_results.json"))
    assert len(found) == 1, done.stdout[-2000:] + done.stderr[-2000:]
    results = json.loads(found[0].read_text())["results"]["videomme"]
    return results["videomme_perception_score,none"], next(out.rglob("*_samples_videomme.jsonl"))


def test_the_score_is_the_same_out_in_and_back(data: Path, tmp_path: Path, harness: Command) -> None:
    answers = tmp_path / "answers.jsonl"
    texts = [f"<think>Is it B?</think><answer>{letter}</answer>" for letter in "ACA"]
    answers.write_text(json.dumps({"default": True, "texts": texts}) + "\n")
    run = tmp_path / "asked"
    given = f"engine=scripted,answers={answers},n=3,temperature=1.0,frames=uniform:2,out={run},cache_gb=0"
    figure, log = lmms_eval(tmp_path, "grounded-harness", given)
    asked = json.loads((run / "scores.json").read_text())["tasks"]["lmms-log:videomme"]
    assert 100 * asked["all"]["score"] == pytest.approx(figure) and asked["counts"]["rollouts"] == 3 * 6
    said = harness("import", "videomme", log, "--data", data.parent, "--out", tmp_path / "imported")
    assert said.code == 0, said.err
    scored = json.loads((tmp_path / "imported/scores.json").read_text())["tasks"]["videomme"]
    assert 100 * scored["all"]["acc"] == pytest.approx(figure) and 0 < figure < 100
    for source, name in ((run, "a"), (tmp_path / "imported", "b")):
        assert harness("export", source, "--out", tmp_path / name, "--data", data.parent).code == 0
    assert (tmp_path / "a/videomme.json").exists()
    assert lmms_eval(tmp_path, "from_log", f"logs={tmp_path / 'b'}")[0] == pytest.approx(figure)
