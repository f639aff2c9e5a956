"""Patterns: the whole answer or a part of it matches, and what cannot match is dropped."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.cascade.validators.regex import Regex, build
from stepdown.routing.problems import Problems
from stepdown.types import Choice, Piece, ToolCall
from support.watching import ANY_REQUEST, cut, dropped_at, keeps_the_law


def built(options: object) -> Regex:
    problems = Problems()
    regex = build(options, "at", problems)
    assert regex is not None, problems.lines
    return regex


@pytest.mark.parametrize(
    ("options", "text", "passes"),
    [
        (r"INV-\d{6}", "INV-123456", True),
        (r"INV-\d{6}", " INV-123456\n", True),
        (r"INV-\d{6}", "The number is INV-123456", False),
        ({"pattern": r"INV-\d{6}", "search": True}, "The number is INV-123456.", True),
        ({"pattern": r"^\d+$", "search": True}, "a\n1", False),
        ("(?i)yes|no", "YES", True),
        ("a|b", "ab", False),
        ("(a+)+b", "a" * 50_000, False),
    ],
)
def test_an_answer_matches_as_a_whole_or_in_a_part(
    options: object, text: str, passes: bool
) -> None:
    assert (built(options).check(Choice(text), ANY_REQUEST) is None) is passes


def test_the_reason_shows_nothing_of_the_answer() -> None:
    reason = built("a").check(Choice("confidential"), ANY_REQUEST)
    assert reason == "the answer does not match the pattern"


def test_tool_calls_without_a_text_pass() -> None:
    assert built("a").check(Choice(tool_calls=(ToolCall("f", "{}"),)), ANY_REQUEST) is None


@pytest.mark.parametrize(
    ("pattern", "text", "index"),
    [
        (r"\d+", "Hello", 0),
        (r"INV-\d{6}", "INV-12 and", None),
        (r"INV-\d{6}", "INW", 2),
        (r"\{.*\}", "Here", 0),
        ("(?i)yes|no", "\n\nzebra", 2),
        ("ok", "ok  ", None),
        (r"[^x]*", "anything", None),
    ],
)
def test_a_beginning_that_sorts_beyond_all_matches_is_dropped(
    pattern: str, text: str, index: int | None
) -> None:
    assert dropped_at(built(pattern), cut(text, 1)) == index


@pytest.mark.parametrize("options", [{"pattern": "a", "search": True}, r"a\b.*", "a$|b", r"a\$"])
def test_a_search_and_an_assertion_inside_have_no_watch(options: object) -> None:
    assert built(options).watch(ANY_REQUEST) is None


@pytest.mark.parametrize("pattern", [r"^\d+$", r"\A\d+\z", "^[0-9]+"])
def test_assertions_at_both_ends_are_no_hindrance(pattern: str) -> None:
    assert dropped_at(built(pattern), cut("Hello", 1)) == 0


def test_a_long_answer_is_kept_no_longer_than_its_head() -> None:
    watch = built(r"(?s)a.*").watch(ANY_REQUEST)
    assert watch is not None
    assert all(watch.feed(Piece("a " * 500)) is None for _ in range(1000))


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (None, "at.pattern: expected a regular expression, got None"),
        (7, "at: expected a mapping of pattern, search, got 7"),
        ({"patern": "a"}, "at.patern: no such option. Did you mean 'pattern'?"),
        ({"pattern": "a", "search": 1}, "at.search: expected true or false, got 1"),
    ],
)
def test_wrong_options_are_told(options: object, line: str) -> None:
    problems = Problems()
    assert build(options, "at", problems) is None
    assert line in problems.lines


@pytest.mark.parametrize("pattern", ["(?=a)b", "a)|(b", "(", r"(a)\1"])
def test_a_pattern_that_re2_does_not_take_is_told(pattern: str) -> None:
    problems = Problems()
    assert build(pattern, "at", problems) is None
    assert "expected an RE2 regular expression" in problems.lines[0]


PATTERNS = [
    *(r"\d+", "(?i)yes|no", r"a*b", r"INV-\d{2,}", "é|ü+", r"(?s).*a", r"\s*x", "(?m)^a$"),
    *("[a-c]{2}|x", r"a\b.*", "z?", "a (b )?c", r"\Aa", r"a$", "ÿ\U0010ffff?", "[^a]b"),
]
TEXTS = st.text(st.sampled_from("abcxyzYESno019 -INV\n\tßéüÿ\U0010ffffſ"), max_size=8)


@given(st.sampled_from(PATTERNS), TEXTS, TEXTS, st.integers(1, 4))
def test_a_watch_never_drops_what_passes(pattern: str, text: str, more: str, every: int) -> None:
    regex = built(pattern)
    if regex.watch(ANY_REQUEST) is not None:
        keeps_the_law(regex, cut(text, every), Choice(text + more))


@given(st.sampled_from(PATTERNS), st.data(), st.integers(1, 4))
def test_a_watch_never_drops_a_match(pattern: str, data: st.DataObject, every: int) -> None:
    regex = built(pattern)
    if regex.watch(ANY_REQUEST) is not None:
        text = data.draw(st.from_regex(re.compile(pattern), fullmatch=True))
        keeps_the_law(regex, cut(text, every), Choice(text))
