"""Signals that the application sends along: intent, metadata, headers, and whose key it is."""

from stepdown.routing.signals.kinds import Kind
from stepdown.types import Reading, Request

NO_INTENT = Reading(None, saw="the request names no intent")


class IntentSignal:
    """The value is the intent in lower case with underscores ("FAQ lookup" is ``faq_lookup``)."""

    name = "intent"
    kind = Kind.TEXT
    values = None

    def read(self, request: Request) -> Reading:
        if request.intent:
            return Reading(normal_intent(request.intent), saw="x-stepdown-intent or metadata")
        named = (request.prompt.metadata or {}).get("intent")
        if isinstance(named, str) and named:
            return Reading(normal_intent(named), saw="metadata.intent")
        return NO_INTENT


def normal_intent(name: str) -> str:
    """One spelling for "FAQ lookup", "faq-lookup" and "faq_lookup"."""
    return "_".join(name.lower().replace("-", " ").replace("_", " ").split())


class MetadataSignal:
    """``metadata.NAME``: the value as it came in the request's ``metadata``."""

    kind = Kind.ANY
    values = None

    def __init__(self, name: str) -> None:
        self.name = name
        self._key = name.removeprefix("metadata.")

    def read(self, request: Request) -> Reading:
        value = (request.prompt.metadata or {}).get(self._key)
        return Reading(value, saw="metadata" if value is not None else "metadata has no such key")


class HeaderSignal:
    """``header.NAME``: a request header's text. Credentials are never among them."""

    kind = Kind.ANY
    values = None

    def __init__(self, name: str) -> None:
        self.name = name
        self._header = name.removeprefix("header.").lower()

    def read(self, request: Request) -> Reading:
        value = request.headers.get(self._header)
        return Reading(value, saw="header" if value is not None else "no such header")


class KeySignal:
    """``key``: the tenant whose key the request came with."""

    name = "key"
    kind = Kind.TEXT
    values = None

    def read(self, request: Request) -> Reading:
        return Reading(request.tenant or None, saw="the request's key")
