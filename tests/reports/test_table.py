"""What a reader of a report is told."""

from __future__ import annotations

import copy
import importlib
import io
from typing import Any

import pytest
from rich.console import Console

table = importlib.import_module("harness.reports.table")

COUNTS = {"samples": 10, "items": 4, "evaluated": 8, "errors": 2, "unscored": 0, "abstentions": 1}
COUNTS |= {"rollouts": 80, "truncated": 3, "tokens": 999}
PART = {"counts": COUNTS, "evaluated": {"acc": 0.5, "lgm": 13.8, "odd": None}, "all": {"acc": 0.4, "lgm": 1, "odd": 0}}
SCORES: dict[str, Any] = {
    "format": 1,
    "partial": False,
    "finished": True,
    "tasks": {
        "vstar": {
            "version": 3,
            "partial": False,
            **PART,
            "reasons": {"odd": "no sample was scored"},
            "errors": {"VideoError: a|b <x>\nis missing": 2},
            "by": {
                "domain": {f"d{k}": PART for k in range(9)},
                "length": {"short": PART, "[red]long": PART},
            },
        }
    },
}
RUN: dict[str, Any] = {
    "partial": False,
    "settings": {
        "tasks": [{"name": "vstar", "options": {"prompt": "think"}, "frames": "uniform:16", "max_pixels": 9}],
        "model": {"name": "nano"},
        "engine": {"name": "vllm", "dtype": "auto"},
        "decoding": {"n": 8, "temperature": 1.0},
        "voter": "majority",
        "seed": 0,
        "limit": None,
    },
    "tasks": {
        "vstar": {
            "title": "V-STaR",
            "source": "arXiv 2503.11495",
            "columns": {"acc": "Acc", "lgm": "LGM c1", "gone": "Gone"},
            "samples": 10,
            "items": 4,
            "all_items": 4,
            "groups": {"domain": [f"d{k}" for k in range(9)], "length": ["short", "[red]long"]},
        }
    },
}


def shown(run: dict[str, Any], scores: dict[str, Any], width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width)
    table.show(console, run, scores)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.fixture
def limited() -> tuple[dict[str, Any], dict[str, Any]]:
    run, scores = copy.deepcopy(RUN), copy.deepcopy(SCORES)
    run["partial"] = scores["partial"] = scores["tasks"]["vstar"]["partial"] = True
    run["settings"]["limit"] = 4
    run["tasks"]["vstar"]["all_items"] = 500
    return run, scores


def test_figures_are_per_cent_and_failures_are_beside_them() -> None:
    text = shown(RUN, SCORES)
    assert "V-STaR (version 3)" in text
    assert "50.0 1380.0    -  8" in text and "40.0  100.0    - 10" in text
    assert "evaluated 8, errors 2, not scored 0, abstentions 1; 80 rollouts, truncated 3" in text
    assert "2 x VideoError: a|b <x>" in text


def test_the_terminal_has_the_first_small_breakdown() -> None:
    text = shown(RUN, SCORES)
    assert "by length" in text and "\nshort " in text and "\n[red]long " in text and "domain" not in text


def test_a_partial_run_says_so_everywhere(limited: tuple[dict[str, Any], dict[str, Any]]) -> None:
    assert "PARTIAL: 4 of 500 items" in shown(*limited)
    page = table.markdown(*limited)
    assert "**partial run**: 4 items a task" in page and "PARTIAL: 4 of 500 items" in page


def test_an_unfinished_run_says_so() -> None:
    run, scores = copy.deepcopy(RUN), {**SCORES, "finished": False}
    run["tasks"]["vstar"]["samples"] = 30
    assert "UNFINISHED: 10 of 30 samples" in shown(run, scores)
    assert "**not finished**" in table.markdown(run, scores)


def test_the_page_has_every_breakdown_metric_and_error() -> None:
    page = table.markdown(RUN, SCORES)
    assert all(f"| d{k} | 50.0 |" in page for k in range(9)) and "| short | 50.0 |" in page
    assert "| odd | - | 0.0 | no sample was scored |" in page
    assert "| VideoError: a\\|b &lt;x> is missing | 2 |" in page
    assert "model: nano" in page and "n 8, temperature 1.0" in page and "prompt=think" in page


def test_every_row_of_a_table_has_as_many_cells_as_its_head() -> None:
    width = 0
    for line in table.markdown(RUN, SCORES).splitlines():
        cells = line.replace("\\|", "").count("|")
        assert not line.startswith("|") or not width or cells == width
        width = cells if line.startswith("|") else 0


def test_a_narrow_terminal_cuts_no_figure() -> None:
    assert "1380.0" in shown(RUN, SCORES, width=50)
