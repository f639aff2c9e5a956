"""What scores an answer where nobody says how."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.quality.defaults import default_scorers
from stepdown.quality.settle import NO_SCORER, settle
from stepdown.types import Choice, Scores
from support.scoring import task

CALLS = {"tool_calls": [{"name": "time", "arguments": {}}]}


@pytest.mark.parametrize(
    ("expected", "labels", "name"),
    [
        ({"a": 1}, (), "json"),
        ([1, 2], (), "json"),
        ([], (), "json"),
        (["a", 1], (), "json"),
        ({"a": 1}, ("x", "y"), "json"),
        (CALLS, (), "tool_calls"),
        ({"tool_calls": "none"}, (), "json"),
        (18, (), "numeric"),
        (0.5, (), "numeric"),
        ("$1,000", (), "numeric"),
        (["18", "18.0"], (), "numeric"),
        (True, (), "normalised"),
        ("Paris", (), "normalised"),
        (["Paris", "18"], (), "normalised"),
        ("billing", ("billing", "technical"), "label"),
        (["billing"], ("billing", "technical"), "label"),
        (2, ("1", "2"), "label"),
        (True, ("true", "false"), "label"),
        ("one two three four five six seven eight", (), "normalised"),
    ],
)
def test_the_first_that_applies(expected: Any, labels: tuple[str, ...], name: str) -> None:
    given = task(expected, labels)
    [scorer] = default_scorers(given)
    assert scorer.name == name
    assert scorer.applies(given)


@pytest.mark.parametrize(
    ("expected", "labels"),
    [
        (None, ()),
        (None, ("billing",)),
        ("", ()),
        ("one two three four five six seven eight nine", ()),
        ("x" * 61, ()),
        (["Paris", "The capital of France is Paris, as everybody knows."], ()),
    ],
)
def test_no_score_is_made_up(expected: Any, labels: tuple[str, ...]) -> None:
    assert default_scorers(task(expected, labels)) == ()


@pytest.mark.parametrize(
    ("expected", "labels", "answer"),
    [
        ({"a": 1}, (), '{"a": 1.0}'),
        (18, (), "So it is 18."),
        (False, (), "False"),
        ("Paris", (), "paris."),
        ("billing", ("billing", "technical"), "It is billing."),
    ],
)
def test_they_settle(expected: Any, labels: tuple[str, ...], answer: str) -> None:
    given = task(expected, labels)
    assert _settled([answer, "none of it"], given).values == (1.0, 0.0)


def test_without_one_nothing_is_settled() -> None:
    assert _settled(["a", "b"], task("word " * 20)) == Scores((None, None), why=NO_SCORER)


def _settled(answers: list[str], given: Any) -> Scores:
    with pytest.raises(StopIteration) as end:
        next(settle(default_scorers(given), [Choice(answer) for answer in answers], given))
    scores = end.value.value
    assert isinstance(scores, Scores)
    return scores


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(JSON, st.lists(st.text(min_size=1), max_size=3).map(tuple), st.text())
def test_whatever_is_expected_a_score_is_within_bounds(
    expected: Any, labels: tuple[str, ...], answer: str
) -> None:
    for value in _settled([answer], task(expected, labels)).values:
        assert value is None or 0 <= value <= 1
