"""The loop, with engines and videos that do as they are told."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from PIL.Image import Image

from harness.contracts import Task
from harness.errors import EngineError, VideoError
from harness.records import Frame, Prediction, Record, Request, Response, Sample, Score, View
from harness.run import Job, Loop, drive, sample_seed
from harness.settings import Decoding

DATA = Path(__file__).parent / "data"


def module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, DATA / f"{name}.py")
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[name] = made
    spec.loader.exec_module(made)
    return made


COLOURS: Task = module("colours").task


class Views:
    """Every video has one frame, but those named "broken" have none."""

    async def view(self, sample: Sample, recipe: str, family: str, max_pixels: int, show: str = "images") -> View:
        await asyncio.sleep(0)
        if "broken" in sample.video:
            raise VideoError(f"{sample.video} cannot be decoded")
        return View(video=sample.video, times=(0.5,), duration=1.0, width=28, height=28, size=(28, 28), family=family)

    async def get(self, frames: Sequence[Frame]) -> list[Image]:
        raise NotImplementedError


class Scripted:
    """Answers by a function of the request and the number of requests so far; notes what was asked."""

    def __init__(self, reply: Callable[[Request, int], str] = lambda request, number: "<answer>red</answer>") -> None:
        self.reply = reply
        self.requests: list[Request] = []
        self.now = self.most = 0

    async def start(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def generate(self, request: Request) -> list[Response]:
        self.requests.append(request)
        number = len(self.requests)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(0.001)
        finally:
            self.now -= 1
        text = self.reply(request, number)
        return [Response(rollout=k, text=text, finish="stop", tokens=3) for k in range(request.n)]


def sample(name: str, video: str = "v.mp4") -> Sample:
    return Sample(id=name, item=name, kind="what", video=video, question="Which?", answer="red")


def job(name: str, video: str = "v.mp4", task: Task = COLOURS) -> Job:
    return Job(task=task, sample=sample(name, video), frames="uniform:1", max_pixels=784)


def loop(engine: Scripted, **how: float) -> Loop:
    def first(sample: Sample, predictions: Sequence[Prediction]) -> Prediction:
        return predictions[0]

    decoding = Decoding(**how)  # type: ignore[arg-type]
    return Loop(engine=engine, views=Views(), voter=first, decoding=decoding, seed=7, family="qwen2_5_vl")


def drain(
    engine: Scripted, jobs: Sequence[Job] | Iterator[Job], in_flight: int = 4, answered: bool = False
) -> list[Record]:
    kept: list[Record] = []
    asyncio.run(drive(loop(engine), jobs, kept.append, in_flight, answered=answered))
    return kept


def test_a_sample_goes_all_the_way() -> None:
    engine = Scripted()
    record = asyncio.run(loop(engine, n=3, temperature=0.7, top_p=0.9, max_tokens=50).answer(job("q1")))
    (request,) = engine.requests
    assert (request.n, request.temperature, request.top_p, request.max_tokens) == (3, 0.7, 0.9, 50)
    assert request.seed == sample_seed(7, "colours", "q1") and record.request == request.key
    assert [p.answer for p in record.predictions] == ["red"] * 3 and [r.tokens for r in record.responses] == [3] * 3
    assert record.vote is not None and record.score == Score(values={"acc": 1.0})
    assert record.version == 1 and record.view is not None and record.error is None and record.seconds > 0


def test_seeds_are_stable_apart_and_small() -> None:
    seeds = {sample_seed(run, task, f"{i}") for run in (0, 1) for task in ("a", "b") for i in range(5000)}
    assert len(seeds) == 20_000
    assert all(seed % 65536 == 0 and 0 <= seed < 2**53 for seed in seeds)


def test_a_broken_video_is_a_record_and_the_others_go_on() -> None:
    records = drain(Scripted(), [job("a"), job("b", "broken.mp4"), job("c")])
    found = {r.sample.id: r for r in records}
    assert found["b"].error == "VideoError: broken.mp4 cannot be decoded"
    assert found["b"].score is None and found["b"].vote is None and found["b"].view is None
    assert found["a"].score is not None and found["c"].score is not None


def test_a_request_that_fails_is_a_record_and_the_others_go_on() -> None:
    def reply(request: Request, number: int) -> str:
        if number % 3 == 0:
            raise EngineError("too long")
        return "<answer>red</answer>"

    records = drain(Scripted(reply), [job(f"q{i}") for i in range(12)], in_flight=2)
    errors = [r for r in records if r.error is not None]
    assert len(records) == 12 and len(errors) == 4
    assert all(r.error == "EngineError: too long" and r.view is not None and r.request for r in errors)


class Lame(Scripted):
    """Fails some rollouts, or forgets them."""

    async def generate(self, request: Request) -> list[Response]:
        made = await super().generate(request)
        if len(self.requests) == 1:
            return [replace(made[0], finish="error", error="out of memory"), *made[1:]]
        return made[1:] if len(self.requests) == 2 else made


def test_a_sample_with_a_rollout_missing_is_not_scored() -> None:
    records = drain(Lame(), [job("a"), job("b"), job("c")], in_flight=1)
    assert [r.error for r in records] == [
        "EngineError: rollout 0: out of memory",
        "EngineError: the engine gave 0 of 1 rollouts",
        None,
    ]
    assert records[0].responses and records[0].score is None


def dead_after(number: int) -> Scripted:
    def reply(request: Request, asked: int) -> str:
        if asked > number:
            raise EngineError("connection refused")
        return "x"

    return Scripted(reply)


@pytest.mark.parametrize("count", [1, 3, 500])
def test_an_engine_that_never_answers_ends_the_run_with_one_sentence(count: int) -> None:
    engine, kept = dead_after(0), list[Record]()
    with pytest.raises(EngineError, match="connection refused.*start the same command again"):
        asyncio.run(drive(loop(engine), [job(f"q{i}") for i in range(count)], kept.append, 4))
    assert not kept and len(engine.requests) <= 12


def test_an_engine_that_dies_ends_the_run_and_its_failures_are_owed_again() -> None:
    engine, kept = dead_after(20), list[Record]()
    with pytest.raises(EngineError, match="connection refused"):
        asyncio.run(drive(loop(engine), [job(f"q{i}") for i in range(5000)], kept.append, 4))
    assert len(kept) == 20 and all(r.error is None for r in kept)


def test_a_last_request_that_fails_in_a_later_session_is_recorded() -> None:
    records = drain(dead_after(0), [job("a")], answered=True)
    assert [r.error for r in records] == ["EngineError: connection refused"]


def test_broken_videos_alone_do_not_end_a_run() -> None:
    assert len(drain(Scripted(), [job(f"q{i}", "broken.mp4") for i in range(100)])) == 100


def test_the_number_under_way_is_bounded_and_jobs_are_drawn_when_needed() -> None:
    engine, drawn, kept = Scripted(), 0, list[Record]()
    ahead = 0

    def jobs() -> Iterator[Job]:
        nonlocal drawn, ahead
        for i in range(300):
            drawn += 1
            ahead = max(ahead, drawn - len(kept))
            yield job(f"q{i}")

    asyncio.run(drive(loop(engine), jobs(), kept.append, 5))
    assert len(kept) == 300 and engine.most <= 5 and ahead <= 5


def test_a_fault_of_the_program_ends_the_run_and_keeps_what_was_done() -> None:
    def reply(request: Request, number: int) -> str:
        if number > 10:
            raise ZeroDivisionError("a bug")
        return "x"

    engine, kept = Scripted(reply), list[Record]()
    with pytest.raises(ZeroDivisionError):
        asyncio.run(drive(loop(engine), [job(f"q{i}") for i in range(100)], kept.append, 4))
    assert len(kept) == 10 and engine.now == 0


def test_odd_numbers_do_not_reach_the_record() -> None:
    class Odd(Scripted):
        async def generate(self, request: Request) -> list[Response]:
            (made,) = await super().generate(request)
            return [replace(made, logprob=float("nan"), choice_logprobs={"0": float("-inf"), "1": -0.1})]

    class Strange(type(COLOURS)):  # type: ignore[misc]
        def score(self, sample: Sample, prediction: Prediction) -> Score:
            return Score(values={"acc": float("nan"), "other": 1.0})

    (record,) = drain(Odd(), [job("a", task=Strange())])
    assert record.responses[0].logprob is None and record.responses[0].choice_logprobs == {"0": -1e4, "1": -0.1}
    assert record.score == Score(values={"acc": None, "other": 1.0}, reason="not a finite number: acc")
