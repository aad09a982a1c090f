"""Votes on answers as arithmetic: the chance of each rollout to speak for a random subset of k of n rollouts.

It says the same as `weighted.Weighted`: the heaviest answer wins, of equals that of more rollouts, of equals the one
with the lowest lot; for it speaks the heaviest rollout of the subset that gives it, of equals the one with the lowest
lot. Where all answers are None nobody speaks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import comb

import numpy as np
from numpy.typing import NDArray

from harness.records import Prediction, Sample

from .subsets import Bools, Floats, Ints, Subsets, first_chances
from .weighted import Weighted, draw, number, said, units

EXACT = 2**53
"""Whole numbers below this are exact in float64."""


@dataclass(frozen=True, slots=True)
class Ballots:
    """The rollouts of S samples, n each, as a voter sees them."""

    codes: Ints
    """[S, n]: the answer of each, numbered in the order of their lots; -1 for none."""
    units: Ints
    """[S, n]: what each weighs, in whole units."""
    ranks: Ints | None = None
    """[S, n]: its place, from 0, when rollouts of one answer ask to speak; None where it is all the same who does."""

    def some(self, part: slice) -> Ballots:
        """Those of some samples."""
        return Ballots(self.codes[part], self.units[part], None if self.ranks is None else self.ranks[part])

    @property
    def given(self) -> Bools:
        """[S, n, A]: whether a rollout gives an answer."""
        found: Bools = self.codes[:, :, None] == np.arange(int(self.codes.max(initial=0)) + 1)
        return found


def ballot(voter: Weighted, sample: Sample, predictions: Sequence[Prediction]) -> tuple[list[int], list[int]]:
    """Code and units of each rollout of a sample."""
    answers = list(map(said, predictions))
    ordered = sorted({*answers} - {""}, key=lambda answer: draw(sample, answer))
    numbers = {answer: number for number, answer in enumerate(ordered)} | {"": -1}
    return [numbers[answer] for answer in answers], units([voter.weight(p) for p in predictions])


def ranked(predictions: Sequence[Prediction], weights: Sequence[int]) -> list[int]:
    """The place of each rollout when rollouts of one answer ask to speak."""
    lots = [(-weight, number(p)) for weight, p in zip(weights, predictions, strict=True)]
    order = sorted(range(len(lots)), key=lots.__getitem__)
    places = {k: place for place, k in enumerate(order)}
    return [places[k] for k in range(len(lots))]


def fits(ballots: Ballots) -> bool:
    """Whether sums of these weights are exact."""
    n = ballots.codes.shape[1]
    return bool(int(ballots.units.sum(1, dtype=object).max(initial=0)) * (n + 1) + n < EXACT)


def by_counts(ballots: Ballots, k: int) -> Floats:
    """[1, S, n + 1]: the chance of each rollout to speak, and of none to; exact, for rollouts that weigh the same."""
    codes, n = ballots.codes, ballots.codes.shape[1]
    counts, silent = ballots.given.sum(1), (codes < 0).sum(1)
    wins = plurality(counts, silent, k)
    nobody = np.array([comb(c, k) / comb(n, k) for c in range(n + 1)])[silent, None]
    if ballots.ranks is None:
        return _by_first(ballots, np.concatenate([wins.sum(2), nobody], 1)[None])
    alike = codes[:, None, :] == codes[:, :, None]
    earlier = ((ballots.ranks[:, None, :] < ballots.ranks[:, :, None]) & alike).sum(2)
    own = np.take_along_axis(counts, codes.clip(0), 1)
    won = np.take_along_axis(wins, codes.clip(0)[:, :, None], 1)
    chances = np.where(codes >= 0, (won * _speaking(n, k)[own, earlier]).sum(2), 0.0)
    found: Floats = np.concatenate([chances, nobody], 1)[None]
    return found


def _by_first(ballots: Ballots, shares: Floats) -> Floats:
    """Chances of answers, and of none [parts, S, A + 1], as those of the first rollout that gives each."""
    n = ballots.codes.shape[1]
    chances = np.zeros((*shares.shape[:2], n + 1))
    for answer, given in enumerate(np.moveaxis(ballots.given, 2, 0)):
        rows = np.flatnonzero(given.any(1))
        chances[:, rows, given[rows].argmax(1)] = shares[:, rows, answer]
    chances[:, :, n] = shares[:, :, -1]
    return chances


def plurality(counts: Ints, silent: Ints, k: int) -> Floats:
    """[S, A, k + 1]: the chance that answer a wins a vote of k with x of them.

    `counts` [S, A] says how often each answer was given, in the order in which they win ties, and `silent` [S] how many
    rollouts give none. The ways are coefficients of z^k in a product over the answers: C(c_a, x) z^x for the winner,
    sums of C(c_b, m) z^m for the others, m < x for those that would win a tie and m <= x for those that would lose it,
    and (1 + z)^silent.
    """
    samples, number = counts.shape
    n = int(counts[0].sum() + silent[0]) if samples else k
    ways = np.array([[comb(c, m) for m in range(k + 1)] for c in range(n + 1)], dtype=float)
    wins = np.zeros((samples, number, k + 1))
    for x in range(1, k + 1):
        room = k - x + 1
        ahead = [ways[silent][:, :room]]
        for a in range(number - 1):
            ahead.append(_times(ahead[-1], ways[counts[:, a]][:, : min(x, room)]))
        behind = np.zeros((samples, room))
        behind[:, 0] = 1.0
        for a in reversed(range(number)):
            others = (ahead[a] * behind[:, ::-1]).sum(1)
            wins[:, a, x] = ways[counts[:, a], x] * others
            behind = _times(behind, ways[counts[:, a]][:, : min(x + 1, room)])
    return wins / comb(n, k)


def _times(one: Floats, other: Floats) -> Floats:
    """The product of polynomials [S, room] and [S, at most room], as far as there is room."""
    found, room = np.zeros_like(one), one.shape[1]
    for power in range(other.shape[1]):
        found[:, power:] += one[:, : room - power] * other[:, power : power + 1]
    return found


def _speaking(n: int, k: int) -> Floats:
    """[c, rank, x]: the chance that the one of that rank among c is the first of a random x of them."""
    table = np.zeros((n + 1, n, k + 1))
    for c in range(1, n + 1):
        for x in range(1, min(c, k) + 1):
            table[c, :c, x] = first_chances(c, x)
    return table


def by_weights(ballots: Ballots, chosen: Subsets) -> Floats:
    """[parts, S, n + 1]: the share of the subsets in which each rollout speaks, and in which none does."""
    (samples, n), (parts, size, _) = ballots.codes.shape, chosen.masks.shape
    winner, number = winners(ballots, chosen), ballots.given.shape[2]
    if ballots.ranks is None:
        by_part = winner.reshape(parts, size, samples)
        return _by_first(ballots, np.stack([(by_part == a).mean(1) for a in (*range(number), -1)], 2))
    heard = (ballots.codes[None] == winner[:, :, None]) & chosen.masks.reshape(-1, 1, n)
    places = np.where(heard, ballots.ranks[None], n)
    speaker = np.where(winner >= 0, places.argmin(2), n)
    cells = (np.arange(parts).repeat(size)[:, None] * samples + np.arange(samples)) * (n + 1) + speaker
    counts = np.bincount(cells.ravel(), minlength=parts * samples * (n + 1))
    found: Floats = counts.reshape(parts, samples, n + 1) / size
    return found


def winners(ballots: Ballots, chosen: Subsets) -> NDArray[np.int16]:
    """[subsets, S]: the answer that wins each; -1 where none is given.

    An answer is worth its units times n + 1, plus one for each rollout, so that the count decides what weights do not.
    """
    masks = chosen.masks.reshape(-1, ballots.codes.shape[1]).astype(float)
    worth = (ballots.units * (masks.shape[1] + 1) + 1)[:, :, None] * ballots.given
    best = np.zeros((len(masks), len(worth)))
    winner = np.full(best.shape, -1, dtype=np.int16)
    for answer in range(worth.shape[2]):
        sums = masks @ worth[:, :, answer].T.astype(float)
        winner[sums > best] = answer
        np.maximum(best, sums, out=best)
    return winner


def fair_majority(right: int, others: Sequence[int], silent: int, k: int) -> Fraction:
    """maj@k of one sample as it is published (Wang, arXiv 2203.11171): a tie is won by each of those tied alike.

    `right` of the rollouts give the right answer, others[j] the j-th wrong one, `silent` none. The sum over x of
    C(right, x) [z^(k - x) u^t] prod_j (sum_{m < x} C(c_j, m) z^m + u C(c_j, x) z^x) (1 + z)^silent / (1 + t) / C(n, k).

    >>> fair_majority(1, [1], 0, 2), fair_majority(2, [1], 1, 1)
    (Fraction(1, 2), Fraction(1, 2))
    """
    total = Fraction(0)
    for x in range(1, min(right, k) + 1):
        terms = {(m, 0): comb(silent, m) for m in range(k - x + 1)}
        for count in others:
            grown: dict[tuple[int, int], int] = {}
            for (power, tied), ways in terms.items():
                for m in range(min(x, k - x - power, count) + 1):
                    place = power + m, tied + (m == x)
                    grown[place] = grown.get(place, 0) + ways * comb(count, m)
            terms = grown
        won = sum(Fraction(ways, 1 + tied) for (power, tied), ways in terms.items() if power == k - x)
        total += comb(right, x) * won
    return total / comb(right + sum(others) + silent, k)
