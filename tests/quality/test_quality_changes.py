"""Changes in a series of runs: against scipy, and how often none and a real one are flagged."""

import random
from collections.abc import Mapping, Sequence
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.quality.changes import LONGEST, Change, change_point

stats = import_module("scipy.stats")
"""Without type stubs, so not imported by name."""

Run = Mapping[str, bool]
LOOSE = 0.999
"""An error at which the first look still flags a p of nearly 0.5."""
LUCK = 1e-5
"""A simulation contradicts the error where so many alarms had a smaller probability."""


def series(outcomes: Sequence[str]) -> list[Run]:
    """Runs from one string an item: ``x`` True, ``.`` False, a blank not scored."""
    return [
        {str(item): each[run] == "x" for item, each in enumerate(outcomes) if each[run] != " "}
        for run in range(len(outcomes[0]))
    ]


def drawn(
    rng: np.random.Generator, rates: np.ndarray, runs: int, missing: float = 0.0
) -> list[Run]:
    """Independent outcomes of items with these rates."""
    true = rng.random((runs, len(rates))) < rates
    there = rng.random((runs, len(rates))) >= missing
    return [
        {str(item): bool(true[run, item]) for item in np.flatnonzero(there[run]).tolist()}
        for run in range(runs)
    ]


def found(runs: Sequence[Run], error: float = LOOSE) -> Change:
    change = change_point(runs, error)
    assert change is not None
    return change


# ── Reference values ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("worse", "better"), [(5, 0), (12, 3), (3, 12), (60, 30)])
def test_two_runs_are_mcnemars_test(worse: int, better: int) -> None:
    change = found(series([".x"] * worse + ["x."] * better + [".."] * 50 + ["xx"] * 7))
    assert change.p == pytest.approx(stats.binomtest(worse, worse + better).pvalue)
    items = worse + better + 57
    assert (change.at, change.look_error) == (1, LOOSE / 2)
    assert change.before == pytest.approx((better + 7) / items)
    assert change.after == pytest.approx((worse + 7) / items)


def test_one_item_is_the_hypergeometric_distribution() -> None:
    change = found(series(["." * 9 + "x" * 11]))
    assert (change.at, change.before, change.after) == (9, 0.0, 1.0)
    assert change.p == pytest.approx(2 * stats.hypergeom.sf(10, 20, 11, 11) * 19)
    change = found(series([".x" + "." * 10 + "x" * 12]))
    assert (change.at, change.before, change.after) == (12, 1 / 12, 1.0)
    assert change.p == pytest.approx(2 * stats.hypergeom.sf(11, 24, 13, 12) * 23)
    assert change.p == pytest.approx(stats.fisher_exact([[1, 11], [12, 0]]).pvalue * 23)


def test_many_items_are_a_convolution() -> None:
    rng = np.random.default_rng(40)
    before, after = rng.uniform(0.05, 0.5, 40), rng.uniform(0.1, 0.7, 40)
    runs = drawn(rng, before, 6, 0.2) + drawn(rng, after, 4, 0.2)
    change = found(runs)
    total, observed = np.ones(1), 0
    for item in map(str, range(40)):
        first = [run[item] for run in runs[: change.at] if item in run]
        later = [run[item] for run in runs[change.at :] if item in run]
        seen, true = len(first) + len(later), sum(first) + sum(later)
        total = np.convolve(total, stats.hypergeom.pmf(range(11), seen, true, len(later)))
        observed += sum(later)
    tail = min(total[: observed + 1].sum(), total[observed:].sum())
    assert change.p == pytest.approx(2 * tail * 9, rel=1e-9)


def test_a_small_probability_is_not_lost() -> None:
    """All of 1,000 items turn: p would be 2^-999, and is at most what was cut off on the way."""
    change = found(series([".x"] * 1_000))
    assert 0.0 <= change.p < 1e-12
    assert (change.before, change.after) == (0.0, 1.0)


# ── What counts ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "outcomes",
    [
        ["x"],
        ["xx", ".."],
        ["  "],
        ["x ", " ."],
        ["xx  ", "  .."],
        [".x", "x."],
        ["x.x.x.x.", ".x.x.x.x"] * 30,
    ],
)
def test_no_change(outcomes: list[str]) -> None:
    assert change_point(series(outcomes), LOOSE) is None


def test_no_runs() -> None:
    assert change_point([], 0.05) is None


@pytest.mark.parametrize("error", [0.0, 1.0, 5.0, float("nan")])
def test_no_error(error: float) -> None:
    with pytest.raises(ValueError, match="error: expected between 0 and 1, got"):
        change_point([], error)


def test_items_that_come_and_go_are_no_change() -> None:
    """Hard items from the fifth run on: all regrets are theirs, and none has changed."""
    assert change_point(series(["........"] * 50 + ["    xxxx"] * 50), LOOSE) is None


def test_the_rates_are_of_items_in_both_parts() -> None:
    change = found(series(["....xxxx"] * 9 + ["x......."] + ["    ...."] * 90 + ["xxxx    "] * 90))
    assert (change.at, change.before, change.after) == (4, 1 / 40, 36 / 40)


def test_only_the_last_runs_are_compared() -> None:
    """A change that left the window is not seen; where one is, its place is in the whole series."""
    turned = series(["." * 10 + "x" * 40] * 20)
    assert change_point(turned[: 10 + LONGEST], 0.05) is None
    change = found(turned[:30], 0.05)
    assert change.at == 10
    change = found(turned[:35], 0.05)
    assert (change.at, change.look_error) == (10, 0.05 / (34 * 35))


def test_all_looks_spend_the_error() -> None:
    spent = sum(found(series(["." + "x" * k] * 200), 0.05).look_error for k in range(1, 26))
    assert spent == pytest.approx(0.05 * (1 - 1 / 26))


grids = st.integers(2, 6).flatmap(
    lambda runs: st.lists(st.text("x. ", min_size=runs, max_size=runs), min_size=1, max_size=8)
)


@given(grids, st.integers(8, 20))
def test_what_is_true_and_false_may_be_swapped(outcomes: list[str], turning: int) -> None:
    runs = len(outcomes[0])
    outcomes = outcomes + ["." + "x" * (runs - 1)] * turning
    swapped = [each.translate(str.maketrans("x.", ".x")) for each in outcomes]
    one, other = change_point(series(outcomes), LOOSE), change_point(series(swapped), LOOSE)
    assert (one is None) == (other is None)
    if one is not None and other is not None:
        assert one.p == pytest.approx(other.p)
        assert one.at == other.at
        assert one.before == pytest.approx(1.0 - other.before)
        assert one.after == pytest.approx(1.0 - other.after)


@given(grids, st.randoms(use_true_random=False))
def test_the_order_of_the_items_is_all_the_same(outcomes: list[str], rng: random.Random) -> None:
    mixed = list(outcomes)
    rng.shuffle(mixed)
    one, other = change_point(series(outcomes), LOOSE), change_point(series(mixed), LOOSE)
    assert (one is None) == (other is None)
    if one is not None and other is not None:
        assert one.p == pytest.approx(other.p)


# ── How often ────────────────────────────────────────────────────────────────────────────────

LOOKS = 40


def test_false_alarms_of_one_look() -> None:
    """Two runs, so one split: p is below a half of the error as often as that at most."""
    rng, sets, error = np.random.default_rng(41), 4_000, 0.4
    alarms = 0
    for _ in range(sets):
        alarms += change_point(drawn(rng, rng.beta(0.4, 2.0, 80), 2, 0.1), error) is not None
    assert stats.binomtest(alarms, sets, error / 2, alternative="greater").pvalue > LUCK
    assert alarms > 0.05 * sets, "the test would be good for nothing"


@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_false_alarms_over_all_looks(missing: float) -> None:
    rng, sets, error = np.random.default_rng(42), 200, 0.3
    alarms = 0
    for _ in range(sets):
        runs = drawn(rng, rng.beta(0.4, 2.0, 25), LOOKS + 1, missing)
        alarms += any(change_point(runs[:look], error) for look in range(2, LOOKS + 2))
    assert stats.binomtest(alarms, sets, error, alternative="greater").pvalue > LUCK
    assert alarms <= error * sets


def test_a_shift_is_found_soon_after() -> None:
    """Regret of 2 % becomes 5 % after the 12th run, on 400 items of their own rates."""
    rng, sets, soon = np.random.default_rng(43), 40, 5
    places: list[int] = []
    for _ in range(sets):
        rates = rng.beta(0.2, 9.8, 400)
        runs = drawn(rng, rates, 12) + drawn(rng, np.minimum(2.5 * rates, 1.0), soon)
        looks = (change_point(runs[:look], 0.05) for look in range(13, 13 + soon))
        places += [change.at for change in looks if change is not None][:1]
    assert len(places) >= 0.9 * sets
    assert abs(float(np.median(places)) - 12) <= 1
