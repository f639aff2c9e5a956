"""Kappa against values worked out by hand, its error by another way, its interval by simulation."""

import math
import random
from collections.abc import Sequence
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.quality.intervals import exact_interval
from stepdown.quality.kappa import Kappa, kappa

Table = Sequence[Sequence[float]]


def by_definition(table: Table) -> float:
    """(agreement - chance) / (1 - chance)."""
    total = sum(map(sum, table))
    agreement = sum(table[i][i] for i in range(len(table))) / total
    chance = sum(sum(table[i]) * sum(row[i] for row in table) / total**2 for i in range(len(table)))
    return (agreement - chance) / (1 - chance)


@pytest.mark.parametrize(
    ("table", "value"),
    [
        # Agreement 35/50; chance (25 x 30 + 25 x 20) / 2500 = 1/2.
        ([[20, 5], [10, 15]], Fraction(2, 5)),
        # Agreement 60/100 in both; chance 54/100 and 46/100: 6/46 and 14/54.
        ([[45, 15], [25, 15]], Fraction(6, 46)),
        ([[25, 35], [5, 35]], Fraction(14, 54)),
        # Agreement 24/30; chance (12 x 12 + 10 x 10 + 8 x 8) / 900 = 308/900.
        ([[10, 1, 1], [1, 8, 1], [1, 1, 6]], Fraction(720 - 308, 900 - 308)),
        # Never the same: agreement 0; chance 1/2.
        ([[0, 5], [5, 0]], Fraction(-1)),
        # The columns have the same shares in each row.
        ([[2, 4, 6], [1, 2, 3], [3, 6, 9]], Fraction(0)),
        ([[7, 0, 0], [0, 3, 0], [0, 0, 2]], Fraction(1)),
    ],
)
def test_by_hand(table: list[list[int]], value: Fraction) -> None:
    assert kappa(table, 0.95).value == pytest.approx(float(value), abs=1e-12)


@pytest.mark.parametrize("table", [[[0, 0], [0, 0]], [[9, 0], [0, 0]], [[0, 0, 0], [0, 0, 0]]])
def test_not_defined(table: list[list[int]]) -> None:
    assert kappa(table, 0.95) == Kappa(None, -1.0, 1.0)


def numerical_error(table: list[list[int]]) -> float:
    """The delta method with slopes by differences of the definition, not by its derivative."""
    total = sum(map(sum, table))
    shares = [[count / total for count in row] for row in table]
    step = 1e-6
    slopes: list[tuple[float, float]] = []
    for i, row in enumerate(shares):
        for j, share in enumerate(row):
            ends: list[float] = []
            for sign in (1, -1):
                moved = [list(each) for each in shares]
                moved[i][j] += sign * step
                ends.append(_unnormalised(moved))
            slopes.append((share, (ends[0] - ends[1]) / (2 * step)))
    mean = sum(share * slope for share, slope in slopes)
    return math.sqrt(sum(share * (slope - mean) ** 2 for share, slope in slopes) / total)


def _unnormalised(shares: list[list[float]]) -> float:
    agreement = sum(shares[i][i] for i in range(len(shares)))
    chance = sum(sum(shares[i]) * sum(row[i] for row in shares) for i in range(len(shares)))
    return (agreement - chance) / (1 - chance)


@pytest.mark.parametrize(
    "table", [[[20, 5], [10, 15]], [[45, 15], [25, 15]], [[80, 10, 2], [20, 60, 9], [1, 30, 88]]]
)
def test_the_interval_is_the_hull_of_two(table: list[list[int]]) -> None:
    total, agreed = sum(map(sum, table)), sum(table[i][i] for i in range(len(table)))
    value = by_definition(table)
    reach = 1.959964 * numerical_error(table)
    chance = (agreed / total - value) / (1 - value)
    ends = [(end - chance) / (1 - chance) for end in exact_interval(agreed, total, 0.95)]
    found = kappa(table, 0.95)
    assert found.low == pytest.approx(min(value - reach, ends[0]), abs=1e-6)
    assert found.high == pytest.approx(max(value + reach, ends[1]), abs=1e-6)


def test_large_sample_error_by_hand() -> None:
    # Of [[20, 5], [10, 15]]: the slopes are 2 - 1.2 x (column + row) on the diagonal and
    # -1.2 x (column + row) off it: 0.68, -1.32 (of 5), -1.08 (of 10), 0.92.
    mean = 0.4 * 0.68 - 0.1 * 1.32 - 0.2 * 1.08 + 0.3 * 0.92
    square = 0.4 * 0.68**2 + 0.1 * 1.32**2 + 0.2 * 1.08**2 + 0.3 * 0.92**2
    assert numerical_error([[20, 5], [10, 15]]) == pytest.approx(
        math.sqrt((square - mean**2) / 50), abs=1e-6
    )


def test_perfect_agreement_is_not_certainty() -> None:
    found = kappa([[10, 0, 0], [0, 10, 0], [0, 0, 10]], 0.95)
    low = 0.025 ** (1 / 30)
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx((low - 1 / 3) / (1 - 1 / 3))


tables = st.lists(st.lists(st.integers(0, 40), min_size=3, max_size=3), min_size=3, max_size=3)


@given(tables)
def test_it_lies_in_its_interval_and_raters_can_change_places(table: list[list[int]]) -> None:
    found = kappa(table, 0.9)
    if found.value is not None:
        assert -1.0 <= found.low <= found.value + 1e-12
        assert found.value - 1e-12 <= found.high <= 1.0
        wider = kappa(table, 0.99)
        assert wider.low <= found.low + 1e-12
        assert found.high <= wider.high + 1e-12
    turned = kappa([list(column) for column in zip(*table, strict=True)], 0.9)
    assert (turned.value is None) is (found.value is None)
    both = zip(msgspec.structs.astuple(turned), msgspec.structs.astuple(found), strict=True)
    assert all(one == pytest.approx(other, abs=1e-12) for one, other in both)


ERRORS = {
    "good": [[0.9, 0.08, 0.02], [0.1, 0.8, 0.1], [0.02, 0.08, 0.9]],
    "poor": [[0.6, 0.3, 0.1], [0.3, 0.4, 0.3], [0.1, 0.3, 0.6]],
    "nearly perfect": [[0.99, 0.01, 0.0], [0.005, 0.99, 0.005], [0.0, 0.01, 0.99]],
    "chance": [[1 / 3, 1 / 3, 1 / 3]] * 3,
}


@pytest.mark.parametrize("judge", ERRORS)
@pytest.mark.parametrize("shares", [(1 / 3, 1 / 3, 1 / 3), (0.05, 0.9, 0.05), (0.3, 0.4, 0.3)])
@pytest.mark.parametrize("size", [20, 60, 200])
def test_coverage(judge: str, shares: tuple[float, ...], size: int) -> None:
    cells = [
        (i, j, share * error)
        for i, share in enumerate(shares)
        for j, error in enumerate(ERRORS[judge][i])
    ]
    true = by_definition(
        [[share * error for error in row] for share, row in zip(shares, ERRORS[judge], strict=True)]
    )
    drawing = random.Random(20)
    sets, missed = 2_000, 0
    for _ in range(sets):
        table = [[0] * 3 for _ in range(3)]
        for i, j, _share in drawing.choices(cells, [cell[2] for cell in cells], k=size):
            table[i][j] += 1
        found = kappa(table, 0.95)
        missed += not found.low <= true <= found.high
    # The stated 5 %, and three standard errors of the simulation.
    assert missed / sets <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / sets)
