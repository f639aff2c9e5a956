"""Numbers within bounds: how they may be written, and when they can no longer fit."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.cascade.validators.range import Range, build
from stepdown.routing.problems import Problems
from stepdown.types import Choice, Piece, ToolCall
from support.watching import ANY_REQUEST, cut, dropped_at, keeps_the_law


def built(options: object) -> Range:
    problems = Problems()
    validator = build(options, "at", problems)
    assert validator is not None, problems.lines
    return validator


PERCENT = {"min": 0, "max": 100}
STARS = {"min": 1, "max": 5, "integer": True}


@pytest.mark.parametrize(
    ("options", "text", "reason"),
    [
        (PERCENT, "42", None),
        (PERCENT, " 42.5\n", None),
        (PERCENT, "100", None),
        (PERCENT, "0.1e3", None),
        (PERCENT, "-0", None),
        (PERCENT, "100.01", "the number is more than 100"),
        (PERCENT, "−1", "the number is less than 0"),
        (PERCENT, "1e9999", "the number is more than 100"),
        (PERCENT, "42 %", "expected a number, got something else"),
        (PERCENT, "", "expected a number, got something else"),
        (PERCENT, "forty", "expected a number, got something else"),
        (PERCENT, "nan", "expected a number, got something else"),
        (PERCENT, "٤٢", "expected a number, got something else"),
        (PERCENT, "0" * 65, "expected a number, got something else"),
        ({"min": 1000}, "1,234.5", None),
        ({"min": 1000}, "1,23", "expected a number, got something else"),
        (None, "-.5", None),
        (STARS, "5", None),
        (STARS, "+5", None),
        (STARS, "5.0", "expected an integer, got something else"),
        (STARS, "6", "the number is more than 5"),
    ],
)
def test_an_answer_is_a_number_within_the_bounds(
    options: object, text: str, reason: str | None
) -> None:
    assert built(options).check(Choice(text), ANY_REQUEST) == reason


@pytest.mark.parametrize(
    ("value", "passes"),
    [(3, True), (3.0, False), (7, False), ("3", False), (True, False), (None, False)],
)
def test_a_field_of_json_may_hold_the_number(value: object, passes: bool) -> None:
    stars = built({**STARS, "field": "stars"})
    said = stars.check(Choice(json.dumps({"stars": value})), ANY_REQUEST)
    assert (said is None) is passes


def test_tool_calls_without_a_text_pass() -> None:
    assert built(STARS).check(Choice(tool_calls=(ToolCall("f", "{}"),)), ANY_REQUEST) is None


@pytest.mark.parametrize(
    ("options", "text", "index"),
    [
        (PERCENT, "I think", 0),
        (PERCENT, "42 of", 3),
        (PERCENT, "42%", 2),
        (PERCENT, "500e-1", None),
        (PERCENT, "500 ", 3),
        (STARS, "3.5", 1),
        (STARS, "55", 1),
        (STARS, "-", 0),
        ({"min": 1}, "-", 0),
        ({"max": -1}, "-5", None),
        ({"max": -1}, "5", 0),
        ({"min": 1000, "integer": True}, "9", None),
        ({"min": -50, "integer": True}, "-500", 3),
        (PERCENT, "0" * 70, 64),
    ],
)
def test_what_can_no_longer_fit_is_dropped(options: object, text: str, index: int | None) -> None:
    assert dropped_at(built(options), cut(text, 1)) == index


def test_space_without_an_end_is_not_kept() -> None:
    watch = built(PERCENT).watch(ANY_REQUEST)
    assert watch is not None
    assert watch.feed(Piece("4")) is None
    assert all(watch.feed(Piece(" " * 500)) is None for _ in range(100))


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (5, "at: expected a mapping of min, max, integer, field, got 5"),
        ({"min": "1"}, "at.min: expected a number, got '1'"),
        ({"min": 2, "max": 1}, "at: min (2) is above max (1)"),
        ({"integer": "yes"}, "at.integer: expected true or false, got 'yes'"),
        ({"maximum": 2}, "at.maximum: no such option. Did you mean 'max'?"),
    ],
)
def test_wrong_options_are_told(options: object, line: str) -> None:
    problems = Problems()
    assert build(options, "at", problems) is None
    assert line in problems.lines


OPTIONS = st.sampled_from(
    [
        *(PERCENT, STARS, {"min": 1}, {"max": -1}, {"min": -50, "max": -5, "integer": True}, None),
        *({"min": 1000, "integer": True}, {"max": 0}, {"min": 0, "integer": True}),
    ]
)
NUMBERS = st.one_of(
    st.integers(-2000, 2000).map(str),
    st.integers(-(10**7), 10**7).map("{:,}".format),
    st.floats(-200, 200).map(str),
    st.text(st.sampled_from("0123456789+-−.,eE \nx"), max_size=8),
)


@given(OPTIONS, NUMBERS, st.integers(0, 20), st.integers(1, 4))
def test_a_watch_never_drops_what_passes(options: object, text: str, size: int, every: int) -> None:
    keeps_the_law(built(options), cut(text[:size], every), Choice(text))
