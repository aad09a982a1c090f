"""Waves: live in the loop, and replayed from a pool; the same rollouts, fewer of them."""

from __future__ import annotations

import asyncio
import random
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from harness import plugins
from harness.contracts import Stop, Task, Voter
from harness.engines import Settings
from harness.errors import EngineError, UsageError
from harness.frames import Frames
from harness.geometry import Span
from harness.model import resolve
from harness.records import Prediction, Record, Request, Response, Sample, View
from harness.run import Job, Loop
from harness.scaling.adaptive import Difference, differences, replay
from harness.scaling.pool import Pool, Rollouts
from harness.scaling.stopping import rule
from harness.settings import Decoding

MAJORITY: Voter = plugins.load("harness.scaling", "majority")
TASK: Task = plugins.load("harness.tasks", "shapes")


def pool(count: int = 200, n: int = 8, kinds: Sequence[str] = ("mcq", "when_1")) -> Pool:
    """Made-up rollouts: two questions a video, answers and spans of every firmness."""
    rng, found = random.Random(0), []
    for number in range(count):
        kind, firm = kinds[number % len(kinds)], rng.betavariate(0.7, 0.7)
        sample = Sample(
            id=f"{number:04d}", item="", kind=kind, video=f"v{number // 2}", question="?", answer="A", span=Span(2, 6),
            options=("w", "x", "y", "z"), groups={"kind": kind},
        )  # fmt: skip
        said = [
            Prediction(answer="A" if rng.random() < firm else rng.choice("ABCD"), rollout=k)
            if kind == "mcq"
            else Prediction(span=Span(2 + rng.gauss(0, 1 - firm), 6 + rng.gauss(0, 1 - firm)), rollout=k)
            for k in range(n)
        ]
        found.append(Rollouts(sample, tuple(said), tuple(rng.randint(5, 90) for _ in range(n)), 1.0))
    return Pool(TASK, found)


def by_hand(made: Pool, stop: Stop) -> tuple[list[int], list[Prediction]]:
    """Rollouts drawn and votes, one rollout at a time."""
    drawn = []
    for r in made.samples:
        have = 0
        while more := stop(r.sample, r.predictions[:have], len(r.predictions)):
            have += more
        drawn.append(have)
    return drawn, [MAJORITY(r.sample, r.predictions[:k]) for r, k in zip(made.samples, drawn, strict=True)]


def test_the_rows_are_what_is_counted_by_hand() -> None:
    made = pool()
    everything, lossless, same = replay(made, MAJORITY, ["lossless", "same:0.95"])
    full = [MAJORITY(r.sample, r.predictions) for r in made.samples]
    tokens = sum(sum(r.tokens) for r in made.samples)
    assert (everything.rollouts, everything.waves, everything.saved, everything.tokens) == (8, 1, 0, tokens)
    for row, text in ((lossless, "lossless"), (same, "same:0.95")):
        drawn, votes = by_hand(made, rule(text, MAJORITY))
        spent = sum(sum(r.tokens[:k]) for r, k in zip(made.samples, drawn, strict=True))
        assert row.rollouts == statistics.mean(drawn) and row.tokens == spent
        assert row.saved == 1 - spent / tokens
        other = [(a.answer, a.span) != (b.answer, b.span) for a, b in zip(votes, full, strict=True)]
        assert row.changed == statistics.mean(other)
        right = [float(v.answer == "A") for v, r in zip(votes, made.samples, strict=True) if r.sample.kind == "mcq"]
        assert row.metrics["mcq"] == statistics.mean(right)
    assert lossless.changed == 0 and lossless.saved > 0.05 and same.saved > lossless.saved + 0.1
    assert lossless.differences["mcq"] == Difference(0.0, 0.0, 0.0)
    assert lossless.metrics == everything.metrics and everything.metrics["what"] is None
    assert lossless.differences["what"] is None


def test_lossless_changes_no_answer_in_any_order() -> None:
    made = pool(150, 7, ["mcq"])
    [_, row] = replay(made, MAJORITY, ["lossless"], orders=6)
    assert row.changed == 0 and 4 < row.rollouts < 7 and 1 < row.waves < 4


def test_other_orders_are_averaged() -> None:
    made, rules = pool(60), ["settled:0.9"]
    [_, one], [_, many] = replay(made, MAJORITY, rules), replay(made, MAJORITY, rules, orders=4)
    assert replay(made, MAJORITY, rules, orders=4)[1] == many and one != many
    assert many.saved == pytest.approx(one.saved, abs=0.05)
    ours, theirs = many.differences["mcq"], one.differences["mcq"]
    assert ours and theirs and ours.high is not None and ours.low is not None and ours.low <= ours.value <= ours.high


def test_the_interval_is_the_cluster_robust_one() -> None:
    import numpy as np
    import statsmodels.api as sm

    rng = random.Random(1)
    made = pool(80, 8, ["mcq"])
    full, ours = (
        [
            Record(task="shapes", version=1, sample=r.sample, vote=p, score=TASK.score(r.sample, p))
            for r in made.samples
            for p in [Prediction(answer=rng.choice("AAB"))]
        ]
        for _ in range(2)
    )
    found = differences(TASK, [ours], full)["mcq"]
    gaps = [a.score.values["acc"] - b.score.values["acc"] for a, b in zip(ours, full, strict=True)]  # type: ignore
    videos = [int(r.sample.video[1:]) for r in full]
    fit = sm.OLS(gaps, np.ones(len(gaps))).fit(cov_type="cluster", cov_kwds={"groups": videos}, use_t=True)
    assert found is not None
    assert found == pytest.approx((fit.params[0], *fit.conf_int()[0]))


def test_a_pool_that_stopped_early_is_refused() -> None:
    made = pool(10)
    made.samples[3] = replace(made.samples[3], predictions=made.samples[3].predictions[:4])
    with pytest.raises(UsageError, match="have not all 4 rollouts"):
        replay(made, MAJORITY, ["lossless"])
    assert replay(Pool(TASK), MAJORITY, ["lossless"])[1].saved == 0


class Pools:
    """An engine that gives the rollouts of a pool, and views that are blank."""

    def __init__(self, made: Pool, skew: int = 0) -> None:
        self.made = {r.sample.id: r for r in made.samples}
        self.skew = skew
        self.asked: list[tuple[str, int, int]] = []

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def view(self, sample: Sample, recipe: str, family: str, max_pixels: int, show: str = "images") -> View:
        return View(video=sample.video, times=(0.5,), duration=1, width=28, height=28, size=(28, 28), family=family)

    async def generate(self, request: Request) -> list[Response]:
        name = str(request.parts[0])
        self.asked.append((name, request.first, request.n))
        rollouts = range(request.first + self.skew, request.first + self.skew + request.n)
        tokens = self.made[name].tokens
        return [Response(rollout=k, text=f"{k}", finish="stop", tokens=tokens[k % len(tokens)]) for k in rollouts]


class Reading(type(TASK)):  # type: ignore[misc]
    """Shapes, but a response is the number of a rollout of the pool."""

    made: Mapping[str, Rollouts] = {}

    def request(self, sample: Sample, view: View) -> Request:
        return Request(parts=(sample.id,))

    def read(self, sample: Sample, view: View, response: Response) -> Prediction:
        found: Prediction = self.made[sample.id].predictions[int(response.text)]
        return found


def live(made: Pool, text: str | None, skew: int = 0) -> tuple[Pools, list[Record]]:
    engine, task = Pools(made, skew), Reading()
    Reading.made = engine.made
    loop = Loop(
        engine=engine, views=engine, voter=MAJORITY, decoding=Decoding(n=8, temperature=1.0), seed=0, family="nano",
        stop=rule(text, MAJORITY) if text else None,
    )  # fmt: skip
    jobs = [Job(task=task, sample=r.sample, frames="uniform:1", max_pixels=784) for r in made.samples]

    async def run() -> list[Record]:
        return [await loop.answer(job) for job in jobs]

    return engine, asyncio.run(run())


@pytest.mark.parametrize("text", ["lossless", "same:0.95", "window:3"])
def test_a_run_draws_what_the_replay_says(text: str) -> None:
    made = pool(120)
    engine, records = live(made, text)
    [_, row] = replay(made, MAJORITY, [text])
    assert sum(len(r.responses) for r in records) / 120 == row.rollouts < 8
    assert sum(t.tokens for r in records for t in r.responses) == row.tokens
    assert len(engine.asked) / 120 == row.waves
    assert TASK.aggregate(records) == row.metrics
    for record in records:
        assert [r.rollout for r in record.responses] == [*range(len(record.responses))]
        assert record.vote == MAJORITY(record.sample, record.predictions)
        waves = [(first, n) for name, first, n in engine.asked if name == record.sample.id]
        assert [first for first, _ in waves] == [sum(n for _, n in waves[:k]) for k in range(len(waves))]


def test_without_a_rule_all_are_drawn_at_once() -> None:
    engine, records = live(pool(4), None)
    assert [asked[1:] for asked in engine.asked] == [(0, 8)] * 4 and {len(r.predictions) for r in records} == {8}


def test_an_engine_that_does_not_go_on_where_it_stopped_fails_its_sample() -> None:
    _, records = live(pool(2), "same:0.95", skew=1)
    assert {r.error for r in records} == {
        f"{EngineError.__name__}: the engine gave the rollouts [1, 2, 3] for 3 from 0 on"
    }


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("world") / "shapes"
    root.mkdir()
    TASK.demo(root, 1, 3)
    return root


def ask(world: Path, text: str | None) -> list[Record]:
    """The records of nano on a clip, of four rollouts at most."""
    frames, model = Frames(), resolve("nano")
    engine = plugins.load("harness.engines", "transformers")(Settings(model=model), frames)
    decoding = Decoding(n=4, temperature=1.0, max_tokens=60)
    stop = rule(text, MAJORITY) if text else None
    loop = Loop(engine=engine, views=frames, voter=MAJORITY, decoding=decoding, seed=5, family=model.family, stop=stop)
    samples = [s for s in TASK.samples(world) if s.kind in ("what", "mcq", "when_1", "exists")]
    jobs = [Job(task=TASK, sample=s, frames="uniform:4", max_pixels=112 * 112) for s in samples]

    async def run() -> list[Record]:
        try:
            await engine.start()
            return list(await asyncio.gather(*map(loop.answer, jobs)))
        finally:
            await engine.close()

    return asyncio.run(run())


def test_the_rollouts_of_a_real_engine_are_the_first_of_all(world: Path) -> None:
    every, some = ask(world, None), ask(world, "window:2")
    assert not any(r.error for r in [*every, *some])
    assert sum(len(r.responses) for r in some) < sum(len(r.responses) for r in every) == 16
    for whole, part in zip(every, some, strict=True):
        assert [r.text for r in part.responses] == [r.text for r in whole.responses[: len(part.responses)]]
        assert part.request == whole.request
