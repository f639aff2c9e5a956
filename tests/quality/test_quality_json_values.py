"""JSON values: how they are read, compared and taken apart."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from stepdown.cascade.validators.json import Unreadable
from stepdown.quality.json_values import LONGEST, expected_values, leaves, read_json, same

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)


@pytest.mark.parametrize(
    ("text", "value"),
    [('{"a": 1}', {"a": 1}), (" [1, 2]\n", [1, 2]), ('```json\n{"a": 1}\n```', {"a": 1}), ("3", 3)],
)
def test_a_text_is_read_in_a_fence_or_not(text: str, value: Any) -> None:
    assert read_json(text) == value


@pytest.mark.parametrize(
    "text", ["", "Paris", 'So: {"a": 1}', '{"a": 1', '{"a": 1e999}', "[" * 200 + "]" * 200]
)
def test_what_is_no_json_or_too_deep_is_not_read(text: str) -> None:
    with pytest.raises(Unreadable):
        read_json(text)


def test_what_is_too_long_is_not_read() -> None:
    assert read_json('"' + "a" * (LONGEST - 2) + '"')
    with pytest.raises(Unreadable, match="more than 1048576 characters"):
        read_json('"' + "a" * (LONGEST - 1) + '"')


@pytest.mark.parametrize(
    ("expected", "values"),
    [
        (None, ()),
        ("Paris", ()),
        ("18", ()),
        ('{"a": 1}', ({"a": 1},)),
        ("```\n[1]\n```", ([1],)),
        (['{"a": 1}', "[1]"], ({"a": 1}, [1])),
        (["a", "b"], (["a", "b"],)),
        (['{"a": 1}', "b"], (['{"a": 1}', "b"],)),
        ([], ([],)),
        ({}, ({},)),
        (18, (18,)),
        (False, (False,)),
    ],
)
def test_what_is_expected(expected: Any, values: tuple[Any, ...]) -> None:
    assert expected_values(expected) == values


@pytest.mark.parametrize(
    ("one", "other", "tolerance", "equal"),
    [
        (1, 1.0, 0, True),
        (1, True, 0, False),
        (0, False, 0, False),
        (None, False, 0, False),
        ("1", 1, 0, False),
        (1.0, 1.04, 0.05, True),
        (1.0, 1.06, 0.05, False),
        (10**400, 1.5, 0.1, False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, 0, True),
        ({"a": 1}, {"a": 1, "b": None}, 0, False),
        ([1, 2], [2, 1], 0, False),
        ([1, 2], [1], 0, False),
        ([1], {"0": 1}, 0, False),
        ({"a": [1.0]}, {"a": [1.01]}, 0.1, True),
    ],
)
def test_equality(one: Any, other: Any, tolerance: float, equal: bool) -> None:
    assert same(one, other, tolerance) is equal
    assert same(other, one, tolerance) is equal


@given(VALUES)
def test_what_is_written_and_read_is_the_same(value: Any) -> None:
    assert same(read_json(json.encode(value).decode()), value)


@pytest.mark.parametrize(
    ("value", "fields"),
    [
        ({"a": {"b": 1}, "c": [2, {"d": 3}]}, {("a", "b"): 1, ("c", 0): 2, ("c", 1, "d"): 3}),
        ({"a": {}, "b": []}, {("a",): {}, ("b",): []}),
        ({}, {(): {}}),
        ("Paris", {(): "Paris"}),
    ],
)
def test_leaves(value: Any, fields: Any) -> None:
    assert leaves(value) == fields
