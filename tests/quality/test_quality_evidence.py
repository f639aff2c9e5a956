"""Evidence from counts: what it is, and that looking at any moment does not make it wrong."""

import math
from collections.abc import Callable
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from stepdown.quality.betting import ABOVE, BELOW
from stepdown.quality.evidence import (
    Counts,
    against_at_least,
    against_at_most,
    bounds,
    estimate,
    lower,
    upper,
)
from support.pair_streams import median, stopped_few, stopped_many

stats = import_module("scipy.stats")
"""Without type stubs, so not imported by name."""

LUCK = 1e-5
"""A simulation contradicts the nominal error where its count had a smaller probability."""

tallies = st.integers(0, 300).flatmap(
    lambda pairs: st.tuples(st.integers(0, pairs), st.just(pairs))
)
several = st.dictionaries(st.sampled_from([0.02, 0.1, 0.5, 1.0]), tallies, min_size=1).map(Counts)


def evenly(regrets: int, pairs: int) -> Counts:
    return Counts({1.0: (regrets, pairs)})


def shown_below(limit: float, error: float) -> Callable[[int, int], bool]:
    enough = -math.log(error)
    return lambda regrets, pairs: against_at_least(evenly(regrets, pairs), limit, 1.0) >= enough


def shown_above(limit: float, error: float) -> Callable[[int, int], bool]:
    enough = -math.log(error)
    return lambda regrets, pairs: against_at_most(evenly(regrets, pairs), limit, 1.0) >= enough


# ── Counts ───────────────────────────────────────────────────────────────────────────────────


def test_counts_add_up() -> None:
    one = Counts({0.02: (1, 10), 1.0: (0, 3)})
    total = one + Counts({0.02: (2, 20), 0.5: (1, 1)})
    assert total == Counts({0.02: (3, 30), 1.0: (0, 3), 0.5: (1, 1)})
    assert (total.regrets, total.pairs) == (4, 34)
    assert one == Counts({0.02: (1, 10), 1.0: (0, 3)})
    assert Counts() + one == one


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({0.0: (0, 1)}, "propensity: expected above 0 to 1, got 0.0"),
        ({1.5: (0, 1)}, "propensity: expected above 0 to 1, got 1.5"),
        ({0.5: (2, 1)}, "regrets: expected 0 to 1, the pairs, got 2"),
        ({0.5: (-1, 1)}, "regrets: expected 0 to 1, the pairs, got -1"),
    ],
)
def test_counts_that_cannot_be(counts: dict[float, tuple[int, int]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Counts(counts)


def test_a_propensity_below_the_least() -> None:
    counts = Counts({0.1: (0, 5), 0.019: (0, 1)})
    for ask in (against_at_least, against_at_most):
        with pytest.raises(ValueError, match=r"propensity: expected 0\.02.* or more: 0\.019"):
            ask(counts, 0.05, 0.02)
    with pytest.raises(ValueError, match="least: expected a propensity above 0 to 1, got 0"):
        against_at_least(counts, 0.05, 0.0)


def test_the_least_propensity_may_have_been_computed() -> None:
    """0.1 + 0.2 is a little more than 0.3, and there the size must not become more than 1."""
    assert Counts({0.3: (1, 2)}).sizes(0.1 + 0.2) == [(1.0, 1, 2)]
    assert Counts({0.5: (1, 2)}).sizes(0.1) == [(0.2, 1, 2)]


# ── E-values ─────────────────────────────────────────────────────────────────────────────────


def test_it_is_a_mixture_of_likelihood_ratios() -> None:
    for mixture, against in ((BELOW, against_at_least), (ABOVE, against_at_most)):
        worth = 0.0
        for times, share in mixture:
            regret = min(0.05 * times, 0.05 + 0.9 * 0.95)
            worth += share * (regret / 0.05) ** 3 * ((1 - regret) / 0.95) ** 97
        assert against(evenly(3, 100), 0.05, 1.0) == pytest.approx(math.log(worth))


def test_it_is_the_product_over_the_pairs_whatever_their_order() -> None:
    """Weighted by 1 / propensity, and by hand, for the bet of x = weight (regret - limit)."""
    limit, least = 0.1, 0.25
    pairs = [(1, 0.25), (0, 1.0), (0, 0.25), (1, 1.0), (0, 0.5), (0, 0.5)]
    worth = 0.0
    for times, share in BELOW:
        capital = share
        for regret, propensity in pairs:
            x = (regret - limit) / propensity * least
            capital *= 1.0 - (1.0 - times) / (1.0 - limit) * x
        worth += capital
    counts = Counts({0.25: (1, 2), 0.5: (0, 2), 1.0: (1, 2)})
    assert against_at_least(counts, limit, least) == pytest.approx(math.log(worth))


def test_nothing_is_known_without_pairs() -> None:
    for counts in (Counts(), Counts({0.5: (0, 0)})):
        assert against_at_least(counts, 0.02, 0.5) == pytest.approx(0.0)
        assert against_at_most(counts, 0.02, 0.5) == pytest.approx(0.0)
        assert bounds(counts, 0.95, 0.5) == (0.0, 1.0)
        assert estimate(counts) is None


def test_millions_of_pairs() -> None:
    assert against_at_least(evenly(20_000, 2_000_000), 0.02, 1.0) > 1_000
    assert against_at_most(evenly(80_000, 2_000_000), 0.02, 1.0) > 1_000
    assert against_at_least(evenly(80_000, 2_000_000), 0.02, 1.0) < -100


@given(several, st.floats(0.001, 0.998), st.floats(0.001, 0.998))
def test_what_refutes_a_limit_refutes_those_beyond(
    counts: Counts, one: float, other: float
) -> None:
    near, far = sorted((one, other))
    assert against_at_least(counts, near, 0.02) <= against_at_least(counts, far, 0.02) + 1e-9
    assert against_at_most(counts, far, 0.02) <= against_at_most(counts, near, 0.02) + 1e-9


# ── The error, exactly ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("limit", "longest"), [(0.05, 4_000), (0.2, 2_000)])
@pytest.mark.parametrize("error", [0.2, 0.025])
def test_shown_below_wrongly(limit: float, longest: int, error: float) -> None:
    """Looked at after every pair. Not much is wasted either: peeking uses up a good part of it."""
    wrongly = stopped_few(shown_below(limit, error), limit, longest)[-1]
    assert 0.3 * error < wrongly <= error
    assert stopped_few(shown_below(limit, error), 1.2 * limit, longest)[-1] < wrongly


@pytest.mark.parametrize(("limit", "longest"), [(0.05, 4_000), (0.2, 2_000)])
@pytest.mark.parametrize("error", [0.2, 0.025])
def test_shown_above_wrongly(limit: float, longest: int, error: float) -> None:
    wrongly = stopped_many(shown_above(limit, error), limit, longest)[-1]
    assert 0.3 * error < wrongly <= error
    assert stopped_many(shown_above(limit, error), 0.8 * limit, longest)[-1] < wrongly


def fixed(regret: float, limit: float, error: float) -> int:
    """The pairs with which an exact test of 80 % power shows that it is beyond the limit."""
    pairs = 1
    while True:
        if regret < limit:
            most = int(stats.binom.ppf(error, pairs, limit))
            most -= bool(stats.binom.cdf(most, pairs, limit) > error)
            power = stats.binom.cdf(most, pairs, regret)
        else:
            power = stats.binom.sf(stats.binom.isf(error, pairs, limit), pairs, regret)
        if power >= 0.8:
            return pairs
        pairs += 1


@pytest.mark.parametrize("limit", [0.02, 0.05])
def test_half_of_the_limit_is_shown_soon(limit: float) -> None:
    """With half of the error, as in the first epoch, beside a fixed test that has all of it."""
    stopped = stopped_few(shown_below(limit, 0.025), limit / 2, int(40 / limit))
    assert median(stopped) < 1.45 * fixed(limit / 2, limit, 0.05)


@pytest.mark.parametrize("limit", [0.02, 0.05])
def test_twice_the_limit_is_shown_soon(limit: float) -> None:
    stopped = stopped_many(shown_above(limit, 0.05), 2 * limit, int(20 / limit))
    assert median(stopped) < 1.1 * fixed(2 * limit, limit, 0.05)


# ── Intervals ────────────────────────────────────────────────────────────────────────────────


@given(several, st.sampled_from([0.5, 0.9, 0.99]))
def test_the_estimate_is_inside(counts: Counts, confidence: float) -> None:
    low, high = bounds(counts, confidence, 0.02)
    found = estimate(counts)
    assert 0.0 <= low <= high <= 1.0
    assert found is None or low <= found <= high


@given(several)
def test_more_confidence_is_wider(counts: Counts) -> None:
    narrow, wide = bounds(counts, 0.8, 0.02), bounds(counts, 0.99, 0.02)
    assert wide[0] <= narrow[0]
    assert narrow[1] <= wide[1]


@given(several)
def test_each_end_is_where_the_evidence_is_just_not_enough(counts: Counts) -> None:
    low, high = lower(counts, 0.95, 0.02), upper(counts, 0.95, 0.02)
    enough = math.log(20)
    if high < 1.0:
        assert against_at_least(counts, high + 1e-12, 0.02) >= enough - 1e-6
        assert against_at_least(counts, max(high - 1e-6, 0.0), 0.02) < enough
    if low > 0.0:
        assert against_at_most(counts, low + 1e-12, 0.02) < enough + 1e-6
        assert against_at_most(counts, max(low - 1e-6, 0.0), 0.02) >= enough


def test_the_ends_share_the_error() -> None:
    counts = evenly(10, 200)
    assert bounds(counts, 0.9, 1.0) == (lower(counts, 0.95, 1.0), upper(counts, 0.95, 1.0))


def test_figures() -> None:
    assert upper(evenly(0, 240), 0.975, 1.0) == pytest.approx(0.0195, abs=1e-4)
    assert bounds(evenly(300, 1_000), 0.95, 1.0) == pytest.approx((0.2508, 0.3527), abs=1e-3)
    assert upper(evenly(7, 7), 0.95, 1.0) == 1.0
    assert lower(evenly(0, 7), 0.95, 1.0) == 0.0


@pytest.mark.parametrize("confidence", [0.0, 1.0, math.nan])
def test_confidence_out_of_bounds(confidence: float) -> None:
    with pytest.raises(ValueError, match="confidence: expected between 0 and 1"):
        bounds(evenly(1, 2), confidence, 1.0)


# ── Propensities ─────────────────────────────────────────────────────────────────────────────


def test_the_estimate_is_weighted() -> None:
    assert estimate(Counts({0.5: (0, 100), 0.1: (8, 80)})) == pytest.approx(80 / (200 + 800))


def kinds(regret: float, streams: int, pairs: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Regrets and pairs after each pair, by kind: [stream, pair, kind].

    A fifth of the requests never is a regret and is sampled with 0.5; the others are sampled with
    0.05. Of what is sampled the first are 5 of 7.
    """
    random = np.random.default_rng(50)
    often = random.random((streams, pairs)) < 5 / 7
    wrong = ~often & (random.random((streams, pairs)) < regret / 0.8)
    seen = np.stack([often, ~often], axis=2).cumsum(axis=1)
    return np.stack([0 * wrong, wrong], axis=2).cumsum(axis=1), seen


def test_a_regret_that_depends_on_the_propensity() -> None:
    """Looked at after every 10th pair. Without weights it would nearly always be wrong."""
    limit, error, streams = 0.1, 0.1, 400
    regrets, seen = kinds(limit, streams, 600)
    believed = shown_below(limit, error)
    wrong = unweighted = above = 0
    for stream in range(streams):
        looks = [
            (int(regrets[stream, at, 1]), *map(int, seen[stream, at])) for at in range(9, 600, 10)
        ]
        counted = [Counts({0.5: (0, often), 0.05: (bad, rare)}) for bad, often, rare in looks]
        wrong += any(against_at_least(each, limit, 0.05) >= -math.log(error) for each in counted)
        above += any(against_at_most(each, limit, 0.05) >= -math.log(error) for each in counted)
        unweighted += any(believed(bad, often + rare) for bad, often, rare in looks)
    for count in (wrong, above):
        assert stats.binomtest(count, streams, error, alternative="greater").pvalue > LUCK
        assert count > 0
    assert unweighted > 0.95 * streams
