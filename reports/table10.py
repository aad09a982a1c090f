"""Table 10 of the Open-o3-Video paper (arXiv 2510.20579): the columns of Table 1 for base models of other sizes."""

from __future__ import annotations

from .layout import Layout
from .table1 import COLUMNS
from .table3 import CHAINS

report = Layout(title="V-STaR with other base models, per cent", columns=COLUMNS, notes=(CHAINS,))
