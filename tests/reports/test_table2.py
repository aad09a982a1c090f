"""Table 2 of the paper comes out of run folders: its average is the one that is printed there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from harness import plugins
from harness.contracts import Finished, Sheet
from harness.reports import sheets

PUBLISHED = {
    "VideoLLaMA3-7B": (60.6, 48.7, 37.3, 38.1, 46.5, 59.7, 59.8, 22.2, 45.3),
    "InternVL-2.5-8B": (62.3, 51.2, 39.6, 38.5, 42.4, 57.0, 62.0, 6.3, 42.5),
    "Qwen2.5-VL-7B": (62.4, 50.8, 36.1, 33.7, 51.2, 64.7, 59.3, 16.3, 45.1),
    "VideoRFT-7B": (59.8, 50.7, 38.2, 36.6, 51.1, 66.0, 69.4, 14.3, 46.6),
    "VideoR1-7B": (61.4, 50.6, 35.5, 32.8, 52.4, 65.3, 68.9, 9.6, 45.6),
    "Open-o3-Video-7B": (63.6, 54.9, 37.5, 36.8, 52.3, 68.0, 69.4, 20.8, 48.7),
}
"""Rows of arXiv 2510.20579, Table 2, in its order of columns."""


def scored(value: float, **by: dict[str, float]) -> dict[str, Any]:
    groups = {axis: {name: {"evaluated": {"acc": v / 100}} for name, v in each.items()} for axis, each in by.items()}
    return {"evaluated": {"acc": value / 100, "miou": value / 100}, "by": groups}


def finished(name: str, row: tuple[float, ...]) -> Finished:
    tasks = {
        "videomme": scored(row[0], duration={"long": row[1]}),
        "worldsense": scored(row[2], task_domain={"Recognition": row[3]}),
        "videommmu": scored(row[4], track={"Perception": row[5]}),
        "longvideo_reason": scored(row[6]),
        "tvgbench": scored(row[7]),
    }
    return Finished(folder=Path(name), run={}, scores={"tasks": tasks})


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_average_is_the_published_one(name: str) -> None:
    (sheet,) = plugins.load("harness.reports", "table2")([finished(name, PUBLISHED[name])])
    ((label, *cells),) = sheet.rows
    assert label == name
    assert [round(100 * cell, 1) for cell in cells[:-1]] == [*PUBLISHED[name][:-1]]
    assert 100 * cells[-1] == pytest.approx(PUBLISHED[name][-1], abs=0.051)


def test_a_benchmark_that_is_missing_has_no_figure_and_there_is_no_average() -> None:
    whole = finished("run", PUBLISHED["VideoR1-7B"])
    part = {name: task for name, task in whole.scores["tasks"].items() if name != "tvgbench"}
    (sheet,) = plugins.load("harness.reports", "table2")(
        [whole, Finished(folder=Path("part"), run={}, scores={"tasks": part})]
    )
    assert len(sheet.rows) == 2 and sheet.rows[1][-2:] == (None, None)
    alike = " | ".join(f"**{value}**" for value in PUBLISHED["VideoR1-7B"][:7])
    assert f"| part | {alike} | - | - |" in sheets.markdown([sheet])


def test_texts_of_others_stay_in_their_cells(capsys: pytest.CaptureFixture[str]) -> None:
    sheet = Sheet(title="a [b]", head=("run", "x"), rows=(("<script>|[red]", 0.5),), notes=("[/] n",))
    assert "| &lt;script>\\|[red] | 50.0 |" in sheets.markdown([sheet])
    sheets.show(Console(), [sheet])
    said = capsys.readouterr().out
    assert "a [b]" in said and "<script>|[red]" in said and "[/] n" in said
