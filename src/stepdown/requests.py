"""Makes a request from plain objects, as it would have come over HTTP."""

from collections.abc import Mapping
from secrets import token_hex
from typing import Any

import msgspec
from msgspec import Raw

from stepdown.errors import InvalidField
from stepdown.types import Prompt, Request


def request_of(
    body: Mapping[str, Any] | bytes,
    *,
    id: str | None = None,  # noqa: A002  the request's own word
    headers: Mapping[str, str] | None = None,
    intent: str | None = None,
    session: str | None = None,
) -> Request:
    """The request that a chat request's body makes, given as JSON or as the objects it stands for.

    ``headers`` may have any case. Without an ``intent``, that of the body's ``metadata`` counts;
    without an ``id`` the request gets a fresh one. Raises InvalidField, which says where the body
    is no chat request.
    """
    try:
        whole = body if isinstance(body, bytes) else msgspec.json.encode(body)
        prompt = msgspec.json.decode(whole, type=Prompt)
        fields = msgspec.json.decode(whole, type=dict[str, Raw])
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as error:
        raise InvalidField(str(error)) from error
    stated = (prompt.metadata or {}).get("intent")
    return Request(
        f"sd-{token_hex(10)}" if id is None else id,
        prompt,
        fields,
        len(whole),
        {name.lower(): value for name, value in (headers or {}).items()},
        intent=intent or (stated if isinstance(stated, str) else None),
        session=session,
    )
