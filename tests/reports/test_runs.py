"""`harness compare A B`: figures as brute force and other packages have them."""

from __future__ import annotations

import importlib
import json
import random
import runpy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy
import pytest
import statsmodels.api
from rich.console import Console
from statsmodels.stats.multitest import multipletests

from harness.plan import load
from harness.records import Record, Sample, Score

compare: Any = importlib.import_module("harness.reports.runs.compare")
sums: Any = importlib.import_module("harness.reports.runs.sums")
differences: Any = importlib.import_module("harness.reports.runs.differences")

answers: Any = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "answers.py")))
choices, grounded = answers.choices, answers.grounded

Row = tuple[Sample, Mapping[str, float | None] | None, str | None]
ODD = '''
"""A task whose sums have no short cut."""
import statistics
from dataclasses import dataclass
from harness.tasks.videomme import VideoMME

@dataclass(frozen=True, kw_only=True)
class Odd(VideoMME):
    name = "odd"
    title = "Odd <b>|task|</b>"

    def aggregate(self, records):
        values = [r.score.values["acc"] for r in records if r.score]
        return {"acc": sum(values) / len(values), "middle": statistics.pstdev(values)} if values else {}

task = Odd()
'''


def records(task: str, rows: Sequence[Row]) -> list[Record]:
    return [
        Record(task=task, version=1, sample=sample, score=None if scores is None else Score(values=scores))
        for sample, scores, _ in rows
    ]


def copies(found: Sequence[Record], videos: Sequence[str], drawn: Sequence[str]) -> list[Record]:
    """The records of the videos that are drawn, each time under another name."""
    return [
        replace(record, sample=replace(record.sample, id=f"{n}:{record.sample.id}", item=f"{n}:{record.sample.item}"))
        for n, video in enumerate(drawn)
        for record, at in zip(found, videos, strict=True)
        if at == video
    ]


def star(seed: int) -> list[Row]:
    rng = random.Random(seed)
    types = ("Interaction", "Sequence", "Prediction", "Feasibility")
    return [
        (Sample(id=str(n), item=str(n), kind="mcq", video=f"{n // 4}.mp4", question="?",
                groups={"type": rng.choice(types)}), {"acc": float(rng.random() < 0.6)}, "A")
        for n in range(80)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("task", "rows", "slow"),
    [
        ("vstar", grounded(0), set()),
        ("vstar", grounded(1, missing=0.1), set()),
        ("star", star(2), set()),
    ],
    ids=["vstar", "with parts missing", "star"],
)
def test_resampled_figures_are_those_of_the_task(task: str, rows: list[Row], slow: set[str]) -> None:
    found, overall = records(task, rows), load(task).overall
    names = [sample.video for sample, _, _ in rows]
    known = [*dict.fromkeys(names)]
    mine = sums.Sums(overall, found, [known.index(name) for name in names], len(known))
    assert mine.slow == slow
    rng = random.Random(3)
    for _ in range(6):
        drawn = rng.choices(known, k=len(known))
        weights = numpy.array([drawn.count(video) for video in known], dtype=float)
        told, asked = mine.at(weights, mine.whole.keys()), overall(copies(found, names, drawn))
        assert told == {name: pytest.approx(value, abs=1e-9) for name, value in asked.items()}


def test_a_task_without_a_short_cut_is_asked(tmp_path: Path, write_run: Callable[..., Path]) -> None:
    (tmp_path / "odd.py").write_text(ODD)
    plugin = str(tmp_path / "odd.py")
    rows = [choices(seed, 0.6, 30) for seed in (1, 2)]
    runs = [write_run(tmp_path / name, {plugin: each}) for name, each in zip("ab", rows, strict=True)]
    told = figures(runs)["b"]["odd"]
    assert told["whole"]["figures"]["middle"]["how"] == "bootstrap"
    drawn = numpy.random.default_rng(0)
    found = []
    scores = numpy.array([[list(row[1].values())[0] for row in each if row[1]] for each in rows]).reshape(2, 10, 3)
    for _ in range(2000):
        spread = scores[:, drawn.integers(0, 10, 10)].reshape(2, -1).std(axis=1)
        found.append(spread[1] - spread[0])
    figure = told["whole"]["figures"]["middle"]["difference"]
    assert (figure["low"], figure["high"]) == pytest.approx(numpy.quantile(found, [0.025, 0.975]))
    assert told["by"]["length"]["long"]["figures"]["middle"]["how"] == "none"
    assert "|task|" not in importlib.import_module("harness.reports.runs.shown").markdown(data(runs))


def data(runs: Sequence[Path], **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = compare.compare(runs, runs[-1], Console(quiet=True), **more)
    return found


def figures(runs: Sequence[Path], **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = data(runs, **more)["against"]
    return found


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory, write_run: Callable[..., Path]) -> list[Path]:
    """Three runs, the first two of two tasks; the second is worse, the third moved its data."""
    folder = tmp_path_factory.mktemp("runs")
    made = [(0, 0.7, "/data"), (1, 0.35, "/data"), (2, 0.7, "/elsewhere/data")]
    return [
        write_run(
            folder / f"run{seed}",
            {
                "videomme": choices(seed, skill, root=root),
                **({"vstar": grounded(seed, 10)} if seed < 2 else {}),
            },
        )
        for seed, skill, root in made
    ]


@pytest.fixture(scope="module")
def compared(three: list[Path]) -> dict[str, Any]:
    return data(three)


def test_means_are_those_of_a_regression_with_clusters(three: list[Path], compared: dict[str, Any]) -> None:
    before, after = choices(0, 0.7), choices(1, 0.35)
    gain = numpy.array([b[1]["acc"] - a[1]["acc"] for a, b in zip(before, after, strict=True) if a[1] and b[1]])
    places = [int(Path(sample.video).stem) for sample, _, _ in before]
    fit = statsmodels.api.OLS(gain, numpy.ones(len(gain))).fit(
        cov_type="cluster", cov_kwds={"groups": places, "use_correction": True, "df_correction": True}, use_t=True
    )
    figure = compared["against"]["run1"]["videomme"]["whole"]["figures"]["acc"]
    factor = (len(gain) / (len(gain) - 1)) ** 0.5
    assert figure["difference"]["value"] == pytest.approx(fit.params[0])
    assert figure["difference"]["error"] * factor == pytest.approx(fit.bse[0], rel=0.01)
    assert figure["flips"]["fixed"] == int((gain > 0).sum()) and figure["flips"]["broken"] == int((gain < 0).sum())
    parts = compared["against"]["run1"]["videomme"]["by"]["length"]
    assert sum(group["samples"] for group in parts.values()) == len(gain)


def test_mlgm_has_the_percentiles_of_a_bootstrap(compared: dict[str, Any]) -> None:
    def at(rows: Sequence[Row]) -> Any:
        values = numpy.array([list(row[1].values())[0] for row in rows if row[1]]).reshape(5, 2, 5)
        return values.mean(axis=1)

    def mlgm(means: Any) -> Any:
        logs = -numpy.log(numpy.maximum(1 - means, 1e-6))
        return (logs[..., [0, 1, 3]].mean(-1) + logs[..., [0, 2, 4]].mean(-1)) / 2

    chance, drawn = numpy.random.default_rng(0), []
    videos = at(grounded(0, 10)), at(grounded(1, 10))
    for _ in range(2000):
        rows = chance.integers(0, 5, 5)
        drawn.append(mlgm(videos[1][rows].mean(0)) - mlgm(videos[0][rows].mean(0)))
    figure = compared["against"]["run1"]["vstar"]["whole"]["figures"]["mlgm"]
    low, high = numpy.quantile(drawn, [0.025, 0.975])
    assert (figure["how"], figure["difference"]["n"]) == ("bootstrap", 50)
    assert (figure["difference"]["low"], figure["difference"]["high"]) == pytest.approx((low, high))
    assert compared["against"]["run1"]["vstar"]["whole"]["figures"]["mam"]["how"] == "mean"


def walk(found: Mapping[str, Any]) -> Iterator[tuple[bool, Any]]:
    for tasks in found["against"].values():
        for told in tasks.values():
            yield from ((name == told["main"], figure) for name, figure in told["whole"]["figures"].items())
            for part in told["by"].values():
                yield from ((False, figure) for group in part.values() for figure in group["figures"].values())


def test_p_is_adjusted_over_main_metrics_and_over_everything(compared: dict[str, Any]) -> None:
    tested = [(main, figure) for main, figure in walk(compared) if figure["p"] is not None]
    main = [figure for is_main, figure in tested if is_main]
    assert len(main) == 3 and len(tested) > 80
    assert [each["holm"] for each in main] == pytest.approx(multipletests([f["p"] for f in main], method="holm")[1])
    every = [figure for _, figure in tested]
    assert [f["bh"] for f in every] == pytest.approx(multipletests([f["p"] for f in every], method="fdr_bh")[1])
    assert all(figure["holm"] is None for is_main, figure in tested if not is_main)


def test_the_command_writes_data_pages_and_flips(
    harness: Callable[..., Any], three: list[Path], tmp_path: Path
) -> None:
    said = harness("compare", *three, "--out", tmp_path / "out")
    assert said.code == 0 and "acc is lower by" in said.out and "no difference in acc is established" in said.out
    found = json.loads((tmp_path / "out" / "comparison.json").read_text())
    flipped = found["against"]["run1"]["videomme"]["flipped"]
    assert {each["fate"] for each in flipped} == {"fixed", "broken"}
    assert flipped[0]["seen"][0].endswith("run0/view/index.html#videomme/q0000") or flipped[0]["sample"] != "q0000"
    page = (tmp_path / "out" / "flips.md").read_text()
    assert page.count("view/index.html#videomme/") >= 2 * len(flipped) and "reference A" in page
    again = harness("compare", *three, "--out", tmp_path / "again")
    assert again.code == 0
    assert (tmp_path / "again" / "comparison.md").read_text() == (tmp_path / "out" / "comparison.md").read_text()
