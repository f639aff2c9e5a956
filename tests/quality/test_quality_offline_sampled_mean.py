"""The interval of a sampled mean: by hand, its coverage by simulation, and what narrows it."""

import math
from collections.abc import Mapping, Sequence
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from stepdown.quality.means import mean_interval
from stepdown.quality.offline.sampled_mean import (
    Draw,
    GroupMeans,
    Mean,
    Model,
    effective,
    sampled_mean,
)

stats = import_module("scipy.stats")
"""Without type stubs, so not imported by name."""

LOGS = 1_000
LUCK = 1e-5
"""A simulation contradicts the nominal level where its coverage had a smaller probability."""


class Stratum(Struct, frozen=True):
    """Requests that are regretted and sampled alike."""

    share: float
    rate: float
    propensity: float


def log_of(
    strata: Sequence[Stratum], requests: int, rng: np.random.Generator
) -> tuple[list[Draw], Mapping[int, float]]:
    """The draws of so many requests, in random order, and the strata's shares among them."""
    drawn = rng.choice(len(strata), requests, p=[each.share for each in strata])
    seen = rng.random(requests) < np.array([each.propensity for each in strata])[drawn]
    bad = rng.random(requests) < np.array([each.rate for each in strata])[drawn]
    counts = np.bincount(drawn, minlength=len(strata)) / requests
    draws = [
        Draw(float(value), 1.0 / strata[group].propensity, int(group))
        for group, value in zip(drawn[seen], bad[seen], strict=True)
    ]
    return draws, {group: float(share) for group, share in enumerate(counts) if share}


def ungrouped(draws: Sequence[Draw]) -> list[Draw]:
    return [Draw(draw.value, draw.weight) for draw in draws]


class Perverse:
    """A model that is wrong as far as it can be."""

    def __init__(self, predictions: Mapping[int, float]) -> None:
        self._predictions = predictions

    def learn(self, draw: Draw) -> None:
        """It does not."""

    def predicted(self, group: int) -> float:
        return self._predictions[group]


# ── By hand ──────────────────────────────────────────────────────────────────────────────────


def test_no_draws() -> None:
    assert sampled_mean([], -1.0, 1.0, 0.95, heaviest=50.0) == Mean(None, -1.0, 1.0)


def test_the_value_weights_what_was_sampled_seldom() -> None:
    draws = [Draw(1.0, 2.0), Draw(0.0, 10.0), Draw(1.0, 4.0)]
    assert sampled_mean(draws, 0.0, 1.0, 0.95, heaviest=10.0).value == pytest.approx(6 / 16)


def test_a_model_moves_what_chance_left_out_of_proportion() -> None:
    """Half of the requests are of each group, three quarters of the draws of the first; the model
    knows both, so that the mean is that of its predictions."""
    draws = [Draw(0.0, 1.0, 0)] * 3 + [Draw(1.0, 1.0, 1)]
    shares = {0: 0.5, 1: 0.5}

    def value(model: Model | None) -> float | None:
        draws_ = [*draws[:2], draws[3], draws[2]] * 10
        return sampled_mean(draws_, 0.0, 1.0, 0.9, heaviest=1.0, shares=shares, model=model).value

    assert value(Perverse({0: 0.3, 1: 0.3})) == pytest.approx(0.25)
    assert value(Perverse({0: 0.0, 1: 1.0})) == pytest.approx(
        0.25 + (0.5 - 0.25) * 39 / 40, abs=0.02
    )
    learnt = value(None)
    assert learnt is not None
    assert 0.35 < learnt < 0.5


def test_the_groups_means_are_drawn_to_the_mean_of_all() -> None:
    model = GroupMeans()
    assert model.predicted(0) == 0.0
    for _ in range(5):
        model.learn(Draw(1.0, 2.0, 0))
    for _ in range(15):
        model.learn(Draw(0.0, 2.0, 1))
    assert model.predicted(2) == pytest.approx(0.25)
    assert model.predicted(0) == pytest.approx((5 + 5 * 0.25) / 10)
    assert model.predicted(1) == pytest.approx(5 * 0.25 / 20)


def test_effective_draws() -> None:
    assert effective([]) == 0.0
    assert effective([Draw(0.0, 7.0)] * 12) == pytest.approx(12)
    assert effective([Draw(0.0, 1.0)] * 50 + [Draw(0.0, 50.0)]) == pytest.approx(100**2 / 2550)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (Draw(1.5, 1.0), r"draw 0: expected 0.0 to 1.0, got 1.5"),
        (Draw(float("nan"), 1.0), r"draw 0: expected 0.0 to 1.0, got nan"),
        (Draw(0.5, 0.0), r"draw 0: expected a weight above 0 to 20.0, got 0.0"),
        (Draw(0.5, 21.0), r"draw 0: expected a weight above 0 to 20.0, got 21.0"),
        (Draw(0.5, 1.0, 3), r"draw 0: expected a group with a share, got 3"),
    ],
)
def test_nonsense(draw: Draw, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sampled_mean([draw], 0.0, 1.0, 0.95, heaviest=20.0)


def test_bounds_the_wrong_way_round() -> None:
    with pytest.raises(ValueError, match=r"low: expected a number below high, 0.0, got 1.0"):
        sampled_mean([Draw(0.5, 1.0)], 1.0, 0.0, 0.95, heaviest=1.0)


# ── What has to hold of any draws ────────────────────────────────────────────────────────────

some_draws = st.lists(
    st.builds(Draw, st.floats(0.0, 1.0), st.floats(1.0, 50.0), st.integers(0, 2)),
    min_size=1,
    max_size=30,
)
SHARES = {0: 0.2, 1: 0.3, 2: 0.5}


@given(some_draws, st.floats(0.5, 0.999))
def test_the_value_is_inside(draws: list[Draw], confidence: float) -> None:
    mean = sampled_mean(draws, 0.0, 1.0, confidence, heaviest=50.0, shares=SHARES)
    assert mean.value is not None
    assert 0.0 <= mean.low <= mean.value + 1e-12
    assert mean.value - 1e-12 <= mean.high <= 1.0


@given(some_draws)
def test_it_is_the_same_upside_down(draws: list[Draw]) -> None:
    mean = sampled_mean(draws, 0.0, 1.0, 0.95, heaviest=50.0, shares=SHARES)
    turned = [Draw(-draw.value, draw.weight, draw.group) for draw in draws]
    mirrored = sampled_mean(turned, -1.0, 0.0, 0.95, heaviest=50.0, shares=SHARES)
    assert (mirrored.low, mirrored.high) == pytest.approx((-mean.high, -mean.low), abs=1e-9)


@given(some_draws, st.floats(0.01, 100.0))
def test_only_the_ratio_of_weights_counts(draws: list[Draw], factor: float) -> None:
    mean = sampled_mean(draws, 0.0, 1.0, 0.95, heaviest=50.0, shares=SHARES)
    scaled = [Draw(draw.value, draw.weight * factor, draw.group) for draw in draws]
    again = sampled_mean(
        scaled, 0.0, 1.0, 0.95, heaviest=50.0 * factor * (1 + 1e-12), shares=SHARES
    )
    assert (again.low, again.high) == pytest.approx((mean.low, mean.high), abs=1e-6)


def test_more_confidence_is_wider() -> None:
    draws, _ = log_of([Stratum(1.0, 0.2, 0.3)], 500, np.random.default_rng(2))
    low, high = 1.0, 0.0
    for confidence in (0.8, 0.9, 0.95, 0.99):
        mean = sampled_mean(draws, 0.0, 1.0, confidence, heaviest=1 / 0.3)
        assert mean.low < low or confidence == 0.8
        assert mean.high > high
        low, high = mean.low, mean.high


# ── Coverage and width ───────────────────────────────────────────────────────────────────────

ALIKE = [Stratum(1.0, 0.03, 0.3)]
UNLIKE = [Stratum(0.7, 0.0, 0.25), Stratum(0.3, 0.6, 0.25)]
RARE = [Stratum(0.6, 0.01, 0.5), Stratum(0.4, 0.15, 0.05)]
ALL = [Stratum(0.7, 0.02, 1.0), Stratum(0.3, 0.2, 1.0)]


def truth(strata: Sequence[Stratum]) -> float:
    return sum(each.share * each.rate for each in strata)


def heaviest(strata: Sequence[Stratum]) -> float:
    return max(1.0 / each.propensity for each in strata)


def means(
    strata: Sequence[Stratum], requests: int, *, seed: int, logs: int = LOGS, kind: str
) -> list[Mean]:
    rng = np.random.default_rng(seed)
    found: list[Mean] = []
    for _ in range(logs):
        draws, shares = log_of(strata, requests, rng)
        most = heaviest(strata)
        if kind == "self-normalised":
            found.append(sampled_mean(ungrouped(draws), 0.0, 1.0, 0.9, heaviest=most))
            continue
        wrong = Perverse({group: 1.0 - strata[group].rate for group in range(len(strata))})
        model = wrong if kind == "wrong" else None
        found.append(sampled_mean(draws, 0.0, 1.0, 0.9, heaviest=most, shares=shares, model=model))
    return found


@pytest.mark.parametrize(
    ("strata", "kind"),
    [
        pytest.param(ALIKE, "self-normalised", id="alike"),
        pytest.param(UNLIKE, "self-normalised", id="unlike"),
        pytest.param(UNLIKE, "doubly robust", id="unlike, by groups"),
        pytest.param(UNLIKE, "wrong", id="unlike, by a wrong model"),
        pytest.param(RARE, "self-normalised", id="rare"),
        pytest.param(RARE, "doubly robust", id="rare, by groups"),
        pytest.param(RARE, "wrong", id="rare, by a wrong model"),
        pytest.param(ALL, "doubly robust", id="all sampled, by groups"),
    ],
)
def test_coverage_by_simulation(strata: Sequence[Stratum], kind: str) -> None:
    requests = 100 if strata is ALL else 300
    found = means(strata, requests, seed=31, kind=kind)
    covered = sum(mean.low <= truth(strata) <= mean.high for mean in found)
    assert stats.binomtest(covered, LOGS, 0.9, alternative="less").pvalue > LUCK


def width(found: Sequence[Mean]) -> float:
    return math.fsum(mean.high - mean.low for mean in found) / len(found)


def test_a_good_model_makes_it_narrower() -> None:
    plain = means(UNLIKE, 1_200, seed=32, logs=40, kind="self-normalised")
    robust = means(UNLIKE, 1_200, seed=32, logs=40, kind="doubly robust")
    assert width(robust) < 0.8 * width(plain)


def test_a_wrong_model_makes_it_wider_and_leaves_it_unbiased() -> None:
    wrong = means(UNLIKE, 1_200, seed=32, logs=100, kind="wrong")
    robust = means(UNLIKE, 1_200, seed=32, logs=100, kind="doubly robust")
    assert width(wrong) > width(robust)
    values = [mean.value or 0.0 for mean in wrong]
    off = 5 * float(np.std(values)) / math.sqrt(len(values))
    assert abs(sum(values) / len(values) - truth(UNLIKE)) < off


def test_requests_that_are_lost_by_chance_change_nothing() -> None:
    """Half of the sampled ones make no pair, whatever they are."""
    rng = np.random.default_rng(33)
    covered = 0
    for _ in range(200):
        draws, shares = log_of(RARE, 800, rng)
        kept = [draw for draw in draws if rng.random() < 0.5]
        mean = sampled_mean(kept, 0.0, 1.0, 0.9, heaviest=heaviest(RARE), shares=shares)
        covered += mean.low <= truth(RARE) <= mean.high
    assert stats.binomtest(covered, 200, 0.9, alternative="less").pvalue > LUCK


def test_with_one_weight_it_is_about_the_interval_of_a_plain_mean() -> None:
    draws, _ = log_of([Stratum(1.0, 0.04, 0.5)], 3_000, np.random.default_rng(34))
    mean = sampled_mean(draws, 0.0, 1.0, 0.95, heaviest=2.0)
    plain = mean_interval([draw.value for draw in draws], 0.0, 1.0, 0.95)
    assert (mean.low, mean.high) == pytest.approx(plain, rel=0.1)
