"""Learning curves: read from logs, smoothed, averaged over seeds, and drawn as they are."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import DataError, UsageError

learning = importlib.import_module("harness.reports.learning")


def log(folder: Path, entries: list[dict[str, Any]]) -> Path:
    folder.mkdir(parents=True)
    (folder / "trainer_state.json").write_text(json.dumps({"log_history": entries}))
    return folder


def gspo(folder: Path, shift: float, steps: int = 20) -> Path:
    entries: list[dict[str, Any]] = [
        {"step": s, "epoch": s / 9, "rewards/r_t/mean": shift + s / 40, "rewards/own/mean": 0.5, "sigma": 4.0}
        | {"rewards/r_t/std": 9.0, "rewards/r_s/mean": None if s % 2 else 0.25, "odd": 1.0}
        for s in range(1, steps + 1)
    ]
    return log(
        folder, [*entries, {"step": 2, "eval_vstar/mam": 0.5}, {"step": steps, "train_runtime": 1, "sigma": 9.0}]
    )


def test_what_was_logged_is_read(tmp_path: Path) -> None:
    (found,) = learning.read([gspo(tmp_path / "gspo-s1", 0.0)])
    assert (found.name, found.group) == ("gspo-s1", "gspo")
    assert found.series["r_t"] == [(s, pytest.approx(s / 40)) for s in range(1, 21)]
    assert found.series["r_s"] == [(s, 0.25) for s in range(2, 21, 2)]
    assert {value for _, value in found.series["sigma"]} == {4.0}
    assert learning.quantities([found]) == ["r_t", "r_s", "sigma", "own"]
    assert learning.quantities([found], ["eval_vstar/mam", "odd"]) == ["eval_vstar/mam", "odd"]


def test_an_unfinished_training_is_read_from_its_latest_checkpoint(tmp_path: Path) -> None:
    for step in (9, 10):
        log(tmp_path / "run" / f"checkpoint-{step}", [{"step": step, "loss": 1.0}])
    assert learning.read([tmp_path / "run"])[0].series == {"loss": [(10, 1.0)]}


def test_trainings_of_one_name_are_told_apart_by_their_paths(tmp_path: Path) -> None:
    folders = [gspo(tmp_path / name / "gspo", 0.0) for name in ("both-s0", "both-s1", "plain")]
    found = learning.read(folders)
    assert [each.name for each in found] == ["both-s0/gspo", "both-s1/gspo", "plain/gspo"]
    assert [each.group for each in found] == ["both/gspo", "both/gspo", "plain/gspo"]


@pytest.mark.parametrize("width", [1, 2, 3, 4, 7, 30])
def test_smoothing_is_a_mean_of_neighbours(width: int) -> None:
    values = [(7 * n) % 5 + 0.5 for n in range(12)]
    for place, mean in enumerate(learning.smooth(values, width)):
        near = [v for n, v in enumerate(values) if -((width - 1) // 2) <= n - place <= width // 2]
        assert mean == pytest.approx(sum(near) / len(near))
    assert learning.smooth([2.0] * 9, width) == [2.0] * 9


def test_the_table_has_means_of_tenths(tmp_path: Path) -> None:
    sheets = learning.table(learning.read([gspo(tmp_path / "a", 0.0), gspo(tmp_path / "b", 0.1)]), ["r_t"])
    assert sheets[0].rows == (
        ("a", f"{1.5 / 40:.4g}", f"{10.5 / 40:.4g}", f"{19.5 / 40:.4g}", "20"),
        ("b", f"{0.1 + 1.5 / 40:.4g}", f"{0.1 + 10.5 / 40:.4g}", f"{0.1 + 19.5 / 40:.4g}", "20"),
    )


def test_seeds_are_thin_lines_and_their_mean_a_thick_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.figure import Figure

    drawn: list[Any] = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: drawn.append(figure))
    folders = [gspo(tmp_path / name, shift) for name, shift in (("x-s0", 0.0), ("x-s1", 0.2), ("y", 0.5))]
    learning.draw(learning.read(folders), ["r_t", "r_s"], 1)
    (figure,) = drawn
    panels = [panel for panel in figure.axes if panel.get_visible()]
    assert [panel.get_title() for panel in panels] == ["r_t, times cited", "r_s, boxes cited"]
    assert all(panel.get_xlabel() and panel.get_ylabel() for panel in panels)
    lines = panels[0].get_lines()
    assert [line.get_linewidth() for line in lines] == [0.8, 0.8, 2.2, 0.8, 2.2]
    assert list(lines[2].get_ydata()) == pytest.approx([0.1 + s / 40 for s in range(1, 21)])
    assert lines[2].get_color() == lines[0].get_color() != lines[4].get_color()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["x (2 seeds)", "y"]


def test_the_command_writes_a_picture_and_a_table(tmp_path: Path, harness: Any) -> None:
    folders = [gspo(tmp_path / name, 0.0) for name in ("a", "b")]
    out = tmp_path / "new" / "curves.png"
    said = harness("train", "curves", *folders, "--out", out, "--show", "r_t")
    assert said.code == 0, said.err
    assert out.read_bytes().startswith(b"\x89PNG") and "| a | 0.0375 |" in out.with_suffix(".md").read_text()
    for words, complaint in (
        ((*folders, "--out", tmp_path / "x.pdf"), "must end in .png"),
        ((*folders, "--out", out, "--show", "r_x"), "no training has logged 'r_x'; there are:"),
        ((tmp_path, "--out", out), "is no folder of a training"),
        ((folders[0], folders[0], "--out", out), "given twice"),
    ):
        said = harness("train", "curves", *words)
        assert said.code == 2 and complaint in " ".join(said.err.split())


def test_a_log_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "trainer_state.json").write_text('{"log_history": [{"loss": 1.0}]}')
    with pytest.raises(DataError, match="no log_history with steps"):
        learning.read([tmp_path])
    with pytest.raises(UsageError, match="logged nothing yet"):
        learning.table(learning.read([log(tmp_path / "new", [])]))
