"""Reads an OpenAI-dialect chat request off the wire, and says exactly what is wrong with one."""

from collections.abc import Iterator, Mapping
from itertools import count
from secrets import token_hex

from msgspec import json

from stepdown.errors import InvalidField
from stepdown.server import json_bodies
from stepdown.server.spans import seconds
from stepdown.types import Prompt, Request

ASYNC_HEADER = "x-stepdown-async"
DEFER_HEADER = "x-stepdown-defer"
_prompt = json.Decoder(Prompt).decode
_CREDENTIALS = {b"authorization", b"api-key", b"x-api-key", b"cookie", b"proxy-authorization"}
_process = f"sd-{token_hex(6)}"
_serial = count(1)


class Headers(Mapping[str, str]):
    """A request's headers by lower-case name, decoded when asked for; never the credentials."""

    __slots__ = ("_raw",)

    def __init__(self, raw: list[tuple[bytes, bytes]]) -> None:
        self._raw = raw

    def __getitem__(self, name: str) -> str:
        wanted = name.lower().encode("latin-1", "replace")
        if wanted not in _CREDENTIALS:
            for known, value in self._raw:
                if known == wanted:
                    return value.decode("latin-1")
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return (name.decode("latin-1") for name, _ in self._raw if name not in _CREDENTIALS)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def new_id() -> str:
    """A request id: unique, and not the client's to choose, since sampling goes by its hash."""
    return f"{_process}{next(_serial):08x}"


def parse(raw_headers: list[tuple[bytes, bytes]], body: bytes) -> Request:
    """A request from its headers and body. Raises InvalidJSON or InvalidField."""
    prompt = json_bodies.read(body, _prompt)
    fields = json_bodies.read(body, json_bodies.fields)
    if not prompt.messages:
        raise InvalidField("messages: expected at least one message, got none.", param="messages")
    request = Request(new_id(), prompt, fields, len(body), Headers(raw_headers))
    for name, value in raw_headers:
        if name.startswith(b"x-stepdown-"):
            _take_header(request, name, value)
    if request.intent is None and prompt.metadata:
        intent = prompt.metadata.get("intent")
        request.intent = intent if isinstance(intent, str) else None
    return request


def _take_header(request: Request, name: bytes, value: bytes) -> None:
    text = value.decode("latin-1").strip()
    if name == b"x-stepdown-intent":
        request.intent = text or None
    elif name == b"x-stepdown-session":
        request.session = text or None
    elif name == b"x-stepdown-route":
        request.route = text or None
    elif name == b"x-stepdown-async":
        request.deferred |= _is_true(ASYNC_HEADER, text)
    elif name == b"x-stepdown-defer":
        seconds(DEFER_HEADER, text)
        request.deferred = True


def _is_true(header: str, text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise InvalidField(f"{header}: expected true or false, got {text!r}.")
    return text.lower() == "true"
