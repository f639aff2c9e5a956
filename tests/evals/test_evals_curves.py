"""Curves by hand, chance at a half, and what holds for any rows."""

import math
import random

import pytest
from hypothesis import given

from stepdown.evals.curves import MOST_POINTS, curve, curves_of, random_curve, willingness
from stepdown.evals.ranking import Ends
from stepdown.evals.report import Curve
from stepdown.evals.rows import Row
from support.eval_rows import numbered, row, rows_of

MARGIN = 0.1
UP, SAME, DOWN = (0.0, 1.0), (1.0, 1.0), (1.0, 0.0)
"""Scores by what going to the last rung does to them."""


def named(rows: list[Row]) -> dict[str, Curve]:
    return {each.name: each for each in curves_of(rows, MARGIN)}


def test_a_curve_by_hand() -> None:
    """The gap is 1/2, recovered by the first two of four rows, at a quarter each."""
    ends = Ends.of([row(UP), row(UP), row(SAME), row(SAME)], MARGIN)
    found = curve("c", ends, [1.0, 2.0, 3.0, 4.0])
    assert [(point.strong, point.quality) for point in found.points] == [
        (0.0, 0.5),
        (0.25, 0.75),
        (0.5, 1.0),
        (0.75, 1.0),
        (1.0, 1.0),
    ]
    assert found.apgr == pytest.approx(0.25 * (0.25 + 0.75 + 1.0 + 1.0))
    assert (found.cpt50, found.cpt80) == pytest.approx((25.0, 40.0))
    assert found.at == pytest.approx({"0.2": 0.7, "0.5": 1.0, "0.8": 1.0})


def test_the_first_time_that_the_gap_is_recovered_counts() -> None:
    ends = Ends.of([row(UP), row(DOWN), row(UP)], MARGIN)
    found = curve("c", ends, [1.0, 2.0, 3.0])
    assert found.cpt50 == pytest.approx(100 / 6)


def test_equal_preferences_make_a_straight_line() -> None:
    ends = Ends.of([row(UP), row(SAME), row(UP), row(SAME)], MARGIN)
    found = curve("c", ends, [0.0] * 4)
    assert (found.apgr, found.cpt50, found.cpt80) == pytest.approx((0.5, 50.0, 80.0))
    assert len(found.points) == 2


@pytest.mark.parametrize("scores", [SAME, DOWN])
def test_without_a_gap_nothing_is_recovered(scores: tuple[float, float]) -> None:
    for found in curves_of(numbered([row(scores)] * 5), MARGIN):
        assert (found.apgr, found.cpt50, found.cpt80) == (None, None, None)
        assert set(found.at) == {"0.2", "0.5", "0.8"}


def test_the_curves_and_their_rankings() -> None:
    rows = numbered(
        [
            row(SAME, 0, tokens=9),  # sent down, and rightly so: ranked last to go up
            row(UP, 1, tokens=5, decision="default"),
            row(UP, 1, tokens=1, decision="hard"),
            row(SAME, 0, tokens=7),
        ]
    )
    found = named(rows)
    assert list(found) == ["route", "prompt length", "random", "oracle"]
    assert found["route"].apgr == found["oracle"].apgr == pytest.approx(0.75)
    assert found["route"].at["0.5"] == 1.0
    assert found["prompt length"].apgr == pytest.approx(0.25)
    assert found["prompt length"].at["0.5"] == 0.5


def test_no_rows_no_curves() -> None:
    assert curves_of([], MARGIN) == ()


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        (row((1.0, 1.0, 1.0), 0), 3.0),
        (row((1.0, 1.0, 1.0), 1), 2.0),
        (row((1.0, 1.0), 1, decision="default"), 0.5),
        (row((1.0, 1.0), 1, decision="code", ambiguous=True), 0.5),
        (row((1.0, 1.0), 1, decision="code"), 0.0),
        (row((1.0, 1.0), 1, decision="default", decided=0), 0.0),
    ],
    ids=["first", "middle", "default", "ambiguous", "held", "climbed"],
)
def test_how_gladly_the_route_sends_a_row_down(made: Row, wanted: float) -> None:
    assert willingness(made) == wanted


def test_chance_recovers_a_half() -> None:
    rng = random.Random(7)
    rows = [row((float(rng.random() < 0.6), float(rng.random() < 0.85))) for _ in range(2000)]
    found = random_curve(Ends.of(rows, MARGIN))
    assert found.apgr == pytest.approx(0.5, abs=0.01)
    assert found.cpt50 == pytest.approx(50, abs=1.5)
    assert found.cpt80 == pytest.approx(80, abs=1.5)
    assert len(found.points) == MOST_POINTS
    cheap, strong = found.points[0].quality, found.points[-1].quality
    middle = found.points[MOST_POINTS // 2]
    assert middle.strong == 0.5
    assert middle.quality == pytest.approx((cheap + strong) / 2, abs=0.005)
    assert middle.cost == pytest.approx(0.055)


def test_chance_is_the_same_each_time_and_over_so_many_shuffles() -> None:
    ends = Ends.of([row(UP), row(SAME), row(DOWN), row(UP)], MARGIN)
    assert random_curve(ends) == random_curve(ends)
    assert random_curve(ends, shuffles=1, seed=1) != random_curve(ends, shuffles=1, seed=2)


@given(rows_of(most=12))
def test_curves_go_from_all_cheap_to_all_strong_below_the_oracle(rows: list[Row]) -> None:
    cheap = math.fsum(row.rungs[0].score or 0.0 for row in rows) / len(rows)
    strong = math.fsum(row.reference.score or 0.0 for row in rows) / len(rows)
    found = named(rows)
    for each in found.values():
        ends = (each.points[0], each.points[-1])
        assert [point.strong for point in ends] == [0.0, 1.0]
        assert [point.quality for point in ends] == pytest.approx([cheap, strong], abs=1e-9)
        for share, quality in each.at.items():
            assert quality <= found["oracle"].at[share] + 1e-9
        if each.apgr is not None:
            assert each.cpt50 is not None
            assert each.cpt80 is not None
            assert 0.0 <= each.cpt50 <= each.cpt80 <= 100.0


def test_many_points_are_thinned_with_both_ends_kept() -> None:
    ends = Ends.of([row(UP)] * 1000, MARGIN)
    points = curve("c", ends, [float(place) for place in range(1000)]).points
    assert len(points) == MOST_POINTS
    assert (points[0].strong, points[100].strong, points[-1].strong) == (0.0, 0.5, 1.0)
