"""Bets on a regret: what they are, and that none of them pays on average where it should not."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.quality.betting import ABOVE, BELOW, bets_above, bets_below, log_sum

limits = st.floats(0.001, 0.999)
sizes = st.floats(0.001, 1.0)


def test_the_capital_is_split_whole() -> None:
    for mixture in (BELOW, ABOVE):
        assert math.fsum(share for _, share in mixture) == pytest.approx(1.0)
    assert all(0.0 <= times < 1.0 for times, _ in BELOW)
    assert all(times > 1.0 for times, _ in ABOVE)


@pytest.mark.parametrize("limit", [0.01, 0.02, 0.3])
def test_a_bet_is_a_likelihood_ratio(limit: float) -> None:
    for bets, mixture in ((bets_below(limit), BELOW), (bets_above(limit), ABOVE)):
        for bet, (times, share) in zip(bets, mixture, strict=True):
            regret = min(times * limit, limit + 0.9 * (1.0 - limit))
            assert bet.share == share
            assert 1.0 + bet.regret == pytest.approx(regret / limit)
            assert 1.0 + bet.none == pytest.approx((1.0 - regret) / (1.0 - limit))


@given(limits, st.floats(0.0, 1.0), st.floats(0.0, 1.0), sizes)
def test_none_pays_where_the_hypothesis_holds(
    limit: float, beyond: float, spread: float, size: float
) -> None:
    """Also where the regret depends on the propensity: of all requests, half are sampled with the
    least propensity and half with the least / ``size``, and only together do they have the regret.
    """
    for bets, regret in (
        (bets_below(limit), limit + beyond * (1.0 - limit)),
        (bets_above(limit), limit - beyond * limit),
    ):
        apart = spread * min(regret, 1.0 - regret)
        for bet in bets:
            gained = sum(
                part / each * (rate * each * bet.regret + (1.0 - rate) * each * bet.none)
                for part, each, rate in ((0.5, 1.0, regret + apart), (0.5, size, regret - apart))
            )
            assert gained <= 1e-9


@given(limits, limits, sizes)
def test_what_refutes_a_limit_refutes_those_beyond(one: float, other: float, size: float) -> None:
    low, high = sorted((one, other))
    for nearer, farther in (
        (bets_below(low), bets_below(high)),
        (bets_above(high), bets_above(low)),
    ):
        for near, far in zip(nearer, farther, strict=True):
            assert near.regret <= far.regret + 1e-12
            assert near.none <= far.none + 1e-12


@given(limits, sizes)
def test_no_bet_loses_more_than_all(limit: float, size: float) -> None:
    for bet in (*bets_below(limit), *bets_above(limit)):
        assert 1.0 + size * bet.regret >= 0.0
        assert 1.0 + size * bet.none >= 0.0


def test_growth() -> None:
    half = bets_below(0.02)[2]
    assert half.log_growth(2, 98, 1.0) == pytest.approx(
        2 * math.log(0.4) + 98 * math.log(0.992 / 0.98)
    )
    assert half.log_growth(1, 0, 0.5) == pytest.approx(math.log(0.7))
    assert half.log_growth(0, 0, 1.0) == 0.0


def test_the_boldest_loses_all_at_the_first_regret() -> None:
    boldest = bets_below(0.02)[0]
    assert boldest.log_growth(1, 1_000_000, 1.0) == -math.inf
    assert boldest.log_growth(1, 0, 0.5) == pytest.approx(math.log(0.5))
    assert boldest.log_growth(0, 100, 1.0) == pytest.approx(-100 * math.log(0.98))


def test_no_bet_above_loses_all() -> None:
    for limit in (0.0, 0.01, 0.05, 0.5, 0.99, 1.0):
        for bet in bets_above(limit):
            assert bet.log_growth(0, 1_000, 1.0) > -math.inf


def test_the_ends() -> None:
    """Nothing is below 0 or above 1: no pair speaks for it."""
    assert all(bet.none == 0.0 and bet.regret < 0.0 for bet in bets_below(0.0))
    assert all(bet.none == -0.9 and bet.regret == 0.0 for bet in bets_above(1.0))
    assert all(bet.none == 0.0 and bet.regret > 0.0 for bet in bets_above(0.0))


@pytest.mark.parametrize("limit", [-0.1, 1.1, math.nan])
def test_limits_out_of_bounds(limit: float) -> None:
    with pytest.raises(ValueError, match="limit: expected 0"):
        bets_below(limit)
    with pytest.raises(ValueError, match="limit: expected 0 to 1"):
        bets_above(limit)


def test_less_than_one_for_bets_below() -> None:
    with pytest.raises(ValueError, match=r"less than 1, got 1\.0"):
        bets_below(1.0)


def test_sums_of_logarithms() -> None:
    assert log_sum([math.log(2.0), math.log(3.0), -math.inf]) == pytest.approx(math.log(5.0))
    assert log_sum([-5_000.0, -5_000.0]) == pytest.approx(-5_000.0 + math.log(2.0))
    assert log_sum([5_000.0, 0.0]) == 5_000.0
    assert log_sum([]) == log_sum([-math.inf]) == -math.inf
