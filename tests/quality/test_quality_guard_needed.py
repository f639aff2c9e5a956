"""How many more pairs a certification takes: the median, as exact streams and simulations have."""

import math

import numpy as np
import pytest

from stepdown.quality.correction import JudgeErrors
from stepdown.quality.evidence import Counts, against_at_least
from stepdown.quality.guard.hypotheses import too_much
from stepdown.quality.guard.needed import needed
from stepdown.quality.guard.states import Standing
from stepdown.quality.guard.terms import Terms
from stepdown.quality.guard.transitions import step
from support.pair_streams import median, stopped_few

NEW = Standing("auto/short")


def evenly(regrets: int, pairs: int) -> Counts:
    return Counts({1.0: (regrets, pairs)})


@pytest.mark.parametrize("budget", [0.02, 0.1])
@pytest.mark.parametrize("times", [0.0, 0.1, 0.25, 0.5, 0.7])
@pytest.mark.parametrize(("standing", "family"), [(NEW, 1), (Standing("k", epoch=3), 4)])
def test_it_is_the_median_from_the_beginning(
    budget: float, times: float, standing: Standing, family: int
) -> None:
    terms = Terms(budget, 1.0, family=family)
    bad = too_much(terms, standing.epoch)
    stopped = stopped_few(
        lambda regrets, pairs: bad.refuted(bad.log_e(evenly(regrets, pairs), terms)),
        times * budget,
        int(180 / budget),
    )
    assert needed(standing, Counts(), terms, times * budget) == median(stopped)


@pytest.mark.parametrize(("regrets", "pairs"), [(0, 30), (2, 60), (5, 120)])
@pytest.mark.parametrize("rate", [0.0, 0.02, 0.05])
def test_it_is_the_median_from_here(regrets: int, pairs: int, rate: float) -> None:
    terms = Terms(0.1, 1.0)
    bad = too_much(terms, 1)
    stopped = stopped_few(
        lambda more, further: bad.refuted(
            bad.log_e(evenly(regrets + more, pairs + further), terms)
        ),
        rate,
        1_500,
    )
    assert needed(NEW, evenly(regrets, pairs), terms, rate) == median(stopped)


def test_without_regrets_it_is_exact_with_propensities_too() -> None:
    """Of what is sampled, a third has the least propensity."""
    terms, counts = Terms(0.05, 0.05), Counts({0.05: (0, 20), 0.5: (0, 40)})
    more = needed(NEW, counts, terms, 0.0)
    assert more is not None
    done = Counts({0.05: (0, 20 + round(more / 3)), 0.5: (0, 40 + round(more * 2 / 3))})
    less = Counts({0.05: (0, 17 + round(more / 3)), 0.5: (0, 34 + round(more * 2 / 3))})
    assert step(NEW, done, terms) is not None
    assert step(NEW, less, terms) is None


def test_with_propensities_it_is_near_the_median() -> None:
    terms, rate = Terms(0.1, 0.25), 0.04
    bad, random = too_much(terms, 1), np.random.default_rng(90)
    begun = Counts({0.25: (1, 20), 0.5: (1, 40)})
    times: list[int] = []
    for _ in range(150):
        kinds = (random.random(3_000) < 1 / 3).tolist()
        regrets = (random.random(3_000) < rate).tolist()
        tally = [[1, 20], [1, 40]]
        for pair, (rare, regret) in enumerate(zip(kinds, regrets, strict=True), 1):
            tally[not rare][0] += regret
            tally[not rare][1] += 1
            counts = Counts({0.25: (tally[0][0], tally[0][1]), 0.5: (tally[1][0], tally[1][1])})
            if pair % 10 == 0 and bad.refuted(bad.log_e(counts, terms)):
                times.append(pair)
                break
    more = needed(NEW, begun, terms, rate)
    assert more is not None
    assert len(times) > 140
    assert 0.8 < more / float(np.median(times)) < 1.25


def test_near_the_budget_it_is_quick_and_near() -> None:
    """Many regrets, so that not every number of pairs is tried at which it could be certified."""
    close = needed(NEW, Counts(), Terms(0.2, 1.0), 0.18)
    bad = too_much(Terms(0.2, 1.0), 1)
    stopped = stopped_few(
        lambda regrets, pairs: (
            against_at_least(evenly(regrets, pairs), 0.2, 1.0) >= -math.log(bad.alpha)
        ),
        0.18,
        8_000,
    )
    assert close is not None
    assert median(stopped) <= close < 1.05 * median(stopped)


def test_a_judge_makes_it_longer() -> None:
    judge = JudgeErrors(0, 500, 20, 100)
    with_judge = needed(NEW, Counts(), Terms(0.05, 1.0, judge=judge), 0.01)
    without = needed(NEW, Counts(), Terms(0.05, 1.0), 0.01)
    assert with_judge is not None
    assert without is not None
    assert with_judge > 1.3 * without


def test_it_is_certified_with_what_is_there() -> None:
    assert needed(NEW, evenly(0, 500), Terms(0.02, 1.0), 0.01) == 0


@pytest.mark.parametrize("rate", [0.02, 0.0199, 0.5, 1.0])
def test_a_rate_that_is_not_below_the_budget(rate: float) -> None:
    assert needed(NEW, evenly(2, 100), Terms(0.02, 1.0), rate) is None


def test_where_nothing_is_tested() -> None:
    terms = Terms(0.02, 1.0)
    certified = step(NEW, evenly(0, 240), terms)
    assert certified is not None
    assert needed(certified.after, Counts(), terms, 0.0) == 0
    assert needed(Standing("k", "tripped"), Counts(), terms, 0.0) is None
    assert needed(Standing("k", "trusted"), Counts(), terms, 0.0) is None


def test_a_judge_that_nobody_measured_and_an_epoch_that_comes_to_nothing() -> None:
    unmeasured = Terms(0.02, 1.0, judge=JudgeErrors(0, 0, 0, 0))
    assert needed(NEW, Counts(), unmeasured, 0.0) is None
    assert needed(Standing("k", epoch=5_000), Counts(), Terms(0.02, 1.0), 0.0) is None


def test_a_thousand_epochs() -> None:
    late = needed(Standing("k", epoch=1_000), Counts(), Terms(0.02, 1.0), 0.01)
    assert late is not None
    assert late > 200_000


@pytest.mark.parametrize("rate", [-0.1, 1.1, math.nan])
def test_a_rate_out_of_bounds(rate: float) -> None:
    with pytest.raises(ValueError, match="rate: expected 0 to 1"):
        needed(NEW, Counts(), Terms(0.02, 1.0), rate)
