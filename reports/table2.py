"""Table 2 of the Open-o3-Video paper (arXiv 2510.20579): general video understanding and temporal grounding."""

from __future__ import annotations

from collections.abc import Sequence

from harness import metrics
from harness.contracts import Finished, Sheet

COLUMNS: dict[str, tuple[str, str, dict[str, str]]] = {
    "Video-MME": ("videomme", "acc", {}),
    "long": ("videomme", "acc", {"duration": "long"}),
    "WorldSense": ("worldsense", "acc", {}),
    "recog.": ("worldsense", "acc", {"task_domain": "Recognition"}),
    "VideoMMMU": ("videommmu", "acc", {}),
    "percep.": ("videommmu", "acc", {"track": "Perception"}),
    "LVReason": ("longvideo_reason", "acc", {}),
    "TVG mIoU": ("tvgbench", "miou", {}),
}
"""Heading -> task, metric, and the group of which it is."""
AVERAGED = ("Video-MME", "WorldSense", "VideoMMMU", "LVReason", "TVG mIoU")
NOTES = (
    "recog.: the recognition questions; percep.: the track Perception; LVReason: LongVideo-Reason; TVG: TVGBench",
    f"Avg: the mean of {', '.join(AVERAGED)}",
)


def report(runs: Sequence[Finished]) -> list[Sheet]:
    """A row for each run; the average is that of the five benchmarks as a whole, where all five are there."""
    return [
        Sheet(
            title="General video understanding and temporal grounding, per cent",
            head=("run", *COLUMNS, "Avg"),
            rows=tuple(_row(run) for run in runs),
            notes=NOTES,
            ranked=(*COLUMNS, "Avg"),
        )
    ]


def _row(run: Finished) -> tuple[str | float | None, ...]:
    found = {name: run.value(task, metric, **group) for name, (task, metric, group) in COLUMNS.items()}
    whole = [found[name] for name in AVERAGED]
    return (run.folder.name, *found.values(), None if None in whole else metrics.mean(whole))
