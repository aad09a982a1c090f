"""Table 2 of the Open-o3-Video paper (arXiv 2510.20579): general video understanding and temporal grounding."""

from __future__ import annotations

from .certainty import Column
from .layout import Layout

COLUMNS: dict[str, Column] = {
    "Video-MME": ("videomme", "acc", {}),
    "long": ("videomme", "acc", {"duration": "long"}),
    "WorldSense": ("worldsense", "acc", {}),
    "recog.": ("worldsense", "acc", {"task_domain": "Recognition"}),
    "VideoMMMU": ("videommmu", "acc", {}),
    "percep.": ("videommmu", "acc", {"track": "Perception"}),
    "LVReason": ("longvideo_reason", "acc", {}),
    "TVG mIoU": ("tvgbench", "miou", {}),
}

report = Layout(
    title="General video understanding and temporal grounding, per cent",
    columns=COLUMNS,
    notes=(
        "recog.: the recognition questions; percep.: the track Perception; LVReason: LongVideo-Reason; TVG: TVGBench",
    ),
    averaged=("Video-MME", "WorldSense", "VideoMMMU", "LVReason", "TVG mIoU"),
)
