"""Texts that have to stand in the answer."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.quality.scorers.contains import build
from support.scoring import built, problems_of, score, task


@pytest.mark.parametrize(
    ("options", "answer", "expected", "right"),
    [
        (None, "It is Paris, of course.", "paris", 1.0),
        (None, "It is Rome.", "Paris", 0.0),
        (None, "It is Rome.", ["Paris", "Rome"], 1.0),
        ("all", "It is Rome.", ["Paris", "Rome"], 0.0),
        ("all", "From Paris to Rome.", ["rome", "paris"], 1.0),
        ({"case": True}, "It is paris.", "Paris", 0.0),
        ({"match": "any", "case": True}, "It is Paris.", "Paris", 1.0),
        (None, "New\n  York", "new york", 1.0),
        (None, "It costs 18 dollars.", 18, 1.0),
        (None, "Paris", None, None),
        (None, "Paris", " ", None),
    ],
)
def test_an_answer_contains(options: Any, answer: str, expected: Any, right: float | None) -> None:
    assert score(built(build, options), answer, expected) == right


def test_an_empty_text_says_nothing() -> None:
    assert score(built(build), "Paris", ["", "Rome"]) == 0.0
    assert not built(build).applies(task(""))


@given(st.text(), st.text(), st.text(min_size=1), st.sampled_from(["any", "all"]))
def test_what_stands_between_other_words_is_found(
    before: str, after: str, text: str, match: str
) -> None:
    scorer = built(build, match)
    if scorer.applies(task(text)):
        assert score(scorer, f"{before} {text} {after}", text) == 1.0


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ("some", "at.match: expected any or all, got 'some'."),
        ({"case": 1}, "at.case: expected true or false, got 1"),
        ({"mach": "all"}, "at.mach: no such option. Did you mean 'match'?"),
        (["all"], "at: expected a mapping of match, case, got ['all']"),
    ],
)
def test_wrong_options_are_told(options: Any, line: str) -> None:
    assert problems_of(build, options) == [line]
