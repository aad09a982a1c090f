"""Run folders for the viewer, and a browser to look at them with."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.codec import encode
from harness.geometry import Box, Span
from harness.records import Evidence, Grade, Prediction, Record, Response, Sample, Score, View
from harness.schema import dumps, validate
from harness.shapes import clip, render

Write = Callable[..., Path]

SESSION: dict[str, object] = {"started": "2026-01-01T00:00:00+00:00", "argv": [], "python": "3", "platform": "any"}
SESSION |= {"git": None, "tensor_parallel": 1, "in_flight": 1, "trust_remote_code": False, "versions": {}}
DECODING = {"n": 2, "temperature": 1.0, "top_p": 1.0, "repetition_penalty": 1.0, "max_tokens": 64}
CLAIM = "<obj>cup</obj><box>[10,20,30,40]</box>at<t>1.0</t>s"


@pytest.fixture(scope="session")
def record() -> Callable[..., Record]:
    """Make a record: a question with two rollouts, of which the first won; further fields replace those."""

    def make(name: str = "q", video: str = "/gone/v.mp4", **changes: Any) -> Record:
        sample = Sample(id=name, item=name, kind="mcq", video=video, question=f"What is {name}?",
                        options=("pear", "plum"), answer="A", span=Span(1.0, 2.0), boxes={1.0: Box(10, 20, 30, 40)},
                        groups={"domain": "Sports", "length": "short"})  # fmt: skip
        view = View(
            video=video, times=(0.0, 1.0, 2.0), duration=3.0, width=64, height=48, size=(64, 48), family="qwen2_5_vl"
        )
        text = f"<think>A {CLAIM}.</think><answer>A</answer>"
        claim = Evidence(label="cup", time=1.0, box=Box(10, 20, 30, 40))
        said = (Prediction(answer="A", rollout=0, evidence=(claim,), signals={"relevance": 2.0}),
                Prediction(answer="B", rollout=1, signals={"relevance": 0.0}, problems=("no answer tag",)))  # fmt: skip
        made = Record(
            task="demo", version=1, sample=sample, view=view, request="0" * 64,
            responses=(Response(rollout=0, text=text, finish="stop"), Response(rollout=1, text="B", finish="length")),
            predictions=said, vote=replace(said[0], tally={"a": 2.0, "b": 0.0}), score=Score(values={"acc": 1.0}),
        )  # fmt: skip
        return replace(made, **changes)

    return make


@pytest.fixture(scope="session")
def write_run() -> Write:
    """Write a run folder that holds records."""

    def write(folder: Path, records: Sequence[Record], title: str = "Demo", model: str | None = None) -> Path:
        folder.mkdir(parents=True)
        names = [*dict.fromkeys(record.task for record in records)]
        specs = [{"plugin": name, "name": name, "version": 1, "options": {}, "fingerprint": "0" * 64,
                  "frames": "uniform:3", "max_pixels": 3072} for name in names]  # fmt: skip
        counts = dict.fromkeys(("samples", "items", "all_items"), len(records))
        about: dict[str, object] = {"title": title, "source": "none", "columns": {"acc": "Acc"}, "groups": {}, **counts}
        told = dict.fromkeys(names, about)
        engine: dict[str, object] = {"name": "scripted", "dtype": "auto", "options": {}, "answers": None}
        known = model and {"name": model, "family": "qwen2_5_vl", "fingerprint": "0" * 64}
        settings = {"tasks": specs, "model": known, "family": "qwen2_5_vl", "engine": engine, "decoding": DECODING,
                    "voter": "confidence", "seed": 0, "limit": None}  # fmt: skip
        run = {"format": 1, "partial": False, "settings": settings, "tasks": told, "places": {}, "sessions": [SESSION]}
        validate("run", run, "run.json")
        (folder / "run.json").write_text(json.dumps(run))
        (folder / "records.jsonl").write_bytes(b"".join(dumps(encode(each), "a record") + b"\n" for each in records))
        return folder

    return write


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short video."""
    made = clip.make(7)
    path = tmp_path_factory.mktemp("videos") / "seven.mp4"
    render.write(made, path)
    return path


EVIL = (
    "</script><script>document.title='pwned'</script><img src=x onerror=\"document.title='pwned'\">"
    "\u2028javascript:document.title='pwned'//{{script}}${document.title='pwned'}'\"]]>--><svg onload=alert(1)>"
)


@pytest.fixture(scope="session")
def hostile(record: Callable[..., Record], write_run: Write, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose every text tries to be a script."""
    plain, video = record(), f"/gone/{EVIL.replace('/', '|')}"
    claim = Evidence(label=EVIL, time=1.0, box=Box(1, 1, 9, 9))
    sample = replace(plain.sample, id=EVIL, item=EVIL, kind=EVIL, video=video, question=EVIL, options=(EVIL, "b"),
                     answer=EVIL, evidence=(claim,), groups={EVIL: EVIL, "__proto__": EVIL, "constructor": "x"},
                     context=EVIL)  # fmt: skip
    said = tuple(
        Prediction(answer=EVIL, rollout=k, evidence=(claim,), signals={EVIL: 1.0, "__proto__": 1.0}, problems=(EVIL,))
        for k in range(2)
    )
    texts = (f"<think>{EVIL} {CLAIM} <obj>javascript:alert(1)</obj></think><answer>{EVIL}</answer>", EVIL)
    answered = replace(
        plain, sample=sample, predictions=said, view=plain.view and replace(plain.view, note=EVIL, show=EVIL),
        responses=tuple(Response(rollout=k, text=text, finish="error", error=EVIL) for k, text in enumerate(texts)),
        grades=(Grade(request=EVIL, choice=EVIL, error=EVIL),),
        vote=replace(said[0], tally={EVIL: 1.0, "__proto__": 2.0}),
        score=Score(values={EVIL: 0.5, "__proto__": None}, reason=EVIL),
    )  # fmt: skip
    failed = replace(plain, error=EVIL, vote=None, score=None, predictions=(), responses=())
    folder = tmp_path_factory.mktemp("hostile") / "<img src=x onerror=document.title='pwned'>"
    write_run(folder, [answered, failed], title=EVIL, model=EVIL)
    head = {"format": 1, "settings": {}}
    lines = [head, {"draw": 0, "record": encode(answered)}]
    (folder / "probe-<img src=x>.jsonl").write_bytes(b"".join(dumps(line, "a line") + b"\n" for line in lines))
    return folder


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Headless Chromium with one page (chromium.py)."""
    spec = importlib.util.spec_from_file_location("chromium", Path(__file__).parent / "chromium.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with module.Browser(tmp_path_factory.mktemp("profile")) as found:
        yield found
