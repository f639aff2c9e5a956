"""Exact intervals: against scipy, and their coverage by simulation and by summing everything up."""

from importlib import import_module

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.quality.intervals import each_of, error_of, exact_interval, lower, upper

stats = import_module("scipy.stats")
"""Without type stubs, so not imported by name."""

RATES = [0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3]
SIZES = [20, 50, 200, 1_000, 5_000]
SETS = 10_000
LUCK = 1e-5
"""A simulation contradicts the nominal level where its coverage had a smaller probability."""


# ── Reference values ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.999])
@pytest.mark.parametrize(
    ("events", "trials"),
    [(0, 1), (1, 1), (0, 20), (1, 20), (10, 20), (20, 20), (10, 500), (3, 5_000), (900, 100_000)],
)
def test_as_scipy_has_it(events: int, trials: int, confidence: float) -> None:
    expected = stats.binomtest(events, trials).proportion_ci(confidence, method="exact")
    assert exact_interval(events, trials, confidence) == pytest.approx(tuple(expected), abs=1e-9)


@pytest.mark.parametrize(("events", "trials"), [(0, 30), (1, 30), (15, 30), (30, 30), (12, 4_000)])
def test_one_side_as_scipy_has_it(events: int, trials: int) -> None:
    most = stats.binomtest(events, trials, alternative="less").proportion_ci(0.95)
    least = stats.binomtest(events, trials, alternative="greater").proportion_ci(0.95)
    assert upper(events, trials, 0.95) == pytest.approx(most.high, abs=1e-9)
    assert lower(events, trials, 0.95) == pytest.approx(least.low, abs=1e-9)


def test_nothing_is_known_without_trials() -> None:
    assert exact_interval(0, 0, 0.95) == (0.0, 1.0)
    assert (lower(0, 0, 0.95), upper(0, 0, 0.95)) == (0.0, 1.0)


@pytest.mark.parametrize(("events", "trials"), [(-1, 5), (6, 5), (1, 0), (0, -1)])
def test_counts_that_cannot_be(events: int, trials: int) -> None:
    for bound in (exact_interval, upper, lower):
        with pytest.raises(ValueError, match=r"^(events|trials): expected 0 "):
            bound(events, trials, 0.95)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0, -0.5, float("nan")])
def test_no_confidence(confidence: float) -> None:
    for asked in (
        lambda: exact_interval(1, 5, confidence),
        lambda: upper(1, 5, confidence),
        lambda: lower(1, 5, confidence),
        lambda: each_of(confidence, 2),
        lambda: error_of(confidence),
    ):
        with pytest.raises(ValueError, match="confidence: expected between 0 and 1, got"):
            asked()


def test_each_of_a_family() -> None:
    assert each_of(0.95, 1) == pytest.approx(0.95)
    assert each_of(0.95, 10) == pytest.approx(0.995)
    with pytest.raises(ValueError, match="family: expected 1 or more intervals, got 0"):
        each_of(0.95, 0)


# ── What has to hold of any counts ───────────────────────────────────────────────────────────

counts = st.integers(1, 3_000).flatmap(
    lambda trials: st.tuples(st.integers(0, trials - 1), st.just(trials))
)
confidences = st.floats(0.5, 0.999)


@given(counts, confidences)
def test_more_events_raise_both_bounds(count: tuple[int, int], confidence: float) -> None:
    events, trials = count
    assert upper(events, trials, confidence) < upper(events + 1, trials, confidence) or (
        events + 1 == trials
    )
    assert lower(events, trials, confidence) < lower(events + 1, trials, confidence)


@given(counts, confidences)
def test_more_trials_without_events_lower_both_bounds(
    count: tuple[int, int], confidence: float
) -> None:
    events, trials = count
    assert upper(events, trials + 1, confidence) < upper(events, trials, confidence)
    assert lower(events, trials + 1, confidence) <= lower(events, trials, confidence)


@given(counts, confidences)
def test_the_rate_is_inside_and_one_side_is_nearer(
    count: tuple[int, int], confidence: float
) -> None:
    events, trials = count
    low, high = exact_interval(events, trials, confidence)
    least, most = lower(events, trials, confidence), upper(events, trials, confidence)
    assert 0.0 <= low <= least <= events / trials < most < high <= 1.0


@given(counts, confidences, st.integers(2, 50))
def test_a_member_of_a_family_is_wider(
    count: tuple[int, int], confidence: float, family: int
) -> None:
    low, high = exact_interval(*count, confidence)
    wider = exact_interval(*count, each_of(confidence, family))
    assert wider[0] <= low
    assert high < wider[1]


# ── Coverage ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("rate", RATES)
def test_coverage_by_simulation(rate: float, size: int) -> None:
    rng = np.random.default_rng([size, round(rate * 100)])
    drawn = np.unique(rng.binomial(size, rate, SETS), return_counts=True)
    within = below = above = 0
    for events, sets in zip(*(each.tolist() for each in drawn), strict=True):
        low, high = exact_interval(events, size, 0.95)
        within += sets * (low <= rate <= high)
        below += sets * (rate <= upper(events, size, 0.95))
        above += sets * (rate >= lower(events, size, 0.95))
    for covered in (within, below, above):
        assert stats.binomtest(covered, SETS, 0.95, alternative="less").pvalue > LUCK


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
@pytest.mark.parametrize("size", [1, 5, 20, 50, 200])
def test_coverage_exactly(size: int, confidence: float) -> None:
    events = np.arange(size + 1)
    ends = np.array([exact_interval(count, size, confidence) for count in events.tolist()])
    for rate in np.linspace(0.0, 1.0, 501):
        probabilities = stats.binom.pmf(events, size, rate)
        covered = probabilities[(ends[:, 0] <= rate) & (rate <= ends[:, 1])].sum()
        assert covered >= confidence - 1e-9


def test_a_family_holds_together() -> None:
    drawn = np.random.default_rng(10).binomial(300, 0.05, (SETS, 10))

    def missed(confidence: float) -> int:
        ends = [exact_interval(events, 300, confidence) for events in range(drawn.max() + 1)]
        wrong = [events for events, (low, high) in enumerate(ends) if not low <= 0.05 <= high]
        return int(np.isin(drawn, wrong).any(axis=1).sum())

    assert missed(each_of(0.95, 10)) <= 0.05 * SETS
    assert missed(0.95) > 0.2 * SETS
