"""How many trials more it takes: by hand where it can be, and by simulation."""

from statistics import NormalDist

import numpy as np
import pytest

from stepdown.evals.enough import CHANCE, more_to_fail, more_to_pass, more_to_tell
from stepdown.quality.intervals import lower, upper

SETS = 4_000


def test_without_an_event_it_is_the_rule_of_three() -> None:
    assert more_to_pass(0, 20, 0.02, 0.95) == 149 - 20
    assert 0.98**149 <= 0.05 < 0.98**148


def test_where_every_trial_is_an_event() -> None:
    assert more_to_fail(1, 1, 0.5, 0.95) == 5 - 1


@pytest.mark.parametrize(("events", "trials"), [(2, 100), (3, 100), (100, 100)])
def test_a_rate_that_is_not_below_the_limit_never_passes(events: int, trials: int) -> None:
    assert more_to_pass(events, trials, 0.02, 0.95) is None


@pytest.mark.parametrize(("events", "trials"), [(2, 100), (1, 100), (0, 100)])
def test_a_rate_that_is_not_above_the_limit_never_fails(events: int, trials: int) -> None:
    assert more_to_fail(events, trials, 0.02, 0.95) is None


def test_a_rate_too_near_to_the_limit() -> None:
    assert more_to_pass(199_999, 10_000_000, 0.02, 0.95) is None


@pytest.mark.parametrize(("events", "trials"), [(1, 200), (3, 300), (10, 800)])
def test_with_so_many_it_mostly_passes(events: int, trials: int) -> None:
    more = more_to_pass(events, trials, 0.02, 0.95)
    assert more is not None
    passed = sum(
        upper(events + drawn, trials + more, 0.95) <= 0.02
        for drawn in binomials(more, events / trials)
    )
    assert CHANCE - 0.02 < passed / SETS < 0.95


@pytest.mark.parametrize(("events", "trials"), [(1, 20), (9, 300), (4, 100)])
def test_with_so_many_it_mostly_fails(events: int, trials: int) -> None:
    more = more_to_fail(events, trials, 0.02, 0.95)
    assert more is not None
    failed = sum(
        lower(events + drawn, trials + more, 0.95) > 0.02
        for drawn in binomials(more, events / trials)
    )
    assert CHANCE - 0.02 < failed / SETS < 0.95


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.999])
def test_with_so_many_a_mean_is_mostly_told_from_a_limit(confidence: float) -> None:
    sure = NormalDist().inv_cdf(confidence)
    more = more_to_tell(100, sure / 100**0.5, 0.05, confidence)
    assert more is not None
    deviation = 1 / (100 + more) ** 0.5
    means = np.random.default_rng(6).normal(0.05, deviation, SETS)
    told = float(np.mean(means - sure * deviation >= 0.0))
    assert abs(told - CHANCE) < 0.03


def test_a_mean_at_its_limit_is_never_told_from_it() -> None:
    assert more_to_tell(100, 0.1, 0.0, 0.95) is None
    assert more_to_tell(100, 0.1, 1e-6, 0.95) is None


def binomials(trials: int, rate: float) -> list[int]:
    return [int(drawn) for drawn in np.random.default_rng(4).binomial(trials, rate, SETS)]
