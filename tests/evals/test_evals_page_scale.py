"""Axes: every value on them, and round marks."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.evals.page.scale import TICKS, Scale, round_up


def test_marks_are_round() -> None:
    marks = Scale(0.52, 0.63).ticks()
    assert [text for _, text in marks] == ["0.52", "0.54", "0.56", "0.58", "0.60", "0.62"]
    assert [value for value, _ in marks] == pytest.approx([0.52, 0.54, 0.56, 0.58, 0.6, 0.62])
    assert [text for _, text in Scale(-3.0, 104.0).ticks()] == ["0", "20", "40", "60", "80", "100"]


@given(st.lists(st.floats(-1e6, 1e6).map(lambda value: round(value, 4)), min_size=1))
def test_every_value_is_on_the_axis(values: list[float]) -> None:
    scale = Scale.around(values)
    assert scale.low < scale.high
    assert all(0.0 <= scale.percent(value) <= 100.0 for value in values)
    marks = [value for value, _ in scale.ticks()]
    assert 1 <= len(marks) <= TICKS + 1
    assert all(scale.low - 1e-9 <= mark <= scale.high * (1 + 1e-9) + 1e-9 for mark in marks)
    assert len({text for _, text in scale.ticks()}) == len(marks)


@given(st.floats(1e-9, 1e9))
def test_rounding_up(value: float) -> None:
    rounded = round_up(value)
    assert value * (1 - 1e-9) <= rounded <= 2.5 * value * (1 + 1e-9)
    first = rounded / 10.0 ** math.floor(math.log10(rounded) + 1e-9)
    assert first == pytest.approx(min((1.0, 2.0, 5.0), key=lambda each: abs(each - first)))
