"""Requests made of plain objects: as they would have come over HTTP."""

from typing import Any

import pytest
from msgspec import json

from stepdown.errors import InvalidField
from stepdown.requests import request_of
from stepdown.server.requests import parse

BODY: dict[str, Any] = {
    "model": "auto",
    "messages": [{"role": "user", "content": "Is this spam?"}],
    "metadata": {"intent": "classification"},
    "new": {"number": 1.5, "none": None},
}


@pytest.mark.parametrize("given", [BODY, json.encode(BODY)], ids=["objects", "bytes"])
def test_it_is_the_request_that_the_server_would_have_read(given: Any) -> None:
    made = request_of(given, id="r")
    came = parse([], json.encode(BODY))
    assert made.prompt == came.prompt
    assert {k: bytes(v) for k, v in made.fields.items()} == {
        k: bytes(v) for k, v in came.fields.items()
    }
    assert (made.size, made.intent, made.id) == (came.size, "classification", "r")


def test_what_is_said_beside_the_body() -> None:
    made = request_of(BODY, headers={"X-Team": "Blue"}, intent="faq", session="s1")
    assert made.headers == {"x-team": "Blue"}
    assert (made.intent, made.session) == ("faq", "s1")


def test_fresh_ids_differ() -> None:
    ids = {request_of(BODY).id for _ in range(100)}
    assert len(ids) == 100
    assert all(each.startswith("sd-") for each in ids)


def test_an_intent_that_is_no_text_is_none() -> None:
    assert request_of({**BODY, "metadata": {"intent": 7}}).intent is None
    assert request_of({**BODY, "metadata": None}).intent is None


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({**BODY, "messages": 7}, "Expected `array`, got `int` - at `$.messages`"),
        ({"model": "auto"}, "missing required field `messages`"),
        ({**BODY, "messages": [{"role": "user", "content": object()}]}, "unsupported"),
        ({**BODY, "x": "\ud800"}, "surrogates"),
        (b"{", "truncated"),
        (b"\xff", "malformed"),
        (b'{"model":"m","messages":[],"x":' + b"[" * 100_000, "recursion"),
    ],
    ids=["no-list", "missing", "object", "surrogate", "cut", "no-json", "deep"],
)
def test_what_is_no_chat_request_is_said(body: Any, says: str) -> None:
    with pytest.raises(InvalidField) as caught:
        request_of(body)
    assert says in caught.value.message
