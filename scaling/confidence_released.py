"""Evidence voting as Open-o3-Video's published program does it: 1.0, 0.6 or 0.2 a rollout, and A when in doubt."""

from __future__ import annotations

from .letters import Letters
from .released import Released

voter = Letters(Released())
