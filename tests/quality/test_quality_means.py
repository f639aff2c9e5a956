"""The interval of a bounded mean: against a grid, its coverage by simulation, and its width."""

import math
from collections.abc import Callable
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.quality.means import BOLDEST, mean_interval

stats = import_module("scipy.stats")
"""Without type stubs, so not imported by name."""

Draw = Callable[[np.random.Generator], np.ndarray]


def deltas(more: float, less: float, size: int) -> Draw:
    """Differences of a set of answers that are right or wrong."""
    return lambda rng: rng.choice([-1.0, 0.0, 1.0], size, p=[less, 1.0 - more - less, more])


def beta(a: float, b: float, size: int) -> Draw:
    return lambda rng: rng.beta(a, b, size)


# ── By hand and by a grid ────────────────────────────────────────────────────────────────────


def test_no_values() -> None:
    assert mean_interval([], -1.0, 1.0, 0.95) == (-1.0, 1.0)


@pytest.mark.parametrize("value", [0.0, 0.25, 1.0])
def test_one_value(value: float) -> None:
    """Starting with a standard deviation of 1/2, either gambler may not bet all."""
    low, high = mean_interval([value], 0.0, 1.0, 0.95)
    assert (low, high) == pytest.approx((0.0, 1.0), abs=0.05)


def test_bets_that_can_be_followed() -> None:
    """Four ones. The last gambler's bets are BOLDEST / m: rich once (1 + BOLDEST (1/m - 1))⁴ is."""
    rich = 2 / 0.2
    least = BOLDEST / (rich**0.25 - 1 + BOLDEST)
    aim = math.sqrt(2 * math.log(rich) / 4)
    assert aim / 0.5 > BOLDEST / least, "the first bet is at its limit too"
    assert mean_interval([1.0] * 4, 0.0, 1.0, 0.8) == pytest.approx((least, 1.0), abs=1e-9)


@pytest.mark.parametrize("draw", [beta(2, 5, 60), beta(0.5, 0.5, 60), beta(30, 5, 200)])
def test_means_refused_on_a_grid(draw: Draw) -> None:
    """The paper's formulas, written out for every mean at once."""
    x = draw(np.random.default_rng(5))
    size, error = len(x), 0.1
    t = np.arange(1, size + 1)
    means = (0.5 + np.cumsum(x)) / (t + 1)
    variances = (0.25 + np.cumsum((x - means) ** 2)) / (t + 1)
    before = np.concatenate([[0.25], variances[:-1]])
    bets = np.sqrt(2 * np.log(2 / error) / (size * before))[:, None]
    grid = np.linspace(0.0005, 0.9995, 1_000)
    up = np.cumprod(1 + np.minimum(bets, BOLDEST / grid) * (x[:, None] - grid), axis=0)
    down = np.cumprod(1 - np.minimum(bets, BOLDEST / (1 - grid)) * (x[:, None] - grid), axis=0)
    kept = grid[(np.maximum(up, down).max(axis=0) / 2) < 1 / error]
    low, high = mean_interval(x.tolist(), 0.0, 1.0, 1 - error)
    assert (low, high) == pytest.approx((kept[0], kept[-1]), abs=0.001)
    assert low <= kept[0]
    assert kept[-1] <= high


@pytest.mark.parametrize(
    ("values", "low", "high", "message"),
    [
        ([0.5, 1.5], 0.0, 1.0, r"value 1: expected 0.0 to 1.0, got 1.5"),
        ([-0.1], 0.0, 1.0, r"value 0: expected 0.0 to 1.0, got -0.1"),
        ([0.5, float("nan")], 0.0, 1.0, r"value 1: expected 0.0 to 1.0, got nan"),
        ([], 1.0, 1.0, r"low: expected a number below high, 1.0, got 1.0"),
        ([], 0.0, float("inf"), r"low: expected a number below high, inf, got 0.0"),
        ([], float("nan"), 1.0, r"low: expected a number below high, 1.0, got nan"),
    ],
)
def test_nonsense(values: list[float], low: float, high: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mean_interval(values, low, high, 0.95)


def test_no_confidence() -> None:
    with pytest.raises(ValueError, match=r"confidence: expected between 0 and 1, got 1.0"):
        mean_interval([0.5], 0.0, 1.0, 1.0)


# ── What has to hold of any values ───────────────────────────────────────────────────────────

some_values = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=40)


@given(some_values, st.floats(0.5, 0.999))
def test_the_mean_is_inside(values: list[float], confidence: float) -> None:
    low, high = mean_interval(values, 0.0, 1.0, confidence)
    mean = math.fsum(values) / len(values)
    assert 0.0 <= low <= mean + 1e-15
    assert mean - 1e-15 <= high <= 1.0


@given(some_values)
def test_it_is_the_same_upside_down(values: list[float]) -> None:
    low, high = mean_interval(values, 0.0, 1.0, 0.95)
    mirrored = mean_interval([-value for value in values], -1.0, 0.0, 0.95)
    assert mirrored == pytest.approx((-high, -low), abs=1e-9)


@given(some_values, st.floats(-5.0, 5.0), st.floats(0.1, 10.0))
def test_it_is_the_same_in_other_units(values: list[float], start: float, span: float) -> None:
    low, high = mean_interval(values, 0.0, 1.0, 0.95)
    scaled = [min(start + span * value, start + span) for value in values]
    assert mean_interval(scaled, start, start + span, 0.95) == pytest.approx(
        (start + span * low, start + span * high), abs=1e-6
    )


@pytest.mark.parametrize("value", [5e-324, 1e-300, 1e-13, 1.0 - 1e-16])
def test_values_next_to_a_bound(value: float) -> None:
    low, high = mean_interval([value] * 5, 0.0, 1.0, 0.95)
    assert low <= value <= high


def test_more_confidence_is_wider() -> None:
    values = beta(2, 5, 100)(np.random.default_rng(6)).tolist()
    low, high = mean_interval(values, 0.0, 1.0, 0.8)
    for confidence in (0.9, 0.95, 0.99, 0.999):
        wider = mean_interval(values, 0.0, 1.0, confidence)
        assert wider[0] < low < high < wider[1]
        low, high = wider


# ── Coverage and width ───────────────────────────────────────────────────────────────────────

SETS = 2_000
LUCK = 1e-5
"""A simulation contradicts the nominal level where its coverage had a smaller probability."""


@pytest.mark.parametrize(
    ("draw", "low", "mean"),
    [
        (deltas(0.02, 0.0, 150), -1.0, 0.02),
        (deltas(0.05, 0.02, 100), -1.0, 0.03),
        (deltas(0.1, 0.3, 50), -1.0, -0.2),
        (beta(2, 5, 60), 0.0, 2 / 7),
        (beta(0.2, 1.8, 80), 0.0, 0.1),
        (beta(9, 1, 20), 0.0, 0.9),
    ],
)
def test_coverage_by_simulation(draw: Draw, low: float, mean: float) -> None:
    rng = np.random.default_rng(20)
    covered = 0
    for _ in range(SETS):
        least, most = mean_interval(draw(rng).tolist(), low, 1.0, 0.9)
        covered += least <= mean <= most
    assert stats.binomtest(covered, SETS, 0.9, alternative="less").pvalue > LUCK


@pytest.mark.parametrize(
    ("draw", "low", "share"),
    [
        (deltas(0.02, 0.02, 500), -1.0, 0.4),
        (deltas(0.0, 0.0, 500), -1.0, 0.1),
        (beta(30, 10, 500), 0.0, 0.3),
        (beta(2, 2, 500), 0.0, 0.7),
    ],
)
def test_narrower_than_hoeffding(draw: Draw, low: float, share: float) -> None:
    values = draw(np.random.default_rng(21)).tolist()
    least, most = mean_interval(values, low, 1.0, 0.95)
    hoeffding = 2 * (1.0 - low) * math.sqrt(math.log(2 / 0.05) / (2 * len(values)))
    assert most - least < share * hoeffding


def test_many_values_are_near_what_a_normal_distribution_says() -> None:
    values = deltas(0.04, 0.02, 15_000)(np.random.default_rng(22)).tolist()
    low, high = mean_interval(values, -1.0, 1.0, 0.95)
    assert high - low < 1.5 * 2 * 1.96 * float(np.std(values)) / math.sqrt(15_000)
