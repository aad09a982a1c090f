"""Recipes, source lists and the command of a construction: mistakes are told in a sentence before a model is loaded."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from harness.errors import HarnessError
from harness.training.construct import recipe, sources
from harness.training.construct.asking import chance
from harness.training.construct.build import look_up_all
from harness.training.construct.ledger import Answer
from harness.verbs import stgr

SCRIPTED = {"engine": "scripted", "answers": "answers.jsonl"}
LINE = {"video": "a.mp4", "segment": [1, 2], "description": "it falls"}


def write(folder: Path, line: Any = LINE, **changes: Any) -> Path:
    (folder / "videos").mkdir(exist_ok=True)
    (folder / "answers.jsonl").write_text('{"default": true, "texts": ["Yes"]}\n')
    (folder / "sources.jsonl").write_text(line if isinstance(line, str) else json.dumps(line))
    data = {"sources": "sources.jsonl", "videos": "videos", "annotator": SCRIPTED, "verifier": SCRIPTED, **changes}
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"verifyer": SCRIPTED}, "there is no 'verifyer'; did you mean 'verifier'?"),
        ({"rules": {"largestbox": 0.5}}, "rules: there is no 'largestbox'; did you mean 'largest_box'?"),
        ({"rules": {"largest_box": 80}}, r"\$.rules.largest_box: 80 is greater than the maximum of 1"),
        ({"rules": {"failed_box": "frame"}}, r"'frame' is not one of \['sample', 'object'\]"),
        ({"rules": {"min_seconds": 50, "max_seconds": 20}}, "no video is that long"),
        ({"annotator": {**SCRIPTED, "coordinates": "0-100"}}, "'0-100' is not one of"),
        ({"annotator": {**SCRIPTED, "frames": "uniform"}}, "cannot sample frames by 'uniform'"),
        ({"annotator": {**SCRIPTED, "frames": "aks:8"}}, "annotator.frames cannot choose by a question"),
        ({"annotator": {**SCRIPTED, "in_flight": 0}}, "0 is less than the minimum of 1"),
        ({"annotator": {"engine": "scripted"}}, "set annotator.answers"),
        ({"annotator": {**SCRIPTED, "answers": "no.jsonl"}}, "no.jsonl"),
        ({"verifier": {"engine": "transformers"}}, "needs a model; set verifier.model"),
        ({"verifier": {"engine": "transformers", "model": "nono"}}, "there is no model 'nono'"),
        ({"judge": {"engine": "tranformers", "model": "nano"}}, "did you mean 'transformers'?"),
        ({"annotator": {"engine": "openai"}}, "needs a model; set annotator.model"),
        ({"videos": "films"}, "there is no folder of videos"),
        ({"sources": "list.jsonl"}, "cannot read the source list"),
    ],
)
def test_a_mistake_in_a_recipe_is_named(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    path = write(tmp_path, **changes)
    with pytest.raises(HarnessError, match=words):
        look_up_all(recipe.read(path), tmp_path)


@pytest.mark.parametrize("text", ["a: [", "- 1", "", "\x00", "!!python/object:os.system {}"])
def test_what_is_no_recipe_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(HarnessError, match="r.yaml (is not YAML|must hold)"):
        recipe.read(tmp_path / "r.yaml")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "is empty"),
        ("{", "line 1 is not JSON"),
        ({"video": "a.mp4"}, "line 1 does not fit the schema of a build_source"),
        ({**LINE, "captions": [{"start": 0, "end": 1, "text": "x"}]}, "has a segment and captions"),
        ({**LINE, "segment": [2, 2]}, "does not end after its start"),
        ({"video": "a.mp4", "captions": [{"start": 2, "end": 1, "text": "x"}]}, "a caption ends before its start"),
        ({**LINE, "video": "../a.mp4"}, "is outside of"),
        ({**LINE, "video": "/a.mp4"}, "is outside of"),
        (f"{json.dumps({**LINE, 'id': 'x'})}\n\n{json.dumps({**LINE, 'id': 'x'})}", "line 3 has the id 'x' of another"),
    ],
)
def test_a_mistake_in_a_source_list_is_named(line: Any, words: str, tmp_path: Path) -> None:
    write(tmp_path, line)
    with pytest.raises(HarnessError, match=words):
        sources.read(tmp_path / "sources.jsonl", tmp_path / "videos", "STR_own")


def test_an_item_has_a_name_and_a_source_where_its_line_has_none(tmp_path: Path) -> None:
    write(tmp_path, f"{json.dumps(LINE)}\n{json.dumps({**LINE, 'id': 'x', 'source': 'STR_coin'})}\n")
    found = sources.read(tmp_path / "sources.jsonl", tmp_path / "videos", "STR_own")
    assert [(item.id, item.source) for item in found] == [("a_1", "STR_own"), ("x", "STR_coin")]


@pytest.mark.parametrize(
    ("text", "logprobs", "wanted"),
    [
        ("Yes", None, 1.0),
        ("No", None, 0.0),
        ("No", {"Yes": math.log(0.4), "No": math.log(0.1)}, 0.8),
        ("Yes", {"Yes": -1e4, "No": 0.0}, 0.0),
        ("Yes", {"Yes": 0.0, "No": -1e4}, 1.0),
        ("Yes", {"Yes": -0.1}, 1.0),
    ],
)
def test_how_likely_yes_is(text: str, logprobs: dict[str, float] | None, wanted: float) -> None:
    answer = Answer(stage="verify", item="a", text=text, logprobs=logprobs)
    assert chance(answer) == pytest.approx(wanted)


def test_the_command_dry_runs_and_refuses_a_folder_of_something_else(tmp_path: Path) -> None:
    path = write(tmp_path)
    words = ["build", "--recipe", str(path), "--out"]
    done = CliRunner().invoke(stgr.app, [*words, str(tmp_path / "out"), "--dry-run"])
    assert done.exit_code == 0 and "1 of 1 items: 1 by grounding" in done.output
    assert "nothing is asked" in done.output, "the video is not there"
    done = CliRunner().invoke(stgr.app, [*words, str(tmp_path)])
    assert isinstance(done.exception, HarnessError) and "no output folder of a construction" in str(done.exception)
