"""The evidence vote by expected relevance: as `confidence`, but a grade counts by the chances of 0, 1 and 2.

The signal is `expected`: finer than a digit, and rarely nothing. It asks the same questions.
"""

from __future__ import annotations

from .relevance import expected
from .weighted import Weighted

voter = Weighted(expected)
