"""``json``: a document and nothing around it; the watch and the end agree on every text."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.cascade.validators.json import Json, build
from stepdown.routing.problems import Problems
from stepdown.types import Choice, Piece, Prompt, Request, ResponseFormat, ToolCall

PLAIN = Request("r", Prompt("auto", []), {})
OBJECT_MODE = Request("r", Prompt("auto", [], response_format=ResponseFormat("json_object")), {})


def built(options: Any = None) -> Json:
    problems = Problems()
    validator = build(options, "v.json", problems)
    assert problems.lines == []
    assert validator is not None
    return validator


def verdict(text: str, options: Any = None, request: Request = PLAIN) -> str | None:
    return built(options).check(Choice(text), request)


@pytest.mark.parametrize(
    "text", ['{"a": [1, 2.5e3, null]}', " [] \n", '"x"', "-0", '{"a":1,"a":2}']
)
def test_a_document_passes(text: str) -> None:
    assert verdict(text) is None


@pytest.mark.parametrize(
    "text",
    ["", "  ", "```json\n{}\n```", "{} {}", "Here: {}", "{'a': 1}", "[1,]", "NaN", "[Infinity]"],
)
def test_anything_else_is_rejected(text: str) -> None:
    assert verdict(text) is not None


def test_the_root_is_an_object_where_the_request_asks_for_one() -> None:
    assert verdict("[1]", request=OBJECT_MODE) == "expected a JSON object, got '[' at character 1"
    assert verdict("{}", request=OBJECT_MODE) is None
    assert verdict("[1]", "any", request=OBJECT_MODE) is None


@pytest.mark.parametrize("options", ["array", {"root": "array"}])
def test_the_root_can_be_told(options: Any) -> None:
    assert verdict("[1]", options) is None
    assert verdict("{}", options) == "expected a JSON array, got '{' at character 1"


def test_tool_calls_without_a_text_pass() -> None:
    calls = (ToolCall("look_up", "{}"),)
    assert built().check(Choice("", tool_calls=calls), PLAIN) is None
    assert built().check(Choice(" \n", tool_calls=calls), PLAIN) is None
    assert built().check(Choice("Let me see", tool_calls=calls), PLAIN) is not None


def test_pieces_without_a_text_are_passed_over() -> None:
    watch = built().watch(PLAIN)
    assert watch is not None
    pieces = [Piece(), Piece(tool_calls=((0, ToolCall("look_up")),)), Piece(finish_reason="stop")]
    assert [watch.feed(piece) for piece in pieces] == [None] * 3
    assert not watch.settled


NEARLY = st.text('{}[]:,"ab\\1.e-tru nul', max_size=12) | st.builds(
    lambda value, cut: json.dumps(value)[:cut],
    st.lists(st.dictionaries(st.text(max_size=3), st.integers() | st.none(), max_size=2)),
    st.integers(1, 40),
)


@given(NEARLY, st.sampled_from([None, "object", "array"]))
def test_the_watch_drops_only_what_the_end_rejects_for_the_same_reason(
    text: str, root: str | None
) -> None:
    watch = built(root).watch(PLAIN)
    assert watch is not None
    reason = next((said for char in text if (said := watch.feed(Piece(char)))), None)
    if reason is not None:
        assert verdict(text, root) == reason


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ("objct", "v.json: expected object, array or any, got 'objct'. Did you mean 'object'?"),
        ({"root": 3}, "v.json.root: expected object, array or any, got 3"),
        ({"rot": "any"}, "v.json.rot: no such option. Did you mean 'root'?"),
        (["object"], "v.json: expected a mapping of root, got ['object']"),
    ],
)
def test_wrong_options_are_told(options: Any, line: str) -> None:
    problems = Problems()
    assert build(options, "v.json", problems) is None
    assert problems.lines == [line]
