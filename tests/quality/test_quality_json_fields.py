"""The share of a JSON value's fields that an answer has right."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from stepdown.quality.scorers.json_fields import build
from support.scoring import built, problems_of, score

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.text(max_size=3), VALUES, max_size=4)


@pytest.mark.parametrize(
    ("options", "answer", "expected", "f1"),
    [
        (None, '{"a": 1, "b": 2}', {"a": 1, "b": 2}, 1.0),
        (None, '{"a": 1, "b": 3}', {"a": 1, "b": 2}, 0.5),
        (None, '{"a": 1}', {"a": 1, "b": 2, "c": 3}, 0.5),
        (None, '{"a": 1, "b": 2, "c": 3}', {"a": 1}, 0.5),
        (None, '{"a": {"b": 1, "c": 2}}', {"a": {"b": 1, "c": 0}}, 0.5),
        (None, '{"a": [1, 2]}', {"a": [1, 3]}, 0.5),
        (None, '{"a": 2}', {"a": 1}, 0.0),
        (None, '{"a": true}', {"a": 1}, 0.0),
        (None, "{}", {}, 1.0),
        (None, "{}", {"a": 1}, 0.0),
        (None, "Paris", {"a": 1}, 0.0),
        (None, '{"a": 1, "b"', {"a": 1}, 0.0),
        (None, '{"a": 1, "b": 2}', ['{"a": 1}', '{"a": 1, "b": 2}'], 1.0),
        ({"tolerance": 0.5}, '{"a": 1.4, "b": 3}', {"a": 1, "b": 2}, 0.5),
        (None, "Paris", "Paris", None),
        (None, "{}", None, None),
    ],
)
def test_the_f1_measure_over_fields(
    options: Any, answer: str, expected: Any, f1: float | None
) -> None:
    assert score(built(build, options), answer, expected) == f1


@given(OBJECTS, OBJECTS)
def test_it_is_symmetric_within_bounds_and_1_for_the_value_itself(one: Any, other: Any) -> None:
    scorer = built(build)
    there = score(scorer, json.encode(one).decode(), other)
    back = score(scorer, json.encode(other).decode(), one)
    assert there == back
    assert there is not None
    assert 0 <= there <= 1
    assert score(scorer, json.encode(one).decode(), one) == 1.0


def test_wrong_options_are_told() -> None:
    said = problems_of(build, {"tolerance": "a"})
    assert said == ["at.tolerance: expected a number of at least 0, got 'a'"]
