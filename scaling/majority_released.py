"""The majority vote of Open-o3-Video's published program: every letter weighs the same, and A when in doubt.

A letter without thinking weighs nothing there; the parser "o3" reads none.
"""

from __future__ import annotations

from .letters import Letters

voter = Letters()
