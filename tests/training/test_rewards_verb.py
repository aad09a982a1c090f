"""harness reward as it is typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from harness.errors import DataError, HarnessError, UsageError
from harness.verbs.reward import reward

GROUNDED = {
    "source": "STR_x",
    "task": "temporal-spatial free-form QA",
    "question": "q",
    "answer": "A dog.",
    "video_path": "a.mp4",
    "key_frames": [{"idx": 0, "time": 2.0}],
    "key_items": {"0": {"dog": [[0.1, 0.25, 0.4, 0.5]]}},
}
CHOICE = {
    "source": "videor1_mcq",
    "task": "General video QA MCQ",
    "question": "q",
    "answer": "B",
    "video_path": "a.mp4",
}
ROWS = [{"id": 7, **GROUNDED}, {"id": "7", **CHOICE}, {"id": "m", **CHOICE}, {"id": 8, **CHOICE}]
CLAIM = "<think>The <obj>dog</obj><box>[42,56,168,112]</box>at<t>4.0</t>s</think><answer>a dog</answer>"
LINE = {"id": 7, "completion": CLAIM, "progress": 0.5, "frame_size": [420, 224]}
Command = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Command:
    app = typer.Typer()
    app.command()(reward)

    def run(lines: list[Any], *words: object, rows: list[Any] = ROWS) -> Result:
        (tmp_path / "rows.json").write_text(json.dumps(rows))
        told = (line if isinstance(line, str) else json.dumps(line) for line in lines)
        (tmp_path / "said.jsonl").write_text("".join(f"{line}\n" for line in told))
        files = ["--rows", tmp_path / "rows.json", "--completions", tmp_path / "said.jsonl"]
        return CliRunner().invoke(app, list(map(str, [*files, *words])))

    return run


def answers(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_line_of_json_for_each_completion(run: Command) -> None:
    found = answers(run([LINE, {**LINE, "progress": 1}, {"id": "8", "completion": "B"}], "--json"))
    assert [each["id"] for each in found] == [7, 7, "8"]
    first = found[0]
    assert list(first) == ["id", "r_acc", "r_t", "r_s", "r_fmt", "sum", "why"]
    assert first["r_s"] == pytest.approx(1) and first["r_t"] == pytest.approx(0.6065, abs=1e-4)
    assert first["sum"] == pytest.approx(sum(first[name] for name in ("r_acc", "r_t", "r_s", "r_fmt")))
    assert first["why"].keys() == {"r_acc", "r_t", "r_s", "r_fmt"} and "σ 2" in first["why"]["r_t"]
    assert found[1]["r_t"] == pytest.approx(0.1353, abs=1e-4)


def test_the_released_names(run: Command) -> None:
    (found,) = answers(run([LINE], "--json", "--preset", "released"))
    names = ("ans_acc", "ans_tiou", "ans_viou", "thk_temporal_point", "thk_temporal_segment", "thk_spatial", "format")
    assert tuple(found) == ("id", *names, "sum", "why")
    assert found["sum"] == pytest.approx(sum(found[name] for name in names))


@pytest.mark.parametrize(
    ("words", "name", "expected"),
    [
        (["--no-adaptive"], "r_t", 0.8825),
        (["--sigma", "1"], "r_t", 0.1353),
        (["--gate", "1.5"], "r_s", 0),
        (["--gate", "1.5", "--no-gate"], "r_s", 1),
        (["--no-evidence"], "sum", 2),
        (["--family", "qwen3_vl"], "r_s", 0.0),
    ],
)
def test_ablations(run: Command, words: list[str], name: str, expected: float) -> None:
    (found,) = answers(run([LINE], "--json", *words))
    assert found[name] == pytest.approx(expected, abs=1e-4)


def test_an_id_is_first_looked_for_as_it_is(run: Command) -> None:
    said = [{"id": key, "completion": "<answer>B</answer>", "frame_size": [9, 9]} for key in (7, "7", "8", "m")]
    found = answers(run(said, "--json"))
    assert [(each["id"], each["r_acc"]) for each in found] == [(7, 0), ("7", 1), ("8", 1), ("m", 1)]


def test_what_a_line_need_not_say(run: Command) -> None:
    short = {"id": 7, "completion": CLAIM.replace("[42,56,168,112]", "[100,250,400,500]")}
    (found,) = answers(run([short], "--json", "--family", "qwen3_vl"))
    assert found["r_s"] == pytest.approx(1) and "σ 1" in found["why"]["r_t"]
    assert answers(run([{"id": "m", "completion": "B", "further": 1}, " "], "--json"))[0]["sum"] == 0


def test_a_table_to_read(run: Command) -> None:
    said = run([LINE] * 4 + [{"id": "m", "completion": "<think>x</think><answer>B</answer>"}] * 4)
    assert said.exit_code == 0
    lines = [line.split() for line in said.stdout.splitlines()]
    assert ["r_acc", "1.000", "8", "of", "8"] in lines and ["r_s", "1.000", "4", "of", "8"] in lines
    assert "The first 5 of 8" in said.stdout and "B is right" in said.stdout


BAD: list[tuple[Any, str]] = [
    ("{", "line 2 is not JSON"),
    ("[1]", "line 2 is not a JSON object"),
    ('{"id": 7, "completion": "a", "progress": NaN}', "line 2 is not JSON"),
    ({**LINE, "id": 9}, "line 2 has the id 9, which no row has"),
    ({**LINE, "id": True}, "line 2 has no id"),
    ({**LINE, "id": 7.0}, "line 2 has no id"),
    ({"completion": "a"}, "line 2 has no id"),
    ({"id": 7}, "line 2 has no completion"),
    ({**LINE, "completion": ["a"]}, "line 2 has no completion"),
    ({**LINE, "progress": 1.01}, "line 2 has the progress 1.01"),
    ({**LINE, "progress": "1"}, "line 2 has the progress 1"),
    ({**LINE, "progress": None}, "line 2 has the progress None"),
    ({**LINE, "frame_size": [420]}, "line 2 has the frame_size"),
    ({**LINE, "frame_size": [420, 0]}, "line 2 has the frame_size"),
    ({**LINE, "frame_size": [420.5, 224]}, "line 2 has the frame_size"),
    ({"id": 7, "completion": "a"}, "line 2 has no frame_size"),
]


@pytest.mark.parametrize(("line", "told"), BAD)
def test_a_bad_line_is_named_and_nothing_is_printed(run: Command, line: Any, told: str) -> None:
    said = run([LINE, line, LINE], "--json")
    assert isinstance(said.exception, DataError) and told in str(said.exception)
    assert not said.stdout and "\n" not in str(said.exception)


def test_mistakes_in_what_is_asked(run: Command, tmp_path: Path) -> None:
    twice = run([LINE], rows=[*ROWS, ROWS[0]])
    assert isinstance(twice.exception, DataError) and "several rows" in str(twice.exception)
    wrong: list[tuple[tuple[object, ...], type[HarnessError], str]] = [
        (("--preset", "best"), UsageError, "paper, released"),
        (("--preset", "released", "--no-gate"), UsageError, "preset paper"),
        (("--family", "gpt"), UsageError, "unknown model family"),
        (("--completions", tmp_path / "none"), DataError, "is not a file"),
        (("--rows", tmp_path / "none"), DataError, "cannot read"),
    ]
    for words, kind, told in wrong:
        said = run([LINE], *words)
        assert isinstance(said.exception, kind) and told in str(said.exception)
    assert "has no completions" in str(run([]).exception)
    assert isinstance(run([{"id": "m", "completion": "B"}], "--family", "gpt").exception, UsageError)
