"""Table 11 of the Open-o3-Video paper (arXiv 2510.20579): situated reasoning, and what the camera does."""

from __future__ import annotations

from collections.abc import Sequence

from harness.contracts import Finished, Sheet

COLUMNS: dict[str, tuple[str, str, dict[str, str]]] = {
    "STAR": ("star", "acc", {}),
    "STAR mean": ("star", "mean", {}),
    "CameraBench": ("camerabench", "acc", {}),
    "confusable": ("camerabench", "acc", {"folder": "confusable_motion"}),
    "motion & steadiness": ("camerabench", "acc", {"folder": "motion_and_steadiness"}),
    "speed": ("camerabench", "acc", {"folder": "motion_speed"}),
}
"""Heading -> task, metric, and the group of which it is."""
NOTES = (
    "STAR: accuracy over all questions, and the mean of its four question types; the paper does not say which it gives",
    "CameraBench: accuracy over all judgments, and in the folders of three skills",
)


def report(runs: Sequence[Finished]) -> list[Sheet]:
    """A row for each run."""
    rows = tuple(
        (run.folder.name, *(run.value(task, metric, **group) for task, metric, group in COLUMNS.values()))
        for run in runs
    )
    head = ("run", *COLUMNS)
    return [
        Sheet(
            title="Situated reasoning and camera motion, per cent", head=head, rows=rows, notes=NOTES, ranked=head[1:]
        )
    ]
