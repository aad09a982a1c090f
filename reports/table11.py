"""Table 11 of the Open-o3-Video paper (arXiv 2510.20579): situated reasoning, and what the camera does."""

from __future__ import annotations

from .layout import Layout

report = Layout(
    title="Situated reasoning and camera motion, per cent",
    columns={
        "STAR": ("star", "acc", {}),
        "STAR mean": ("star", "mean", {}),
        "CameraBench": ("camerabench", "acc", {}),
        "confusable": ("camerabench", "acc", {"folder": "confusable_motion"}),
        "motion & steadiness": ("camerabench", "acc", {"folder": "motion_and_steadiness"}),
        "speed": ("camerabench", "acc", {"folder": "motion_speed"}),
    },
    notes=(
        "STAR: accuracy over all questions, and the mean of its four types; the paper does not say which it gives",
        "CameraBench: accuracy over all judgments, and in the folders of three skills",
    ),
)
