"""Paths from all cheap to all strong: ties in expectation, places and values on them."""

import math
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.evals.ranking import Ends, complete, path_in_order, path_of, place_at, value_at
from stepdown.evals.rows import Row
from support.eval_rows import row, rows_of

MARGIN = 0.1


def test_only_rows_with_every_score_are_complete() -> None:
    rows = [row((1.0, None, 1.0)), row((0.0, 0.0, 0.0)), row((1.0, 1.0, None))]
    assert complete(rows) == [rows[1]]


def test_a_path_by_hand() -> None:
    ends = Ends.of([row((0.0, 1.0)), row((1.0, 1.0)), row((1.0, 0.0))], MARGIN)
    path = path_of(ends, [1.0, 2.0, 3.0])
    assert path.strong == pytest.approx([0.0, 1 / 3, 2 / 3, 1.0])
    assert path.quality == pytest.approx([2 / 3, 1.0, 1.0, 2 / 3])
    assert path.cost == pytest.approx([0.01, 0.04, 0.07, 0.1])
    assert path.regrets == pytest.approx([1 / 3, 0.0, 0.0, 0.0])
    assert path.recovered is None


def test_the_gap_recovered() -> None:
    ends = Ends.of([row((0.0, 1.0)), row((0.0, 1.0)), row((0.5, 0.5))], MARGIN)
    assert path_of(ends, [1.0, 2.0, 3.0]).recovered == pytest.approx([0.0, 0.5, 1.0, 1.0])


def test_a_cost_that_is_unknown_leaves_no_costs() -> None:
    ends = Ends.of([row((0.0, 1.0)), row((0.0, 1.0), costs=(None, "0.1"))], MARGIN)
    assert path_of(ends, [0.0, 1.0]).cost is None


@given(rows_of(most=5), st.data())
def test_ties_are_the_mean_over_every_order_of_them(rows: list[Row], data: st.DataObject) -> None:
    ranks = [float(data.draw(st.integers(0, 2))) for _ in rows]
    ends = Ends.of(rows, MARGIN)
    path = path_of(ends, ranks)
    places = range(len(rows))
    orders = [
        order
        for order in permutations(places)
        if sorted(order, key=lambda at: ranks[at]) == [*order]
    ]
    walks = [path_in_order(ends, order) for order in orders]
    for step in range(len(rows) + 1):
        place = place_at(path.strong, step / len(rows))
        for mean, each in (
            (value_at(path.quality, place), [walk.quality[step] for walk in walks]),
            (value_at(path.regrets, place), [walk.regrets[step] for walk in walks]),
        ):
            assert mean == pytest.approx(math.fsum(each) / len(walks), abs=1e-9)


@given(rows_of())
def test_a_path_goes_from_all_cheap_to_all_strong(rows: list[Row]) -> None:
    path = path_of(Ends.of(rows, MARGIN), [float(row.tokens) for row in rows])
    cheap = math.fsum(row.rungs[0].score or 0.0 for row in rows) / len(rows)
    strong = math.fsum(row.reference.score or 0.0 for row in rows) / len(rows)
    assert (path.strong[0], path.strong[-1]) == (0.0, 1.0)
    assert (path.quality[0], path.quality[-1]) == pytest.approx((cheap, strong), abs=1e-9)
    assert path.regrets[-1] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    ("values", "wanted", "place"),
    [
        ([0.0, 1.0], 0.25, 0.25),
        ([0.0, 0.4, 0.2, 0.4, 1.0], 0.3, 0.75),
        ([0.0, 0.0, 1.0], 0.0, 0.0),
        ([1.0, 0.0], 0.25, 0.75),
        ([1.0, 2.0], 0.5, 0.0),
        ([1.0, 2.0], 2.5, 1.0),
        ([2.0, 1.0], 0.5, 1.0),
    ],
)
def test_places(values: list[float], wanted: float, place: float) -> None:
    assert place_at(values, wanted) == pytest.approx(place)


@pytest.mark.parametrize(
    ("place", "value"), [(0.0, 1.0), (0.5, 2.0), (1.0, 3.0), (1.25, 4.0), (2.0, 7.0)]
)
def test_values(place: float, value: float) -> None:
    assert value_at([1.0, 3.0, 7.0], place) == value
