"""Writes answers and errors to an OpenAI-dialect client over ASGI."""

from decimal import Decimal

from msgspec import json
from starlette.types import Send

from stepdown.errors import StepdownError, UpstreamError
from stepdown.types import Journey

_JSON = (b"content-type", b"application/json")
_STREAM = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class OpenAIClient:
    """One client that waits for one answer."""

    __slots__ = ("_send", "request_id", "streaming")

    def __init__(self, send: Send) -> None:
        self._send = send
        self.request_id: str | None = None
        self.streaming = False

    async def answer(self, journey: Journey, body: bytes) -> None:
        headers = [_JSON, (b"content-length", b"%d" % len(body)), *told(journey)]
        if journey.cost is not None:
            headers.append((b"x-stepdown-cost", dollars(journey.cost)))
            if (saved := journey.saved) is not None:
                headers.append((b"x-stepdown-saved", dollars(saved)))
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})

    async def open_stream(self, journey: Journey) -> None:
        """What a stream costs is known at its end only: the ledger has it, the headers cannot."""
        self.streaming = True
        headers = [*_STREAM, *told(journey)]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})

    async def write(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def close_stream(self) -> None:
        await self._send({"type": "http.response.body", "body": b""})

    async def fail(self, error: StepdownError) -> None:
        """Say what went wrong: as the response, or as the last event of a stream."""
        body = envelope(error)
        if self.streaming:
            await self.write(b"data: %b\n\n" % body)
            await self.close_stream()
            return
        headers = [_JSON, (b"content-length", b"%d" % len(body))]
        if self.request_id is not None:
            headers.append((b"x-stepdown-request-id", self.request_id.encode()))
        retry_after = getattr(error, "retry_after", None)
        if retry_after is not None:
            headers.append((b"retry-after", b"%d" % max(1, round(retry_after))))
        await self._send(
            {"type": "http.response.start", "status": error.status, "headers": headers}
        )
        await self._send({"type": "http.response.body", "body": body})


def told(journey: Journey) -> list[tuple[bytes, bytes]]:
    """What every answer's headers tell of its journey."""
    headers = [
        (b"x-stepdown-request-id", journey.request.id.encode()),
        (b"x-stepdown-attempts", b"%d" % len(journey.attempts)),
    ]
    if journey.attempts:
        headers.append((b"x-stepdown-model", _ascii(journey.attempts[-1].model)))
    if journey.decision is not None:
        headers.append((b"x-stepdown-decision", _ascii(journey.decision.name)))
    return headers


def envelope(error: StepdownError) -> bytes:
    """OpenAI's error object, with Stepdown's code."""
    said: dict[str, str | int | None] = {
        "message": error.message,
        "type": error.type,
        "param": error.param,
        "code": error.code,
    }
    if isinstance(error, UpstreamError) and error.upstream_status is not None:
        said["upstream_status"] = error.upstream_status
    return json.encode({"error": said})


def dollars(amount: Decimal) -> bytes:
    """US dollars without an exponent, as precise as they are."""
    return format(amount, "f").encode()


def _ascii(name: str) -> bytes:
    return name.encode("ascii", "backslashreplace")
