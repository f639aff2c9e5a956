"""What is never asked a second time, and what the second request looks like."""

from typing import Any

import pytest
from msgspec import json

from stepdown.quality.shadow.excluded import (
    NO_SHADOW,
    PROVIDER_STATE,
    PROVIDER_TOOLS,
    Exclusions,
    asked_again,
    shown_tags,
    tags_of,
)
from stepdown.types import Request
from support.shadows import asked, of_tenant

SECRET = Exclusions(tags=frozenset({"no-shadow", "medical"}), tenants=frozenset({"bank"}))
FUNCTION = {"type": "function", "function": {"name": "find", "parameters": {}}}


def reason(request: Request, exclusions: Exclusions = SECRET) -> str | None:
    return exclusions.reason(request, tags_of(request))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, None),
        ({"metadata": {"tags": ["a", "b"]}}, None),
        ({"metadata": {"tags": ["a", "no-shadow"]}}, NO_SHADOW),
        ({"metadata": {"tags": "medical"}}, NO_SHADOW),
        ({"store": True}, PROVIDER_STATE),
        ({"store": False}, None),
        ({"store": None, "previous_response_id": None}, None),
        ({"previous_response_id": "resp_1"}, PROVIDER_STATE),
        ({"conversation": {"id": "conv_1"}}, PROVIDER_STATE),
        ({"background": True}, PROVIDER_STATE),
        ({"tools": [FUNCTION, {"type": "custom", "custom": {"name": "x"}}]}, None),
        ({"tools": [FUNCTION, {"type": "mcp", "server_url": "https://x"}]}, PROVIDER_TOOLS),
    ],
)
def test_reasons(fields: dict[str, Any], expected: str | None) -> None:
    assert reason(asked(**fields)) == expected


def test_a_tenants_requests() -> None:
    assert reason(of_tenant(asked(), "bank")) == NO_SHADOW
    assert reason(of_tenant(asked(), "shop")) is None


@pytest.mark.parametrize(
    ("metadata", "tags"),
    [
        (None, set()),
        ({}, set()),
        ({"tags": None}, set()),
        ({"tags": 5}, set()),
        ({"tags": ""}, set()),
        ({"tags": "one"}, {"one"}),
        ({"tags": ["a", "b", "a", 7, "", None]}, {"a", "b"}),
    ],
)
def test_tags_are_a_list_of_texts_or_one(metadata: Any, tags: set[str]) -> None:
    assert tags_of(asked(metadata=metadata)) == tags


def test_few_tags_are_shown_and_not_at_length() -> None:
    given = frozenset({"z" * 100, "z" * 99, *map(str, range(20))})
    shown = shown_tags(given)
    assert len(shown) == 8
    assert list(shown) == sorted(shown)
    assert shown_tags(frozenset({"z" * 100, "z" * 99})) == ("z" * 64,)


def test_the_second_request_is_the_clients_own_but_for_the_model_and_the_stream() -> None:
    fields: dict[str, Any] = {
        "temperature": 0.25,
        "tools": [FUNCTION],
        "seed": 7,
        "odd": {"new": [1]},
        "store": False,
        "n": 2,
    }
    request = asked(stream=True, stream_options={"include_usage": True}, **fields)
    request.session, request.route, request.deferred, request.tenant = "s", "auto", True, "t"
    again = asked_again(request, "strong")
    body = json.decode(json.encode(again.fields))
    messages = [{"role": "user", "content": "Tell me."}]
    assert body == {"model": "strong", "messages": messages, **fields}
    assert (again.streams, again.target, again.prompt.wants_usage) == (False, "strong", False)
    assert (again.session, again.deferred, again.tenant) == (None, False, "t")
    assert request.streams
    assert request.session == "s"
