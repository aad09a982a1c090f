"""How the next token is drawn, against the processors of transformers and against counting."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
import torch

from harness.engines._sampling import _nucleus, _penalise, pick
from harness.records import Request


@dataclass
class Row:
    request: Request
    draw: Random = field(default_factory=Random)
    seen: Any = None
    choices: list[int] = field(default_factory=list)


LOGITS = torch.randn(6, 40, generator=torch.Generator().manual_seed(3)) * 2


def test_top_p_keeps_what_transformers_keeps() -> None:
    from transformers import TopPLogitsWarper

    ids = torch.zeros((6, 1), dtype=torch.long)
    for top_p in (0.1, 0.5, 0.9, 0.99):
        theirs = TopPLogitsWarper(top_p)(ids, LOGITS).softmax(-1)
        ours = _nucleus(LOGITS.softmax(-1), torch.full((6,), top_p))
        assert torch.allclose(ours / ours.sum(-1, keepdim=True), theirs, atol=1e-6)


def test_the_penalty_is_that_of_transformers() -> None:
    from transformers import RepetitionPenaltyLogitsProcessor

    had = torch.tensor([[1, 5, 5, 30]])
    seen = torch.zeros(40, dtype=torch.bool)
    seen[had[0]] = True
    row = Row(Request(parts=("?",), repetition_penalty=1.3), seen=seen)
    plain = Row(Request(parts=("?",)))
    ours = _penalise(LOGITS[:2], [row, plain])
    assert torch.equal(ours[0], RepetitionPenaltyLogitsProcessor(1.3)(had, LOGITS[:1])[0])
    assert torch.equal(ours[1], LOGITS[1])


def test_tokens_come_as_often_as_they_should() -> None:
    count = 4000
    rows = [Row(Request(parts=("?",), temperature=0.8, top_p=0.9), Random(seed)) for seed in range(count)]
    tokens, logprobs = pick(LOGITS[:1].expand(count, -1), rows)
    expected = _nucleus((LOGITS[:1] / 0.8).softmax(-1), torch.tensor([0.9]))[0]
    found = torch.bincount(torch.tensor(tokens), minlength=40) / count
    assert (found - expected / expected.sum()).abs().max() < 0.03
    assert found[expected == 0].sum() == 0
    assert logprobs[0] == pytest.approx(float(LOGITS[0].log_softmax(-1)[tokens[0]]))


def test_each_row_draws_by_itself() -> None:
    def rows() -> list[Row]:
        settings = [
            (0.0, 1.0, []),
            (1.0, 1.0, []),
            (1.0, 0.5, []),
            (2.0, 1.0, [3, 7]),
            (0.0, 1.0, [9, 4]),
            (0.3, 1.0, []),
        ]
        return [
            Row(Request(parts=("?",), temperature=heat, top_p=top_p), Random(i), choices=choices)
            for i, (heat, top_p, choices) in enumerate(settings)
        ]

    tokens, logprobs = pick(LOGITS, rows())
    alone = [pick(LOGITS[i : i + 1], [row]) for i, row in enumerate(rows())]
    assert tokens == [found[0] for found, _ in alone]
    assert logprobs == pytest.approx([found[0] for _, found in alone])
    assert tokens[0] == int(LOGITS[0].argmax())
    assert tokens[3] in (3, 7)
    assert tokens[4] == max((9, 4), key=lambda i: float(LOGITS[4, i]))
