"""What the openai engine makes of servers that refuse, fail, stall or are not there; and that its key stays with it."""

from __future__ import annotations

import asyncio
import io
import json
import random
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.engines import Settings
from harness.errors import EngineError, HarnessError, UsageError, VideoError
from harness.model import Named
from harness.plugins import load
from harness.records import Frame, Request

KEY = "sk-not-for-others-0123456789"
COLOURS = str(Path(__file__).parents[1] / "harness/data/colours.py")
ASKED = Request(parts=("What is red?",))


def make(bench: Any, url: str, *, model: str = "tiny", room: int = 64, **options: Any) -> Any:
    named = Named(name=model, family="qwen2_5_vl")
    settings = Settings(model=named, max_in_flight=room, options={"base_url": url, "retries": 0} | options)
    return load("harness.engines", "openai")(settings, bench.Pixels())


def ask(bench: Any, server: Any, *requests: Request, **how: Any) -> list[Any]:
    return list(bench.run(make(bench, server.url, **how), requests or [ASKED]))


def fails(status: int, text: str, times: int = 10**6, **headers: str) -> Any:
    """An `answer` that fails some times with a status and a message before it works."""
    left = iter(range(times))

    def answer(call: dict[str, Any]) -> Any:
        if next(left, None) is None:
            return {"choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "red"}}]}
        return status, {"error": {"message": text, "code": headers.get("code")}}, headers

    return answer


@pytest.mark.parametrize(("retries", "times"), [(3, 1), (0, 4)])
def test_a_rate_limit_is_waited_for(stand_in: Any, bench: Any, retries: int, times: int) -> None:
    stand_in.answer = fails(429, "slow down", times, **{"Retry-After": "0.2"})
    begun = time.perf_counter()
    [[found]] = ask(bench, stand_in, retries=retries)
    assert found.text == "red" and len(stand_in.calls) == times + 1
    assert time.perf_counter() - begun >= 0.2 * times


def test_a_server_that_fails_for_a_moment_is_asked_again(stand_in: Any, bench: Any) -> None:
    stand_in.answer = fails(503, "busy", 1)
    [[found]] = ask(bench, stand_in, retries=1)
    assert found.text == "red"
    stand_in.answer = fails(500, "broken")
    [error] = ask(bench, stand_in)
    assert isinstance(error, EngineError) and "failed, after 0 retries too (500: broken)" in str(error)


def test_a_server_that_fails_three_in_ten_requests_loses_none(stand_in: Any, bench: Any) -> None:
    rng, lock, failed = random.Random(0), threading.Lock(), []

    def answer(call: dict[str, Any]) -> Any:
        with lock:
            lot = rng.random()
        if lot >= 0.3:
            return stand_in.completion(json.dumps(call["messages"])[-60:])
        failed.append(lot)
        return rng.choice((500, 502, 503)), {"error": {"message": "overloaded"}}, {"Retry-After": "0"}

    requests = [Request(parts=(f"What is number {k}?",)) for k in range(60)]
    stand_in.answer = answer
    found = ask(bench, stand_in, *requests, retries=12, room=16)
    assert all(f"number {k}?" in response.text for k, [response] in enumerate(found)) and len(failed) > 10


def test_a_server_that_fails_hangs_and_talks_nonsense_by_turns_answers_the_others(stand_in: Any, bench: Any) -> None:
    kinds = ("good", "refused", "good", "hangs", "good", "nonsense", "empty", "cut off")

    def answer(call: dict[str, Any]) -> Any:
        number = int(json.dumps(call["messages"]).split("number ")[1].split("?")[0])
        kind = kinds[number % len(kinds)]
        if kind == "hangs":
            time.sleep(6)
        replies = {"nonsense": "<html>\ufffd\0</html>", "empty": {}, "cut off": '{"choices": [{"mess'}
        if kind == "refused":
            return 400, {"error": {"message": "no"}}, {}
        return (200, replies[kind], {}) if kind in replies else stand_in.completion(f"answer {number}")

    stand_in.answer = answer
    requests = [Request(parts=(f"What is number {k}?",)) for k in range(3 * len(kinds))]
    for number, found in enumerate(ask(bench, stand_in, *requests, deadline=3)):
        if kinds[number % len(kinds)] == "good":
            assert found[0].text == f"answer {number}"
        else:
            assert isinstance(found, EngineError) and "\n" not in str(found), (number, found)


def test_a_deadline_ends_waiting(stand_in: Any, bench: Any) -> None:
    def stall(call: dict[str, Any]) -> Any:
        time.sleep(8)
        return {}

    stand_in.answer = stall
    begun = time.perf_counter()
    [stalled] = ask(bench, stand_in, deadline=0.3)
    stand_in.answer = fails(429, "slow down")
    [limited] = ask(bench, stand_in, deadline=0.3)
    assert time.perf_counter() - begun < 7
    for error in (stalled, limited):
        assert isinstance(error, EngineError) and "no answer in 0.3 s" in str(error)


@pytest.mark.parametrize(
    ("status", "text", "kind", "message"),
    [
        (400, "prompt too long", EngineError, "refuses the request (400: prompt too long)"),
        (413, "too large\n for me", EngineError, "(413: too large for me)"),
        (401, "no key", UsageError, "asks for a key; set OPENAI_API_KEY (no key)"),
        (402, "no money", UsageError, "wants to be paid (402: no money)"),
        (404, "no such model", UsageError, "does not know the model 'tiny' or the address (404: no such model)"),
    ],
)
def test_what_cannot_be_mended_is_told_at_once(
    stand_in: Any, bench: Any, status: int, text: str, kind: type[HarnessError], message: str
) -> None:
    stand_in.answer = fails(status, text)
    [error] = ask(bench, stand_in, retries=5)
    assert type(error) is kind and message in str(error) and "\n" not in str(error)
    assert len(stand_in.calls) == 1


def test_an_empty_account_is_no_rate_limit(stand_in: Any, bench: Any) -> None:
    stand_in.answer = fails(429, "quota", code="insufficient_quota")
    [error] = ask(bench, stand_in)
    assert isinstance(error, UsageError) and "wants to be paid (429: quota)" in str(error)


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ("<html>hello</html>", "without a completion: <html>hello</html>"),
        ({"error": {"message": "upstream is away"}}, "without a completion: {'message': 'upstream is away'}"),
        ({"choices": [{"index": 0, "finish_reason": "content_filter", "message": {}}]}, "with 'content_filter'"),
    ],
)
def test_answers_that_are_none(stand_in: Any, bench: Any, reply: Any, message: str) -> None:
    stand_in.answer = lambda call: (200, reply, {})
    [error] = ask(bench, stand_in)
    assert isinstance(error, EngineError) and message in str(error)


def test_a_bad_video_fails_alone(stand_in: Any, bench: Any) -> None:
    broken = Request(parts=(Frame(video="broken.mp4", time=0, size=(56, 56)), "?"))
    error, copies, [good] = ask(bench, stand_in, broken, replace(ASKED, n=2), ASKED)
    assert isinstance(error, VideoError) and "would be copies" in str(copies) and good.text == "red"


def test_the_number_under_way_is_bounded(stand_in: Any, bench: Any) -> None:
    def answer(call: dict[str, Any]) -> Any:
        time.sleep(0.05)
        return stand_in.completion("red")

    stand_in.answer = answer
    assert len(bench.texts(ask(bench, stand_in, *[bench.ask(i, frames=1) for i in range(12)], room=3))) == 12
    assert stand_in.most == 3


@pytest.mark.parametrize(
    ("where", "model", "message"),
    [
        ("http://127.0.0.1:9/v1", "tiny", "no answer from http://127.0.0.1:9/v1"),
        ("{url}/v2", "tiny", "ends in /v1"),
        ("{url}/v1", "tyni", "has no model 'tyni'; it has tiny: set --model"),
    ],
)
def test_the_server_is_looked_at_before_anything_is_asked(
    stand_in: Any, bench: Any, where: str, model: str, message: str
) -> None:
    made = make(bench, where.format(url=stand_in.url.removesuffix("/v1")), model=model)
    with pytest.raises((EngineError, UsageError), match=message):
        asyncio.run(made.start())
    assert not stand_in.calls


def test_a_path_to_the_servers_name_will_do_and_the_look_can_be_left_out(stand_in: Any, bench: Any) -> None:
    ask(bench, stand_in, model="./tiny")
    ask(bench, stand_in, model="tiny:fast", check=False)
    assert [call["model"] for call in stand_in.calls] == ["tiny", "tiny:fast"]
    assert stand_in.paths["/v1/models"] == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"base_ulr": "x"}, "no option 'base_ulr'; did you mean 'base_url'"),
        ({"api_key": KEY}, "no option 'api_key'"),
        ({"image_format": "bmp"}, "cannot be 'bmp'; it is one of: png, jpeg"),
        ({"logprobs": 1}, "'logprobs' cannot be 1"),
        ({"retries": -1}, "'retries' cannot be -1"),
        ({"deadline": 0}, "'deadline' cannot be 0"),
        ({"body": {"n": 2}}, "it is an object, without model, messages, n, stream"),
        ({"base_url": "127.0.0.1:8000/v1"}, "must be an address such as"),
        ({"base_url": f"http://me:{KEY}@127.0.0.1/v1"}, "must not hold a password"),
        ({"key_env": "NO_SUCH_KEY"}, "NO_SUCH_KEY is not set"),
    ],
)
def test_options(bench: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        make(bench, "http://127.0.0.1:9/v1", **options)
    assert KEY not in str(caught.value)


def test_what_the_server_decides_is_no_setting(bench: Any) -> None:
    named = Named(name="tiny", family="qwen2_5_vl")
    with pytest.raises(UsageError, match="for the server to be started with"):
        load("harness.engines", "openai")(Settings(model=named, dtype="float32"), bench.Pixels())


def test_a_run_keeps_the_key_to_itself_and_goes_on_at_another_address(
    stand_in: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from rich.console import Console

    from harness.plan import load as load_task
    from harness.session import session
    from harness.settings import Asked

    monkeypatch.setenv("MY_KEY", f"{KEY}\n")
    (tmp_path / "colours").mkdir()
    load_task(COLOURS).demo(tmp_path / "colours", 2, 0)
    said, out = io.StringIO(), tmp_path / "run"

    def go(url: str, **more: Any) -> int:
        options = {"base_url": url, "key_env": "MY_KEY"}
        asked = Asked(tasks=(COLOURS,), data=tmp_path, out=out, model="tiny", family="qwen2_5_vl", engine="openai",
                      engine_options=options, cache_gb=0, **more)  # fmt: skip
        return session(asked, Console(file=said))

    good, bad = stand_in.answer, iter([True])
    stand_in.answer = lambda call: (400, f"who is {KEY}?", {}) if next(bad, False) else good(call)
    assert go(stand_in.url) == 0
    assert set(stand_in.keys) == {f"Bearer {KEY}"}
    assert "who is ***?" in (out / "records.jsonl").read_text()
    assert go(f"{stand_in.url}/", retry_errors=True) == 0
    assert "who is" not in (out / "records.jsonl").read_text()
    assert KEY not in said.getvalue() + "".join(file.read_text() for file in out.iterdir())
    run = json.loads((out / "run.json").read_text())
    assert run["settings"]["model"] == {"name": "tiny", "family": "qwen2_5_vl", "fingerprint": None}
    assert run["settings"]["engine"]["options"] == {} and run["places"]["engine's base_url"] == f"{stand_in.url}/"
