"""Finish reasons: what was cut off is rejected, or whatever is not allowed."""

import pytest

from stepdown.cascade.validators.finish_reason import FinishReason, build
from stepdown.routing.problems import Problems
from stepdown.types import Choice, Piece
from support.watching import ANY_REQUEST, dropped_at


def built(options: object) -> FinishReason:
    problems = Problems()
    validator = build(options, "at", problems)
    assert validator is not None, problems.lines
    return validator


@pytest.mark.parametrize(
    ("options", "finish", "reason"),
    [
        (None, "stop", None),
        (None, "tool_calls", None),
        (None, "eos", None),
        (None, None, None),
        (None, "length", "the answer was cut off at the token limit"),
        (None, "content_filter", "the upstream's filter cut the answer off"),
        (["stop"], "stop", None),
        (["stop"], "tool_calls", "the finish reason 'tool_calls' is not allowed"),
        (["stop"], "length", "the answer was cut off at the token limit"),
        (["stop"], None, "the upstream told no finish reason"),
        ({"allowed": ["length"]}, "length", None),
    ],
)
def test_an_answer_passes_by_why_it_ended(
    options: object, finish: str | None, reason: str | None
) -> None:
    validator = built(options)
    assert validator.check(Choice("a", finish_reason=finish), ANY_REQUEST) == reason


def test_it_drops_at_the_reason() -> None:
    pieces = [Piece("a"), Piece("b"), Piece(finish_reason="length")]
    assert dropped_at(built(None), pieces) == 2
    assert dropped_at(built(["length"]), pieces) is None


def test_it_vouches_for_nothing_and_never_settles() -> None:
    assert not built(None).vouches
    assert not built(None).settles


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ("stop", "at: expected a mapping of allowed, got 'stop'"),
        ({}, "at.allowed: expected a list of finish reasons, got None"),
        ({"alowed": []}, "at.alowed: no such option. Did you mean 'allowed'?"),
        (
            ["stopp"],
            "at[0]: expected one of stop, tool_calls, function_call, length, content_filter, "
            "got 'stopp'. Did you mean 'stop'?",
        ),
    ],
)
def test_wrong_options_are_told(options: object, line: str) -> None:
    problems = Problems()
    assert build(options, "at", problems) is None
    assert problems.lines == [line]
