"""A reproduction: its plan, its steps, and how claims are judged."""

from __future__ import annotations

import random
import threading
from pathlib import Path
from typing import Any

import pytest
import typer

from harness import cli, stats
from harness.errors import EngineError, UsageError
from harness.reports.reproduction import step
from harness.reports.reproduction.claim import Claim, Finding, adjusted, averaged, paired
from harness.reports.reproduction.plan import Plan
from harness.reports.reproduction.reproduce import Asked
from harness.reports.reproduction.step import Step

CLAIM = Claim(table="0", says="One is better than the other", published="2 > 1", measure="score")
SCALES = [
    Asked(out=Path("r")),
    Asked(out=Path("r"), seeds=3),
    Asked(out=Path("r"), from_checkpoints=True),
    Asked(out=Path("r"), scale="full", data=Path("d"), stgr=Path("s")),
]


def plan(asked: Asked) -> Plan:
    return asked.plan()


@pytest.mark.parametrize("asked", SCALES)
def test_every_step_follows_those_that_it_needs(asked: Asked) -> None:
    seen: set[str] = set()
    for each in plan(asked).steps:
        assert seen >= set(each.after), each
        assert each.name not in seen
        seen.add(each.name)


@pytest.mark.parametrize("asked", SCALES)
def test_every_step_is_a_command_that_there_is(asked: Asked) -> None:
    for each in plan(asked).steps:
        command: Any = typer.main.get_command(cli.command(each.words))
        words, context = list(each.words), None
        while hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        command.make_context(command.name, words, parent=context)


def test_a_model_that_is_asked_has_been_trained_before() -> None:
    made = plan(Asked(out=Path("r"), seeds=2))
    trained = {each.words[each.words.index("--out") + 1] for each in made.steps if each.name.startswith("train-")}
    asked = {each.words[each.words.index("--model") + 1] for each in made.steps if "--model" in each.words}
    assert asked - trained == {"nano-base"}


def test_checkpoints_that_ship_are_not_trained() -> None:
    steps = plan(Asked(out=Path("r"), from_checkpoints=True)).steps
    assert not [each for each in steps if each.words[0] == "train"]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (Asked(out=Path("r"), scale="huge"), "must be one of nano, full"),
        (Asked(out=Path("r"), data=Path("d")), "nano makes its own data"),
        (Asked(out=Path("r"), scale="full", from_checkpoints=True), "no checkpoints of --scale full ship"),
        (Asked(out=Path("r"), seeds=2, from_checkpoints=True), "one checkpoint of each way ships"),
    ],
)
def test_what_cannot_be_is_told(asked: Asked, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        asked.plan()


@pytest.fixture
def carried(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The steps that were carried out, by a stand-in for the command that fails for steps named bad."""
    found: list[str] = []

    def carry_out(folder: Path, each: Step, threads: int | None, stop: threading.Event) -> None:
        if each.name == "bad":
            raise EngineError("bad failed")
        found.append(each.name)
        (folder / step.DONE).mkdir(exist_ok=True)
        (folder / step.DONE / f"{each.name}.json").write_bytes(step.schema.dumps(list(each.words), ""))

    monkeypatch.setattr(step, "carry_out", carry_out)
    return found


def nothing(_: Step) -> None:
    return


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_steps_are_carried_out_in_order_and_once(jobs: int, carried: list[str], tmp_path: Path) -> None:
    chance = random.Random(jobs)
    names = [f"s{number}" for number in range(20)]
    steps = [
        Step(name, (name,), tuple(chance.sample(names[:place], min(place, 2))), chance.random())
        for place, name in enumerate(names)
    ]
    step.run(tmp_path, steps, jobs, None, nothing, nothing)
    assert sorted(carried) == sorted(names)
    for each in steps:
        assert all(carried.index(before) < carried.index(each.name) for before in each.after)
    step.run(tmp_path, steps, jobs, None, nothing, nothing)
    assert len(carried) == len(names)
    changed = [*steps[:-1], Step("s19", ("other",))]
    step.run(tmp_path, changed, jobs, None, nothing, nothing)
    assert carried[len(names) :] == ["s19"]


def test_nothing_is_begun_behind_a_step_that_failed(carried: list[str], tmp_path: Path) -> None:
    steps = [Step("bad", ("x",)), Step("behind", ("y",), ("bad",))]
    with pytest.raises(EngineError, match="bad failed"):
        step.run(tmp_path, steps, 1, None, nothing, nothing)
    assert carried == []


def test_a_step_is_the_command_itself_with_a_log(tmp_path: Path) -> None:
    stop = threading.Event()
    step.carry_out(tmp_path, Step("fine", ("tasks", "--help")), 1, stop)
    assert step.is_done(tmp_path, Step("fine", ("tasks", "--help")))
    assert "--check" in (tmp_path / "logs" / "fine.log").read_text()
    with pytest.raises(EngineError, match=r"the step wrong failed \(harness report nowhere\): .*not a run folder"):
        step.carry_out(tmp_path, Step("wrong", ("report", "nowhere")), 1, stop)
    assert not step.is_done(tmp_path, Step("wrong", ("report", "nowhere")))


def test_a_claim_is_judged_by_a_paired_test_over_videos() -> None:
    chance = random.Random(0)
    better = {str(n): (f"v{n // 3}", float(chance.random() < 0.8)) for n in range(300)}
    worse = {key: (video, float(chance.random() < 0.4)) for key, (video, _) in better.items()}
    found = paired(CLAIM, {**better, "alone": ("w", 1.0)}, worse)
    differences = [better[key][1] - worse[key][1] for key in worse]
    expected = stats.mean(differences, [video for video, _ in worse.values()])
    assert found.gain == expected and found.gain.n == 300
    assert [each.verdict for each in adjusted([found])] == ["reproduced"]
    assert [each.verdict for each in adjusted([paired(CLAIM, worse, better)])] == ["contradicted"]
    assert [each.verdict for each in adjusted([paired(CLAIM, better, better)])] == ["not established"]
    assert [each.verdict for each in adjusted([paired(CLAIM, {}, {})])] == ["not tested"]


def test_many_claims_need_a_smaller_p() -> None:
    videos = [str(n) for n in range(6)]
    one = {video: (video, 1.0) for video in videos}
    other = {video: (video, 0.0) for video in videos}
    found: Finding = paired(CLAIM, one, other)
    assert found.p == 2 / 64
    assert adjusted([found])[0].verdict == "reproduced"
    assert [each.verdict for each in adjusted([found, found])] == ["not established"] * 2


def test_the_average_of_tasks_weighs_tasks_alike() -> None:
    tasks = {
        "a": {str(n): (f"v{n}", n / 10) for n in range(10)},
        "b": {"x": ("v1", 0.3), "y": ("v2", 0.5)},
    }
    found = averaged(tasks)
    assert sum(v for _, v in found.values()) / len(found) == pytest.approx((0.45 + 0.4) / 2)
    assert {video for video, _ in found.values()} >= {"a/v1", "b/v1"}
