"""What is saved, with its interval: by hand, and by simulation where few dear requests decide."""

from decimal import Decimal

import numpy as np
import pytest
from msgspec import structs

from stepdown.evals.rows import Row
from stepdown.evals.spending import Priced, least_saved, mean_difference, most_saved, priced
from support.eval_series import make_row

SETS = 300
ROWS = 60


def known(costs: list[float], references: list[float]) -> Priced:
    return Priced(tuple(costs), tuple(references), 0, 0)


# ── What is known ────────────────────────────────────────────────────────────────────────────


def test_what_rows_cost() -> None:
    rows = [make_row(f"{n}", n, [1.0, 1.0], rung=n % 2) for n in range(10)]
    found = priced(rows)
    assert sorted(found.costs) == [0.01] * 5 + [0.1] * 5
    assert found.references == (0.1,) * 10
    assert found.saved == pytest.approx(0.45)
    assert (found.failed, found.unpriced) == (0, 0)


def test_a_cost_stays_with_its_reference() -> None:
    rows = [_costing(n, Decimal(n), Decimal(2 * n)) for n in range(1, 20)]
    found = priced(rows)
    assert [2 * cost for cost in found.costs] == list(found.references)
    assert list(found.costs) != sorted(found.costs)


def _costing(n: int, cost: Decimal, reference: Decimal) -> Row:
    row = make_row(f"{n}", n, [1.0, 1.0])
    cheap, strong = row.rungs
    return structs.replace(row, cost=cost, rungs=(cheap, structs.replace(strong, cost=reference)))


def test_rows_without_a_cost_are_counted_by_why() -> None:
    row = make_row("a", 1, [1.0, 1.0])
    cheap, strong = row.rungs
    unpriced = structs.replace(row, cost=None)
    failed = structs.replace(
        row, rungs=(cheap, structs.replace(strong, cost=None, error="503: overloaded"))
    )
    found = priced([row, unpriced, failed, failed])
    assert (len(found.costs), found.unpriced, found.failed) == (1, 1, 2)


def test_without_a_reference_cost_nothing_can_be_saved() -> None:
    assert known([0.0, 0.0], [0.0, 0.0]).saved is None
    for bound in (least_saved, most_saved):
        with pytest.raises(ValueError, match="expected a cost above 0"):
            bound(known([0.0], [0.0]), 0.95)


# ── Intervals ────────────────────────────────────────────────────────────────────────────────


def test_the_saving_is_between_its_bounds() -> None:
    found = known([0.1, 1.0] * 100, [1.0] * 200)
    assert least_saved(found, 0.95) < 0.45 < most_saved(found, 0.95)


def test_more_rows_and_less_confidence_narrow_it() -> None:
    few, many = known([0.1, 1.0] * 50, [1.0] * 100), known([0.1, 1.0] * 500, [1.0] * 1000)
    assert least_saved(few, 0.95) < least_saved(many, 0.95) < least_saved(many, 0.7)
    assert most_saved(few, 0.95) > most_saved(many, 0.95) > most_saved(many, 0.7)
    assert most_saved(many, 0.95) - least_saved(many, 0.95) < 0.1


def test_a_route_may_cost_more_than_the_last_rung() -> None:
    found = known([1.1, 1.2] * 500, [1.0] * 1000)
    assert -0.2 < least_saved(found, 0.95) < -0.15 < most_saved(found, 0.95) < -0.1


def test_one_row_says_next_to_nothing() -> None:
    found = known([0.1], [1.0])
    assert least_saved(found, 0.95) == 0.0
    assert most_saved(found, 0.95) == 1.0


@pytest.mark.parametrize(("down", "spread"), [(0.5, 0.5), (0.9, 1.0), (0.98, 0.5)])
def test_the_bounds_are_seldom_wrong(down: float, spread: float) -> None:
    """Log-normal reference costs; an interval by t is wrong here up to four times as often."""
    draw = np.random.default_rng(11)
    true = down * 0.9
    wrong = 0
    for _ in range(SETS):
        references = np.exp(draw.normal(0.0, spread, ROWS))
        costs = np.where(draw.random(ROWS) < down, 0.1, 1.0) * references
        wrong += least_saved(known(costs.tolist(), references.tolist()), 0.9) > true
    assert wrong / SETS <= 0.1


@pytest.mark.parametrize("after", [0.1, 0.5])
def test_the_difference_of_costs_is_seldom_outside(after: float) -> None:
    draw = np.random.default_rng(12)
    true = (after - 0.3) * np.exp(0.5**2 / 2)
    outside = 0
    for _ in range(SETS):
        sizes = np.exp(draw.normal(0.0, 0.5, ROWS))
        first = np.where(draw.random(ROWS) < 0.3, 1.0, 0.0) * sizes
        second = np.where(draw.random(ROWS) < after, 1.0, 0.0) * sizes
        low, high = mean_difference(first.tolist(), second.tolist(), 0.9)
        outside += not low <= true <= high
    assert outside / SETS <= 0.1


def test_where_nothing_costs_anything_nothing_differs() -> None:
    assert mean_difference([0.0] * 5, [0.0] * 5, 0.95) == (0.0, 0.0)
    assert mean_difference([], [], 0.95) == (0.0, 0.0)
