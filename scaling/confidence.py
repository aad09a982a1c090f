"""The evidence vote of the paper: a rollout weighs as much as its evidence is relevant (arXiv 2510.20579, A.10).

The signal is `relevance`, 0..2. A rollout without relevant evidence weighs nothing; where none has any, all weigh 1.
"""

from __future__ import annotations

from .relevance import relevance
from .weighted import Weighted

voter = Weighted(relevance)
