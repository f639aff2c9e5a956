"""What is tested, with how much error."""

import math

import pytest

from stepdown.quality.correction import JudgeErrors
from stepdown.quality.evidence import Counts, against_at_least, against_at_most, bounds
from stepdown.quality.guard.hypotheses import (
    JUDGE_SHARE,
    enough,
    evidence,
    too_much,
    within,
)
from stepdown.quality.guard.judged import said_at_least, said_at_most
from stepdown.quality.guard.terms import Terms

TERMS = Terms(0.02, 0.5, family=2)
JUDGE = JudgeErrors(4, 400, 10, 100)
COUNTS = Counts({0.5: (1, 100), 1.0: (2, 50)})


def test_each_epoch_has_half_of_what_is_left() -> None:
    alphas = [too_much(TERMS, epoch).alpha for epoch in range(1, 60)]
    assert alphas[0] == pytest.approx(TERMS.error / 2)
    assert alphas[1] == pytest.approx(alphas[0] / 2)
    assert math.fsum(alphas) <= TERMS.error


def test_epochs_without_end() -> None:
    never = too_much(TERMS, 5_000)
    assert enough(never.alpha) == math.inf
    assert not never.refuted(1e9)


def test_what_is_tested() -> None:
    bad, good = too_much(TERMS, 1), within(TERMS)
    assert (bad.limit, good.limit) == (0.02, 0.02)
    assert good.alpha == pytest.approx(TERMS.error)
    assert bad.log_e(COUNTS, TERMS) == against_at_least(COUNTS, 0.02, 0.5)
    assert good.log_e(COUNTS, TERMS) == against_at_most(COUNTS, 0.02, 0.5)


def test_enough_is_enough() -> None:
    bad = too_much(TERMS, 1)
    assert bad.refuted(math.log(1 / bad.alpha))
    assert not bad.refuted(math.log(1 / bad.alpha) - 1e-9)


def test_a_judge_takes_a_part_of_the_error() -> None:
    terms = Terms(0.02, 0.5, family=2, judge=JUDGE)
    bad, good = too_much(terms, 1), within(terms)
    part = JUDGE_SHARE * terms.error
    assert bad.limit == said_at_least(0.02, JUDGE, part)
    assert good.limit == said_at_most(0.02, JUDGE, part)
    assert bad.alpha * 2 + part == pytest.approx(terms.error)
    assert good.alpha + part == pytest.approx(terms.error)


def test_evidence() -> None:
    found = evidence(within(TERMS), COUNTS, TERMS)
    assert found.counts == COUNTS
    assert (found.low, found.high) == bounds(COUNTS, 1.0 - TERMS.error, 0.5)
    assert found.estimate == pytest.approx((2 * 1 + 2) / (2 * 100 + 50))
    assert (found.log_e, found.limit) == (against_at_most(COUNTS, 0.02, 0.5), 0.02)
    assert found.alpha == pytest.approx(0.025)
    assert found.terms == TERMS
