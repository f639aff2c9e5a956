"""Options that are true or false, or one of a few words."""

import pytest

from stepdown.quality.scorers.switches import read_switch, read_word
from stepdown.routing.problems import Problems


@pytest.mark.parametrize(
    ("given", "value"), [({}, True), ({"a": False}, False), ({"a": True}, True)]
)
def test_a_switch(given: dict[str, object], value: bool) -> None:
    problems = Problems()
    assert read_switch(given, "a", "at", problems, default=True) is value
    assert problems.lines == []


def test_a_word() -> None:
    problems = Problems()
    assert read_word({}, "m", ("any", "all"), "at", problems) == "any"
    assert read_word({"m": "all"}, "m", ("any", "all"), "at", problems) == "all"
    assert problems.lines == []


def test_what_is_neither_is_told() -> None:
    problems = Problems()
    assert read_switch({"a": "yes"}, "a", "at", problems) is False
    assert read_word({"m": "al"}, "m", ("any", "all"), "at", problems) == "any"
    assert read_word({"m": 3}, "m", ("any", "all"), "at", problems) == "any"
    assert problems.lines == [
        "at.a: expected true or false, got 'yes'",
        "at.m: expected any or all, got 'al'. Did you mean 'all'?",
        "at.m: expected any or all, got 3",
    ]
