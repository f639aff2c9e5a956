"""What a judge says where the regret is at a limit: none that fits its labels says otherwise."""

from importlib import import_module

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.quality.correction import JudgeErrors
from stepdown.quality.evidence import Counts, bounds
from stepdown.quality.guard.judged import said_at_least, said_at_most

stats = import_module("scipy.stats")
"""Without type stubs, so not imported by name."""

LUCK = 1e-5
UNMEASURED = JudgeErrors(0, 0, 0, 0)


def said(regret: float, finds: float, makes_up: float) -> float:
    return regret * finds + (1.0 - regret) * makes_up


def test_a_judge_that_hardly_errs_is_believed() -> None:
    judge = JudgeErrors(0, 200_000, 0, 200_000)
    assert said_at_least(0.02, judge, 0.01) == pytest.approx(0.02, rel=1e-3)
    assert said_at_most(0.02, judge, 0.01) == pytest.approx(0.02, rel=1e-2)


def test_a_judge_that_nobody_measured_certifies_nothing_and_trips_nothing() -> None:
    assert said_at_least(0.02, UNMEASURED, 0.01) == 0.0
    assert said_at_most(0.02, UNMEASURED, 0.01) == 1.0


def test_a_judge_that_misses_regrets_has_a_lower_limit() -> None:
    judge = JudgeErrors(0, 10_000, 3_000, 10_000)
    assert said_at_least(0.02, judge, 0.01) == pytest.approx(0.02 * 0.7, rel=0.05)
    assert said_at_most(0.02, judge, 0.01) == pytest.approx(0.02 * 0.7, rel=0.1)


def test_a_judge_that_makes_regrets_up_has_a_higher_limit() -> None:
    judge = JudgeErrors(1_000, 10_000, 0, 10_000)
    assert said_at_least(0.02, judge, 0.01) == pytest.approx(0.02 + 0.098, rel=0.15)
    assert said_at_most(0.02, judge, 0.01) == pytest.approx(0.02 + 0.098, rel=0.15)


@given(
    st.integers(0, 60),
    st.integers(0, 40),
    *[st.floats(0.0, 1.0)] * 4,
)
def test_no_judge_of_the_box_says_otherwise(
    made_up: int, missed: int, first: float, second: float, limit: float, beyond: float
) -> None:
    """Also one worse than chance, which says regret less often the more regrets there are."""
    judge = JudgeErrors(made_up, 60, missed, 40)
    least, most = bounds(Counts({1.0: (made_up, 60)}), 0.98, 1.0)
    makes_up = least + first * (most - least)
    least, most = bounds(Counts({1.0: (missed, 40)}), 0.98, 1.0)
    finds = 1.0 - (least + second * (most - least))
    more, less = limit + beyond * (1.0 - limit), limit - beyond * limit
    assert said(more, finds, makes_up) >= said_at_least(limit, judge, 0.02) - 1e-9
    assert said(less, finds, makes_up) <= said_at_most(limit, judge, 0.02) + 1e-9


@pytest.mark.parametrize(("false_positive", "false_negative"), [(0.02, 0.1), (0.2, 0.3)])
def test_the_error_of_the_labels(false_positive: float, false_negative: float) -> None:
    random, sets, limit, error = np.random.default_rng(60), 400, 0.05, 0.1
    true = said(limit, 1.0 - false_negative, false_positive)
    wrong = {said_at_least: 0, said_at_most: 0}
    counts = np.stack(
        [random.binomial(200, false_positive, sets), random.binomial(60, false_negative, sets)],
        axis=1,
    )
    for made_up, missed in counts.tolist():
        judge = JudgeErrors(made_up, 200, missed, 60)
        wrong[said_at_least] += said_at_least(limit, judge, error) > true
        wrong[said_at_most] += said_at_most(limit, judge, error) < true
    for count in wrong.values():
        assert stats.binomtest(count, sets, error, alternative="greater").pvalue > LUCK
