"""What a reader of votes is told, and the pictures."""

from __future__ import annotations

import copy
import importlib
import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from rich.console import Console

votes, curves = (importlib.import_module(f"harness.reports.{name}") for name in ("votes", "curves"))


def point(value: float | None, half: float | None = None, error: float | None = None) -> dict[str, float | None]:
    known = value is not None and half is not None
    low, high = (value - half, value + half) if known else (None, None)  # type: ignore[operator]
    return {"value": value, "low": low, "high": high, "error": error}


TASK: dict[str, Any] = {
    "title": "V|STaR <b>",
    "partial": False,
    "missing": 0,
    "version": 3,
    "columns": {"acc": "Acc", "auroc": "AUROC"},
    "rollouts": 8,
    "most_rollouts": 8,
    "samples": 10,
    "videos": 4,
    "errors": 2,
    "n": [1, 8],
    "cost": [{"rollouts": 1, "tokens": 105.2, "seconds": 0.5}, {"rollouts": 8, "tokens": 841.6, "seconds": 4.0}],
    "base": {"acc": [point(0.4, 0.02)], "auroc": [point(None)]},
    "voters": {
        "first": {"acc": [point(0.4, 0.02)] * 2, "auroc": [point(None)] * 2},
        "[red]mine": {"acc": [point(0.4, 0.02), point(0.5, 0.03, 0.0004)], "auroc": [point(None), point(0.7)]},
    },
    "oracle": {"acc": [point(0.4, 0.02), point(0.8, 0.04)], "auroc": [point(None)] * 2},
    "adaptive": {},
}
VOTES: dict[str, Any] = {
    "format": 1,
    "settings": {"voters": ["first", "[red]mine"], "seed": 0, "subsets": {"all_up_to": 500, "else": 256}},
    "tasks": {"vstar": TASK},
}


def shown(document: dict[str, Any]) -> str:
    console = Console(file=io.StringIO(), width=110)
    votes.show(console, document)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_table_has_a_row_a_voter_and_a_column_a_number_of_rollouts() -> None:
    lines = [" ".join(line.split()) for line in shown(VOTES).splitlines()]
    assert "V|STaR <b> (version 3), per cent" in lines and "N 1 8 95 % at 8" in lines
    assert "first 40.0 40.0 38.0 to 42.0" in lines and "[red]mine 40.0 ~50.0 47.0 to 53.0" in lines
    assert "best of N 40.0 80.0 76.0 to 84.0" in lines and "[red]mine - 70.0 -" in lines
    assert "tokens 105 842" in lines and "seconds 0.50 4.00" in lines


def test_estimates_are_said_to_be_estimates() -> None:
    assert "~ is an estimate from 256 random subsets; its standard error is at most 0.04." in shown(VOTES)
    exact = copy.deepcopy(VOTES)
    exact["tasks"]["vstar"]["voters"]["[red]mine"]["acc"][1]["error"] = None
    assert "~" not in shown(exact)


def test_the_summary_has_the_voters_side_by_side() -> None:
    names, lines = votes.summary(VOTES)
    assert names == ["one rollout", "[red]mine", "best of N"]
    assert lines[0] == ("V|STaR <b> Acc (N=8)", ["40.0 ±2.0", "~50.0 ±3.0", "80.0 ±4.0"])


def test_a_partial_or_unfinished_run_says_so() -> None:
    part = copy.deepcopy(VOTES)
    part["tasks"]["vstar"] |= {"partial": True, "missing": 3}
    assert "(version 3, PARTIAL, UNFINISHED: 3 samples missing)" in shown(part)
    assert "PARTIAL, UNFINISHED: 3" in votes.markdown(part, {})


def test_the_page_keeps_text_in_its_cells() -> None:
    page = votes.markdown(VOTES, {"vstar": "votes-vstar.png"})
    assert "V\\|STaR &lt;b>" in page and "(votes-vstar.png)" in page and "<b>" not in page.replace("&lt;b>", "")
    width = 0
    for line in page.splitlines():
        cells = line.replace("\\|", "").count("|")
        assert not line.startswith("|") or not width or cells == width
        width = cells if line.startswith("|") else 0


def test_the_picture_has_a_row_a_column_and_is_the_same_every_time(tmp_path: Path) -> None:
    assert curves.draw(tmp_path, VOTES) == {"vstar": "votes-vstar.png"}
    first = (tmp_path / "votes-vstar.png").read_bytes()
    curves.draw(tmp_path, VOTES)
    assert (tmp_path / "votes-vstar.png").read_bytes() == first
    with Image.open(tmp_path / "votes-vstar.png") as image:
        one = image.size
        assert len(image.getcolors(1 << 20) or ()) > 20
    more = copy.deepcopy(VOTES)
    more["tasks"]["vstar"]["columns"]["more"] = "More"
    for found in (*more["tasks"]["vstar"]["voters"].values(), more["tasks"]["vstar"]["oracle"]):
        found["more"] = found["acc"]
    curves.draw(tmp_path, more)
    with Image.open(tmp_path / "votes-vstar.png") as image:
        assert image.size[0] == one[0] and image.size[1] > 1.5 * one[1]


@pytest.mark.parametrize("sizes", [[8], [1]])
def test_one_number_of_rollouts_is_no_curve(tmp_path: Path, sizes: list[int]) -> None:
    alone = copy.deepcopy(VOTES)
    alone["tasks"]["vstar"]["n"] = sizes
    assert curves.draw(tmp_path, alone) == {} and not list(tmp_path.iterdir())
