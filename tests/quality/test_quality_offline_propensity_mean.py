"""The inverse-propensity estimate: by hand, its coverage by simulation, and its width."""

from importlib import import_module

import numpy as np
import pytest

from stepdown.quality.means import mean_interval
from stepdown.quality.offline.propensity_mean import propensity_mean
from stepdown.quality.offline.sampled_mean import Draw, Mean

stats = import_module("scipy.stats")
"""Without type stubs, so not imported by name."""

LUCK = 1e-5
"""A simulation contradicts the nominal level where its coverage had a smaller probability."""


def test_no_draws() -> None:
    assert propensity_mean([], 0.0, 1.0, 0.95, heaviest=9.0, requests=5) == Mean(None, 0.0, 1.0)


def test_each_draw_counts_as_the_requests_that_it_stands_for() -> None:
    draws = [Draw(1.0, 2.0), Draw(0.0, 5.0), Draw(1.0, 4.0)]
    mean = propensity_mean(draws, 0.0, 1.0, 0.95, heaviest=5.0, requests=20)
    assert mean.value == pytest.approx(6 / 20)
    signed = [Draw(1.0, 2.0), Draw(-1.0, 4.0)]
    assert propensity_mean(signed, -1.0, 1.0, 0.95, heaviest=4.0, requests=10).value == -0.2


def test_where_all_are_sampled_it_is_the_plain_mean() -> None:
    values = [float(place % 7 == 0) for place in range(60)]
    draws = [Draw(value, 1.0) for value in values]
    mean = propensity_mean(draws, 0.0, 1.0, 0.95, heaviest=1.0, requests=60)
    assert mean.value == pytest.approx(sum(values) / 60)
    assert (mean.low, mean.high) == pytest.approx(mean_interval(values, 0.0, 1.0, 0.95), rel=1e-6)


def test_it_never_leaves_the_bounds_of_the_values() -> None:
    mean = propensity_mean([Draw(1.0, 40.0)], 0.0, 1.0, 0.95, heaviest=40.0, requests=10)
    assert (mean.value, mean.high) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("low", "requests", "message"),
    [
        (0.0, 1, r"requests: expected 2 or more, the draws, got 1"),
        (0.1, 5, r"low: expected bounds around 0, got 0.1 and 1.0"),
        (0.0, 5, r"draws: expected 0.0 to 1.0, and weights up to 1.5"),
    ],
)
def test_nonsense(low: float, requests: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        propensity_mean([Draw(1.0, 2.0)] * 2, low, 1.0, 0.95, heaviest=1.5, requests=requests)


def test_a_lost_pair_counts_too_little() -> None:
    draws = [Draw(1.0, 4.0)] * 10
    whole = propensity_mean(draws, 0.0, 1.0, 0.95, heaviest=4.0, requests=200).value
    half = propensity_mean(draws[:5], 0.0, 1.0, 0.95, heaviest=4.0, requests=200).value
    assert whole == pytest.approx(2 * (half or 0.0))


def test_zeros_are_gone_through_at_once() -> None:
    """As many pairs of the same weight say the same of a million requests and of a thousand."""
    rng = np.random.default_rng(4)
    draws = [Draw(float(bad), 10.0) for bad in rng.random(300) < 0.1]
    few = propensity_mean(draws, 0.0, 1.0, 0.95, heaviest=10.0, requests=3_000)
    heavy = [Draw(draw.value, 10_000.0) for draw in draws]
    many = propensity_mean(heavy, 0.0, 1.0, 0.95, heaviest=10_000.0, requests=3_000_000)
    assert many.value == pytest.approx(few.value)
    assert (many.low, many.high) == pytest.approx((few.low, few.high), rel=0.05)


@pytest.mark.parametrize("requests", [150, 500])
@pytest.mark.parametrize("rates", [(0.02, 0.02), (0.0, 0.3)])
def test_coverage_by_simulation(rates: tuple[float, float], requests: int) -> None:
    rng = np.random.default_rng(40)
    logs, propensities = 1_000, np.array([0.2, 0.1])
    covered = 0
    for _ in range(logs):
        strata = (rng.random(requests) < 0.4).astype(int)
        bad = rng.random(requests) < np.array(rates)[strata]
        seen = rng.random(requests) < propensities[strata]
        draws = [
            Draw(float(value), 1.0 / propensities[stratum])
            for value, stratum in zip(bad[seen], strata[seen], strict=True)
        ]
        mean = propensity_mean(draws, 0.0, 1.0, 0.9, heaviest=10.0, requests=requests)
        covered += mean.low <= 0.6 * rates[0] + 0.4 * rates[1] <= mean.high
    assert stats.binomtest(covered, logs, 0.9, alternative="less").pvalue > LUCK
