"""Ray on a cluster of simulated nodes on this machine, with workers that fail, hang and die."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.engines import Settings
from harness.errors import EngineError, UsageError, VideoError
from harness.frames import Frames
from harness.plan import load as load_task
from harness.plugins import load
from harness.records import Frame, Request

pytestmark = [pytest.mark.ray, pytest.mark.slow]

MORTAL = str(Path(__file__).with_name("data") / "mortal.py")
TASKS = Path(__file__).parents[1] / "harness" / "data"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head without room for workers, and two nodes with room for one each."""
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": 1 << 27}
    cluster: Any = Cluster(initialize_head=True, head_node_args=head)
    node(cluster)
    node(cluster)
    yield cluster
    cluster.shutdown()


def node(cluster: Any) -> Any:
    return cluster.add_node(num_cpus=1, object_store_memory=1 << 27, resources={"mortal": 1})


def ask(number: int, words: str = "well", **how: Any) -> Request:
    return Request(parts=(f"{words} {number}",), **{"seed": 100 * number, "temperature": 1.0} | how)


class Spread:
    """Requests put to the ray engine with mortal workers."""

    def __init__(self, cluster: Any, folder: Path) -> None:
        self.address, self.folder = cluster.address, folder

    def make(self, **options: Any) -> Any:
        given = {"engine": MORTAL, "address": self.address, "folder": str(self.folder), "silence": 20.0, **options}
        return load("harness.engines", "ray")(Settings(options=given), Frames())

    def put(
        self, requests: Sequence[Request], meanwhile: Callable[[], Awaitable[None]] | None = None, **options: Any
    ) -> list[Any]:
        """The texts, or the errors."""
        engine = self.make(**options)

        async def go() -> list[Any]:
            try:
                await engine.start()
                answers = asyncio.gather(*map(engine.generate, requests), return_exceptions=True)
                if meanwhile:
                    await meanwhile()
                return await asyncio.wait_for(answers, 120)
            finally:
                await engine.close()

        found = asyncio.run(go())
        return [each if isinstance(each, BaseException) else [one.text for one in each] for each in found]

    def log(self) -> list[tuple[int, str]]:
        """(process, prompt) of all that was asked."""
        path = self.folder / "log"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(int(line.split(" ", 1)[0]), line.split(" ", 1)[1]) for line in lines]

    def pids(self) -> set[int]:
        return {pid for pid, _ in self.log()}

    async def until(self, fine: Callable[[], bool], seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not fine():
            assert time.monotonic() < end, "it never came about"
            await asyncio.sleep(0.05)


@pytest.fixture
def spread(cluster: Any, tmp_path: Path) -> Spread:
    return Spread(cluster, tmp_path)


def texts(spread: Spread, requests: Sequence[Request]) -> list[list[str]]:
    """What the same engine says without Ray."""
    engine = load("harness.engines", MORTAL)(Settings(options={"folder": str(spread.folder)}), Frames())

    async def go() -> list[list[str]]:
        return [[one.text for one in await engine.generate(request)] for request in requests]

    found = asyncio.run(go())
    (spread.folder / "log").unlink()
    return found


def test_records_are_those_of_a_run_without_ray(cluster: Any, harness: Any, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    load_task(str(TASKS / "colours.py")).demo(tmp_path / "data", 3, 0)
    engines = {"alone": ["--engine", TASKS / "slow.py"]}
    option = "--engine-option"
    engines["ray"] = ["--engine", "ray", option, f"engine={TASKS / 'slow.py'}", option, f"address={cluster.address}"]
    records = {}
    for name, words in engines.items():
        out = tmp_path / name
        asked = ["--tasks", TASKS / "colours.py", "--data", tmp_path / "data", "--out", out, "-n", 4]
        said = harness("run", *asked, "--temperature", 1, "--engine-option", "fail=0.2", *words)
        assert said.code == 0, said.err
        lines = [json.loads(line) for line in (out / "records.jsonl").read_text().splitlines()]
        records[name] = sorted((line | {"seconds": None} for line in lines), key=lambda line: line["sample"]["id"])
    assert records["alone"] == records["ray"]
    assert (tmp_path / "alone" / "scores.json").read_bytes() == (tmp_path / "ray" / "scores.json").read_bytes()


def test_lost_workers_are_replaced_and_their_questions_are_asked_again(spread: Spread) -> None:
    requests = [ask(number, n=2) for number in range(20)]
    expected = texts(spread, requests)
    found = spread.put([*requests, ask(20, "kill"), ask(21, "dead")], delay=0.3, in_flight=4)
    assert found[:-2] == expected
    assert [type(each) for each in found[-2:]] == [list, list]
    assert len(spread.pids()) >= 3
    asked = [words for _, words in spread.log()]
    assert asked.count("kill 20") >= 2 and asked.count("dead 21") >= 2


def test_bad_requests_fail_alone_and_there_is_a_deadline(spread: Spread) -> None:
    missing = Request(parts=(Frame(video="/nowhere/a.mp4", time=0, size=(28, 28)), "well"))
    copies = replace(ask(2), n=2, temperature=0.0)
    found = spread.put([ask(0), ask(1, "bad"), missing, copies, ask(3, "hang"), ask(4)], deadline=2.0, attempts=2)
    assert [type(each) for each in found] == [list, EngineError, VideoError, EngineError, EngineError, list]
    assert str(found[1]) == "that is too long"
    assert str(found[4]) == (
        "asked 2 times without an answer; the last time a worker gave none in 2 s; the option deadline gives it more"
    )
    assert len(spread.pids()) <= 2


def test_what_kills_every_worker_fails_in_the_end_and_takes_nothing_along(spread: Spread) -> None:
    requests = [ask(number) for number in range(6)]
    expected = texts(spread, requests)
    found = spread.put([*requests, ask(9, "poison")], delay=0.5)
    assert found[:-1] == expected
    assert isinstance(found[-1], EngineError)
    assert str(found[-1]).startswith("asked 3 times without an answer; the last time its worker was lost")
    assert sum(words == "poison 9" for _, words in spread.log()) == 3


def test_a_worker_that_gives_no_sign_of_life_is_lost(spread: Spread) -> None:
    requests = [ask(number) for number in range(4)]
    expected = texts(spread, requests)
    found = spread.put([*requests, ask(9, "stop")], silence=2.0, delay=0.2)
    assert found[:-1] == expected
    assert isinstance(found[-1], list)


def test_nodes_come_and_go_while_a_run_goes_on(cluster: Any, spread: Spread) -> None:
    requests = [ask(number, n=2) for number in range(60)]
    expected = texts(spread, requests)

    async def change() -> None:
        await spread.until(lambda: len(spread.pids()) == 2)
        third = node(cluster)
        await spread.until(lambda: len(spread.pids()) == 3)
        cluster.remove_node(third, allow_graceful=False)

    assert spread.put(requests, change, delay=1.0, in_flight=2) == expected
    asked = [words for _, words in spread.log()]
    assert len(asked) > len(set(asked)) == len(requests), "some were asked again"


def test_workers_end_with_the_run(spread: Spread) -> None:
    spread.put([ask(number) for number in range(4)], workers=1)
    [pid] = spread.pids()
    end = time.monotonic() + 20
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.1)
    assert not alive(pid)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIG_DFL)
    except ProcessLookupError:
        return False
    return True


def test_what_the_nodes_do_not_have_is_told(spread: Spread) -> None:
    with pytest.raises(EngineError, match=r"a worker needs 1 CPU, 1 moon, and the nodes have: .*1 CPU, 1 mortal"):
        spread.put([], resources={"moon": 1}, patience=1.0)


def test_mistakes_are_told(spread: Spread, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="the ray engine's option 'workers' cannot be -1"):
        spread.make(workers=-1)
    with pytest.raises(UsageError, match="cannot hold the engine openai"):
        spread.make(engine="openai")
    with pytest.raises(UsageError, match="the transformers engine has no option 'folder'"):
        spread.put([], engine="transformers")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"pip install 'grounded-harness\[ray\]'"):
        spread.make()
