"""The verbs as they are typed."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from harness.cli import VERBS
from harness.records import Record
from harness.schema import validate
from harness.store import read_records

DATA = Path(__file__).parent / "data"
COLOURS, SLOW = str(DATA / "colours.py"), str(DATA / "slow.py")

Command = Callable[..., Any]


def scores(folder: Path) -> Any:
    found = json.loads((folder / "scores.json").read_text())
    validate("scores", found, "scores.json")
    return found


def records(folder: Path) -> list[Record]:
    return list(read_records(folder))


def test_a_run_ends_with_a_table_and_three_files(run: Command, tmp_path: Path) -> None:
    said = run("-n", 4, "--temperature", 1)
    assert said.code == 0 and "Colours (version 1)" in said.out and "Acc of first" in said.out
    assert "15/15 samples" in said.out and "0 failed" in said.out
    folder = tmp_path / "run"
    assert {p.name for p in folder.iterdir()} == {"run.json", "run.lock", "records.jsonl", "scores.json", "report.md"}
    told = json.loads((folder / "run.json").read_text())
    validate("run", told, "run.json")
    assert told["settings"]["decoding"]["n"] == 4 and told["settings"]["voter"] == "majority"
    assert told["sessions"][0]["argv"][1] == "run" and "grounded-harness" in told["sessions"][0]["versions"]
    assert scores(folder)["tasks"]["colours"]["counts"]["rollouts"] == 60
    assert "| place | Acc | Acc of first | n |" in (folder / "report.md").read_text()


def test_samples_are_asked_video_by_video(run: Command, tmp_path: Path) -> None:
    run("--in-flight", 1)
    videos = [r.sample.video for r in records(tmp_path / "run")]
    assert len(videos) == 15 and videos == sorted(videos, key=videos.index)


def test_the_same_command_again_asks_nothing_and_changes_nothing(run: Command, tmp_path: Path) -> None:
    log = tmp_path / "log"
    words = ("--engine-option", f"log={log}")
    run(*words)
    before = {name: (tmp_path / "run" / name).read_bytes() for name in ("records.jsonl", "scores.json", "report.md")}
    asked = log.read_text()
    assert run(*words).code == 0
    assert log.read_text() == asked
    assert {name: (tmp_path / "run" / name).read_bytes() for name in before} == before


def test_seeds_fix_a_run(run: Command, tmp_path: Path) -> None:
    for name, seed, flight in (("a", 1, 1), ("b", 1, 7), ("c", 2, 7)):
        run("--out", tmp_path / name, "--seed", seed, "--in-flight", flight, "-n", 2, "--temperature", 1)
    a, b, c = ((tmp_path / name / "scores.json").read_bytes() for name in "abc")
    assert a == b != c


def test_more_rollouts_keep_the_earlier_ones(run: Command, tmp_path: Path) -> None:
    for n in (2, 4):
        run("--out", tmp_path / f"{n}", "-n", n, "--temperature", 1)
    two, four = ({r.sample.id: r.responses for r in records(tmp_path / name)} for name in ("2", "4"))
    assert all(four[name][:2] == responses for name, responses in two.items())


def test_a_limit_takes_whole_items_and_is_said_everywhere(run: Command, tmp_path: Path) -> None:
    said = run("--limit", 2)
    found = records(tmp_path / "run")
    assert len(found) == 6 and len({r.sample.item for r in found}) == 2
    assert "PARTIAL: 2 of 5 items" in said.out and "PARTIAL" in (tmp_path / "run/report.md").read_text()
    assert scores(tmp_path / "run")["partial"] and scores(tmp_path / "run")["tasks"]["colours"]["partial"]
    assert json.loads((tmp_path / "run/run.json").read_text())["partial"]


def test_a_limit_is_drawn_by_the_seed_and_above_the_number_is_none(run: Command, tmp_path: Path) -> None:
    drawn = set()
    for seed in range(6):
        run("--out", tmp_path / f"{seed}", "--limit", 2, "--seed", seed)
        drawn.add(frozenset(r.sample.item for r in records(tmp_path / f"{seed}")))
    assert len(drawn) > 1
    assert "PARTIAL" not in run("--limit", 5).out


def test_broken_videos_are_counted_and_shown(run: Command, data: Path, tmp_path: Path) -> None:
    spoilt = tmp_path / "spoilt"
    shutil.copytree(data, spoilt)
    (spoilt / "colours/1.mp4").unlink()
    (spoilt / "colours/3.mp4").write_bytes(b"no video")
    said = run("--data", spoilt)
    assert said.code == 0 and "6 failed" in said.out and "errors 6" in said.out and "VideoError" in said.out
    found = scores(tmp_path / "run")["tasks"]["colours"]
    assert found["counts"]["evaluated"] == 9 and found["counts"]["errors"] == 6
    assert found["all"]["acc"] == pytest.approx(found["evaluated"]["acc"] * 9 / 15)
    assert sum(found["errors"].values()) == 6


def test_errors_are_asked_again_when_asked_for(run: Command, data: Path, tmp_path: Path) -> None:
    spoilt = tmp_path / "spoilt"
    shutil.copytree(data, spoilt)
    (spoilt / "colours/1.mp4").unlink()
    run("--data", spoilt)
    shutil.copy(data / "colours/1.mp4", spoilt / "colours/1.mp4")
    assert "errors 3" in run("--data", spoilt).out
    assert "errors 0" in run("--data", spoilt, "--retry-errors").out
    assert len(records(tmp_path / "run")) == 15


def test_a_run_in_which_all_fails_exits_1(run: Command, data: Path, tmp_path: Path) -> None:
    spoilt = tmp_path / "spoilt"
    shutil.copytree(data, spoilt)
    for video in (spoilt / "colours").glob("*.mp4"):
        video.unlink()
    said = run("--data", spoilt)
    assert said.code == 1 and "no sample could be evaluated" in said.out


def test_a_dead_engine_is_one_sentence_and_the_same_command_goes_on(run: Command, tmp_path: Path) -> None:
    said = run("--engine-option", "dies_after=0")
    assert said.code == 1 and said.err.count("\n") == 1 and "the engine process is gone" in said.err
    assert (tmp_path / "run/records.jsonl").read_bytes() == b""
    assert not (tmp_path / "run/scores.json").exists()


def test_a_report_is_made_from_the_records_alone(run: Command, harness: Command, tmp_path: Path) -> None:
    first = run()
    page = (tmp_path / "run/report.md").read_bytes()
    (tmp_path / "run/report.md").unlink()
    (tmp_path / "run/scores.json").unlink()
    said = harness("report", tmp_path / "run")
    assert said.code == 0 and "Colours (version 1)" in said.out and said.out in first.out
    assert (tmp_path / "run/report.md").read_bytes() == page


def test_the_report_of_an_unfinished_run_says_so(run: Command, harness: Command, tmp_path: Path) -> None:
    run()
    path = tmp_path / "run/records.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:7]))
    assert "UNFINISHED: 7 of 15 samples" in harness("report", tmp_path / "run").out


def test_task_options_are_set_and_kept(run: Command, tmp_path: Path) -> None:
    run("-o", "colours.strict=true", "-o", "colours.polite=Now!")
    (told,) = json.loads((tmp_path / "run/run.json").read_text())["settings"]["tasks"]
    assert told["options"] == {"strict": True, "polite": "Now!"}
    assert run("-o", "colours.strict=false", "-o", "colours.polite=Now!").code == 2


def test_an_interrupted_run_says_how_to_go_on(data: Path, tmp_path: Path) -> None:
    words = ["run", "--tasks", COLOURS, "--data", data, "--engine", SLOW, "--out", tmp_path / "run", "--in-flight", 1]
    command = [sys.executable, "-c", "from harness.cli import main; main()", *map(str, words)]
    command += ["--engine-option", "delay=0.5", "--cache", str(tmp_path / "cache")]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=_let_be_interrupted
    )
    path = tmp_path / "run/records.jsonl"
    while not (path.exists() and path.stat().st_size):
        time.sleep(0.05)
        assert process.poll() is None, process.communicate()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "the same command goes on" in out and "Traceback" not in err
    assert 1 <= len(records(tmp_path / "run")) < 15


def _let_be_interrupted() -> None:
    """Tests that run in the background of a shell have interrupts ignored, and what they start inherits that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_the_tasks_are_listed(harness: Command) -> None:
    said = harness("tasks")
    assert said.code == 0 and "vstar" in said.out and "videomme" in said.out


def test_a_task_is_checked_on_a_synthetic_instance_or_on_data(harness: Command, data: Path) -> None:
    for more in ([], ["--data", data], ["--data", data / "colours"]):
        said = harness("tasks", "--check", COLOURS, *more)
        assert said.code == 0 and "reference answers score 1.0 (what" in said.out


def test_a_check_fails_when_a_reference_answer_is_wrong(harness: Command, data: Path, tmp_path: Path) -> None:
    text = Path(COLOURS).read_text().replace("<answer>{sample.answer}", "<answer>not {sample.answer}")
    (tmp_path / "wrong.py").write_text(text)
    said = harness("tasks", "--check", tmp_path / "wrong.py", "--data", data)
    assert said.code == 1 and "0 of 15 reference answers score 1.0" in said.out and "scores {'acc': 0.0}" in said.out


def test_data_is_written_and_nothing_overwritten(harness: Command, tmp_path: Path) -> None:
    words = ("data", "shapes", "--tasks", COLOURS, "--out", tmp_path / "data", "--count", 1)
    assert harness(*words).code == 0
    assert (tmp_path / "data/colours/questions.csv").is_file()
    said = harness(*words)
    assert said.code == 2 and "is there already and not empty" in said.err


def test_the_version_is_that_of_the_package(harness: Command) -> None:
    said = harness("--version")
    assert said.code == 0 and said.out == f"harness {version('grounded-harness')}\n"


def test_the_help_names_every_verb(harness: Command) -> None:
    said = harness("--help")
    assert said.code == 0 and all(f"  {verb} " in said.out for verb in VERBS)


@pytest.mark.parametrize("words", [["--", "tasks"], ["tasks"]])
def test_a_verb_is_found_wherever_it_stands(harness: Command, words: list[str]) -> None:
    said = harness(*words)
    assert said.code == 0 and "V-STaR" in said.out


def test_a_verb_that_is_misspelt_is_told_which_is_meant(harness: Command) -> None:
    said = harness("taks")
    assert said.code == 2 and "tasks" in said.err
