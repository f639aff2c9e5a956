"""Input lines: cut in any way they are the same, and within bounds of size and depth."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.deferral.batch.interface import BatchError
from stepdown.deferral.batch.lines import MOST_DEPTH, InputLine, Splitter, depth, read_line

ENDPOINT = "/v1/chat/completions"


def split(data: bytes, cuts: list[int], longest: int = 1000) -> list[tuple[int, bytes | None]]:
    splitter = Splitter(longest)
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    found: list[tuple[int, bytes | None]] = []
    for start, end in pairwise(places):
        found += splitter.feed(data[start:end])
    return found + list(splitter.end())


@given(
    st.lists(st.binary(max_size=40).map(lambda b: b.replace(b"\n", b"")), max_size=8),
    st.lists(st.integers(0, 10_000), max_size=6),
    st.sampled_from((b"\n", b"\r\n")),
)
def test_lines_do_not_depend_on_where_pieces_end(
    lines: list[bytes], cuts: list[int], ending: bytes
) -> None:
    data = ending.join(lines)
    wanted = [(n, line.strip()) for n, line in enumerate(data.split(b"\n"), 1) if line.strip()]
    assert split(data, cuts) == wanted
    assert split(data + ending, cuts) == wanted


@given(st.integers(0, 30), st.lists(st.integers(0, 10_000), max_size=6))
def test_a_line_that_is_too_long_is_none_and_the_next_is_well(size: int, cuts: list[int]) -> None:
    data = b"x" * size + b"\n" + b"next"
    first = (1, b"x" * size if size <= 10 else None)
    assert split(data, cuts, longest=10) == [*([first] if size else []), (2, b"next")]


def test_a_long_line_is_not_held() -> None:
    splitter = Splitter(10)
    for _ in range(1000):
        assert list(splitter.feed(b"x" * 1000)) == []
    assert sum(map(len, splitter._rest)) <= 10  # pyright: ignore[reportPrivateUsage]
    assert list(splitter.end()) == [(1, None)]


def line(**fields: Any) -> bytes:
    body = {"model": "auto", "messages": []}
    given = {"custom_id": "a", "method": "POST", "url": ENDPOINT, "body": body, **fields}
    return json.dumps({k: v for k, v in given.items() if v is not None}).encode()


def test_a_line_that_is_well() -> None:
    read = read_line(7, line(extra=1), ENDPOINT)
    assert isinstance(read, InputLine)
    assert (read.number, read.custom_id, read.model) == (7, "a", "auto")
    assert json.loads(read.body) == {"model": "auto", "messages": []}


def test_the_method_may_be_left_out() -> None:
    assert isinstance(read_line(1, line(method=None), ENDPOINT), InputLine)


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (None, "line_too_long", "longer"),
        (b"{", "invalid_json_line", "JSON"),
        (b"[]", "invalid_request", "object"),
        (b'{"custom_id":"\xff"}', "invalid_json_line", "JSON"),
        (line(custom_id=7), "invalid_request", "custom_id"),
        (line(custom_id="x" * 513), "invalid_custom_id", "513"),
        (line(custom_id="a\0b"), "invalid_custom_id", "NUL"),
        (line(body={"messages": []}), "invalid_request", "model"),
        (line(body="text"), "invalid_request", "object"),
        (line(url=None), "invalid_request", "url"),
    ],
)
def test_what_is_wrong_is_named(text: bytes | None, code: str, said: str) -> None:
    read = read_line(3, text, ENDPOINT)
    assert isinstance(read, BatchError)
    assert (read.code, read.line) == (code, 3)
    assert said in read.message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=80,
)


def levels(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(levels, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(levels, value), default=0)
    return 0


@given(JSON)
def test_depth_is_that_of_the_value_however_its_strings_look(value: Any) -> None:
    padded: list[list[int]] = [[] for _ in range(MOST_DEPTH)]  # so that the brackets are looked at
    text = json.dumps([padded, value, '"[{\\"']).encode()
    assert depth(text) == max(3, 1 + levels(value))


@pytest.mark.parametrize("unit", [b'\\"', b'"\\', b"\\", b"x", b"["])
def test_a_string_that_never_ends_is_read_only_once(unit: bytes) -> None:
    text = b"[" * (MOST_DEPTH + 1) + b'"' + unit * 1_000_000  # by squares this would take days
    assert depth(text) >= MOST_DEPTH + 1
    assert isinstance(read_line(1, text, ENDPOINT), BatchError)


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_deep_lines_are_refused_without_being_read(opening: bytes) -> None:
    read = read_line(1, opening * 1_000_000, ENDPOINT)
    assert isinstance(read, BatchError)
    assert "levels" in read.message
