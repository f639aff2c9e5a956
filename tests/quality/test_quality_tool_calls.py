"""The calls that an answer makes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from stepdown.quality.scorers.tool_calls import build, expected_calls
from stepdown.types import Choice, ToolCall
from support.scoring import built, problems_of, task

WEATHER = {"name": "weather", "arguments": {"city": "Paris", "days": 2}}
TIME = {"name": "time", "arguments": {}}


def said(calls: list[tuple[str, str]], expected: list[Any], options: Any = None) -> float | None:
    choice = Choice(tool_calls=tuple(ToolCall(*call) for call in calls))
    return built(build, options).score(choice, task({"tool_calls": expected}))


@pytest.mark.parametrize(
    ("calls", "expected", "right"),
    [
        ([("weather", '{"days": 2.0, "city": "Paris"}')], [WEATHER], 1.0),
        ([("weather", '{"city": "Rome", "days": 2}')], [WEATHER], 0.0),
        ([("weather", '{"city": "Paris"}')], [WEATHER], 0.0),
        ([("forecast", '{"city": "Paris", "days": 2}')], [WEATHER], 0.0),
        ([("weather", '{"city": "Paris", "days": 2')], [WEATHER], 0.0),
        ([], [WEATHER], 0.0),
        ([], [], 1.0),
        ([("time", "{}")], [], 0.0),
        ([("time", "")], [TIME], 1.0),
        ([("time", " ")], [{"name": "time"}], 1.0),
        ([("time", "{}"), ("time", "{}")], [TIME], 0.0),
        ([("time", "{}")], [{"type": "function", "function": {"name": "time"}}], 1.0),
        (
            [("weather", '{"days":2,"city":"Paris"}')],
            [{"function": {"name": "weather", "arguments": '{"city": "Paris", "days": 2}'}}],
            1.0,
        ),
    ],
)
def test_calls_are_compared_by_name_and_arguments(
    calls: list[tuple[str, str]], expected: list[Any], right: float
) -> None:
    assert said(calls, expected) == right


def test_the_order_of_calls_counts_unless_it_is_said_not_to() -> None:
    calls = [("time", "{}"), ("weather", '{"city": "Paris", "days": 2}')]
    assert said(calls, [WEATHER, TIME]) == 0.0
    assert said(calls, [WEATHER, TIME], {"any_order": True}) == 1.0
    assert said(calls, [WEATHER, WEATHER], {"any_order": True}) == 0.0


@pytest.mark.parametrize(
    "expected",
    [
        None,
        "weather",
        [WEATHER],
        {"name": "weather"},
        {"tool_calls": "weather"},
        {"tool_calls": ["weather"]},
        {"tool_calls": [{"arguments": {}}]},
        {"tool_calls": [WEATHER, {"function": "time"}]},
    ],
)
def test_it_applies_only_where_calls_are_expected(expected: Any) -> None:
    assert expected_calls(expected) is None
    assert not built(build).applies(task(expected))


def test_a_refusal_is_wrong_even_where_no_call_is_expected() -> None:
    scorer = built(build)
    assert scorer.score(Choice("It is noon."), task({"tool_calls": []})) == 1.0
    assert scorer.score(Choice(refusal="No."), task({"tool_calls": []})) == 0.0


ARGUMENTS = st.dictionaries(st.text(max_size=4), st.integers() | st.text(max_size=4), max_size=3)


@given(st.lists(st.tuples(st.sampled_from("abc"), ARGUMENTS), max_size=4), st.data())
def test_the_expected_calls_themselves_are_right(
    calls: list[tuple[str, dict[str, Any]]], data: st.DataObject
) -> None:
    expected = [{"name": name, "arguments": arguments} for name, arguments in calls]
    made = [(name, json.encode(arguments).decode()) for name, arguments in calls]
    assert said(made, expected) == 1.0
    assert said(data.draw(st.permutations(made)), expected, {"any_order": True}) == 1.0


def test_wrong_options_are_told() -> None:
    assert problems_of(build, {"any_order": 1}) == ["at.any_order: expected true or false, got 1"]
    assert problems_of(build, "any") == ["at: expected a mapping of any_order, got 'any'"]
