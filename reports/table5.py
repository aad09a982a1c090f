"""Table 5 of the Open-o3-Video paper (arXiv 2510.20579): V-STaR of models whose training had other rewards."""

from __future__ import annotations

from .layout import Layout
from .table1 import COLUMNS

report = Layout(
    title="V-STaR with other rewards, per cent", columns={heading: COLUMNS[heading] for heading in ("mAM", "mLGM")}
)
