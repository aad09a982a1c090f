"""Needles: every thing is there for a second, and never two of them come at once."""

from __future__ import annotations

import random
from typing import Any

from rich.console import Console

from harness.check import check_task
from harness.plan import load


def test_things_are_there_for_a_second_and_come_one_by_one() -> None:
    task: Any = load("needles")
    for seed in range(50):
        clip = task.clip(random.Random(seed))
        spans = [thing.span for thing in clip.things]
        assert {span.end - span.start for span in spans} == {1.0}
        assert len({span.start for span in spans}) == len(spans)
        assert all(0 <= span.start < span.end < clip.duration for span in spans)


def test_its_reference_answers_score_full_marks() -> None:
    assert check_task("needles", None, Console()) == 0
