"""The chosen threshold: by hand on small samples, and its guarantee by simulation."""

import math
import random
from collections.abc import Callable
from itertools import accumulate

import pytest

from stepdown.binomial import lower_tail
from stepdown.cascade.fit import GRID, STARTS, Fit, fit
from stepdown.cascade.outcomes import Outcome

# ── By hand ──────────────────────────────────────────────────────────────────────────────────


def clean_then_bad(clean: int, bad: int) -> list[Outcome]:
    """``clean`` right answers of scores above 1, then ``bad`` wrong ones of scores below."""
    rows = [Outcome(2 + i / clean, 1.0, 1.0, 0.1, 1.0) for i in range(clean)]
    return rows + [Outcome(i / bad, 0.0, 1.0, 0.1, 1.0) for i in range(bad)]


def test_it_goes_as_far_as_the_bound_allows() -> None:
    found = fit(clean_then_bad(150, 50), risk=0.1)
    assert found.chosen is not None
    assert found.chosen.accepted > 150
    assert found.chosen.upper <= 0.1
    assert found.chosen.regrets == found.chosen.accepted - 150
    assert found.chosen.threshold == (200 - found.chosen.accepted) / 50


def test_equal_scores_are_accepted_together() -> None:
    rows = [Outcome(0.8, 1.0)] * 100 + [Outcome(0.6, 1.0)] * 100 + [Outcome(0.4, 0.0)] * 50
    chosen = fit(rows, risk=0.05).chosen
    assert chosen is not None
    assert (chosen.threshold, chosen.accepted, chosen.regrets) == (0.6, 200, 0)


def test_no_threshold() -> None:
    found = fit(clean_then_bad(5, 195), risk=0.1)
    assert found.chosen is None
    assert found.closest is not None
    assert found.closest.upper > 0.1
    assert found.saving is None
    assert [policy.name for policy in found.policies] == ["all cheap", "all strong", "foresight"]


def test_too_few_rows() -> None:
    found = fit(clean_then_bad(20, 1), risk=0.1)
    assert found.chosen is found.closest is None
    assert found.least_accepted == math.ceil(math.log(0.05 / STARTS) / math.log(0.9))


def test_regret_needs_a_strong_answer_that_is_right() -> None:
    rows = [Outcome(float(i), 0.0, 0.0) for i in range(100)]
    chosen = fit(rows, risk=0.05).chosen
    assert chosen is not None
    assert (chosen.accepted, chosen.regrets) == (100, 0)
    assert fit([Outcome(row.score, row.cheap) for row in rows], risk=0.05).chosen is None


def test_from_where_a_graded_answer_is_right() -> None:
    rows = [Outcome(float(i), 0.7, 0.9) for i in range(100)]
    assert fit(rows, risk=0.05).chosen is not None
    assert fit(rows, risk=0.05, right=0.8).chosen is None


def test_what_it_comes_to() -> None:
    found = fit(clean_then_bad(200, 200), risk=0.1)
    assert found.chosen is not None
    share = found.chosen.accepted / 400
    threshold, chance, cheap, strong, foresight = found.policies
    assert (threshold.name, chance.name) == ("threshold", "chance")
    assert threshold.accepted == chance.accepted == share
    assert threshold.cost == pytest.approx(chance.cost) == pytest.approx(0.1 + 1 - share)
    assert threshold.risk == found.chosen.risk
    assert threshold.right == pytest.approx(1 - found.chosen.regrets / 400)
    assert (chance.risk, chance.regret) == (0.5, share / 2)
    assert chance.right == pytest.approx(share / 2 + 1 - share)
    assert cheap.cost == pytest.approx(0.1)
    assert (cheap.right, cheap.risk) == (0.5, 0.5)
    assert (strong.cost, strong.right, strong.risk) == (1.0, 1.0, None)
    assert foresight.cost == pytest.approx(0.6)
    assert foresight.right == 1.0
    assert found.saving == pytest.approx(1 - (0.1 + 1 - share))
    assert found.break_even == pytest.approx(0.9)


def test_unknown_costs_and_strong_answers() -> None:
    found = fit([Outcome(float(i), 1.0) for i in range(400)], risk=0.05)
    assert found.saving is found.break_even is None
    threshold, chance, cheap, strong, _ = found.policies
    assert (threshold.right, cheap.right) == (1.0, 1.0)
    assert strong.right is strong.cost is chance.cost is None


def test_a_large_sample_is_quick_and_on_the_grid() -> None:
    rows = [Outcome(1.0 - i / 100_000, float(i % 50 != 0)) for i in range(100_000)]
    chosen = fit(rows, risk=0.03).chosen
    assert chosen is not None
    assert chosen.accepted == 100_000
    assert chosen.accepted % (100_000 // GRID) == 0


# ── The guarantee ────────────────────────────────────────────────────────────────────────────

Draw = Callable[[random.Random], Outcome]
TrueRisk = Callable[[float], float]
CALIBRATIONS = 2_000
RISK, CONFIDENCE = 0.1, 0.9
MOST_MISLED = 0.1 + 3 * math.sqrt(0.1 * 0.9 / CALIBRATIONS)
"""1 - confidence, and three standard errors of the simulation."""


def falling(rng: random.Random) -> Outcome:
    """A score u, uniform in 0..1, of risk 0.3 (1 - u): the risk from t on is 0.15 (1 - t)."""
    score = rng.random()
    return Outcome(score, float(rng.random() >= 0.3 * (1 - score)))


STEPS = {1.0: 0.05, 0.8: 0.08, 0.6: 0.13, 0.4: 0.2, 0.2: 0.4}


def stepped(rng: random.Random) -> Outcome:
    """A score of five values, as likely as each other, each with its own risk."""
    score = rng.choice(list(STEPS))
    return Outcome(score, float(rng.random() >= STEPS[score]))


def stepped_risk(threshold: float) -> float:
    accepted = [risk for score, risk in STEPS.items() if score >= threshold]
    return sum(accepted) / len(accepted)


def wavy_risk_at(score: float) -> float:
    return 0.1 + 0.08 * math.sin(25 * score)


def wavy(rng: random.Random) -> Outcome:
    """A score that does not tell: the risk goes up and down with it."""
    score = rng.random()
    return Outcome(score, float(rng.random() >= wavy_risk_at(score)))


def wavy_risk(threshold: float) -> float:
    """The mean of ``wavy_risk_at`` from the threshold to 1."""
    waves = (math.cos(25 * threshold) - math.cos(25)) / 25
    return 0.1 + 0.08 * waves / (1 - threshold)


def flat(rng: random.Random) -> Outcome:
    """Every threshold is just too risky: the worst case, for whatever is chosen is wrong."""
    return Outcome(rng.random(), float(rng.random() >= FLAT_RISK))


FLAT_RISK = RISK + 1e-6


@pytest.mark.parametrize(
    ("draw", "true_risk"),
    [
        (falling, lambda t: 0.15 * (1 - t)),
        (stepped, stepped_risk),
        (wavy, wavy_risk),
        (flat, lambda t: FLAT_RISK),
    ],
    ids=["falling", "stepped", "wavy", "flat"],
)
def test_the_true_risk_is_seldom_above(draw: Draw, true_risk: TrueRisk) -> None:
    rng = random.Random(20_260_101)
    misled = 0
    for _ in range(CALIBRATIONS):
        found = fit([draw(rng) for _ in range(250)], RISK, CONFIDENCE)
        misled += found.chosen is not None and true_risk(found.chosen.threshold) > RISK
    assert misled / CALIBRATIONS <= MOST_MISLED


def test_to_try_every_threshold_would_mislead() -> None:
    """What the fixed sequence is for: the simulation tells a choice without it."""
    rng = random.Random(20_260_102)
    misled = 0
    for _ in range(400):
        rows = sorted((flat(rng) for _ in range(250)), key=lambda row: -row.score)
        regrets = [0, *accumulate(row.cheap < 0.5 for row in rows)]
        misled += any(lower_tail(regrets[n], n, RISK) <= 1 - CONFIDENCE for n in range(22, 251))
    assert misled / 400 > 2 * MOST_MISLED


def test_it_finds_what_can_be_found() -> None:
    rng = random.Random(7)
    rates: list[float] = []
    for _ in range(100):
        found: Fit = fit([falling(rng) for _ in range(2_000)], RISK, CONFIDENCE)
        rates.append(found.policies[0].accepted if found.chosen else 0.0)
    # From 1/3 on the true risk is 0.1: nobody could accept more than two thirds for sure.
    assert 0.5 < sum(rates) / len(rates) < 2 / 3
