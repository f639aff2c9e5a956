"""The bound: what is served when, and how often it is wrong, by simulation."""

from random import Random

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepdown.caching.semantic.bound import Bound, BoundTerms, State
from stepdown.caching.semantic.calibration import fit_logistic

FEW = BoundTerms(max_error=0.05, tuning=60)


def stream(bound: Bound, length: int, seed: int, *, alike: float | None = None) -> tuple[int, int]:
    """Would-be hits with one feature that tells right from wrong, or none that does (``alike``:
    the share of wrong ones everywhere). (served, wrong among them)."""
    chance = np.random.default_rng(seed)
    served = wrong = 0
    for _ in range(length):
        x = chance.random()
        bad = bool(chance.random() < (alike if alike is not None else max(0.0, 0.5 - x)))
        row = np.array([x, chance.random()])
        choice = bound.decide(row, chance.random())
        if choice.verdict == "serve":
            served, wrong = served + 1, wrong + bad
        elif choice.verdict == "verify":
            bound.learn(row, choice, not bad)
            bound.settle()
    return served, wrong


def test_nothing_is_served_before_something_is_certified() -> None:
    bound = Bound(FEW)
    chance = Random(1)
    for number in range(400):
        row = np.array([chance.random(), chance.random()])
        certified = bound.phase == "certified"
        choice = bound.decide(row, 0.99)
        if not certified:
            assert choice.verdict != "serve"
            assert choice.propensity == 1.0 or choice.verdict == "miss"
        if number < FEW.tuning:
            assert bound.phase == "tuning"
        if choice.verdict == "verify":
            bound.learn(row, choice, True)
            bound.settle()
    assert bound.phase == "certified"


def test_what_is_good_gets_served_and_what_is_not_does_not() -> None:
    bound = Bound(FEW)
    served, wrong = stream(bound, 3_000, seed=2)
    assert served > 800
    assert wrong <= FEW.max_error * served
    level = bound.state.levels[bound.served or 0]
    assert bound.state.calibration is not None
    assert bound.state.calibration.weights[0] > 0
    assert level.threshold > bound.state.calibration.score(np.array([0.1, 0.5]))


def test_a_sampled_share_of_what_is_served_is_verified_all_the_same() -> None:
    bound = Bound(FEW)
    stream(bound, 3_000, seed=2)
    row = np.array([0.99, 0.5])
    assert bound.decide(row, FEW.sample - 1e-9).verdict == "verify"
    assert bound.decide(row, FEW.sample).verdict == "serve"
    assert bound.decide(row, FEW.sample).propensity == FEW.sample


def test_hits_as_wrong_as_may_not_be_are_certified_in_few_streams() -> None:
    """The error is 5 %: 150 streams, looked at after every pair, at the very limit."""
    streams = 150
    certified = 0
    for seed in range(streams):
        bound = Bound(BoundTerms(max_error=0.1, tuning=30))
        served, _ = stream(bound, 900, seed, alike=0.1)
        certified += served > 0
    assert certified <= 13  # by the binomial, more than 13 of 150 come once in 40 times at 5 %
    assert certified < streams


def test_the_wrong_share_of_what_is_served_stays_within_the_bound() -> None:
    over = 0
    for seed in range(60):
        served, wrong = stream(Bound(FEW), 1_500, seed)
        over += wrong > FEW.max_error * served
    assert over <= 6  # more than 6 of 60 come once in 25 times at 5 %


def test_going_bad_ends_the_serving() -> None:
    bound = Bound(FEW)
    stream(bound, 2_000, seed=3)
    assert bound.phase == "certified"
    stream(bound, 6_000, seed=4, alike=0.4)
    assert bound.state.trips >= 1
    assert bound.served is None
    assert bound.state.epoch >= 1


def test_reports_end_it_too() -> None:
    bound = Bound(FEW)
    stream(bound, 2_000, seed=3)
    for _ in range(40):
        bound.report()
    assert bound.served is None
    assert bound.state.trips == 1


def test_what_nothing_could_tell_counts_as_wrong_and_teaches_nothing() -> None:
    bound = Bound(FEW)
    chance = Random(1)
    for number in range(900):
        row = np.array([chance.random(), chance.random()])
        choice = bound.decide(row, 0.99)
        assert choice.verdict != "serve"
        if choice.verdict == "verify":
            untold = bound.phase != "tuning" and number % 5 == 0
            bound.learn(row, choice, None if untold else True)
            bound.settle()
    assert bound.served is None
    assert all(bound.state.right)


def test_an_epoch_that_certifies_nothing_is_followed_by_one_that_knows_more() -> None:
    bound = Bound(BoundTerms(max_error=0.02, tuning=20))
    stream(bound, 4_000, seed=5, alike=0.5)
    assert bound.state.epoch >= 2
    assert bound.state.wanted > 20


def test_a_pair_decided_in_an_earlier_epoch_is_no_evidence_in_this_one() -> None:
    bound = Bound(FEW)
    stream(bound, 2_000, seed=3)
    row = np.array([0.99, 0.5])
    late = bound.decide(row, 0.0)
    for _ in range(40):
        bound.report()
    bound.settle()
    before = msgspec.to_builtins(bound.state.levels)
    bound.learn(row, late, True)
    bound.settle()
    assert msgspec.to_builtins(bound.state.levels) == before


def test_a_pair_decided_before_there_was_a_score_is_no_evidence() -> None:
    bound = Bound(FEW)
    row = np.array([0.5, 0.5])
    early = bound.decide(row, 0.5)
    stream(bound, 61, seed=3)
    assert bound.phase == "testing"
    tested = bound.pairs
    bound.learn(row, early, True)
    bound.settle()
    assert bound.pairs == tested


def test_state_survives_a_restart() -> None:
    bound = Bound(FEW)
    stream(bound, 1_000, seed=6)
    kept = msgspec.json.decode(msgspec.json.encode(bound.state), type=State)
    again = Bound(FEW, kept)
    assert stream(bound, 500, seed=7) == stream(again, 500, seed=7)
    assert msgspec.to_builtins(bound.state) == msgspec.to_builtins(again.state)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"max_error": 0.0}, "max_error: expected between 0 and 1, got 0.0"),
        ({"confidence": 1.0}, "confidence"),
        ({"sample": 1.5}, "sample"),
        ({"tuning": 3}, "tuning: expected 20 or more pairs, got 3"),
    ],
)
def test_terms(wrong: dict[str, float], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        BoundTerms(**wrong)  # type: ignore[arg-type]


def test_calibration_learns_which_feature_tells() -> None:
    chance = np.random.default_rng(0)
    rows = chance.random((500, 3))
    rows[:, 2] = 7.0
    right = chance.random(500) < 1.0 / (1.0 + np.exp(-8.0 * (rows[:, 0] - 0.5)))
    found = fit_logistic(rows, right, 1.0)
    assert found.weights[0] > 4.0
    assert abs(found.weights[1]) < 1.5
    assert found.weights[2] == 0.0
    assert found.scores(rows) == pytest.approx([found.score(row) for row in rows])


@given(st.lists(st.booleans(), min_size=1, max_size=60))
@settings(max_examples=30, deadline=None)
def test_calibration_of_anything_is_finite(right: list[bool]) -> None:
    rows = np.ones((len(right), 2))
    found = fit_logistic(rows, np.array(right))
    assert np.isfinite(found.score(rows[0]))
