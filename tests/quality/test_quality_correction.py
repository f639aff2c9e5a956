"""The regret without the judge's errors: by hand, and recovered in simulations."""

import itertools
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.quality.correction import (
    Estimate,
    JudgeErrors,
    prediction_powered,
    rogan_gladen,
)
from stepdown.quality.intervals import exact_interval

stats = import_module("scipy.stats")
"""Without type stubs, so not imported by name."""

LUCK = 1e-5
"""A simulation contradicts the nominal level where its coverage had a smaller probability."""
HARDLY_ERRS = JudgeErrors(1, 1_000, 2, 1_000)


def covers(estimates: list[Estimate], true: float, confidence: float) -> bool:
    covered = sum(each.low <= true <= each.high for each in estimates)
    sets = len(estimates)
    return bool(stats.binomtest(covered, sets, confidence, alternative="less").pvalue > LUCK)


def mean(estimates: list[Estimate]) -> float:
    return sum(each.value for each in estimates) / len(estimates)


# ── Rogan & Gladen ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("regrets", "errors", "value"),
    [
        (26, JudgeErrors(10, 100, 10, 100), 0.2),
        (10, JudgeErrors(10, 100, 10, 100), 0.0),
        (90, JudgeErrors(10, 100, 10, 100), 1.0),
        (30, JudgeErrors(0, 100, 0, 100), 0.3),
        (30, JudgeErrors(0, 100, 50, 100), 0.6),
    ],
)
def test_the_value(regrets: int, errors: JudgeErrors, value: float) -> None:
    assert rogan_gladen(regrets, 100, errors, 0.95).value == pytest.approx(value)


@pytest.mark.parametrize("regrets", [0, 5, 95, 100])
def test_the_value_is_a_fraction(regrets: int) -> None:
    estimate = rogan_gladen(regrets, 100, JudgeErrors(10, 100, 10, 100), 0.95)
    assert estimate.value == pytest.approx(0.0 if regrets < 50 else 1.0)


@pytest.mark.parametrize("regrets", [15, 40, 80])
def test_the_interval_is_the_formula_at_the_corners_of_the_box(regrets: int) -> None:
    each = 1 - 0.05 / 3
    box = (
        exact_interval(regrets, 100, each),
        exact_interval(20, 400, each),
        exact_interval(40, 300, each),
    )
    corners = [
        min(max((said - false) / (1 - false - missed), 0.0), 1.0)
        for said, false, missed in itertools.product(*box)
    ]
    estimate = rogan_gladen(regrets, 100, JudgeErrors(20, 400, 40, 300), 0.95)
    assert (estimate.low, estimate.high) == pytest.approx((min(corners), max(corners)))


@given(st.integers(0, 60), st.integers(0, 40), st.integers(0, 40), st.floats(0, 1), st.floats(0, 1))
def test_all_that_the_box_explains_is_inside(
    regrets: int, false: int, missed: int, first: float, second: float
) -> None:
    """Any judge of the box, also one worse than chance, that would have said something of it."""
    each = 1 - 0.05 / 3
    said = exact_interval(regrets, 60, each)
    least, most = exact_interval(false, 40, each)
    wrongly = least + first * (most - least)
    least, most = exact_interval(40 - missed, 40, each)
    rightly = least + second * (most - least)
    estimate = rogan_gladen(regrets, 60, JudgeErrors(false, 40, missed, 40), 0.95)
    for regret in np.linspace(0.0, 1.0, 21):
        if said[0] <= wrongly * (1 - regret) + rightly * regret <= said[1]:
            assert estimate.low - 1e-9 <= regret <= estimate.high + 1e-9


def test_a_judge_that_tells_nothing() -> None:
    """It calls half of the pairs regrets, whatever they are."""
    estimate = rogan_gladen(100, 200, JudgeErrors(50, 100, 50, 100), 0.95)
    assert estimate == Estimate(0.5, 0.0, 1.0)


def test_a_judge_that_nobody_measured() -> None:
    assert rogan_gladen(30, 200, JudgeErrors(0, 0, 0, 0), 0.95) == Estimate(0.15, 0.0, 1.0)


def test_no_regret_was_labelled() -> None:
    """It may miss nearly all regrets, but it hardly makes any up."""
    estimate = rogan_gladen(100, 200, JudgeErrors(0, 300, 0, 0), 0.95)
    assert estimate.value == 0.5
    assert estimate.low == pytest.approx(0.4, abs=0.03)
    assert estimate.high == 1.0


def test_counts_that_nothing_explains() -> None:
    """Of all labelled pairs it called few regrets; of those judged, all."""
    estimate = rogan_gladen(500, 500, JudgeErrors(5, 500, 300, 500), 0.95)
    assert estimate == Estimate(1.0, 0.0, 1.0)


def test_a_judge_that_hardly_errs_costs_little() -> None:
    estimate = rogan_gladen(10, 500, HARDLY_ERRS, 0.95)
    low, high = exact_interval(10, 500, 0.95)
    assert estimate.value == pytest.approx(0.0191, abs=0.0001)
    assert estimate.high - estimate.low < 1.5 * (high - low)


@pytest.mark.parametrize(
    ("field", "counts"),
    [
        ("false_positives: expected 0 to 5, the negatives, got 6", (6, 5, 0, 0)),
        ("false_negatives: expected 0 to 5, the positives, got -1", (0, 0, -1, 5)),
        ("false_positives: expected 0 to -5, the negatives, got 0", (0, -5, 0, 0)),
    ],
)
def test_errors_that_cannot_be(field: str, counts: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match=field):
        JudgeErrors(*counts)


@pytest.mark.parametrize(
    ("regrets", "trials", "confidence", "message"),
    [
        (0, 0, 0.95, "trials: expected 1 or more judged pairs, got 0"),
        (6, 5, 0.95, "events: expected 0 to 5"),
        (1, 5, 1.5, "confidence: expected between 0 and 1, got 1.5"),
    ],
)
def test_nonsense(regrets: int, trials: int, confidence: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rogan_gladen(regrets, trials, HARDLY_ERRS, confidence)


@pytest.mark.parametrize(
    ("regret", "false_positive", "false_negative", "trials", "negatives", "positives", "most_off"),
    [
        (0.0, 0.05, 0.1, 500, 150, 50, 0.012),
        (0.01, 0.01, 0.2, 1_000, 400, 40, 0.002),
        (0.02, 0.03, 0.1, 500, 150, 50, 0.005),
        (0.02, 0.03, 0.1, 500, 190, 10, 0.005),
        (0.05, 0.1, 0.2, 2_000, 400, 400, 0.002),
        (0.1, 0.03, 0.1, 500, 150, 50, 0.003),
        (0.2, 0.05, 0.05, 200, 50, 20, 0.004),
        (0.3, 0.1, 0.2, 500, 150, 50, 0.004),
    ],
)
def test_it_recovers_the_regret_of_a_judge_with_known_errors(
    regret: float,
    false_positive: float,
    false_negative: float,
    trials: int,
    negatives: int,
    positives: int,
    most_off: float,
) -> None:
    """The value cannot be below 0: where there is no regret, it is above by what chance adds."""
    rng, sets = np.random.default_rng(30), 2_000
    said = regret * (1 - false_negative) + (1 - regret) * false_positive
    counts = np.stack(
        [
            rng.binomial(trials, said, sets),
            rng.binomial(negatives, false_positive, sets),
            rng.binomial(positives, false_negative, sets),
        ],
        axis=1,
    )
    estimates = [
        rogan_gladen(regrets, trials, JudgeErrors(false, negatives, missed, positives), 0.95)
        for regrets, false, missed in counts.tolist()
    ]
    assert covers(estimates, regret, 0.95)
    assert abs(mean(estimates) - regret) < most_off


# ── Prediction-powered ───────────────────────────────────────────────────────────────────────


def labels(both: int, people: int, judge: int, neither: int) -> list[tuple[bool, bool]]:
    """So many pairs called regrets by both, by people alone, by the judge alone, by neither."""
    pairs = (
        [(True, True)] * both
        + [(True, False)] * people
        + [(False, True)] * judge
        + [(False, False)] * neither
    )
    order = np.random.default_rng(31).permutation(len(pairs))
    return [pairs[place] for place in order.tolist()]


def test_the_judge_and_what_people_say_beyond() -> None:
    estimate = prediction_powered((1_500, 10_000), labels(10, 1, 6, 83), 0.95)
    assert estimate.value == pytest.approx(0.15 + 0.01 - 0.06)
    assert 0.0 < estimate.low < 0.1 < estimate.high < 0.2


def test_labels_of_a_good_judge_are_worth_more() -> None:
    """Narrower than what the labels alone say: the judge saw many more pairs."""
    estimate = prediction_powered((15_000, 50_000), labels(295, 5, 5, 695), 0.95)
    low, high = exact_interval(300, 1_000, 0.95)
    assert estimate.value == pytest.approx(0.3)
    assert estimate.high - estimate.low < 0.6 * (high - low)


def test_labels_of_a_bad_judge_are_worth_what_they_say_alone() -> None:
    estimate = prediction_powered((2_000, 5_000), labels(2, 2, 78, 118), 0.95)
    low, high = exact_interval(4, 200, 0.975)
    assert (estimate.low, estimate.high) == (low, high)


def test_no_labels() -> None:
    assert prediction_powered((30, 200), [], 0.95) == Estimate(0.15, 0.0, 1.0)


def test_labels_that_contradict_the_judge_span_both() -> None:
    """Of the labelled pairs it called none a regret, of the others all."""
    estimate = prediction_powered((9_000, 10_000), labels(0, 0, 0, 1_000), 0.95)
    assert estimate.low == 0.0
    assert estimate.high > 0.9


@pytest.mark.parametrize(
    ("judged", "labelled", "confidence", "message"),
    [
        ((0, 0), 0, 0.95, "judged: expected 1 or more pairs, got 0"),
        ((0, 5), 6, 0.95, "labelled: expected at most the 5 pairs, got 6"),
        ((6, 5), 2, 0.95, "events: expected 0 to 5"),
        ((1, 5), 2, 0.0, "confidence: expected between 0 and 1, got 0.0"),
    ],
)
def test_nonsense_of_labels(
    judged: tuple[int, int], labelled: int, confidence: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        prediction_powered(judged, labels(0, 0, 0, labelled), confidence)


@pytest.mark.parametrize(
    ("regret", "false_positive", "false_negative", "trials", "labelled", "most_off"),
    [
        (0.0, 0.05, 0.1, 500, 50, 0.014),
        (0.02, 0.03, 0.1, 500, 150, 0.003),
        (0.1, 0.03, 0.1, 500, 150, 0.003),
        (0.1, 0.3, 0.3, 300, 60, 0.006),
        (0.3, 0.03, 0.1, 2_000, 100, 0.003),
    ],
)
def test_it_recovers_the_regret_of_any_judge(
    regret: float,
    false_positive: float,
    false_negative: float,
    trials: int,
    labelled: int,
    most_off: float,
) -> None:
    rng = np.random.default_rng(32)
    estimates: list[Estimate] = []
    for _ in range(1_000):
        people = rng.random(trials) < regret
        errs = rng.random(trials) < np.where(people, false_negative, false_positive)
        judge = people ^ errs
        pairs = zip(people[:labelled].tolist(), judge[:labelled].tolist(), strict=True)
        estimates.append(prediction_powered((int(judge.sum()), trials), list(pairs), 0.9))
    assert covers(estimates, regret, 0.9)
    assert abs(mean(estimates) - regret) < most_off
