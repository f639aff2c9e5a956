"""Length in characters, words and lines: counted as it comes, dropped when it is too much."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.cascade.validators.length import UNITS, Length, build
from stepdown.routing.problems import Problems
from stepdown.types import Choice, Piece
from support.watching import ANY_REQUEST, cut, dropped_at, keeps_the_law


def built(options: object) -> Length:
    problems = Problems()
    length = build(options, "at", problems)
    assert length is not None, problems.lines
    return length


@pytest.mark.parametrize(
    ("unit", "text", "count"),
    [
        ("characters", "  ab c \n", 4),
        ("characters", " \n", 0),
        ("words", " one  two\nthree ", 3),
        ("words", "", 0),
        ("lines", "\n\none\n\ntwo\n\n", 3),
        ("lines", "one", 1),
        ("lines", " \n ", 0),
    ],
)
def test_what_counts(unit: str, text: str, count: int) -> None:
    exactly = built({"min": count, "max": count, "unit": unit})
    assert exactly.check(Choice(text), ANY_REQUEST) is None
    more = built({"min": count + 1, "unit": unit})
    said = more.check(Choice(text), ANY_REQUEST)
    assert said == f"expected at least {count + 1} {unit}, got {count}"


def test_too_long_is_dropped_as_soon_as_it_is() -> None:
    assert dropped_at(built({"max": 3}), cut("ab  c", 1)) == 4
    assert dropped_at(built({"max": 2, "unit": "words"}), cut("one two  three", 1)) == 9
    assert dropped_at(built({"max": 2, "unit": "lines"}), cut("a\nb\n\nc", 1)) == 5
    assert dropped_at(built({"max": 2}), cut("ab" + " " * 50, 1)) is None


def test_it_settles_at_its_minimum_where_there_is_no_maximum() -> None:
    watch = built({"min": 2, "unit": "words"}).watch(ANY_REQUEST)
    assert watch is not None
    assert watch.feed(Piece("one ")) is None
    assert not watch.settled
    assert watch.feed(Piece("two")) is None
    assert watch.settled
    assert built({"min": 2}).settles
    assert not built({"min": 2, "max": 9}).settles


def test_it_vouches_for_nothing() -> None:
    assert not built({"min": 1}).vouches


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (None, "at: expected a bound (min or max), got none"),
        ({"max": -1}, "at.max: expected a whole number from 0, got -1"),
        ({"max": True}, "at.max: expected a whole number from 0, got True"),
        ({"max": 1.5}, "at.max: expected a whole number from 0, got 1.5"),
        ({"min": 3, "max": 2}, "at: min (3) is above max (2)"),
        ({"max": 3, "unit": "word"}, "at.unit: no such unit. Did you mean 'words'?"),
        ({"maximum": 3}, "at.maximum: no such option. Did you mean 'max'?"),
    ],
)
def test_wrong_options_are_told(options: object, line: str) -> None:
    problems = Problems()
    assert build(options, "at", problems) is None
    assert line in problems.lines


TEXTS = st.text(st.sampled_from("ab \n\t\u3000\x1c"), max_size=12)
BOUNDS = st.sampled_from([{"min": 2}, {"max": 3}, {"min": 1, "max": 4}, {"max": 0}, {"min": 0}])


@given(BOUNDS, st.sampled_from(sorted(UNITS)), TEXTS, TEXTS, st.integers(1, 4))
def test_a_watch_drops_and_settles_as_the_whole_is_judged(
    bounds: dict[str, int], unit: str, text: str, more: str, every: int
) -> None:
    length = built({**bounds, "unit": unit})
    keeps_the_law(length, cut(text, every), Choice(text + more))


@given(st.sampled_from(sorted(UNITS)), TEXTS, st.integers(1, 4))
def test_the_cutting_does_not_change_the_count(unit: str, text: str, every: int) -> None:
    whole, parts = UNITS[unit](), UNITS[unit]()
    whole.feed(text)
    for piece in cut(text, every):
        parts.feed(piece.text)
    assert parts.count == whole.count
