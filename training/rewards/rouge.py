"""The reward of an open answer: how many words it has in common with the reference."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

_LONG_WORD = re.compile(r"([a-z0-9]{64})[a-z0-9]+")
"""Older stemmers recurse over the letters of a word, and one without end would end them."""


def rouge(said: str, reference: str) -> float:
    """The mean F1 of ROUGE-1, ROUGE-2 and ROUGE-L with stemming, 0..1, blind to case and punctuation.

    >>> round(rouge("A dog sniffs the bench.", "The dog is sniffing the bench"), 4)
    0.4377
    >>> rouge("", "a dog"), rouge("A DOG", "a dog!")
    (0.0, 1.0)
    """
    scores = _scorer().score(*(_LONG_WORD.sub(r"\1", text.lower()) for text in (reference, said)))
    return min(1.0, sum(float(score.fmeasure) for score in scores.values()) / len(scores))


@cache
def _scorer() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=True)
