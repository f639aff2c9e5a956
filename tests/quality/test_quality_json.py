"""Equality of JSON values."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from stepdown.quality.scorers.json import build
from stepdown.types import Choice
from support.scoring import built, problems_of, score, task

OBJECTS = st.dictionaries(
    st.text(max_size=5), st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5)
)


@pytest.mark.parametrize(
    ("options", "answer", "expected", "right"),
    [
        (None, '{"b": 2.0, "a": "x"}', {"a": "x", "b": 2}, 1.0),
        (None, '```json\n{"a": 1}\n```', {"a": 1}, 1.0),
        (None, '{"a": 1}', '{"a": 1.0}', 1.0),
        (None, '{"a": true}', {"a": 1}, 0.0),
        (None, '{"a": 1, "b": 2}', {"a": 1}, 0.0),
        (None, "[2, 1]", [1, 2], 0.0),
        (None, '["x", "y"]', ["x", "y"], 1.0),
        (None, "[2]", ['{"a": 1}', "[2]"], 1.0),
        (None, 'Here it is: {"a": 1}', {"a": 1}, 0.0),
        (None, '{"a": 1', {"a": 1}, 0.0),
        (None, "", {"a": 1}, 0.0),
        (None, "18", 18, 1.0),
        (None, "[" * 100_000, {"a": 1}, 0.0),
        ({"tolerance": 0.01}, '{"a": 1.009}', {"a": 1}, 1.0),
        ({"tolerance": 0.01}, '{"a": 1.02}', {"a": 1}, 0.0),
        (None, '"Paris"', "Paris", None),
        (None, "{}", None, None),
    ],
)
def test_an_answer_is_the_value(
    options: Any, answer: str, expected: Any, right: float | None
) -> None:
    assert score(built(build, options), answer, expected) == right


@given(OBJECTS, st.randoms(use_true_random=False), st.sampled_from(["{}", "```json\n{}\n```"]))
def test_the_order_of_keys_and_a_fence_do_not_count(value: Any, random: Any, frame: str) -> None:
    keys = list(value)
    random.shuffle(keys)
    answer = frame.replace("{}", json.encode({key: value[key] for key in keys}).decode())
    assert score(built(build), answer, value) == 1.0


@given(OBJECTS, OBJECTS)
def test_other_values_are_wrong(one: Any, other: Any) -> None:
    equal = json.encode(one, order="sorted") == json.encode(other, order="sorted")
    assert score(built(build), json.encode(one).decode(), other) == float(equal)


def test_a_refusal_is_wrong() -> None:
    assert built(build).score(Choice("{}", refusal="No."), task({})) == 0.0


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"tolerance": -1}, "at.tolerance: expected a number of at least 0, got -1"),
        ({"tol": 1}, "at.tol: no such option. There are 'tolerance'."),
        (0.1, "at: expected a mapping of tolerance, got 0.1"),
    ],
)
def test_wrong_options_are_told(options: Any, line: str) -> None:
    assert problems_of(build, options) == [line]
