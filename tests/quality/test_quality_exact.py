"""Equality letter by letter."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.quality.scorers.exact import build
from support.scoring import built, problems_of, score


@pytest.mark.parametrize(
    ("answer", "expected", "right"),
    [
        ("Paris", "Paris", 1.0),
        (" Paris\n", "Paris", 1.0),
        ("Paris", " Paris ", 1.0),
        ("paris", "Paris", 0.0),
        ("Paris.", "Paris", 0.0),
        ("Rome", ["Paris", "Rome"], 1.0),
        ("Bonn", ["Paris", "Rome"], 0.0),
        ("18", 18, 1.0),
        ("true", True, 1.0),
        ('{"a":1}', {"a": 1}, 1.0),
        ("", "", 1.0),
        ("Paris", None, None),
    ],
)
def test_an_answer_is_an_expected_text(answer: str, expected: Any, right: float | None) -> None:
    assert score(built(build), answer, expected) == right


def test_without_strip_space_counts() -> None:
    strict = built(build, {"strip": False})
    assert score(strict, "Paris\n", "Paris") == 0.0
    assert score(strict, "Paris\n", "Paris\n") == 1.0


@given(st.text(), st.booleans())
def test_the_expected_text_itself_is_right(text: str, strip: bool) -> None:
    assert score(built(build, {"strip": strip}), text, text) == 1.0


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"strip": "no"}, "at.strip: expected true or false, got 'no'"),
        ({"stripp": True}, "at.stripp: no such option. Did you mean 'strip'?"),
        (3, "at: expected a mapping of strip, got 3"),
    ],
)
def test_wrong_options_are_told(options: Any, line: str) -> None:
    assert problems_of(build, options) == [line]
