"""The incremental JSON reader: any cut, its words, its limits; also see test_cascade_early_drop."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.cascade.json_prefix import LONGEST_KEY, MOST_DEEP, JsonPrefix

ALPHABET = '{}[]:,"\\u0a1-.eE+ tfnx\n\x01`'
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
CUTS = st.lists(st.integers(min_value=0, max_value=200), max_size=8)


@st.composite
def documents(draw: st.DrawFn) -> str:
    indent = draw(st.none() | st.integers(0, 2))
    return json.dumps(draw(VALUES), indent=indent, ensure_ascii=draw(st.booleans()))


def cut(text: str, places: list[int]) -> Iterator[str]:
    last = 0
    for place in sorted(place for place in places if place < len(text)):
        yield text[last:place]
        last = place
    yield text[last:]


def read(parts: Iterator[str] | list[str], **expected: Any) -> JsonPrefix:
    prefix = JsonPrefix(**expected)
    for part in parts:
        prefix.feed(part)
    return prefix


@given(documents(), CUTS)
def test_a_document_is_never_dropped_and_complete_at_its_end(text: str, places: list[int]) -> None:
    prefix = JsonPrefix()
    assert all(prefix.feed(part) is None for part in cut(text, places))
    assert prefix.complete


@given(documents(), st.text(ALPHABET, max_size=3), st.integers(0, 60), CUTS)
def test_the_cutting_makes_no_difference(text: str, noise: str, at: int, places: list[int]) -> None:
    text = text[:at] + noise + text[at:]
    parts, once = read(cut(text, places)), read([text])
    assert (parts.feed(""), parts.end(), parts.kind) == (once.feed(""), once.end(), once.kind)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("```json", "expected a JSON value, got '`' at character 1"),
        ("Sure: {}", "expected a JSON value, got 'S' at character 1"),
        ('{"a": 1} Done', "expected the end of the answer, got 'D' at character 10"),
        ('{"a": 1,}', "expected a key in quotes, got '}' at character 9"),
        ("{'a': 1}", "expected a key in quotes or '}', got \"'\" at character 2"),
        ('{"a" 1}', "expected ':', got '1' at character 6"),
        ('{"a": 1 "b"', "expected ',' or '}', got '\"' at character 9"),
        ("[1, NaN]", "expected a JSON value, got 'N' at character 5"),
        ("[1 2]", "expected ',' or ']', got '2' at character 4"),
        ("[01]", "expected ',' or ']', got '1' at character 3"),
        ("[-a]", "expected a digit, got 'a' at character 3"),
        ("[trie]", "expected true, got 'i' at character 4"),
        ('"a\nb"', "expected the rest of a text in quotes, got '\\n' at character 3"),
        ('"\\u12G"', "expected the rest of a text in quotes, got 'G' at character 6"),
        ("\ufeff{}", "expected a JSON value, got '\\ufeff' at character 1"),
    ],
)
def test_the_reason_names_what_was_expected_and_where(text: str, reason: str) -> None:
    assert JsonPrefix().feed(text) == reason
    prefix = JsonPrefix()
    assert [prefix.feed(char) for char in text][-1] == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "expected a JSON value, got the end of the answer"),
        ('{"a": "b', "expected the rest of a value, got the end of the answer"),
        ('{"a": tr', "expected the rest of a value, got the end of the answer"),
        ("[12", "expected ',' or ']', got the end of the answer"),
        ("-", "expected a digit, got the end of the answer"),
        ('"\\u12', "expected the rest of a value, got the end of the answer"),
        ('{"a":', "expected a JSON value, got the end of the answer"),
    ],
)
def test_a_cut_document_lacks_its_end(text: str, reason: str) -> None:
    prefix = JsonPrefix()
    assert prefix.feed(text) is None
    assert prefix.end() == reason
    assert not prefix.complete


def test_the_kind_is_known_from_the_first_character_on() -> None:
    prefix = JsonPrefix()
    prefix.feed(" \n")
    assert prefix.kind is None
    prefix.feed("[")
    assert prefix.kind == "array"


@pytest.mark.parametrize(("text", "kind"), [("-", "number"), ("f", "boolean"), ("n", "null")])
def test_only_the_kinds_that_are_allowed_may_begin(text: str, kind: Any) -> None:
    assert JsonPrefix(kinds={"object"}).feed(text) == (
        f"expected a JSON object, got {text!r} at character 1"
    )
    assert JsonPrefix(kinds={kind}).feed(text) is None


def test_an_unknown_key_at_the_top_is_told_at_its_end() -> None:
    for parts in (['{"a":1,"b"'], list('{"a":1,"b"'), ['{"a":1,"', 'b"']):
        prefix = JsonPrefix(keys={"a", "c"})
        *before, last = [prefix.feed(part) for part in parts]
        assert not any(before)
        assert last == "the answer has a key that the schema does not allow"


@given(st.text(max_size=8), VALUES, CUTS, st.booleans())
def test_a_known_key_is_known_however_it_is_written(
    key: str, value: Any, places: list[int], ascii_only: bool
) -> None:
    text = json.dumps({key: {"other": value}}, ensure_ascii=ascii_only)
    assert read(cut(text, places), keys={key}).complete


def test_the_longest_key_is_known_in_its_longest_form() -> None:
    key = "\U0001f600" * LONGEST_KEY
    assert read(list(json.dumps({key: 1})), keys={key}).complete


def test_a_key_longer_than_any_known_one_is_told_before_its_end() -> None:
    prefix = JsonPrefix(keys={"a"})
    assert any(prefix.feed(char) for char in '{"' + "x" * 20 * LONGEST_KEY)


@pytest.mark.parametrize("bracket", ["[", '{"a":'])
def test_nesting_has_a_limit(bracket: str) -> None:
    close = "]" if bracket == "[" else "}"
    most = bracket * MOST_DEEP + "1" + close * MOST_DEEP
    if bracket == "[":
        most = most.replace("1", "")
    for parts in ([most], list(most)):
        assert read(parts).complete
    for parts in ([bracket + most], list(bracket + most)):
        reason = read(parts).feed("")
        assert reason == f"the answer is nested more than {MOST_DEEP} deep"


LONG = {
    "digits": "1" * 40_000,
    "fraction": "[0." + "0" * 40_000,
    "letters": '"' + "x" * 40_000,
    "escapes": '"' + "\\u12aB" * 8_000,
    "space": "[" + " " * 40_000,
    "items": "[" + "1," * 20_000,
    "members": "{" + '"a": "b",' * 5_000,
    "nested": "[" * 100 + '{"a":{},"b":[[{}]]},' * 2_000,
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_time_is_linear_in_the_text_one_character_at_a_time(text: str) -> None:
    began = time.process_time()
    prefix = read(list(text))
    assert time.process_time() - began < 1.0
    assert prefix.feed("") is None
    assert len(prefix._held) < 20  # memory must not grow with a token
