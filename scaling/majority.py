"""The plain vote (self-consistency, arXiv 2203.11171): every rollout weighs the same."""

from __future__ import annotations

from .weighted import Weighted

voter = Weighted()
