"""``fields``: an object with the fields that are wanted, none of them empty."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.cascade.validators.fields import Fields, build
from stepdown.routing.problems import Problems
from stepdown.types import Choice, Piece, Prompt, Request, ToolCall

REQUEST = Request("r", Prompt("auto", []), {})
TYPED = {"name": "string", "age": "integer", "address.city": "string", "tags": "array"}
ANN = {"name": "Ann", "age": 31, "address": {"city": "Bern"}, "tags": ["x"]}


def built(options: Any) -> Fields:
    problems = Problems()
    validator = build(options, "v.fields", problems)
    assert problems.lines == []
    assert validator is not None
    return validator


def verdict(answer: Any, options: Any = TYPED) -> str | None:
    return built(options).check(Choice(json.dumps(answer)), REQUEST)


def test_an_answer_with_all_fields_passes() -> None:
    assert verdict(ANN) is None
    assert verdict(ANN | {"more": None}) is None
    assert verdict(ANN, ["name", "address.city"]) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"name": 3}, "expected a string in the field 'name', got a number"),
        ({"name": True}, "expected a string in the field 'name', got a boolean"),
        ({"name": " "}, "expected a value in the field 'name', got an empty one"),
        ({"name": None}, "expected a value in the field 'name', got an empty one"),
        ({"tags": []}, "expected a value in the field 'tags', got an empty one"),
        ({"address": {}}, "expected the field 'address.city', got none"),
        ({"address": "Bern"}, "expected the field 'address.city', got none"),
        ({"age": 31.5}, "expected an integer in the field 'age', got a number"),
        ({"age": False}, "expected an integer in the field 'age', got a boolean"),
        ({"tags": {"a": 1}}, "expected an array in the field 'tags', got an object"),
        ({"age": 31.0}, None),
        ({"age": 0}, None),
    ],
)
def test_a_field_that_is_not_as_it_should_be_is_told(
    change: dict[str, Any], reason: str | None
) -> None:
    assert verdict(ANN | change) == reason


def test_false_and_zero_are_values() -> None:
    assert verdict({"a": False, "b": 0}, ["a", "b"]) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[]", "expected a JSON object, got '[' at character 1"),
        ("name: Ann", "expected a JSON object, got 'n' at character 1"),
        ('{"a": 1', "expected ',' or '}', got the end of the answer"),
        ('{"a": 1e999}', "the answer has a number that is out of range"),
        ('{"a": "\\ud800"}', "the answer has a text that is no Unicode"),
        ('{"a": "\ud800"}', "the answer has a text that is no Unicode"),
    ],
)
def test_what_is_no_object_that_can_be_read_is_rejected(text: str, reason: str) -> None:
    assert built(["a"]).check(Choice(text), REQUEST) == reason


def test_tool_calls_without_a_text_pass() -> None:
    assert built(["a"]).check(Choice("", tool_calls=(ToolCall("f", "{}"),)), REQUEST) is None


@given(st.dictionaries(st.sampled_from(["name", "age", "x"]), st.text() | st.integers()))
def test_the_watch_never_drops_an_answer_that_passes(answer: dict[str, Any]) -> None:
    validator = built({"name": "string", "age": "integer"})
    watch = validator.watch(REQUEST)
    assert watch is not None
    text = json.dumps(answer)
    dropped = any(watch.feed(Piece(char)) for char in text)
    assert not (dropped and validator.check(Choice(text), REQUEST) is None)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (None, "v.fields: expected a list of fields, or a mapping of fields to types, got None"),
        ([], "v.fields: expected a list of fields, or a mapping of fields to types, got []"),
        ([3], "v.fields[0]: expected a field's name, or names with dots between them, got 3"),
        (
            ["a..b"],
            "v.fields[0]: expected a field's name, or names with dots between them, got 'a..b'",
        ),
        ({"a": "strin"}, "v.fields.a: there is no type 'strin'. Did you mean 'string'?"),
        (
            {"a": 1},
            "v.fields.a: expected a type, one of string, integer, number, boolean, array, object, "
            "any, got 1",
        ),
    ],
)
def test_wrong_options_are_told(options: Any, line: str) -> None:
    problems = Problems()
    assert build(options, "v.fields", problems) is None
    assert problems.lines == [line]
