"""Which frames each probe takes away, against brute force; what is asked, kept and told of it."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness import plugins, probing
from harness.errors import NotProbed
from harness.geometry import Box
from harness.probing import Grounded
from harness.records import Evidence, Frame, Prediction, Record, Sample, Score, View
from harness.run import sample_seed
from harness.scaling import grounded, probe
from harness.schema import validate
from harness.store import read_records

Command = Callable[..., Any]
ENGINE = str(Path(__file__).parent / "data" / "seeing.py")
NAMES = plugins.names("harness.scaling.probes")


def view(times: tuple[float, ...], video: str = "v.mp4", **more: Any) -> View:
    return View(video=video, times=times, duration=times[-1] + 1, width=160, height=120, size=(80, 60),
                family="qwen2_5_vl", **more)  # fmt: skip


def question(times: tuple[float, ...], *cited: float, near: int = 2, video: str = "v.mp4") -> Grounded:
    claims = tuple(Evidence(label="x", time=time, box=Box(10.2, 20.0, 40.0, 59.5)) for time in cited)
    sample = Sample(id=f"{video}:{cited}", item="i", kind="mcq", video=video, question="?")
    return Grounded(task="t", sample=sample, view=view(times, video), claims=claims, near=near)


def changed(name: str, asked: Grounded, seed: int = 0, others: tuple[Grounded, ...] = ()) -> View:
    found: probing.Probe = plugins.load("harness.scaling.probes", name)
    return found.change(asked, (asked, *others), random.Random(seed))


def drawn(rng: random.Random) -> Grounded:
    """A question with random frames and citations, now and then midway between two frames."""
    times = tuple(sorted(rng.sample([k / 2 for k in range(60)], rng.randint(2, 16))))
    cited = [
        rng.choice([rng.uniform(0, 31), rng.choice(times), rng.randint(0, 60) / 4]) for _ in range(rng.randint(1, 4))
    ]
    return question(times, *cited, near=rng.randint(1, 3))


def by_brute_force(asked: Grounded) -> set[float]:
    """The frames of which fewer than `near` others are nearer to a cited time, or as near and earlier."""
    return {
        t
        for t in asked.view.times
        for c in (claim.time for claim in asked.claims)
        if c is not None and sum((abs(o - c), o) < (abs(t - c), t) for o in asked.view.times) < asked.near
    }


def test_what_is_removed_and_kept_is_what_brute_force_finds() -> None:
    rng, whole = random.Random(1), 0
    for _ in range(120):
        asked, others = drawn(rng), tuple(replace(drawn(rng), view=view((0.0, 7.0, 9.0), "w.mp4")) for _ in range(2))
        near, times = by_brute_force(asked), asked.view.times
        if near == {*times}:
            whole += 1
            for name in (name for name in NAMES if name.startswith(("remove", "keep"))):
                with pytest.raises(NotProbed, match="are all that it was shown"):
                    changed(name, asked, others=others)
            continue
        assert changed("remove-evidence", asked).times == tuple(t for t in times if t not in near)
        assert changed("keep-evidence", asked).times == tuple(t for t in times if t in near)
        for name in ("remove-random", "remove-shifted", "remove-swapped"):
            left = changed(name, asked, rng.randrange(99), others)
            assert len(left.times) == len(times) - len(near) and set(left.times) < {*times}
            assert list(left.times) == sorted(left.times) and left == replace(asked.view, times=left.times)
        assert len(changed("keep-random", asked).times) == len(near)
    assert 10 < whole < 100


def test_random_frames_are_uniform_and_shifted_ones_keep_their_pattern() -> None:
    asked = question(tuple(map(float, range(8))), 2.0, 6.4)
    assert by_brute_force(asked) == {1, 2, 6, 7}
    left = Counter(time for seed in range(400) for time in changed("remove-random", asked, seed).times)
    assert set(left) == {*asked.view.times} and all(abs(n - 200) < 5 * (400 * 0.25) ** 0.5 for n in left.values())
    moved = {frozenset({*asked.view.times} - {*changed("remove-shifted", asked, seed).times}) for seed in range(80)}
    assert moved == {frozenset((t + by) % 8 for t in (1, 2, 6, 7)) for by in range(1, 8)}


def test_swapped_evidence_is_that_of_another_video_at_the_same_share_of_it() -> None:
    asked = question(tuple(map(float, range(10))), 1.0)
    other = question((0.0, 10.0, 20.0, 30.0, 40.0), 20.0, video="w.mp4")
    assert set(asked.view.times) - set(changed("remove-swapped", asked, others=(other,)).times) == {4, 5}
    with pytest.raises(NotProbed, match="no question about another video cites times"):
        changed("remove-swapped", asked, others=(question((0.0, 1.0, 2.0), 1.0),))


def test_masks_cover_what_is_cited_and_their_control_as_much_elsewhere() -> None:
    asked = question((0.0, 1.0, 2.0, 3.0), 0.9, 3.0)
    over = changed("mask-evidence", asked)
    assert over.times == asked.view.times and {e.time: e.masks for e in over.edits} == dict.fromkeys(
        (0.0, 1.0, 2.0, 3.0), (Box(10, 20, 40, 60),)
    )
    elsewhere = changed("mask-elsewhere", asked)
    for edit in elsewhere.edits:
        (mask,) = edit.masks
        assert mask.area == 30 * 40 and mask == mask.clip(160, 120) and not mask.iou(Box(10, 20, 40, 60))
    assert [e.time for e in elsewhere.edits] == [e.time for e in over.edits]
    outside = (Evidence(label="x", time=1.0, box=box) for box in (Box(500, 0, 600, 9), None))
    lost = replace(asked, claims=tuple(outside))
    with pytest.raises(NotProbed, match="no box within the frame"):
        changed("mask-evidence", lost)


def test_shuffled_times_show_every_picture_once_and_none_in_its_place() -> None:
    asked = question((0.0, 1.0, 2.0, 3.0, 4.0), 1.0)
    for seed in range(50):
        edits = changed("shuffle-times", asked, seed).edits
        assert sorted(e.picture or 0.0 for e in edits) == [e.time for e in edits] == [*asked.view.times]
        assert all(e.picture != e.time for e in edits)
    with pytest.raises(NotProbed, match="a single frame"):
        changed("shuffle-times", question((1.0,), 1.0))


def test_a_draw_depends_on_its_place_alone() -> None:
    asked = question(tuple(map(float, range(9))), 2.0)
    base = grounded.Base(plugins.load("harness.tasks", "videomme"), {}, questions=[asked])
    random_frames = plugins.load("harness.scaling.probes", "remove-random")
    draws = [base.changed(asked, "remove-random", random_frames, seed, draw) for seed in range(4) for draw in range(4)]
    assert draws == [base.changed(asked, "remove-random", random_frames, s, d) for s in range(4) for d in range(4)]
    assert len({found.times for found in draws}) > 8


@pytest.mark.parametrize(
    ("times", "why"),
    [
        ((), "it cites no time"),
        ((None, float("nan"), float("inf")), "it cites no time"),
        ((99.0,), "it cites only times past the end"),
    ],
)
def test_what_cites_no_time_is_not_probed(times: tuple[float | None, ...], why: str) -> None:
    asked = question((0.0, 1.0), 0.0)
    vote = Prediction(answer="A", evidence=tuple(Evidence(label="x", time=time, box=None) for time in times))
    record = Record(task="t", version=1, sample=asked.sample, view=asked.view, vote=vote, score=Score(values={}))
    with pytest.raises(NotProbed, match=why):
        grounded.grounded(record, 2)
    with pytest.raises(NotProbed, match="not on record"):
        grounded.grounded(replace(record, view=None), 2)


def test_a_probe_comes_with_its_control() -> None:
    assert [*probe.find(["mask-evidence", "remove_evidence"])] == [
        "mask-elsewhere", "mask-evidence", "remove-random", "remove-evidence"]  # fmt: skip
    for name in NAMES:
        found = plugins.load("harness.scaling.probes", name)
        assert isinstance(found, probing.Probe) and {*found.against} <= {*NAMES}


@pytest.fixture
def folder(harness: Command, data: Path, tmp_path: Path) -> Path:
    """A run of two rollouts whose answers all cite second 2, but for questions of which."""
    words = ("run", "--tasks", "videomme", "--data", data, "--engine", ENGINE, "-n", 2, "--temperature", 1)
    options = ("--engine-option", "silent=Which", "--cache-gb", 0, "--frames", "fps:1:16")
    assert harness(*words, *options, "--out", tmp_path / "run").code == 0
    return tmp_path / "run"


@pytest.fixture
def again(harness: Command, folder: Path, tmp_path: Path) -> Command:
    """`harness probe` of that; what it asks is in tmp_path/log."""

    def command(*words: object) -> Any:
        return harness("probe", folder, "--cache-gb", 0, "--engine-option", f"log={tmp_path / 'log'}", *words)

    return command


def lines(folder: Path, name: str) -> list[Any]:
    return [json.loads(line) for line in (folder / f"probe-{name}.jsonl").read_text().splitlines()]


def test_evidence_removed_hurts_where_answers_rest_on_it(again: Command, folder: Path, tmp_path: Path) -> None:
    before, base = (folder / "records.jsonl").read_bytes(), {r.sample.id: r for r in read_records(folder)}
    citing = {key: r for key, r in base.items() if r.vote and r.vote.evidence}
    said = again()
    assert said.code == 0, said.err
    assert (folder / "records.jsonl").read_bytes() == before and 0 < len(citing) < len(base)
    scores: dict[str, dict[str, list[float]]] = {}
    for name, draws in (("remove-evidence", 1), ("remove-random", 3)):
        head, *rest = lines(folder, name)
        validate("probe_head", head, "head")
        assert head["settings"]["probe"] == name and len(rest) == draws * len(citing)
        for line in rest:
            validate("probe_line", line, "line")
            record, was = line["record"], base[line["record"]["sample"]["id"]]
            assert was.view is not None and len(record["responses"]) == 2
            seen = any(abs(t - 2) < 0.8 for t in record["view"]["times"])
            assert record["vote"]["answer"] == ("A" if seen else "B")
            gone = {*was.view.times} - {*record["view"]["times"]}
            assert len(gone) == 2 and (name == "remove-random" or not seen)
            scores.setdefault(name, {}).setdefault(was.sample.id, []).append(record["score"]["values"]["acc"])
    figures = json.loads((folder / "probe.json").read_text())["tasks"]["videomme"]
    assert (figures["probed"], figures["evaluated"]) == (len(citing), len(base))
    assert figures["not_probed"] == {"it cites no time": len(base) - len(citing)}
    assert (figures["times"], figures["boxes"]) == (1, 1)
    trial = figures["trials"]["remove-evidence"]
    means = {name: sum(sum(s) / len(s) for s in found.values()) / len(found) for name, found in scores.items()}
    found = trial["against"]["remove-random"]["acc"]
    assert found["difference"]["value"] == pytest.approx(means["remove-evidence"] - means["remove-random"])
    assert trial["arms"]["remove-evidence"]["evidence"] == 0 < trial["arms"]["remove-random"]["evidence"] < 1
    seeds = {line[1] for line in map(json.loads, (tmp_path / "log").read_text().splitlines())}
    assert seeds == {sample_seed(0, "videomme", sample) for sample in citing}
    assert "evidence removed, acc" in said.out and "# Probes" in (folder / "probe.md").read_text()
    assert (folder / "probe-videomme.png").read_bytes().startswith(b"\x89PNG")


def test_it_goes_on_where_it_was_stopped_and_asks_nothing_twice(again: Command, folder: Path, tmp_path: Path) -> None:
    stopped = again("--engine-option", "stop=3", "--in-flight", 1)
    assert stopped.code == 130 and "3 answers are kept" in stopped.out
    torn = folder / "probe-remove-random.jsonl"
    torn.write_bytes(torn.read_bytes() + b'{"draw": 0, "rec')
    assert again().code == 0
    asked = [tuple(json.loads(line)) for line in (tmp_path / "log").read_text().splitlines()]
    names = ("remove-evidence", "remove-random")
    files = [line["record"]["request"] for name in names for line in lines(folder, name)[1:]]
    assert len(asked) == len(files) and {key for key, _, _ in asked} == {*files}
    figures = (folder / "probe.json").read_bytes()
    assert again().code == 0 and (folder / "probe.json").read_bytes() == figures
    assert len((tmp_path / "log").read_text().splitlines()) == len(asked)
    assert again("--draws", 4).code == 0
    assert len((tmp_path / "log").read_text().splitlines()) == len(asked) + len(files) // 4


def test_a_question_that_fails_is_told_and_asked_again_when_wanted(again: Command, folder: Path) -> None:
    of = next(r.sample.question for r in read_records(folder) if r.vote and r.vote.evidence)
    assert again("--engine-option", f"fail={of}").code == 0
    failed = [line for line in lines(folder, "remove-evidence")[1:] if line["record"]["error"]]
    trial = json.loads((folder / "probe.json").read_text())["tasks"]["videomme"]["trials"]["remove-evidence"]
    assert failed and trial["unanswered"] == len(failed)
    assert again("--retry-errors").code == 0
    assert not any(line["record"]["error"] for line in lines(folder, "remove-evidence")[1:])


def test_other_settings_are_refused(again: Command, harness: Command, folder: Path) -> None:
    assert again("--draws", 1).code == 0
    said = again("--near", 3)
    assert said.code == 2 and "probe-remove-random.jsonl is of another probe" in said.err and "near was 2" in said.err
    assert "is another: engine.name was" in again("--engine", "scripted").err
    assert "--near cannot be 0" in again("--near", 0).err
    assert "there is no probe named 'remove-evidenc'" in again("--remove", "evidenc").err
    assert "no probe is named" in again("--remove", "").err
    assert "not a run folder" in harness("probe", folder / "nothing").err


def test_without_citations_there_is_nothing_to_probe(harness: Command, data: Path, tmp_path: Path) -> None:
    words = ("run", "--tasks", "videomme", "--data", data, "--engine", ENGINE, "--cache-gb", 0)
    assert harness(*words, "--engine-option", "silent=a", "--out", tmp_path / "run").code == 0
    said = harness("probe", tmp_path / "run", "--cache-gb", 0)
    assert said.code == 1 and "no question to probe" in said.out and "it cites no time" in said.out


def test_every_probe_is_asked_and_told(again: Command, harness: Command, folder: Path) -> None:
    names = [name for name in NAMES if not name.startswith("remove")]
    said = again("--remove", "evidence,shifted,swapped", "--probes", ",".join(names), "--draws", 1)
    assert said.code == 0, said.err
    trials = json.loads((folder / "probe.json").read_text())["tasks"]["videomme"]["trials"]
    assert [*trials["remove-evidence"]["against"]] == ["remove-random", "remove-shifted", "remove-swapped"]
    for name, right in (("mask-evidence", "B"), ("mask-elsewhere", "B"), ("keep-evidence", "A")):
        assert {line["record"]["vote"]["answer"] for line in lines(folder, name)[1:]} == {right}
    table = harness("report", folder, "--as", "table6")
    assert table.code == 0 and "Without the frames that answers cite" in table.out
    (folder / "probe.json").unlink()
    assert "was not asked without its evidence" in harness("report", folder, "--as", "table6").err


def test_a_frame_of_a_view_is_plain_unless_it_was_changed() -> None:
    plain = view((0.0, 1.0))
    edited = changed("mask-evidence", question((0.0, 1.0, 2.0), 0.0))
    assert type(plain.frame(1.0)) is Frame and type(edited.frame(2.0)) is Frame and type(edited.frame(0.0)) is not Frame
