"""Scores on any scale, costs and tokens, however a file writes them."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.evals.data.faults import BadField
from stepdown.evals.data.figures import Scale, answer, dollars, is_score, scale_of, tokens

TEN = Scale(1.0, 10.0)


@pytest.mark.parametrize(
    ("value", "scale", "score"),
    [
        (None, Scale(), None),
        ("", Scale(), None),
        (True, Scale(), 1.0),
        (False, TEN, 0.0),
        ("True", TEN, 1.0),
        ("false ", Scale(), 0.0),
        (0, Scale(), 0.0),
        ("0.25", Scale(), 0.25),
        (1, TEN, 0.0),
        ("10", TEN, 1.0),
        (5.5, TEN, 0.5),
        (0, Scale(-1.0, 1.0), 0.5),
    ],
)
def test_scores(value: Any, scale: Scale, score: float | None) -> None:
    assert scale.score(value, "s") == score


@pytest.mark.parametrize(
    ("value", "scale", "problem"),
    [
        (8.5, Scale(), "s: expected a score in 0..1 (score_range gives another range), got 8.5"),
        (0, TEN, "s: expected a score in 1..10, got 0"),
        ("-1", Scale(), "s: expected a score in 0..1 (score_range gives another range), got '-1'"),
        (float("nan"), Scale(), "s: expected a number, true or false, got nan"),
        ("inf", Scale(), "s: expected a number, true or false, got 'inf'"),
        ("good", Scale(), "s: expected a number, true or false, got 'good'"),
        (10**400, Scale(), "s: expected a number, true or false, got 1000"),
        ([1], Scale(), "s: expected a number, true or false, got a list"),
    ],
)
def test_no_scores(value: Any, scale: Scale, problem: str) -> None:
    with pytest.raises(BadField) as told:
        scale.score(value, "s")
    assert str(told.value).startswith(problem)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.floats(0, 1))
def test_a_scale_maps_onto_0_to_1(low: float, width: float, share: float) -> None:
    scale = scale_of((low, low + width))
    score = scale.score(min(low + share * width, low + width), "s")
    assert score is not None
    assert 0.0 <= score <= 1.0
    assert scale.score(low, "s") == 0.0
    assert scale.score(low + width, "s") == 1.0


def test_what_looks_like_a_score() -> None:
    assert all(map(is_score, (True, 0, 0.5, "1", "TRUE", 7)))
    assert not any(map(is_score, (None, "", "yes", [1], float("nan"))))


def test_costs_are_exact() -> None:
    assert dollars(0.000024, "c") == Decimal("0.000024")
    assert dollars("7.5e-05", "c") == Decimal("0.000075")
    assert dollars(0, "c") == 0
    assert (dollars(None, "c"), dollars("", "c")) == (None, None)
    for wrong in (-1, "free", True, [1], float("inf")):
        with pytest.raises(BadField, match="c: expected US dollars, 0 or more"):
            dollars(wrong, "c")


def test_tokens() -> None:
    assert (tokens(7, "t"), tokens("7", "t"), tokens(7.0, "t"), tokens(None, "t")) == (
        7,
        7,
        7,
        None,
    )
    for wrong in (-1, 1.5, "many", True):
        with pytest.raises(BadField, match="t: expected a whole number of tokens"):
            tokens(wrong, "t")


def test_answers() -> None:
    assert (answer("a", "a"), answer("", "a"), answer(None, "a")) == ("a", "", None)
    with pytest.raises(BadField):
        answer(5, "a")
