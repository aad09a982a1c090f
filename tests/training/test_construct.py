"""harness data stgr build from end to end: on the synthetic world, with a model, a server, and killed half way."""

from __future__ import annotations

import base64
import io
import json
import os
import random
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image
from rich.console import Console

from harness.errors import HarnessError, UsageError
from harness.families import family
from harness.shapes.clip import Clip, Thing, make
from harness.training import rows
from harness.training.construct import example, ledger, reading
from harness.training.construct.build import RL, SFT, build

ORACLE = str(Path(__file__).parent / "oracle.py")
TURNS = (None, *example.FAULTS)


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with a right clip and one of each fault."""
    folder = tmp_path_factory.mktemp("shapes") / "example"
    example.write(folder, len(TURNS), TURNS)
    return folder


@pytest.fixture
def world(shapes: Path, tmp_path: Path) -> Path:
    """A copy of it whose models are the oracle."""
    folder = Path(shutil.copytree(shapes, tmp_path / "example"))
    change(folder, annotator={"engine": ORACLE}, verifier={"engine": ORACLE, "model": None, "answers": "answers.jsonl"})
    return folder


def change(folder: Path, **parts: dict[str, Any]) -> Path:
    """The path of the recipe, with some of its values replaced; None removes one."""
    path = folder / "recipe.yaml"
    recipe = yaml.safe_load(path.read_text())
    for name, values in parts.items():
        merged = {**recipe.get(name, {}), **values}
        recipe[name] = {key: value for key, value in merged.items() if value is not None}
    path.write_text(yaml.safe_dump(recipe))
    return path


def run(folder: Path, out: Path, **how: Any) -> tuple[int, str]:
    console = Console(file=io.StringIO(), width=200)
    code = build(str(folder / "recipe.yaml"), out, console, **how)
    return code, console.file.getvalue()  # type: ignore[attr-defined]


def dropped(out: Path) -> dict[str, str]:
    """Item -> the rule that dropped it."""
    report = json.loads((out / "report.json").read_text())
    return {each["id"]: rule["rule"] for rule in report["rules"] for each in rule["drops"]}


def expected(folder: Path) -> dict[str, str]:
    return {name: example.FAULTS[fault] for name, fault in json.loads((folder / "faults.json").read_text()).items()}


def test_each_rule_catches_what_is_wrong_in_its_way_and_nothing_else(world: Path, tmp_path: Path) -> None:
    code, said = run(world, tmp_path / "out")
    assert code == 0 and "came in" in said
    assert dropped(tmp_path / "out") == expected(world)
    sft, rl = rows.read(tmp_path / "out" / SFT), rows.read(tmp_path / "out" / RL)
    assert [row.id for row in sft] == ["scene_0000"] == [row.id for row in rl]
    assert sft[0].reasoning and rl[0].reasoning is None and sft[0].key_items == rl[0].key_items
    assert all(box.x2 <= 1 for items in sft[0].key_items.values() for boxes in items.values() for box in boxes)


def test_the_tiny_model_catches_them_too(shapes: Path, tmp_path: Path) -> None:
    change(folder := Path(shutil.copytree(shapes, tmp_path / "example")))
    run(folder, tmp_path / "out")
    found, wanted = dropped(tmp_path / "out"), expected(shapes)
    sees = {"verify", "judge"}
    assert {k: v for k, v in found.items() if v not in sees} == {k: v for k, v in wanted.items() if v not in sees}
    assert {k for k, v in found.items() if v == "verify"} == {k for k, v in wanted.items() if v == "verify"}
    assert {k for k, v in found.items() if v == "judge"} <= {k for k, v in wanted.items() if v == "judge"}


def test_captions_give_the_real_times_of_frames(world: Path, tmp_path: Path) -> None:
    from harness.video import probe

    sources = [json.loads(line) for line in (world / "sources.jsonl").read_text().splitlines()]
    item = next(each for each in sources if "captions" in each)
    answer = example.Scene(*_scene(item["id"]), captions=True).answer(None, random.Random(0))
    (world / "sources.jsonl").write_text(json.dumps(item))
    (world / "answers.jsonl").write_text(json.dumps({"default": True, "texts": [answer]}))
    assert run(world, tmp_path / "out")[0] == 0
    (row,) = rows.read(tmp_path / "out" / SFT)
    real = probe(str(world / "videos" / item["video"])).times
    asked = [frame["frame"] for frame in reading.found(answer)["key_frames"]]
    assert [frame.time for frame in row.key_frames] == [round(float(real[index]), 3) for index in asked]
    assert all(f"at<t>{frame.time}</t>s" in (row.reasoning or "") for frame in row.key_frames)


def _scene(name: str) -> tuple[Clip, Thing]:
    index = int(name.rpartition("_")[2])
    clip = make(example.FIRST_SEED + index)
    return clip, random.Random(f"construct:{index}").choice(clip.things)


@pytest.mark.parametrize("policy", ["sample", "object"])
def test_a_failed_box_costs_its_sample_or_its_object(policy: str, world: Path, tmp_path: Path) -> None:
    first, other = [json.loads(line) for line in (world / "answers.jsonl").read_text().splitlines()][:2]
    data = reading.found(first["texts"][0])
    whole = {"name": "scene", "boxes": [[0, 0, 1000, 1000]]}
    data["key_frames"][0]["objects"].append(whole)
    time = next(iter(data["key_frames"][0].values()))
    data["reasoning_process"] += f" The <obj>scene</obj><box>[0,0,1000,1000]</box>at<t>{time}</t>s is wide."
    lines = [json.dumps({**first, "texts": [json.dumps(data)]}), json.dumps(other)]
    (world / "answers.jsonl").write_text("\n".join(lines))
    change(world, rules={"failed_box": policy})
    run(world, tmp_path / "out", limit=1)
    assert dropped(tmp_path / "out") == {"scene_0000": "large"}
    made = rows.read(tmp_path / "out" / SFT)
    assert len(made) == (policy == "object")
    assert all("scene" not in str(row.key_items) + str(row.reasoning) for row in made)


def test_killed_anywhere_it_goes_on_and_asks_nothing_twice(world: Path, tmp_path: Path) -> None:
    run(world, tmp_path / "alone")
    log, out = tmp_path / "log", tmp_path / "out"
    code = f"from harness.training.construct.build import build; from pathlib import Path; import rich.console as c; \
build({str(world / 'recipe.yaml')!r}, Path({str(out)!r}), c.Console())"
    for die in (4, 9, -1):
        env = {**os.environ, "ORACLE_LOG": str(log), "ORACLE_DIE": str(die)}
        done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
        assert done.returncode == (0 if die < 0 else -9), done.stderr
        # A line that was being written is no line.
        with (out / ledger.JOURNAL).open("a") as file:
            file.write('{"stage": "ver')
    asked = log.read_text().splitlines()
    assert len(asked) == len(set(asked)) > 13
    for name in (SFT, RL):
        assert (out / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()
    assert dropped(out) == dropped(tmp_path / "alone")


def test_another_recipe_is_refused_in_a_sentence(world: Path, tmp_path: Path) -> None:
    run(world, tmp_path / "out", limit=1)
    change(world, rules={"largest_box": 0.7})
    with pytest.raises(UsageError, match=r"of another build: rules.largest_box was 0.8 and is 0.7.*give another --out"):
        run(world, tmp_path / "out")


def test_what_fails_is_counted_and_asked_again_when_told(world: Path, tmp_path: Path) -> None:
    answers = (world / "answers.jsonl").read_text()
    first, *rest = answers.splitlines()
    failing = json.dumps({"match": json.loads(first)["match"], "error": "out of order"})
    (world / "answers.jsonl").write_text("\n".join([failing, *rest]))
    (world / "videos" / "scene_0004.mp4").write_bytes(b"no video")
    out = tmp_path / "out"
    assert run(world, out)[0] == 1
    found = dropped(out)
    assert found["scene_0000"] == found["scene_0004"] == "failed"
    assert "out of order" in (out / "report.md").read_text()
    assert dropped(out) == (run(world, out), dropped(out))[1]
    shutil.copy(world / "videos" / "scene_0000.mp4", world / "videos" / "scene_0004.mp4")
    run(world, out, retry=True)
    assert dropped(out)["scene_0004"] != "failed" and dropped(out)["scene_0000"] == "failed"


def test_a_dry_run_says_what_would_be_asked_and_writes_nothing(world: Path, tmp_path: Path) -> None:
    code, said = run(world, tmp_path / "out", dry=True)
    assert code == 0 and not (tmp_path / "out").exists()
    assert "8 of 8 items" in said and f"at most {8 * 45} requests" in said
    assert "The video has" in said and "From " in said and "<obj>name</obj>" in said


@contextmanager
def server(reply: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A chat server that always says the same; its address and what it was asked."""
    calls: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            calls.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            message = {"role": "assistant", "content": reply}
            body = json.dumps({"choices": [{"index": 0, "finish_reason": "stop", "message": message}]}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{http.server_port}/v1", calls
        finally:
            http.shutdown()


def test_any_server_annotates_and_is_sent_the_frames(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    text = json.loads((world / "answers.jsonl").read_text().splitlines()[0])["texts"][0]
    with server(text) as (url, calls):
        options = {"base_url": url, "check": False, "retries": 0, "image_format": "jpeg"}
        how = {"engine": "openai", "model": "big", "answers": None, "options": options, "max_pixels": 50176}
        change(world, annotator=how)
        assert run(world, tmp_path / "out", limit=1)[0] == 0
    (call,) = calls
    content = call["messages"][-1]["content"]
    images = [part["image_url"]["url"] for part in content if part["type"] == "image_url"]
    assert call["model"] == "big" and 0 < len(images) <= 8
    picture = Image.open(io.BytesIO(base64.b64decode(images[0].partition(",")[2])))
    clip, _ = _scene("scene_0000")
    assert picture.size == family("qwen2_5_vl").resize(clip.width, clip.height, 50176)
    assert len(rows.read(tmp_path / "out" / SFT)) == 1


def test_a_server_that_is_not_there_is_no_fault_of_the_items(world: Path, tmp_path: Path) -> None:
    options = {"base_url": "http://127.0.0.1:9/v1", "retries": 0}
    change(world, annotator={"engine": "openai", "model": "big", "answers": None, "options": options})
    with pytest.raises(HarnessError, match="no answer from"):
        run(world, tmp_path / "out")
