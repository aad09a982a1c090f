"""Our rollouts and votes under lmms-eval's harness, with stand-ins for it."""

from __future__ import annotations

import importlib
import io
import json
import runpy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from harness.engines.scripted import Scripted
from harness.errors import UsageError
from harness.geometry import Span
from harness.lmms import manifest
from harness.lmms.arguments import read
from harness.lmms.asking import answer
from harness.records import Record
from harness.store import read_records
from harness.tasks.lmms_log import letter, named, options

STAND_IN = runpy.run_path(str(Path(__file__).with_name("lmms_eval_stand_in.py")))
Theirs: Callable[..., Any] = STAND_IN["Theirs"]
Command = Callable[..., Any]


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    from harness.shapes import clip, render

    folder = tmp_path_factory.mktemp("videos")
    found = [folder / f"{name}.mp4" for name in "ab"]
    for seed, path in enumerate(found):
        render.write(clip.make(seed), path)
    return [str(path) for path in found]


def said(*letters: str) -> list[str]:
    return [f"<think>I see B.</think><answer>{each}</answer>" if each else "<think>hm" for each in letters]


@pytest.fixture
def quiz(videos: list[str]) -> Any:
    """Four questions; the second and the fourth are on the second video."""
    choices = ["A. red", "B. blue", "C. green"]
    texts = ("first thing?", "second thing?", "third thing?", "last thing?")
    rows = zip(texts, (videos[0], videos[1], videos[0], videos[1]), ("C", "B", "A", "A"), strict=True)
    return Theirs([{"question": q, "video": v, "options": choices, "answer": a} for q, v, a in rows])


@pytest.fixture
def ask(tmp_path: Path) -> Callable[..., tuple[list[str], str]]:
    """Ask a task with four scripted rollouts each; the texts and what was printed."""
    script = {
        "first": said("A", "C", "C", "B"),
        "second": ["A", "B. blue", "<think>B</think>B", "<answer>B</answer>"],
        "third": said("", "", "", ""),
        "last": said("A", "A", "", "B"),
    }
    path = tmp_path / "answers.jsonl"
    path.write_text(
        "".join(json.dumps({"match": f"{key} thing?", "texts": texts}) + "\n" for key, texts in script.items())
    )

    def start(task: Any, **more: Any) -> tuple[list[str], str]:
        given = {"engine": "scripted", "answers": str(path), "n": 4, "temperature": 1, "frames": "uniform:2"}
        given |= {"out": str(tmp_path / "run"), "cache_gb": 0} | more
        console = Console(file=io.StringIO(), width=200)
        found = answer(read(given), task.requests(), task.found, console)
        return found, console.file.getvalue()  # type: ignore[attr-defined]

    return start


def records(folder: Path) -> dict[str, Record]:
    return {record.sample.id: record for record in read_records(folder)}


def test_each_request_gets_what_the_winner_says_in_the_end(
    ask: Callable[..., Any], quiz: Any, harness: Command, tmp_path: Path
) -> None:
    texts, told = ask(quiz)
    assert texts == ["C", "B. blue", "", "A"]
    assert "4 questions on 2 videos, 4 rollouts each" in told
    found = records(tmp_path / "run")
    assert [len(found[k].responses) for k in "0123"] == [4] * 4
    assert {k: (r.score.values["score"] if r.score else None) for k, r in found.items()} == {
        "0": 1.0, "1": 1.0, "2": 0.0, "3": 1.0
    }  # fmt: skip
    assert found["0"].sample.question == "first thing?" and found["0"].sample.options == ("red", "blue", "green")
    assert harness("report", tmp_path / "run").code == 0
    voted = harness("vote", tmp_path / "run", "--voters", "first,majority")
    assert voted.code == 0 and "quiz of lmms-eval" in voted.out
    held = json.loads((tmp_path / "run/votes.json").read_text())["tasks"]["lmms-log:quiz"]["voters"]
    assert [round(p["value"], 4) for p in held["majority"]["score"]][-1] == 0.75


def test_a_start_asks_only_what_is_not_there(
    ask: Callable[..., Any], quiz: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts, _ = ask(quiz)
    path = tmp_path / "run/records.jsonl"
    path.write_text("".join(line for line in path.read_text().splitlines(True) if '"last thing?"' not in line))
    asked: list[str] = []
    generate = Scripted.generate

    async def counted(self: Scripted, request: Any) -> Any:
        asked.append(request.parts[-1])
        return await generate(self, request)

    monkeypatch.setattr(Scripted, "generate", counted)
    assert ask(quiz)[0] == texts
    assert len(asked) == 1 and "last thing?" in asked[0]
    assert ask(quiz)[0] == texts and len(asked) == 1
    with pytest.raises(UsageError, match="another run: .*n was 4 and is 2"):
        ask(quiz, n=2)


def test_a_video_that_is_missing_costs_its_questions_alone(ask: Callable[..., Any], quiz: Any, tmp_path: Path) -> None:
    gone, there = tmp_path / "gone.mp4", quiz.documents[1]["video"]
    quiz.documents[1]["video"] = str(gone)
    texts, told = ask(quiz)
    assert texts == ["C", "", "", "A"] and "1 of 4 questions got no answer" in told
    assert "gone.mp4 does not exist" in str(records(tmp_path / "run")["1"].error)
    gone.write_bytes(Path(there).read_bytes())
    texts, told = ask(quiz, retry_errors=True)
    assert texts == ["C", "B. blue", "", "A"] and "got no answer" not in told


def test_a_part_of_a_video_is_a_part(ask: Callable[..., Any], quiz: Any, tmp_path: Path) -> None:
    told = {"path": quiz.documents[0]["video"], "video_start": 1.0, "video_end": 2.0}
    quiz.documents[:] = [quiz.documents[0] | {"seen": [{"type": "video", "url": told}]}]
    ask(quiz)
    (record,) = read_records(tmp_path / "run")
    assert record.sample.part == Span(1, 2)
    assert record.view and all(1 <= time <= 2 for time in record.view.times)


@pytest.mark.parametrize(
    ("seen", "shown"),
    [
        ([{"type": "image", "url": "x"}], "shows image with document 2"),
        ([], "shows nothing to see"),
        ([{"type": "video", "url": "x"}, {"type": "audio", "url": "y"}], "shows video, audio"),
        ([{"type": "video", "url": ["frame"]}], "shows a video that is no file"),
    ],
)
def test_what_cannot_be_asked_is_a_sentence(ask: Callable[..., Any], quiz: Any, seen: Any, shown: str) -> None:
    quiz.documents[2]["seen"] = seen
    with pytest.raises(UsageError, match=f"the task quiz {shown}"):
        ask(quiz)


def test_repeats_get_the_same_vote(ask: Callable[..., Any], quiz: Any) -> None:
    again = type(quiz)(quiz.documents)
    once = quiz.requests()
    again.requests = lambda: [each for each in once for _ in range(2)]
    texts, told = ask(again)
    assert texts[::2] == texts[1::2] == ["C", "B. blue", "", "A"] and "repeats get the same vote" in told


@pytest.mark.parametrize(("prompt", "tokens", "end"), [("think", 1024, "</answer>."), ("direct", 16, "the letter.")])
def test_the_text_of_the_task_is_asked_as_it_is(
    ask: Callable[..., Any], quiz: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    prompt: str, tokens: int, end: str,
) -> None:  # fmt: skip
    asked: list[Any] = []
    generate = Scripted.generate

    async def kept(self: Scripted, request: Any) -> Any:
        asked.append(request)
        return await generate(self, request)

    monkeypatch.setattr(Scripted, "generate", kept)
    ask(quiz, prompt=prompt)
    assert {request.max_tokens for request in asked} == {tokens}
    text = "Look closely.\nfirst thing?\nA. red\nB. blue\nC. green\nAnswer with the letter."
    assert any(text in request.parts[-1] for request in asked)
    assert all(request.parts[-1].endswith(end) for request in asked)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"frame": "uniform:4"}, "has no 'frame'; did you mean 'frames'"),
        ({"n": "eight"}, "cannot be read: .*n"),
        ({"pretrained": "nano", "model": "nano"}, "both pretrained and model"),
        ({"tasks": "x"}, "has no 'tasks'"),
    ],
)
def test_arguments_that_make_no_sense_are_a_sentence(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read(given).asked(["quiz"])


def test_arguments_are_the_options_of_a_run() -> None:
    asked = read({"pretrained": "nano", "n": 8, "temperature": 1, "engine.device": "cpu"}).asked(["quiz", "other"])
    assert (asked.model, asked.n, asked.temperature, asked.engine_options) == ("nano", 8, 1.0, {"device": "cpu"})
    assert asked.out == Path("runs/lmms-quiz-other") and asked.tasks == ("lmms-log:quiz", "lmms-log:other")


def test_lmms_eval_finds_a_chat_model(
    monkeypatch: pytest.MonkeyPatch, quiz: Any, ask: Callable[..., Any], tmp_path: Path, capsys: Any
) -> None:
    STAND_IN["pose"](monkeypatch)
    module, _, name = manifest().chat_class_path.rpartition(".")
    model_class = getattr(importlib.import_module(module), name)
    assert manifest().model_id == "grounded-harness" and model_class.is_simple is False
    ask(quiz)
    given = {"engine": "scripted", "answers": str(tmp_path / "answers.jsonl"), "n": 4, "temperature": 1}
    model = model_class(**given, frames="uniform:2", out=str(tmp_path / "run"), cache_gb=0, batch_size=1, device="cpu")
    model.task_dict = quiz.found
    assert model.generate_until(quiz.requests()) == ["C", "B. blue", "", "A"]
    for call in (model.loglikelihood, model.generate_until_multi_round):
        with pytest.raises(SystemExit, match="grounded-harness: it"):
            call([])
    with pytest.raises(SystemExit, match="grounded-harness: --model_args has no 'frame'"):
        model_class(frame=1)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(SystemExit, match="start one process"):
        model_class()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Q?\nA. red\nB. blue\nAnswer with the letter.", ("red", "blue")),
        ("Q?\n(A) red\n(B) blue\n(C) it is", ("red", "blue", "it is")),
        ("Options:\nA) 1\nB) 2", ("1", "2")),
        ("A. Smith asks: who?\nA. he\nB. she", ("he", "she")),
        ("Subtitles:\nA. x\nC. y\nWhen?", ()),
        ("When does it happen?", ()),
    ],
)
def test_options_are_read_from_the_text(text: str, expected: Sequence[str]) -> None:
    assert options(text) == expected


@pytest.mark.parametrize(
    ("target", "expected"),
    [("B", "B"), ("(b)", "B"), ("Blue", "B"), ("utils.doc_to_target", None), ("D", None), (1, None), (None, None)],
)
def test_what_is_right_may_be_a_letter_or_an_option(target: object, expected: str | None) -> None:
    assert letter(target, ("red", "blue", "green")) == expected


def test_the_task_has_no_data_and_no_odd_names(harness: Command, tmp_path: Path) -> None:
    where = ("--data", tmp_path, "--out", tmp_path / "run", "--engine", "scripted", "--answers", __file__)
    said = harness("run", "--tasks", "lmms-log:quiz", *where)
    assert said.code == 2 and "lmms-log:quiz has no data of its own" in said.err
    with pytest.raises(UsageError, match="names no task"):
        named("../x")
    assert "lmms-log" in harness("tasks").out
