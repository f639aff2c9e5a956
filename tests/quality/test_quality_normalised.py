"""Equality of what is said, however it is written."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.quality.scorers.normalised import build
from stepdown.types import Choice
from support.scoring import built, problems_of, score, task


@pytest.mark.parametrize(
    ("answer", "expected", "right"),
    [
        ("**Paris.**", "paris", 1.0),
        ("New   York", "new york", 1.0),
        ("```\nParis\n```", "Paris", 1.0),
        ("The capital is Paris.", "Paris", 0.0),
        ("true", True, 1.0),
        ("True.", True, 1.0),
        ("18.0", 18, 1.0),
        ("-18", "18", 0.0),
        ('```json\n{"b": 2.0, "a": 1}\n```', {"a": 1, "b": 2}, 1.0),
        ("rome", ["Paris", "Rome"], 1.0),
        ("", "Paris", 0.0),
        ("Paris", "...", None),
        ("Paris", None, None),
    ],
)
def test_an_answer_says_what_is_expected(answer: str, expected: Any, right: float | None) -> None:
    assert score(built(build), answer, expected) == right


def test_a_text_without_a_word_is_nothing_to_compare_with() -> None:
    assert not built(build).applies(task("..."))
    assert score(built(build), "...", ["...", "Paris"]) == 0.0


@given(st.text(), st.text())
def test_it_is_symmetric(one: str, other: str) -> None:
    scorer = built(build)
    assert (score(scorer, one, other) == 1.0) == (score(scorer, other, one) == 1.0)


@given(st.text())
def test_the_expected_text_itself_is_right(text: str) -> None:
    scorer = built(build)
    assert score(scorer, text, text) == (1.0 if scorer.applies(task(text)) else None)


def test_a_refusal_is_wrong() -> None:
    assert built(build).score(Choice("Paris", refusal="No."), task("Paris")) == 0.0


def test_it_has_no_options() -> None:
    assert problems_of(build, {"case": True}) == ["at: expected no options, got {'case': True}"]
