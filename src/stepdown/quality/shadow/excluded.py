"""Which requests are never asked a second time, and in which form the others are."""

from collections.abc import Mapping
from typing import Any

from msgspec import Raw, Struct, json, structs

from stepdown.routing.shapes import is_list
from stepdown.types import Request

NO_SHADOW = "no_shadow"
PROVIDER_STATE = "provider_state"
PROVIDER_TOOLS = "provider_tools"
TOO_LARGE = "too_large"
"""Said of a request by ``admission``."""

STATE = ("store", "previous_response_id", "conversation", "background")
"""Fields that leave something at the provider, or build on what was left there.

Sources: platform.openai.com/docs/api-reference/chat/create (``store``), /responses/create.
"""
_UNSAID = (b"null", b"false", b'""')
_DROPPED = ("stream", "stream_options")
_CALLED_BY_CLIENTS = ("function", "custom")

TAG_COUNT = 8
TAG_LENGTH = 64


class Exclusions(Struct, frozen=True):
    """What is never shadowed, by the user's wish: requests with a tag, or of a tenant."""

    tags: frozenset[str] = frozenset({"no-shadow"})
    tenants: frozenset[str] = frozenset()

    def reason(self, request: Request, tags: frozenset[str]) -> str | None:
        """Why this request is not asked again, or None. Looks at the request alone."""
        if request.tenant in self.tenants or not self.tags.isdisjoint(tags):
            return NO_SHADOW
        if _says_any(request.fields):
            return PROVIDER_STATE
        if any(tool.type not in _CALLED_BY_CLIENTS for tool in request.prompt.tools or ()):
            return PROVIDER_TOOLS
        return None


def _says_any(fields: Mapping[str, Raw]) -> bool:
    return any(name in fields and bytes(fields[name]) not in _UNSAID for name in STATE)


def tags_of(request: Request) -> frozenset[str]:
    """The request's ``metadata.tags``: a list of strings, or one."""
    given: Any = (request.prompt.metadata or {}).get("tags")
    given = [given] if isinstance(given, str) else given
    if not is_list(given):
        return frozenset()
    return frozenset(tag for tag in given if isinstance(tag, str) and tag)


def shown_tags(tags: frozenset[str]) -> tuple[str, ...]:
    """As many tags as are kept beside a pair, each as long as is kept of it; sorted."""
    return tuple(sorted({tag[:TAG_LENGTH] for tag in tags})[:TAG_COUNT])


def asked_again(request: Request, model: str) -> Request:
    """The client's own request, put to this model, its reply whole.

    What asks for storage is excluded by ``Exclusions``. A ``store: false`` of the client's is kept
    in the request, and none is added: a provider that stores by default is told not to store the
    second answer either, where the client told it so, and only there.
    """
    fields = {name: raw for name, raw in request.fields.items() if name not in _DROPPED}
    fields["model"] = Raw(json.encode(model))
    prompt = structs.replace(request.prompt, model=model, stream=None, stream_options=None)
    return structs.replace(
        request, prompt=prompt, fields=fields, route=None, session=None, deferred=False
    )
