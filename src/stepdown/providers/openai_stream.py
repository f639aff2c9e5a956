"""Watches an OpenAI-dialect stream go by: bytes pass as they came, usage is read on the way.

The common case costs a few searches over the bytes that arrived together. Only events that speak
of usage or of an error are taken apart.
"""

from collections import deque

from msgspec import DecodeError, Raw, Struct, json

from stepdown.errors import UpstreamError, UpstreamFailed, UpstreamMalformed
from stepdown.providers.http import MAX_REPLY
from stepdown.providers.openai_usage import stated, usage_of
from stepdown.types import Usage


class _Event(Struct):
    choices: list[Raw] | None = None
    usage: Raw = Raw()
    error: Raw = Raw()


class _Error(Struct):
    message: str = "The upstream's stream reported an error."


TAIL = 8192
"""So many of the bytes that arrived together are searched for usage and errors."""
# Asked for usage, OpenAI adds this to every chunk. Inside of a JSON string the quotes would be
# escaped, so these bytes can be nothing else.
_NULL = b',"usage":null'
_DONE = b"data: [DONE]\n\n"
_ENDS = (b"[DONE]", b'"finish_reason":"', b'"finish_reason": "')

_event = json.Decoder(_Event).decode
_error = json.Decoder(_Error).decode


class OpenAITap:
    """A tap for one stream. ``hide_usage``: the gateway asked for the usage, not the client."""

    __slots__ = (
        "_begun",
        "_first",
        "_has_nulls",
        "_hide_usage",
        "_passed",
        "_recent",
        "error",
        "usage",
    )

    def __init__(self, *, hide_usage: bool) -> None:
        self.usage: Usage | None = None
        self.error: UpstreamError | None = None
        self._hide_usage = hide_usage
        self._begun = b""
        self._first = b""
        self._recent: deque[bytes] = deque(maxlen=3)
        self._passed = 0
        self._has_nulls: bool | None = None

    def feed(self, data: bytes) -> bytes:
        """The complete events among what has come; an event cut in two waits for its end."""
        if self._begun:
            data = self._begun + data
            self._begun = b""
        if not data.endswith(b"\n\n"):
            end = _last_end(data, len(data))
            data, self._begun = data[:end], data[end:]
            if len(self._begun) > MAX_REPLY:
                self.error = UpstreamMalformed("An event of the upstream's stream is too large.")
        return self._inspect(data) if data else b""

    def end(self) -> bytes:
        begun, self._begun = self._begun, b""
        return self._inspect(begun) if begun else b""

    @property
    def finished(self) -> bool:
        """Whether the answer came to its end: the last events say so, each upstream its own way."""
        if self._recent and self._recent[-1].endswith(_DONE):
            return True
        return any(mark in data for data in self._recent for mark in _ENDS)

    @property
    def events(self) -> int:
        """About how many events have passed: a token each, where nothing better is known."""
        first = self._first
        return round(first.count(b"data:") * self._passed / len(first)) if first else 0

    def _inspect(self, data: bytes) -> bytes:
        self._recent.append(data)
        if self._has_nulls is None and b'"choices":' in data:
            self._has_nulls = self._hide_usage and _NULL in data
        data = self._take_out(data, b'"error":')
        if self._has_nulls:
            data = b"".join(data.split(_NULL))  # where there are many, faster than replace
        data = self._take_out(data, b'"usage":')
        self._first = self._first or data
        self._passed += len(data)
        return data

    def _take_out(self, data: bytes, mark: bytes) -> bytes:
        """Learn from the last event that bears the mark; leave it out if it is not to be seen.

        Usage and errors end a stream, so they are looked for among the last bytes only.
        """
        found = data.rfind(mark, max(0, len(data) - TAIL))
        if found < 0:
            return data
        begin, end = _last_end(data, found), _first_end(data, found)
        if self._shows(data[begin:end]):
            return data
        if self.error is not None:
            return data[:begin]  # nothing behind an error may look like a good end
        return data[:begin] + data[end:]

    def _shows(self, event: bytes) -> bool:
        """Learn from one event; whether the client is to see it."""
        payload = _payload(event)
        if not payload.startswith(b"{"):
            return True
        try:
            said = _event(payload)
        except DecodeError:
            return True
        if stated(said.error):
            self.error = UpstreamFailed(_message(said.error))
            return False
        usage = usage_of(said.usage)
        if usage is None:
            return True
        self.usage = usage
        return not (self._hide_usage and not said.choices)


def _last_end(data: bytes, before: int) -> int:
    """Where the last event ends that is complete before a place; 0 where none is."""
    plain = data.rfind(b"\n\n", 0, before)
    windows = data.rfind(b"\r\n\r\n", max(plain, 0), before)
    if windows >= 0:
        return windows + 4
    return plain + 2 if plain >= 0 else 0


def _first_end(data: bytes, after: int) -> int:
    """Where the event at a place ends; the end of the data where it is not complete."""
    plain = data.find(b"\n\n", after)
    windows = data.find(b"\r\n\r\n", after, plain if plain >= 0 else len(data))
    if windows >= 0:
        return windows + 4
    return plain + 2 if plain >= 0 else len(data)


def _payload(event: bytes) -> bytes:
    """The data of one event; comments and other fields are left out."""
    if event.startswith(b"data:") and event.find(b"\n") == len(event) - 2:
        return event[5:-2].lstrip()  # one line and the blank one: nearly every event
    lines = event.splitlines()
    return b"\n".join(line[5:].strip() for line in lines if line.startswith(b"data:"))


def _message(error: Raw) -> str:
    try:
        return _error(error).message
    except DecodeError:
        return bytes(error).decode("utf-8", "replace")[:500]
