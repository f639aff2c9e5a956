"""The dialect towards the upstream: bodies, usage, and what failures mean."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw, Struct, json

from stepdown.errors import (
    ContentRefused,
    ContextWindowExceeded,
    UpstreamDenied,
    UpstreamError,
    UpstreamFailed,
    UpstreamMalformed,
    UpstreamRateLimited,
    UpstreamRefused,
)
from stepdown.providers.openai import OpenAIDialect
from stepdown.server.requests import parse
from stepdown.types import Timeouts, Usage


class Endpoint(Struct):
    """Just what the dialect reads of a deployment."""

    upstream_model: str = "real-model"
    stream_usage: bool = True
    dropped: frozenset[str] = frozenset()
    id: str = "d"
    model: str = "m"
    upstream: Any = None
    dialect: Any = None
    price: Any = None
    timeouts: Timeouts = Timeouts()


DIALECT = OpenAIDialect()
MESSAGES = [{"role": "user", "content": "hi"}]

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(min_size=1).map(lambda k: "x_" + k), values))
def test_fields_nobody_has_heard_of_pass_through_byte_for_byte(extra: dict[str, Any]) -> None:
    body = json.encode({"model": "auto", "messages": MESSAGES, **extra})
    sent = json.decode(DIALECT.encode(parse([], body), Endpoint()), type=dict[str, Raw])
    came = json.decode(body, type=dict[str, Raw])
    assert json.decode(sent.pop("model")) == "real-model"
    came.pop("model")
    assert {k: bytes(v) for k, v in sent.items()} == {k: bytes(v) for k, v in came.items()}


def test_numbers_keep_their_spelling() -> None:
    body = (
        b'{"model":"m","messages":[{"role":"user","content":"x"}],"temperature":1.50e0,"seed":1E2}'
    )
    sent = DIALECT.encode(parse([], body), Endpoint())
    assert b'"temperature":1.50e0' in sent
    assert b'"seed":1E2' in sent


def encoded(endpoint: Endpoint, **fields: Any) -> dict[str, Any]:
    body = json.encode({"model": "auto", "messages": MESSAGES, **fields})
    sent: dict[str, Any] = json.decode(DIALECT.encode(parse([], body), endpoint))
    return sent


def test_usage_is_asked_for_where_the_client_did_not() -> None:
    assert encoded(Endpoint(), stream=True)["stream_options"] == {"include_usage": True}
    assert encoded(Endpoint(), stream=True, stream_options={"include_obfuscation": False})[
        "stream_options"
    ] == {"include_obfuscation": False, "include_usage": True}
    assert "stream_options" not in encoded(Endpoint())
    assert "stream_options" not in encoded(Endpoint(stream_usage=False), stream=True)


def test_dropped_fields_are_left_out() -> None:
    assert "seed" not in encoded(Endpoint(dropped=frozenset({"seed"})), seed=1)


def test_usage_of_a_whole_reply() -> None:
    body = json.encode(
        {
            "choices": [{}],
            "usage": {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 1},
                "completion_tokens_details": {"reasoning_tokens": 2, "audio_tokens": None},
            },
        }
    )
    assert DIALECT.usage(body) == Usage(
        input=10, output=5, cached_input=4, reasoning=2, audio_input=1
    )


def test_usage_in_deepseeks_words() -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 1, "prompt_cache_hit_tokens": 6}
    body = json.encode({"choices": [{}], "usage": usage})
    assert DIALECT.usage(body) == Usage(input=9, output=1, cached_input=6)


@pytest.mark.parametrize("usage", [b"null", b"{}", b"[]", b'{"prompt_tokens":"many"}'])
def test_usage_that_cannot_be_read_is_none_not_zero(usage: bytes) -> None:
    assert DIALECT.usage(b'{"choices":[{}],"usage":' + usage + b"}") is None


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b'{"choices":', b"{}", b"[]", b'{"choices":null}']
)
def test_what_is_no_reply_is_malformed(body: bytes) -> None:
    with pytest.raises(UpstreamMalformed):
        DIALECT.usage(body)


def test_an_error_with_status_200_is_a_failure() -> None:
    with pytest.raises(UpstreamFailed, match="overloaded"):
        DIALECT.usage(b'{"error":{"message":"overloaded"}}')


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, {"message": "bad", "param": "n"}, UpstreamRefused),
        (400, {"message": "x", "code": "context_length_exceeded"}, ContextWindowExceeded),
        (400, {"message": "the request exceeds the context window"}, ContextWindowExceeded),
        (400, {"message": "x", "code": "content_filter"}, ContentRefused),
        (401, {"message": "bad key"}, UpstreamDenied),
        (403, {"message": "no"}, UpstreamDenied),
        (404, {"message": "no model"}, UpstreamRefused),
        (422, {"message": "x", "code": 422}, UpstreamRefused),
        (429, {"message": "slow down"}, UpstreamRateLimited),
        (500, {"message": "oops"}, UpstreamFailed),
        (503, "overloaded", UpstreamFailed),
    ],
)
def test_what_a_status_means(status: int, error: Any, kind: type[UpstreamError]) -> None:
    failure = DIALECT.failure(status, json.encode({"error": error}), b"7")
    assert type(failure) is kind
    assert failure.upstream_status == status
    assert failure.retry_after == 7.0
    assert failure.message == (error if isinstance(error, str) else error["message"])


def test_a_refusal_keeps_its_status_and_param() -> None:
    failure = DIALECT.failure(422, b'{"error":{"message":"bad","param":"n"}}', None)
    assert (failure.status, failure.param, failure.retryable) == (422, "n", False)


@pytest.mark.parametrize("body", [b"", b"<html>busy</html>", b"null", b"[]"])
def test_a_failure_without_words_still_says_something(body: bytes) -> None:
    failure = DIALECT.failure(502, body, b"Wed, 21 Oct 2026 07:28:00 GMT")
    assert "502" in failure.message
    assert failure.retry_after is None
