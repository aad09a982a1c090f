"""The next token of each row, drawn by the row's own generator, so that rows do not affect one another."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING, Protocol

from harness.records import Request

if TYPE_CHECKING:
    from torch import Tensor


class Drawn(Protocol):
    """What is needed of a row to draw for it."""

    @property
    def request(self) -> Request:
        """Its decoding settings."""
        ...

    @property
    def choices(self) -> list[int]:
        """The tokens it must be one of; empty when it may be any."""
        ...

    draw: Random
    seen: Tensor | None
    """Which tokens of the vocabulary it has had; None without a repetition penalty."""


def pick(logits: Tensor, rows: Sequence[Drawn]) -> tuple[list[int], list[float]]:
    """A token for each row of logits, and its log-probability before penalty, temperature and top-p."""
    raw = logits.log_softmax(-1)
    scores = _restrict(_penalise(logits, rows), rows)
    tokens = scores.argmax(-1)
    warm = [i for i, row in enumerate(rows) if row.request.temperature > 0]
    if warm:
        tokens[warm] = _draw(scores[warm], [rows[i] for i in warm])
    found: list[float] = raw.gather(1, tokens[:, None])[:, 0].tolist()
    return tokens.tolist(), found


def _penalise(logits: Tensor, rows: Sequence[Drawn]) -> Tensor:
    scores = logits
    for i, row in enumerate(rows):
        if row.seen is not None:
            scores = scores.clone() if scores is logits else scores
            had = scores[i, row.seen]
            by = row.request.repetition_penalty
            scores[i, row.seen] = had.where(had < 0, had / by).where(had > 0, had * by)
    return scores


def _restrict(scores: Tensor, rows: Sequence[Drawn]) -> Tensor:
    """Minus infinity outside a row's choices."""
    if not any(row.choices for row in rows):
        return scores
    scores = scores.clone()
    for i, row in enumerate(rows):
        if row.choices:
            kept = scores[i, row.choices]
            scores[i] = float("-inf")
            scores[i, row.choices] = kept
    return scores


def _draw(scores: Tensor, rows: Sequence[Drawn]) -> Tensor:
    """Inverse of the cumulated probabilities in vocabulary order: the same draw gives the same token in any batch."""
    import torch

    at = scores.device
    heat = torch.tensor([row.request.temperature for row in rows], device=at)
    shares = (scores / heat[:, None]).softmax(-1)
    top_p = [1.0 if row.choices else row.request.top_p for row in rows]
    if min(top_p) < 1:
        shares = _nucleus(shares, torch.tensor(top_p, device=at))
    total = shares.double().cumsum(-1)
    drawn = torch.tensor([row.draw.random() for row in rows], dtype=torch.float64, device=at)
    goal = drawn[:, None] * total[:, -1:]
    return torch.searchsorted(total, goal, right=True)[:, 0].clamp(max=scores.shape[1] - 1)


def _nucleus(shares: Tensor, top_p: Tensor) -> Tensor:
    """Zero outside the smallest set of likeliest tokens that holds `top_p`."""
    ordered, order = shares.sort(-1, descending=True)
    before = ordered.cumsum(-1) - ordered
    return shares.new_zeros(shares.shape).scatter(1, order, ordered.where(before < top_p[:, None], 0.0))
