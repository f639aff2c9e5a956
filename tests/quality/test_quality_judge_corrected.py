"""Regrets of replays and of suggested rules without the judge's errors, by simulation."""

import random
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.quality.correction import JudgeErrors, corrected, rogan_gladen, said_within
from stepdown.quality.intervals import each_of, exact_interval, upper
from stepdown.quality.mining.samples import Pool, Sample
from stepdown.quality.mining.suggest import suggest
from stepdown.quality.offline.replay import Replay, replay
from stepdown.types import Reading
from support.replays import PRICES, Stratum, cheap_rule, make_log, route_of

stats = import_module("scipy.stats")
"""Without type stubs, so not imported by name."""

LUCK = 1e-5
MISSES_HALF = JudgeErrors(0, 300, 150, 300)


def measured(makes_up: float, finds: float, labelled: int, rng: random.Random) -> JudgeErrors:
    """A judge of these rates, on so many labelled pairs of either kind."""
    return JudgeErrors(
        sum(rng.random() < makes_up for _ in range(labelled)),
        labelled,
        sum(rng.random() >= finds for _ in range(labelled)),
        labelled,
    )


def holds(covered: int, sets: int, confidence: float) -> bool:
    return bool(stats.binomtest(covered, sets, confidence, alternative="less").pvalue > LUCK)


# ── The formula ──────────────────────────────────────────────────────────────────────────────


@given(
    st.integers(0, 60),
    st.tuples(st.integers(0, 40), st.integers(0, 40)),
    st.sampled_from([0.8, 0.95, 0.99]),
)
def test_of_a_rate_it_is_rogan_and_gladens(
    regrets: int, wrong: tuple[int, int], confidence: float
) -> None:
    errors = JudgeErrors(wrong[0], 40, wrong[1], 40)
    each = each_of(confidence, 3)
    said = regrets / 60, *exact_interval(regrets, 60, each)
    known = rogan_gladen(regrets, 60, errors, confidence)
    assert corrected(said, errors, each) == pytest.approx((known.value, known.low, known.high))


def test_of_a_difference() -> None:
    errors = JudgeErrors(100_000, 1_000_000, 300_000, 1_000_000)
    value, low, high = corrected((0.08, 0.08, 0.08), errors, 0.95, balance=-0.2)
    assert value is not None
    assert value == pytest.approx((0.08 + 0.1 * 0.2) / 0.6)
    assert (low, high) == pytest.approx((value, value), abs=0.01)
    assert low < value < high


def test_a_judge_that_tells_nothing_says_nothing_of_a_difference() -> None:
    guesses = JudgeErrors(50, 100, 50, 100)
    assert corrected((0.3, 0.2, 0.4), guesses, 0.95, balance=0.1) == (0.3, -1.0, 1.0)
    assert corrected((None, -1.0, 1.0), guesses, 0.95, balance=0.0) == (None, -1.0, 1.0)


@given(st.integers(0, 30), st.integers(0, 30), st.floats(0.01, 0.5))
def test_what_is_said_within_shows_a_regret_within(
    made_up: int, missed: int, budget: float
) -> None:
    errors, each = JudgeErrors(made_up, 30, missed, 30), 0.98
    limit = said_within(budget, errors, each)
    assert 0.0 <= limit <= 1.0
    if limit > 0.0:
        _, _, high = corrected((limit, 0.0, limit), errors, 1.0 - 2.0 * (1.0 - each))
        assert high <= budget + 1e-9


def test_a_difference_is_recovered() -> None:
    rng = random.Random(5)
    makes_up, finds, sets = 0.08, 0.7, 400
    more, fewer, balance = 0.3, 0.1, 0.4 - 0.6
    true = 0.4 * more - 0.6 * fewer
    covered = 0
    for _ in range(sets):
        errors = measured(makes_up, finds, 200, rng)
        draws: list[float] = []
        for _ in range(500):
            sign, regret = (1.0, more) if rng.random() < 0.4 else (-1.0, fewer)
            says = finds if rng.random() < regret else makes_up
            draws.append(sign * (rng.random() < says))
        value = sum(draws) / len(draws)
        up = exact_interval(draws.count(1.0), 500, 0.99)
        down = exact_interval(draws.count(-1.0), 500, 0.99)
        said = value, up[0] - down[1], up[1] - down[0]
        _, low, high = corrected(said, errors, 0.98, balance=balance)
        covered += low <= true <= high
    assert holds(covered, sets, 0.94)


# ── Replay ───────────────────────────────────────────────────────────────────────────────────


def replayed(
    rng: random.Random, regret: float, makes_up: float, finds: float, **given: Any
) -> Replay:
    said = regret * finds + (1.0 - regret) * makes_up
    log = make_log([Stratum(0.6, said, 0.5), Stratum(0.4, 0.0, 0.5, tokens=900)], 1_500, rng)
    found = replay(route_of(cheap_rule()), *log, price_of=PRICES.get, **given)
    assert isinstance(found, Replay)
    return found


def test_replay_covers_the_regret_and_not_what_the_judge_says() -> None:
    rng = random.Random(7)
    regret, makes_up, finds, sets = 0.2, 0.01, 0.5, 30
    covered = trusting = 0
    for _ in range(sets):
        errors = measured(makes_up, finds, 400, rng)
        found = replayed(rng, regret, makes_up, finds, judge=errors)
        covered += all(
            low <= regret <= high for low, high in ((e.low, e.high) for e in found.now.estimates)
        )
        [rule] = [each.regret for each in found.rules if each.rule == "short"]
        assert found.now.best.value is not None
        assert rule.best.low <= found.now.best.value <= rule.best.high
        assert found.now.said is not None
        trusting += found.now.said.low <= regret <= found.now.said.high
        more = found.difference.best
        assert more.value is not None
        assert more.low <= more.value <= more.high
        assert more.value == pytest.approx(0.6 * regret, abs=0.08)
    assert holds(covered, sets, 0.95)
    assert trusting < sets / 4


def test_replay_without_errors_takes_the_judge_at_its_word() -> None:
    found = replayed(random.Random(8), 0.2, 0.0, 1.0)
    assert (found.judge, found.now.said) == (None, None)


# ── Suggestions ──────────────────────────────────────────────────────────────────────────────


def pool_of(said: float, number: int, rng: random.Random) -> Pool:
    samples: list[Sample] = []
    for _ in range(number):
        readings = {"intent": Reading(rng.choice(["faq", "order"]))}
        samples.append(Sample(str(rng.random()), 4.0, rng.random() < said, 0.01, readings))
    return Pool(8 * number, 4 * number, samples)


def test_a_rule_above_the_budget_is_hardly_ever_certified_by_a_judge_that_misses_much() -> None:
    rng = random.Random(9)
    regret, budget, sets = 0.03, 0.02, 40
    wrong = trusting = 0
    for _ in range(sets):
        errors = measured(0.0, 0.4, 300, rng)
        pool = pool_of(regret * 0.4, 6_000, rng)
        wrong += any(rule.certified for rule in suggest(pool, budget=budget, judge=errors).rules)
        trusting += any(rule.certified for rule in suggest(pool, budget=budget).rules)
    assert holds(sets - wrong, sets, 0.95)
    assert trusting > sets / 2


def test_a_good_rule_is_certified_by_a_judge_that_makes_up_regrets() -> None:
    rng = random.Random(10)
    errors = measured(0.03, 0.9, 3_000, rng)
    pool = pool_of(0.03, 12_000, rng)
    [rule, *_] = suggest(pool, budget=0.05, judge=errors).rules
    assert rule.certified
    assert rule.held.regret is not None
    assert rule.held.regret < 0.01
    assert rule.held.regrets > 0


def test_the_pairs_that_it_takes() -> None:
    pool = pool_of(0.0, 400, random.Random(11))
    found = suggest(pool, budget=0.02, judge=MISSES_HALF)
    assert found.pairs is not None
    each = each_of(found.each, 3)
    limit = said_within(0.02, MISSES_HALF, each)
    assert upper(0, found.pairs, each) <= limit < upper(0, found.pairs - 1, each)
    assert suggest(pool, budget=0.02, judge=JudgeErrors(0, 0, 0, 0)).pairs is None
    assert not suggest(pool, budget=0.02, judge=JudgeErrors(0, 0, 0, 0)).rules[0].certified
