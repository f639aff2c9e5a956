"""The stream tap: what passes, what is learned, however the bytes are cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.providers.openai_stream import OpenAITap
from stepdown.types import Usage

WORDS = ["Hello", " world", ' "usage":{}', ', "error": no', "\n\n", "é"]


def event(content: str, tail: str = "") -> bytes:
    from msgspec import json

    delta = json.encode({"content": content}).decode()
    return f'data: {{"id":"c","choices":[{{"index":0,"delta":{delta}}}]{tail}}}\n\n'.encode()


USAGE = (
    b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,'
    b'"prompt_tokens_details":{"cached_tokens":2}}}\n\n'
)
DONE = b"data: [DONE]\n\n"


def passed(tap: OpenAITap, pieces: list[bytes]) -> bytes:
    return b"".join([tap.feed(piece) for piece in pieces] + [tap.end()])


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted({p % (len(data) + 1) for p in places}), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


@given(st.lists(st.sampled_from(WORDS), min_size=1), st.lists(st.integers(0, 5000)))
def test_usage_that_the_gateway_asked_for_is_read_and_not_shown(
    words: list[str], places: list[int]
) -> None:
    shown = b"".join(event(word) for word in words)
    sent = b"".join(event(word, ',"usage":null') for word in words) + USAGE + DONE
    tap = OpenAITap(hide_usage=True)
    assert passed(tap, cut(sent, places)) == shown + DONE
    assert tap.usage == Usage(input=7, output=3, cached_input=2)
    assert tap.finished
    assert tap.error is None


@given(st.lists(st.sampled_from(WORDS), min_size=1), st.lists(st.integers(0, 5000)))
def test_a_client_that_asked_for_usage_gets_the_bytes_as_they_came(
    words: list[str], places: list[int]
) -> None:
    sent = b": keep-alive\n\n" + b"".join(event(w, ',"usage":null') for w in words) + USAGE + DONE
    tap = OpenAITap(hide_usage=False)
    assert passed(tap, cut(sent, places)) == sent
    assert tap.usage == Usage(input=7, output=3, cached_input=2)


def test_comments_and_carriage_returns_pass() -> None:
    sent = (b": ping\n\n" + event("a") + USAGE + DONE).replace(b"\n", b"\r\n")
    tap = OpenAITap(hide_usage=True)
    assert passed(tap, [sent]) == (b": ping\n\n" + event("a") + DONE).replace(b"\n", b"\r\n")
    assert tap.usage is not None
    assert tap.finished


def test_usage_in_an_event_that_has_choices_is_shown() -> None:
    sent = event("a", ',"usage":{"prompt_tokens":1,"completion_tokens":1}')
    tap = OpenAITap(hide_usage=True)
    assert passed(tap, [sent]) == sent
    assert tap.usage == Usage(input=1, output=1)


def test_an_event_waits_for_its_end_and_no_longer() -> None:
    tap = OpenAITap(hide_usage=True)
    whole = event("a")
    assert tap.feed(whole[:10]) == b""
    assert tap.feed(whole[10:] + whole[:5]) == whole
    assert tap.feed(whole[5:]) == whole


def test_an_error_in_the_stream_is_a_failure_and_not_shown() -> None:
    tap = OpenAITap(hide_usage=True)
    shown = passed(tap, [event("a"), b'data: {"error":{"message":"overloaded","code":529}}\n\n'])
    assert shown == event("a")
    assert tap.error is not None
    assert tap.error.message == "overloaded"


def test_nothing_behind_an_error_is_shown() -> None:
    tap = OpenAITap(hide_usage=True)
    error = b'data: {"error":{"message":"overloaded"}}\n\n'
    assert tap.feed(event("a") + error + event("b") + DONE) == event("a")
    assert tap.error is not None


@pytest.mark.parametrize("error", [b'"boom"', b"[1]", b'{"code":1}'])
def test_an_error_of_any_shape_is_a_failure(error: bytes) -> None:
    tap = OpenAITap(hide_usage=False)
    tap.feed(b'data: {"error":' + error + b"}\n\n")
    assert tap.error is not None
    assert tap.error.message


def test_a_stream_cut_off_is_not_finished() -> None:
    tap = OpenAITap(hide_usage=True)
    passed(tap, [event("a"), event("b")])
    assert not tap.finished


def test_a_finish_reason_ends_an_answer_without_done() -> None:
    tap = OpenAITap(hide_usage=True)
    passed(tap, [b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'])
    assert tap.finished


def test_events_are_estimated_from_what_passed() -> None:
    tap = OpenAITap(hide_usage=True)
    passed(tap, [event("a")] * 40)
    assert tap.events == 40
