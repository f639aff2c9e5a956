"""Reading requests: what passes, and what the client is told when one does not."""

import pytest
from msgspec import json

from stepdown.errors import InvalidField, InvalidJSON, StepdownError
from stepdown.server.requests import Headers, new_id, parse

GOOD = {"model": "auto", "messages": [{"role": "user", "content": "hi"}]}


def body(**changes: object) -> bytes:
    return json.encode({**GOOD, **changes})


@pytest.mark.parametrize(
    ("broken", "kind", "param", "says"),
    [
        (b"", InvalidJSON, None, "JSON"),
        (b"{", InvalidJSON, None, "JSON"),
        (b"[1]", InvalidJSON, None, "object"),
        (b'"x"', InvalidJSON, None, "object"),
        (b"\xff\xfe", InvalidJSON, None, "JSON"),
        (b"[" * 100_000, InvalidJSON, None, "JSON"),
        (json.encode({"messages": []}), InvalidField, "model", "required"),
        (json.encode({"model": "m"}), InvalidField, "messages", "required"),
        (body(messages=[]), InvalidField, "messages", "at least one"),
        (body(model=5), InvalidField, "model", "expected str, got int"),
        (body(messages="hi"), InvalidField, "messages", "expected array, got str"),
        (body(messages=[{"content": "hi"}]), InvalidField, "messages[0].role", "required"),
        (body(messages=[{"role": "user", "content": 3}]),
         InvalidField, "messages[0].content", "got int"),
        (body(messages=[{"role": "user", "content": [{"type": "text", "text": 3}]}]),
         InvalidField, "messages[0].content[0].text", "got int"),
        (body(stream="yes"), InvalidField, "stream", "got str"),
        (body(max_tokens="many"), InvalidField, "max_tokens", "got str"),
        (body(tools={}), InvalidField, "tools", "got object"),
        (body(response_format="json"), InvalidField, "response_format", "got str"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(
    broken: bytes, kind: type[StepdownError], param: str | None, says: str
) -> None:
    with pytest.raises(kind) as caught:
        parse([], broken)
    assert caught.value.param == param
    assert says in caught.value.message
    assert "Traceback" not in caught.value.message


def test_deep_nesting_in_a_field_nobody_reads_is_refused_not_fatal() -> None:
    deep = b'{"model":"m","messages":[{"role":"user","content":"x"}],"x":' + b"[" * 200_000
    with pytest.raises(InvalidJSON):
        parse([], deep)


def test_headers_and_metadata_carry_the_apps_hints() -> None:
    headers = [
        (b"x-stepdown-intent", b" faq "),
        (b"x-stepdown-session", b"s1"),
        (b"x-stepdown-route", b"support"),
    ]
    request = parse(headers, body())
    assert (request.intent, request.session, request.target) == ("faq", "s1", "support")
    assert parse([], body(metadata={"intent": "faq"})).intent == "faq"
    assert parse(headers, body(metadata={"intent": "other"})).intent == "faq"
    assert parse([], body()).target == "auto"


def test_an_async_request() -> None:
    assert not parse([], body()).deferred
    assert parse([(b"x-stepdown-async", b"true")], body()).deferred
    assert parse([(b"x-stepdown-async", b" True ")], body()).deferred
    assert not parse([(b"x-stepdown-async", b"false")], body()).deferred
    for wrong in (b"yes", b"1", b""):
        with pytest.raises(InvalidField, match="x-stepdown-async: expected true or false"):
            parse([(b"x-stepdown-async", wrong)], body())


def test_credentials_are_not_among_the_headers() -> None:
    headers = Headers(
        [(b"authorization", b"Bearer sk-1"), (b"x-api-key", b"sk-2"), (b"x-team", b"red")]
    )
    assert dict(headers) == {"x-team": "red"}
    assert headers.get("X-Team") == "red"
    assert headers.get("authorization") is None
    assert "sk-1" not in repr(dict(headers))


def test_ids_differ() -> None:
    assert len({new_id() for _ in range(1000)}) == 1000
