"""Patterns of the options, or of the rows."""

from typing import Any

import pytest

from stepdown.quality.scorers.regex import build
from stepdown.types import Choice
from support.scoring import built, problems_of, score, task


@pytest.mark.parametrize(
    ("options", "answer", "expected", "right"),
    [
        (r"INV-\d+", " INV-12\n", None, 1.0),
        (r"INV-\d+", "It is INV-12", None, 0.0),
        ({"pattern": r"\d+", "search": True}, "It is INV-12", None, 1.0),
        (None, "INV-12", r"INV-\d+", 1.0),
        (None, "It is INV-12", r"INV-\d+", 0.0),
        ({"search": True}, "It is INV-12", r"INV-\d+", 1.0),
        (None, "b", ["a", "b"], 1.0),
        ("a", "a", "b", 1.0),
        ("(?i)yes|no", "YES", None, 1.0),
        ("a|b", "ab", None, 0.0),
        ("(a+)+b", "a" * 50_000, None, 0.0),
        (None, "a", None, None),
        (None, "a", "", None),
    ],
)
def test_an_answer_matches(options: Any, answer: str, expected: Any, right: float | None) -> None:
    assert score(built(build, options), answer, expected) == right


def test_with_a_pattern_it_applies_to_every_task() -> None:
    assert built(build, "a").applies(task())
    assert not built(build).applies(task())
    assert built(build, "a").score(Choice("a", refusal="No."), task()) == 0.0


def test_a_row_whose_text_is_no_pattern_says_so() -> None:
    with pytest.raises(ValueError, match=r"expected an RE2 regular expression, got '\(': missing"):
        score(built(build), "a", "(")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ("(", "at: expected an RE2 regular expression, got '(': missing ): ("),
        ({"pattern": "("}, "at.pattern: expected an RE2 regular expression, got '(': missing ): ("),
        ({"pattern": 3}, "at.pattern: expected a text, got 3"),
        ({"search": 1}, "at.search: expected true or false, got 1"),
        (3, "at: expected a mapping of pattern, search, got 3"),
    ],
)
def test_wrong_options_are_told(options: Any, line: str) -> None:
    assert problems_of(build, options) == [line]
