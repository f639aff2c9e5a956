"""The binomial tail and its bounds against exact and published values."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.binomial import lower_bound, lower_tail, upper_bound


def exact_tail(events: int, trials: int, rate: float) -> float:
    p = Fraction(rate)
    return float(
        sum(math.comb(trials, k) * p**k * (1 - p) ** (trials - k) for k in range(events + 1))
    )


@given(st.integers(1, 60), st.data(), st.floats(0.01, 0.99))
def test_small_numbers_exactly(trials: int, data: st.DataObject, rate: float) -> None:
    events = data.draw(st.integers(0, trials))
    assert lower_tail(events, trials, rate) == pytest.approx(
        exact_tail(events, trials, rate), rel=1e-9
    )


def test_the_edges() -> None:
    assert lower_tail(5, 5, 0.3) == lower_tail(0, 9, 0.0) == 1.0
    assert lower_tail(-1, 5, 0.3) == lower_tail(4, 5, 1.0) == 0.0


@pytest.mark.parametrize("trials", [1_000, 100_000, 1_000_000])
@pytest.mark.parametrize("rate", [0.001, 0.05, 0.5])
@pytest.mark.parametrize("sigmas", [-4.0, -1.0, 0.0, 1.0, 4.0])
def test_both_tails_make_one(trials: int, rate: float, sigmas: float) -> None:
    events = max(0, round(trials * rate + sigmas * math.sqrt(trials * rate)))
    below = lower_tail(events, trials, rate)
    above = lower_tail(trials - events - 1, trials, 1.0 - rate)
    assert below + above == pytest.approx(1.0, abs=1e-6)


def test_a_million_trials() -> None:
    # By symmetry: half of what is left beside the middle term, and that term.
    middle = math.exp(math.lgamma(1_000_001) - 2 * math.lgamma(500_001) - 1e6 * math.log(2))
    assert lower_tail(500_000, 1_000_000, 0.5) == pytest.approx((1 + middle) / 2, abs=1e-9)


@pytest.mark.parametrize(
    ("events", "trials", "error", "bound"),
    [
        (0, 59, 0.05, 1 - 0.05 ** (1 / 59)),
        (10, 100, 0.025, 0.17622),
        (1, 20, 0.025, 0.24873),
        (5, 10, 0.025, 0.81291),
        (7, 7, 0.05, 1.0),
    ],
)
def test_published_bounds(events: int, trials: int, error: float, bound: float) -> None:
    assert upper_bound(events, trials, error) == pytest.approx(bound, abs=1e-5)


@given(st.integers(1, 2_000), st.data(), st.floats(0.001, 0.5))
def test_the_bound_is_where_the_tail_is_the_error(
    trials: int, data: st.DataObject, error: float
) -> None:
    events = data.draw(st.integers(0, trials - 1))
    bound = upper_bound(events, trials, error)
    assert lower_tail(events, trials, bound) == pytest.approx(error, rel=1e-6)


@given(st.integers(0, 2_000), st.data(), st.floats(0.001, 0.5))
def test_the_lower_bound_is_the_upper_one_of_what_did_not_happen(
    trials: int, data: st.DataObject, error: float
) -> None:
    events = data.draw(st.integers(0, trials))
    bound = lower_bound(events, trials, error)
    assert bound == 1.0 - upper_bound(trials - events, trials, error)
    if events:
        # As many events or more have just this probability.
        assert 1.0 - lower_tail(events - 1, trials, bound) == pytest.approx(error, rel=1e-6)


@pytest.mark.parametrize(
    ("events", "trials", "error", "bound"),
    [
        (0, 7, 0.05, 0.0),
        (0, 0, 0.05, 0.0),
        (59, 59, 0.05, 0.05 ** (1 / 59)),
        (10, 100, 0.025, 0.04900),
        (1, 20, 0.025, 0.00127),
    ],
)
def test_published_lower_bounds(events: int, trials: int, error: float, bound: float) -> None:
    assert lower_bound(events, trials, error) == pytest.approx(bound, abs=1e-5)
