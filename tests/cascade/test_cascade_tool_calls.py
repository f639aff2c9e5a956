"""Tool calls: known tools with arguments of their schema, and what cannot become one is dropped."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.cascade.validators.tool_calls import ToolCalls, build
from stepdown.routing.problems import Problems
from stepdown.types import Choice, Piece, Prompt, Request, ToolCall
from support.watching import ANY_REQUEST, keeps_the_law

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "maximum": 7}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
NOW = {"type": "function", "function": {"name": "now"}}
SHELL = {"type": "custom", "custom": {"name": "shell"}}
LOOKING_AHEAD = {
    "type": "function",
    "function": {"name": "odd", "parameters": {"properties": {"a": {"pattern": "(?=a)"}}}},
}
TOOLS = [WEATHER, NOW, SHELL, LOOKING_AHEAD]
VALIDATOR = ToolCalls()


def request(tools: list[Any] = TOOLS, choice: Any = None) -> Request:
    fields: dict[str, Any] = {"model": "auto", "messages": [], "tools": tools}
    if choice is not None:
        fields["tool_choice"] = choice
    body = json.dumps(fields).encode()
    return Request(
        "r",
        msgspec.json.decode(body, type=Prompt),
        msgspec.json.decode(body, type=dict[str, msgspec.Raw]),
    )


def called(name: str, arguments: str = "{}") -> Choice:
    return Choice(tool_calls=(ToolCall(name, arguments),))


@pytest.mark.parametrize(
    ("name", "arguments", "reason"),
    [
        ("weather", '{"city": "Oslo"}', None),
        ("now", "{}", None),
        ("now", '{"zone": 1}', None),
        ("shell", "ls -l", None),
        ("wether", "{}", "there is no tool 'wether'"),
        ("weather", '{"days": 3}', "arguments of 'weather': lacks the required property city"),
        (
            "weather",
            '{"city": "Oslo", "days": 9}',
            "arguments of 'weather': days is more than 7",
        ),
        (
            "weather",
            '{"city": "Oslo", "days": "confidential"}',
            "arguments of 'weather': days is not of type integer",
        ),
        (
            "weather",
            '{"town": "confidential"}',
            "arguments of 'weather': has a key that the schema does not allow",
        ),
        ("weather", "", "arguments of 'weather': expected a JSON object, got the end"),
        ("weather", '["Oslo"]', "arguments of 'weather': expected a JSON object, got '['"),
        ("weather", '{"city": "Os', "arguments of 'weather': expected the rest of a value"),
        ("now", '{"a":' * 5000, "arguments of 'now': is nested more than 128 deep"),
        ("odd", "{}", "tool 'odd': the schema is wrong or not supported"),
    ],
)
def test_a_call_is_known_and_its_arguments_fit(
    name: str, arguments: str, reason: str | None
) -> None:
    said = VALIDATOR.check(called(name, arguments), request())
    assert (said is None) if reason is None else (said is not None and said.startswith(reason))


def test_every_call_counts() -> None:
    calls = (ToolCall("now", "{}"), ToolCall("wether", "{}"))
    assert VALIDATOR.check(Choice(tool_calls=calls), request()) == "there is no tool 'wether'"


NAMED = {"type": "function", "function": {"name": "now"}}
ALLOWED = {
    "type": "allowed_tools",
    "allowed_tools": {"mode": "required", "tools": [NAMED, {"type": "custom", "name": "shell"}]},
}
WITHOUT = "the answer calls no tool"


@pytest.mark.parametrize(
    ("choice", "without", "other"),
    [
        (None, None, None),
        ("auto", None, None),
        ("required", WITHOUT, None),
        ("none", None, "tool_choice does not allow the tool 'weather'"),
        (NAMED, WITHOUT, "tool_choice does not allow the tool 'weather'"),
        (ALLOWED, WITHOUT, "tool_choice does not allow the tool 'weather'"),
    ],
)
def test_tool_choice_is_kept(choice: Any, without: str | None, other: str | None) -> None:
    asked = request(choice=choice)
    assert VALIDATOR.check(Choice("It is noon."), asked) == without
    assert VALIDATOR.check(called("weather", '{"city": "Oslo"}'), asked) == other
    if choice != "none":
        assert VALIDATOR.check(called("now"), asked) is None


def test_a_call_may_be_required_whatever_the_request_says() -> None:
    assert ToolCalls(required=True).check(Choice("It is noon."), request()) == WITHOUT


def test_it_applies_where_there_are_tools_and_vouches_where_a_call_is_required() -> None:
    assert VALIDATOR.applies(request())
    assert not VALIDATOR.applies(request([]))
    assert not VALIDATOR.applies(ANY_REQUEST)
    assert not VALIDATOR.vouches
    assert ToolCalls(required=True).vouches


def fragments(name: str, arguments: str, every: int, place: int = 0) -> list[Piece]:
    parts = [arguments[at : at + every] for at in range(0, len(arguments), every)]
    return [
        Piece(
            tool_calls=(
                (
                    place,
                    ToolCall(name),
                ),
            )
        ),
        *(Piece(tool_calls=((place, ToolCall("", part)),)) for part in parts),
    ]


@pytest.mark.parametrize(
    ("name", "arguments", "index"),
    [
        ("wether", "{}", 0),
        ("odd", "{}", 0),
        ("weather", '{"city": "Oslo"}', None),
        ("weather", '{city: "Oslo"}', 2),
        ("weather", '{"town": ', 7),
        ("now", "[]", 1),
        ("shell", "ls", None),
    ],
)
def test_a_call_is_dropped_where_it_goes_wrong(
    name: str, arguments: str, index: int | None
) -> None:
    watch = VALIDATOR.watch(request())
    assert watch is not None
    dropped = [watch.feed(piece) is not None for piece in fragments(name, arguments, 1)]
    assert (dropped.index(True) if any(dropped) else None) == index


def test_calls_that_come_side_by_side_are_kept_apart() -> None:
    watch = VALIDATOR.watch(request())
    assert watch is not None
    first, second = (fragments("weather", '{"city":"Oslo"}', 4, place) for place in (0, 1))
    together = [piece for pair in zip(first, second, strict=True) for piece in pair]
    assert all(watch.feed(piece) is None for piece in together)


ARGUMENTS = st.one_of(
    st.fixed_dictionaries(
        {"city": st.text(max_size=4)},
        optional={"days": st.integers(5, 9), "a": st.none()},
    ).map(json.dumps),
    st.text(st.sampled_from('{}[]":,city da1\\'), max_size=12),
)


@given(
    st.sampled_from(["weather", "now", "shell", "odd", "wether"]),
    ARGUMENTS,
    st.integers(0, 30),
    st.integers(1, 5),
)
def test_a_watch_never_drops_what_passes(name: str, arguments: str, size: int, every: int) -> None:
    beginning = fragments(name, arguments[:size], every)
    keeps_the_law(VALIDATOR, beginning, called(name, arguments), request())


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (True, "at: expected a mapping of required, got True"),
        ({"required": 1}, "at.required: expected true or false, got 1"),
        ({"require": True}, "at.require: no such option. Did you mean 'required'?"),
    ],
)
def test_wrong_options_are_told(options: Mapping[str, object], line: str) -> None:
    problems = Problems()
    assert build(options, "at", problems) is None
    assert problems.lines == [line]


def test_options_are_read() -> None:
    problems = Problems()
    validator = build({"required": True}, "at", problems)
    assert validator is not None
    assert validator.vouches
    assert not problems.lines
