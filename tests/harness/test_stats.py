"""Errors, intervals and tests against other libraries, brute force and simulated truth."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import partial

import numpy
import pytest
import statsmodels.api
from scipy.stats import binomtest, permutation_test, t, ttest_rel
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from harness import multiplicity, stats


def clustered(seed: int, clusters: int, size: int, spread: float = 0.3) -> tuple[numpy.ndarray, list[int]]:
    """Numbers around 0 that are alike within a cluster, and the cluster of each."""
    chance = numpy.random.default_rng(seed)
    sizes = chance.integers(1, 2 * size, clusters)
    names = numpy.repeat(numpy.arange(clusters), sizes)
    return spread * chance.normal(size=clusters)[names] + chance.normal(size=len(names)), names.tolist()


@pytest.mark.parametrize("seed", range(5))
def test_the_clustered_error_is_that_of_a_regression_on_a_constant(seed: int) -> None:
    scores, names = clustered(seed, 12, 5)
    fit = statsmodels.api.OLS(scores, numpy.ones(len(scores))).fit(
        cov_type="cluster", cov_kwds={"groups": numpy.asarray(names)}, use_t=True
    )
    found = stats.mean(scores, names)
    assert found.value == pytest.approx(fit.params[0]) and found.error == pytest.approx(fit.bse[0])
    assert (found.low, found.high) == pytest.approx(tuple(fit.conf_int()[0]))
    centre = scores - scores.mean()
    pairs = sum(centre[i] * centre[j] for i in range(len(names)) for j in range(len(names)) if names[i] == names[j])
    assert stats.clustered_error(scores, names, corrected=False) == pytest.approx(math.sqrt(pairs) / len(names))


def test_clusters_of_one_are_a_paired_t_test() -> None:
    chance = numpy.random.default_rng(0)
    one, other = chance.random(40), chance.random(40)
    found, reference = stats.difference(one, other), ttest_rel(other, one).confidence_interval()
    assert (found.low, found.high) == pytest.approx((reference.low, reference.high))
    assert found == stats.difference(list(one), list(other), range(40))


def test_the_order_of_the_samples_has_no_say() -> None:
    scores, names = clustered(3, 30, 4)
    turned = numpy.random.default_rng(1).permutation(len(names))
    again = [names[k] for k in turned]
    assert stats.mean(scores[turned], again).error == pytest.approx(stats.mean(scores, names).error)
    for values in (scores, numpy.sign(scores)):
        assert stats.sign_flip(values[turned], again).p == pytest.approx(stats.sign_flip(values, names).p, abs=0.02)


def flipped(scores: numpy.ndarray, names: list[int]) -> float:
    """The sign-flip p by looking at every flip."""
    sums = [math.fsum(s for s, name in zip(scores, names, strict=True) if name == c) for c in sorted(set(names))]
    ways = [
        abs(math.fsum(s * w for s, w in zip(sums, way, strict=True)))
        for way in itertools.product((1, -1), repeat=len(sums))
    ]
    return sum(way >= abs(math.fsum(sums)) - 1e-9 for way in ways) / len(ways)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("whole", [True, False])
def test_the_sign_flip_p_is_exact_for_few_clusters(seed: int, whole: bool) -> None:
    scores, names = clustered(seed, 10, 3)
    scores = numpy.sign(scores) * (abs(scores) > 0.7) if whole else scores
    found = stats.sign_flip(scores, names)
    assert found.flips is None and found.p == pytest.approx(flipped(scores, names))


def test_the_sign_flip_p_of_single_samples_is_that_of_scipy_and_of_mcnemar() -> None:
    scores = numpy.array([1.0] * 9 + [-1.0] * 3 + [0.0] * 20)
    assert stats.sign_flip(scores).p == pytest.approx(stats.mcnemar(9, 3)) == pytest.approx(binomtest(9, 12).pvalue)
    odd = numpy.random.default_rng(2).normal(0.3, 1, 12)
    reference = permutation_test((odd, numpy.zeros(12)), lambda x, y: (x - y).mean(), permutation_type="samples")
    assert stats.sign_flip(odd).p == pytest.approx(reference.pvalue)


def test_many_clusters_are_exact_when_whole_and_drawn_when_not() -> None:
    scores, names = clustered(5, 200, 3)
    right = numpy.sign(scores) * (abs(scores) > 1)
    exact = stats.sign_flip(right, names)
    drawn = stats.sign_flip(right * 0.999, names)
    assert exact.flips is None and drawn.flips == stats.FLIPS and drawn == stats.sign_flip(right * 0.999, names)
    assert drawn.p == pytest.approx(exact.p, abs=4 * math.sqrt(exact.p * (1 - exact.p) / stats.FLIPS))
    assert stats.sign_flip(numpy.full(60, 0.37), flips=999).p == 1 / 1000, "the +1 rule"
    assert 0 < stats.sign_flip(numpy.ones(5000)).p < 1e-300


@pytest.mark.parametrize(("fixed", "broken"), [(0, 1), (3, 3), (10, 2), (2, 10), (40, 61), (700, 800)])
def test_mcnemar(fixed: int, broken: int) -> None:
    assert stats.mcnemar(fixed, broken) == pytest.approx(
        reference_mcnemar([[5, fixed], [broken, 7]], exact=True).pvalue
    )


def test_holm() -> None:
    for seed in range(20):
        found = numpy.random.default_rng(seed).random(6).round(1) / 5
        mine = multiplicity.holm(dict(enumerate(found.tolist())))
        assert list(mine.values()) == pytest.approx(multipletests(found, method="holm")[1]) and [*mine] == [*range(6)]
    assert multiplicity.holm({}) == {}


def test_benjamini_hochberg() -> None:
    for seed in range(20):
        found = numpy.random.default_rng(seed).random(7).round(1) / 5
        mine = multiplicity.benjamini_hochberg(dict(enumerate(found.tolist())))
        assert list(mine.values()) == pytest.approx(multipletests(found, method="fdr_bh")[1]) and [*mine] == [*range(7)]
    assert multiplicity.benjamini_hochberg({}) == {}


@pytest.mark.parametrize(("hits", "number"), [(0, 1), (1, 1), (0, 20), (20, 20), (3, 7), (500, 900)])
def test_wilson(hits: int, number: int) -> None:
    assert stats.wilson(hits, number) == pytest.approx(proportion_confint(hits, number, method="wilson"))


def test_the_bootstrap_of_a_mean_is_near_its_t_interval() -> None:
    scores, names = clustered(8, 150, 4)
    found = stats.bootstrap(lambda drawn: float(scores[drawn].mean()), names)
    plain = stats.mean(scores, names)
    assert plain.error and found.error == pytest.approx(plain.error, rel=0.1)
    assert found.value == pytest.approx(plain.value)
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high), abs=0.25 * plain.error)
    assert found == stats.bootstrap(lambda drawn: float(scores[drawn].mean()), names)
    assert found != stats.bootstrap(lambda drawn: float(scores[drawn].mean()), names, seed=1)


def test_the_bootstrap_draws_whole_clusters() -> None:
    names = ["a", "b", "a", "c", "b", "c", "c"]
    rows = {name: [k for k, n in enumerate(names) if n == name] for name in "abc"}

    def statistic(drawn: numpy.ndarray) -> float:
        for name in "abc":
            counts = {int((drawn == k).sum()) for k in rows[name]}
            assert len(counts) == 1, "each sample of a cluster is drawn as often as the others"
        return 0.0

    stats.bootstrap(statistic, names, draws=50)


def test_what_cannot_be_known_is_said() -> None:
    assert stats.mean([]) == stats.Estimate(value=None, n=0, clusters=0, note="no samples")
    assert stats.mean([1, 0], ["v", "v"]) == stats.Estimate(
        value=0.5, n=2, clusters=1, note="one cluster tells no error"
    )
    same = stats.difference([0.1] * 3, [0.3] * 3)
    assert same.error == 0 and same.low == same.high == same.value and same.note and "no width" in same.note
    assert same.detectable() is None and stats.mean([1, 0], "vv").detectable() is None
    assert stats.sign_flip([]) == stats.sign_flip([0.0, 0.0], "ab") == stats.SignFlip(p=1.0, clusters=0)
    assert stats.sign_flip([1, -1], "aa").p == 1.0
    assert stats.wilson(0, 0) == (0, 1) and stats.mcnemar(0, 0) == 1
    assert stats.bootstrap(lambda drawn: 1.0, []).note == "no samples with a figure"
    assert stats.bootstrap(lambda drawn: 1.0, "aa").note == "one cluster tells no error"
    assert stats.bootstrap(lambda drawn: None, "ab").value is None
    rare = stats.bootstrap(lambda drawn: 1.0 if len(set(drawn.tolist())) == 8 else None, range(8))
    assert rare.low is None and rare.note and "have no figure" in rare.note
    halves = stats.bootstrap(lambda drawn: 1.0 if 0 in drawn else None, "abc")
    assert halves.low == 1.0 and halves.note and "have no figure" in halves.note


@pytest.mark.parametrize(
    "fault",
    [
        lambda: stats.mean([math.nan, 1]),
        lambda: stats.mean([1, 2], ["a"]),
        lambda: stats.difference([1, 2, 3], [1, 2]),
        lambda: stats.sign_flip([math.inf]),
        lambda: stats.clustered_error([1, 2], "aa"),
        lambda: stats.clustered_error([], []),
    ],
)
def test_a_fault_of_the_caller_is_an_error(fault: Callable[[], object]) -> None:
    with pytest.raises(ValueError):
        fault()


def test_the_detectable_difference_is_found_with_its_power() -> None:
    chance, clusters, trials = numpy.random.default_rng(4), 25, 3000
    names = numpy.repeat(numpy.arange(clusters), 4)
    true = stats.Estimate(value=None, error=math.sqrt((0.09 + 0.25) / clusters), n=100, clusters=clusters).detectable()
    assert true is not None
    found = 0
    for _ in range(trials):
        values = true + 0.3 * chance.normal(size=clusters)[names] + chance.normal(size=100)
        low = stats.mean(values, names.tolist()).low
        found += low is not None and low > 0
    assert found / trials == pytest.approx(0.8, abs=0.03)


def simulated(trials: int) -> tuple[float, float, float]:
    """How often the interval misses 0, and how often two tests find something, where nothing is to be found.

    40 videos of 5 questions; a video's questions become right and wrong together (intra-cluster correlation 0.3).
    """
    chance, missed, flips, naive = numpy.random.default_rng(7), 0, 0, 0
    names = numpy.repeat(numpy.arange(40), 5)
    for _ in range(trials):
        leaning = chance.choice([-1, 1], 40)[names] * (chance.random(40) < 0.5)[names]
        together = chance.random(200) < 0.6
        values = numpy.where(together, leaning, chance.choice([-1, 0, 0, 1], 200))
        found = stats.mean(values, names.tolist())
        assert found.low is not None and found.high is not None
        missed += not found.low <= 0 <= found.high
        flips += stats.sign_flip(values, names.tolist()).p < 0.05
        naive += stats.mcnemar(int((values > 0).sum()), int((values < 0).sum())) < 0.05
    return missed / trials, flips / trials, naive / trials


def test_the_clustered_interval_and_the_sign_flip_keep_their_word_where_mcnemar_does_not() -> None:
    missed, flips, naive = simulated(2000)
    assert 0.03 < missed < 0.07 and 0.03 < flips < 0.06 and naive > 0.12


def ratio(both: numpy.ndarray, drawn: numpy.ndarray) -> float:
    over, under = both[:, drawn].sum(axis=1)
    return float(over / under)


def test_the_bootstrap_covers_a_ratio() -> None:
    chance, covered, trials = numpy.random.default_rng(9), 0, 150
    for _ in range(trials):
        videos = chance.gamma(2, 1, 60)
        over = chance.poisson(3 * videos)
        both = numpy.stack([over, over + chance.poisson(5 * videos)])
        found = stats.bootstrap(partial(ratio, both), range(60), draws=300)
        covered += found.low is not None and found.high is not None and found.low <= 3 / 8 <= found.high
    assert covered / trials > 0.88


def test_t_is_scipys() -> None:
    found = stats.mean([0, 1, 1, 0], "abcd")
    assert found.error and found.high == pytest.approx(0.5 + t.ppf(0.975, 3) * found.error)
