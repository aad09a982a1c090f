"""Table 1 of the Open-o3-Video paper (arXiv 2510.20579): V-STaR, what, when and where."""

from __future__ import annotations

from . import table3
from .certainty import Column
from .layout import Layout

COLUMNS: dict[str, Column] = {heading: (table3.TASK, metric, {}) for heading, metric in table3.COLUMNS.items()}

report = Layout(title="V-STaR, per cent", columns=COLUMNS, notes=(table3.CHAINS,))
