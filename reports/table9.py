"""Table 9 of the Open-o3-Video paper (arXiv 2510.20579): models that cite evidence and models that do not."""

from __future__ import annotations

from . import table1, table2
from .layout import Layout

report = Layout(
    title="Thinking with and without evidence, per cent",
    columns={
        **{f"V-STaR {heading}": table1.COLUMNS[heading] for heading in ("What Acc", "mLGM")},
        **{heading: table2.COLUMNS[heading] for heading in ("Video-MME", "long", "WorldSense", "recog.")},
    },
    notes=("recog.: the recognition questions of WorldSense",),
)
