"""Equality of numbers, in whatever text they stand."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.quality.scorers.numeric import build
from stepdown.types import Choice
from support.scoring import built, problems_of, score, task


@pytest.mark.parametrize(
    ("answer", "expected", "right"),
    [
        ("She makes $18 per day.", 18, 1.0),
        ("#### 18", "9 * 2 = 18\n#### 18", 1.0),
        ("18.0", 18, 1.0),
        ("1,000", "1000", 1.0),
        ("0.75", "3/4", 1.0),
        ("17", 18, 0.0),
        ("No idea.", 18, 0.0),
        ("", 18, 0.0),
        ("18", ["17", "18"], 1.0),
        ("18", ["17", "eighteen"], 0.0),
        ("0.3", 0.1 + 0.2, 1.0),
        ("0.30001", 0.3, 0.0),
        ("12345678901234567", 12345678901234568, 0.0),
        ("18%", 18, 1.0),
        ("18%", 0.18, 1.0),
        ("0.18", "18%", 1.0),
        ("18", "18%", 1.0),
        ("0.18%", "18%", 0.0),
        ("18", "eighteen", None),
        ("18", True, None),
        ("18", float("nan"), None),
        ("18", {"total": 18}, None),
        ("18", [17, 18], None),
        ("18", None, None),
    ],
)
def test_an_answer_comes_down_to_the_number(
    answer: str, expected: Any, right: float | None
) -> None:
    assert score(built(build), answer, expected) == right


@pytest.mark.parametrize(
    ("options", "answer", "right"),
    [
        ({"tolerance": 0.3}, "10.3", 1.0),
        ({"tolerance": 0.3}, "10.31", 0.0),
        ({"relative": 0.01}, "9.9", 1.0),
        ({"relative": 0.01}, "9.89", 0.0),
        ({"relative": 0.01, "tolerance": 0.5}, "10.5", 1.0),
        ({"decimal": "comma"}, "10,00 €", 1.0),
        ({"decimal": "comma"}, "10.000 €", 0.0),
    ],
)
def test_options(options: Any, answer: str, right: float) -> None:
    assert score(built(build, options), answer, 10) == right


NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)


@given(NUMBERS)
def test_the_expected_number_itself_is_right(number: float) -> None:
    assert score(built(build), f"It is {number}.", number) == 1.0


@given(NUMBERS, NUMBERS)
def test_numbers_that_differ_are_wrong(one: float, other: float) -> None:
    near = one == other or abs(one - other) <= 1e-12 * abs(other)
    assert score(built(build), str(one), other) == float(near)


def test_a_refusal_is_wrong() -> None:
    assert built(build).score(Choice("18", refusal="No."), task(18)) == 0.0


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"tolerance": -1}, "at.tolerance: expected a number of at least 0, got -1"),
        ({"relative": "1%"}, "at.relative: expected a number of at least 0, got '1%'"),
        ({"decimal": ","}, "at.decimal: expected point or comma, got ','."),
        ({"tolerence": 1}, "at.tolerence: no such option. Did you mean 'tolerance'?"),
    ],
)
def test_wrong_options_are_told(options: Any, line: str) -> None:
    assert problems_of(build, options) == [line]
