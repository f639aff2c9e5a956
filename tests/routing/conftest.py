"""Makes requests as the server makes them: from a client's JSON."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from stepdown.routing.route import PolicyRoute, build_route
from stepdown.types import Decision, Prompt, Request

Ask = Callable[..., Request]
Decide = Callable[..., Decision]


def make_request(
    text: str | None = None,
    *,
    system: str | None = None,
    messages: list[dict[str, Any]] | None = None,
    intent: str | None = None,
    session: str | None = None,
    tenant: str = "",
    headers: dict[str, str] | None = None,
    **fields: Any,
) -> Request:
    if messages is None:
        messages = [{"role": "system", "content": system}] if system else []
        messages = [*messages, {"role": "user", "content": text}]
    body = json.dumps({"model": "auto", "messages": messages, **fields}).encode()
    return Request(
        "r-1",
        msgspec.json.decode(body, type=Prompt),
        msgspec.json.decode(body, type=dict[str, Raw]),
        len(body),
        headers or {},
        intent=intent,
        session=session,
        tenant=tenant,
    )


@pytest.fixture(scope="session")
def ask() -> Ask:
    """A request from a user's text, or from whole messages; other fields go in as they are."""
    return make_request


@pytest.fixture(scope="session")
def standard() -> PolicyRoute:
    """The preset on two models, without sessions."""
    options = {"ladder": ["cheap", "strong"], "rules": "standard", "sessions": False}
    return build_route("auto", options, price_of=lambda model: None)


@pytest.fixture(scope="session")
def decide(standard: PolicyRoute) -> Decide:
    """The preset's decision for a request that is made like those of ``ask``."""

    def decision(*args: Any, **fields: Any) -> Decision:
        request = make_request(*args, **fields)
        return standard.decide(request, standard.read(request))

    return decision
