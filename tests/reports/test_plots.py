"""Pictures of run folders: what they show is counted again here, and where there is nothing there is no picture."""

from __future__ import annotations

import importlib
import json
import random
import re
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy
import pytest
from PIL import Image

from harness.codec import encode
from harness.errors import UsageError
from harness.records import Prediction, Record, Sample, Score

pictures, runs, style, groups, overlaps, radar, reliability, curves = (
    importlib.import_module(f"harness.reports.plots.{name}")
    for name in ("pictures", "runs", "style", "groups", "overlaps", "radar", "reliability", "curves")
)
LENGTHS = ("short", "medium", "long $100")
KINDS = {"what": "acc", "when_1": "tiou", "where_1": "viou"}


def record(number: int, kind: str, chance: random.Random, signal: float | None) -> Record:
    """A question to one of eight videos; `what` is right in the second of two rollouts."""
    sample = Sample(
        id=f"{number}/{kind}",
        item=str(number),
        kind=kind,
        video=f"{number % 8}.mp4",
        question="What?",
        answer="cup",
        groups={"length": LENGTHS[number % 3], "domain": "one", "id": str(number)},
    )
    signals = [{} if signal is None else {"relevance": signal * k} for k in (0, 1)]
    said = [Prediction(answer=a, rollout=k, signals=signals[k]) for k, a in enumerate(("no", "cup"))]
    value = float(chance.random() < 0.6) if kind == "what" else max(0.0, chance.random() * 1.4 - 0.4)
    score = Score(values={KINDS[kind]: min(1.0, value), "r1": 0.5})
    return Record(task="vstar", version=2, sample=sample, predictions=tuple(said), vote=said[0], score=score)


def made(folder: Path, seed: int = 0, signal: float | None = 2.0, kinds: Sequence[str] = tuple(KINDS)) -> Any:
    """A run folder with 60 questions of each kind, read."""
    chance = random.Random(seed)
    records = [record(number, kind, chance, signal) for number in range(60) for kind in kinds]
    folder.mkdir(parents=True)
    (folder / "records.jsonl").write_text("".join(json.dumps(encode(each)) + "\n" for each in records))
    told = json.loads((Path(__file__).parent / "data/run.json").read_text())
    told["tasks"]["vstar"]["groups"] = {"length": LENGTHS, "domain": ["one"], "id": [str(n) for n in range(60)]}
    (folder / "run.json").write_text(json.dumps(told))
    return runs.read(folder.name, folder)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Any:
    root = tmp_path_factory.mktemp("runs")
    return [made(root / "base"), made(root / "tuned", 1)]


def values(run: Any, metric: str, length: str | None = None) -> list[float]:
    """From the file, not as it was read."""
    lines = [json.loads(line) for line in (run.folder / "records.jsonl").read_text().splitlines()]
    found = [each for each in lines if length in (None, each["sample"]["groups"]["length"])]
    return [each["score"]["values"][metric] for each in found if metric in each["score"]["values"]]


def labelled(figure: Any) -> bool:
    """Whether one can tell what each axis of each panel is."""
    panels = [panel for panel in figure.axes if panel.get_visible()]
    across = any(panel.get_xlabel() for panel in panels) or bool(figure.get_supxlabel())
    return across and bool(figure.get_supylabel() or panels[0].get_ylabel() or panels[0].name == "polar")


def test_groups_show_the_means_of_groups(two: Any) -> None:
    figure = groups.draw(two, "vstar")
    assert labelled(figure) and [panel.get_xlabel() for panel in figure.axes] == [
        f"{name}, per cent" for name in ("accuracy", "tIoU", "vIoU")
    ]
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == ["all", "length", "short", "medium", "long $100"]
    for panel, metric in zip(figure.axes, KINDS.values(), strict=True):
        for run, container in zip(two, panel.containers, strict=True):
            shown = container.lines[0].get_xdata()
            assert shown == pytest.approx([100 * numpy.mean(values(run, metric, each)) for each in (None, *LENGTHS)])
        assert [text.get_text() for text in panel.texts] == ["60", "20", "20", "20", "n"]


def test_an_interval_stays_inside_and_is_that_of_clusters(two: Any) -> None:
    found = groups.mean(two[0], "vstar", "tiou", "", "all")
    by_video: dict[int, list[float]] = {}
    every = values(two[0], "tiou")
    for number, value in enumerate(every):
        by_video.setdefault(number % 8, []).append(value - float(numpy.mean(every)))
    error = (8 / 7 * sum(sum(each) ** 2 for each in by_video.values())) ** 0.5 / len(every)
    assert (found.error, found.clusters) == (pytest.approx(error), 8)


def test_overlaps_are_the_distribution_by_brute_force(two: Any) -> None:
    figure = overlaps.draw(two, "vstar")
    assert labelled(figure)
    for panel, metric in zip(figure.axes, ("tiou", "viou"), strict=True):
        for run, line in zip(two, [each for each in panel.lines if len(each.get_xdata()) > 1], strict=True):
            found = values(run, metric)
            for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True):
                assert y == pytest.approx(100 * sum(value <= x for value in found) / len(found))
        zero = 100 * sum(value == 0 for value in values(two[0], metric)) / 60
        assert f"base: {zero:.0f} % zero" in panel.get_legend().get_texts()[0].get_text()


def test_the_radar_takes_an_axis_of_three_values_or_more(two: Any) -> None:
    figure = radar.draw(two, "vstar")
    assert radar.chosen(two, "vstar") == "length" and labelled(figure)
    corners = figure.axes[1].lines[1].get_ydata()
    expected = [100 * numpy.mean(values(two[1], "tiou", each)) for each in LENGTHS]
    assert list(corners) == pytest.approx([*expected, expected[0]])
    assert figure.axes[1].get_ylim()[0] == 0


def test_reliability_scores_rollouts_by_level(two: Any, tmp_path: Path) -> None:
    figure = reliability.draw(two, "vstar")
    assert labelled(figure) and figure.axes[0].get_ylabel() == "accuracy, per cent"
    points = figure.axes[0].lines[0]
    assert list(points.get_ydata()) == [0.0, 100.0] and list(points.get_xdata()) == pytest.approx([-0.02, 1.98])
    heights = [bar.get_height() for bar in figure.axes[1].patches]
    assert sorted(heights)[-4:] == [60.0] * 4 and sum(heights) == 240


def test_levels_are_of_equal_mass_and_cut_no_ties() -> None:
    spoken = [(float(n // 5), float(n % 2), str(n % 7)) for n in range(200)]
    found = reliability.levels(spoken)
    assert [level.score.n for level in found] == [25] * 8
    assert found[0].signal == 2.0 and found[0].score.value == pytest.approx(12 / 25)


def test_curves_are_those_of_votes(two: Any) -> None:
    point = {"value": 0.5, "low": 0.4, "high": 0.6, "error": None}
    told = {
        "columns": {"acc": "Acc"},
        "n": [1, 2],
        "oracle": {"acc": [point] * 2},
        "voters": {"majority": {"acc": [point] * 2}},
    }
    figure = curves.figure({"a": told, "b": told}, "V-STaR")
    assert labelled(figure) and list(figure.axes[0].lines[0].get_ydata()) == [50.0, 50.0]
    assert figure.axes[0].lines[0].get_linestyle() != figure.axes[0].lines[2].get_linestyle()


def test_nothing_is_drawn_of_nothing(two: Any, tmp_path: Path) -> None:
    silent = [made(tmp_path / "silent", signal=None, kinds=["what"])]
    assert "no rollout" in reliability.draw(silent, "vstar") and "tIoU" in overlaps.draw(silent, "vstar")
    assert "harness vote" in curves.draw(silent, "vstar")
    for line in ("run.json", "records.jsonl"):
        assert (silent[0].folder / line).exists()
    (silent[0].folder / "records.jsonl").write_text("")
    empty = [runs.read("silent", silent[0].folder)]
    assert all(isinstance(kind.draw(empty, "vstar"), str) for kind in (groups, overlaps, radar, reliability, curves))
    with pytest.raises(UsageError, match=r"nothing to draw; .*groups-vstar"):
        pictures.draw([silent[0].folder])


def test_files_are_made_and_are_the_same_again(harness: Any, two: Any, tmp_path: Path) -> None:
    folders, told = [run.folder for run in two], ("--kinds", "overlaps", "--format", "png,pdf,svg")
    for out in ("one", "other"):
        said = harness("plot", *folders, *told, "--out", tmp_path / out)
        assert said.code == 0 and "overlaps-vstar.pdf" in said.out
    one, other = ({each.name: each.read_bytes() for each in (tmp_path / out).iterdir()} for out in ("one", "other"))
    assert one == other
    assert sorted(one) == [f"overlaps-vstar.{form}" for form in ("pdf", "png", "svg")]
    assert Image.open(BytesIO(one["overlaps-vstar.png"])).width > 600 and one["overlaps-vstar.pdf"].startswith(b"%PDF")


def test_a_training_has_learning_curves(harness: Any, tmp_path: Path) -> None:
    (tmp_path / "sft").mkdir()
    log = {"log_history": [{"step": step, "loss": 1 / step} for step in range(1, 9)]}
    (tmp_path / "sft/trainer_state.json").write_text(json.dumps(log))
    assert harness("plot", tmp_path / "sft").code == 0
    assert [each.name for each in (tmp_path / "sft/plots").iterdir()] == ["learning.png"]
    assert re.search(r"kind 'radr' .*did you mean 'radar'", harness("plot", tmp_path / "sft", "--kinds", "radr").err)


@pytest.mark.parametrize(("words", "told"), [(["a", "b"], "give --out"), (["a", "--format", "gif"], "no format 'gif'")])
def test_what_is_asked_wrongly_is_told(harness: Any, words: list[str], told: str) -> None:
    said = harness("plot", *words)
    assert said.code == 2 and told in said.err and "Traceback" not in said.err


def test_runs_that_differ_are_told(two: Any) -> None:
    assert runs.differing(two, "vstar") == []
    other = json.loads(json.dumps(two[1].told))
    other["settings"]["tasks"][0]["fingerprint"] = "0" * 64
    assert runs.differing([two[0], runs.Run("x", two[1].folder, other, {})], "vstar") == ["data"]


def test_runs_are_told_apart_without_colours() -> None:
    looks = [style.look(number) for number in range(14)]
    assert len({(look.marker, str(look.dash)) for look in looks}) == 14
    assert len({look.hatch for look in looks[:7]}) == 7
