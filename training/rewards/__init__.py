"""What a completion earns, and why: the rewards of GSPO (arXiv 2510.20579, Sec. 4.3) and of its released program."""

from __future__ import annotations

from collections.abc import Mapping

from harness.records import View

from ..rows import Row
from . import paper, released
from .component import Component
from .rule import Rule

__all__ = ["NAMES", "Component", "Rule", "earn"]

NAMES: Mapping[str, tuple[str, ...]] = {"paper": paper.NAMES, "released": released.NAMES}
"""The components of each preset, in order."""


def earn(row: Row, text: str, view: View, progress: float, rule: Rule) -> dict[str, Component]:
    """Every component of the reward of a completion, by name; their sum is the reward.

    Boxes in the text are in the coordinates of the model that `view` says; `progress` is 0..1 through training.

    >>> row = Row(id=1, source="s", task="General video QA MCQ", question="q", answer="B")
    >>> view = View(video="", times=(), duration=0, width=1, height=1, size=(1, 1), family="qwen2_5_vl")
    >>> found = earn(row, "<think>He sits.</think><answer>B</answer>", view, 0.5, Rule())
    >>> {name: each.value for name, each in found.items()}
    {'r_acc': 1.0, 'r_t': 0.0, 'r_s': 0.0, 'r_fmt': 0.5}
    """
    if rule.preset == "released":
        return released.earn(row, text, view, progress, rule)
    return paper.earn(row, text, view, progress, rule)
