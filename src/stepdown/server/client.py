"""Writes answers and errors to an OpenAI-dialect client."""

from decimal import Decimal

from msgspec import json

from stepdown.errors import StepdownError, UpstreamError
from stepdown.server.exchange import Exchange, status_line
from stepdown.types import ACCEPTED, Journey

_JSON = "content-type: application/json\r\n"
_ANSWER = f"{status_line(200).decode()}{_JSON}"
_STREAM = (
    f"{status_line(200).decode()}content-type: text/event-stream; charset=utf-8\r\n"
    "cache-control: no-cache\r\nx-accel-buffering: no\r\n"
)


class OpenAIClient:
    """One client that waits for one answer."""

    __slots__ = ("_exchange", "request_id", "streaming", "write")

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.request_id: str | None = None
        self.streaming = False
        self.write = exchange.write

    async def answer(self, journey: Journey, body: bytes) -> None:
        head = _ANSWER + told(journey)
        if journey.cost is not None:
            head += f"x-stepdown-cost: {dollars(journey.cost)}\r\n"
            if (saved := journey.saved) is not None:
                head += f"x-stepdown-saved: {dollars(saved)}\r\n"
        await self._exchange.answer(head.encode(), body)

    async def open_stream(self, journey: Journey) -> None:
        """What a stream costs is known at its end only: the ledger has it, the headers cannot.

        A stream that was opened while an answer was being checked stays open.
        """
        if self.streaming:
            return
        self.streaming = True
        self._exchange.open_stream((_STREAM + told(journey)).encode())

    async def close_stream(self) -> None:
        await self._exchange.close_stream()

    async def fail(self, error: StepdownError) -> None:
        """Say what went wrong: as the response, or as the last event of a stream."""
        body = envelope(error)
        if self.streaming:
            await self.write(b"data: %b\n\n" % body)
            await self.close_stream()
            return
        head = status_line(error.status).decode() + _JSON
        if self.request_id is not None:
            head += f"x-stepdown-request-id: {self.request_id}\r\n"
        retry_after = getattr(error, "retry_after", None)
        if retry_after is not None:
            head += f"retry-after: {max(1, round(retry_after))}\r\n"
        await self._exchange.answer(head.encode(), body)


def told(journey: Journey) -> str:
    """What every answer's headers tell of its journey."""
    served, decision = journey.served, journey.decision
    lines = (
        f"x-stepdown-request-id: {journey.request.id}\r\n"
        f"x-stepdown-attempts: {len(journey.attempts)}\r\n"
    )
    if served is not None:
        lines += f"x-stepdown-model: {_ascii(served.model)}\r\n"
        if served.verdict is not None and served.verdict != ACCEPTED:
            lines += f"x-stepdown-rejected-by: {_ascii(served.verdict)}\r\n"
    if decision is not None:
        lines += f"x-stepdown-decision: {_ascii(decision.name)}\r\n"
    if journey.cache is not None:
        lines += _of_cache(journey)
    if journey.shrunk is not None:
        removed = journey.shrunk.before - journey.shrunk.after
        lines += f"x-stepdown-tokens-removed: {removed}\r\n"
    return lines


def _of_cache(journey: Journey) -> str:
    """What the caches said; of a stored answer its model, its entry and its age in seconds."""
    lines = f"x-stepdown-cache: {journey.cache}\r\n"
    hit = journey.hit
    if hit is not None:
        age = max(0, int(journey.time - hit.stored))
        lines += (
            f"x-stepdown-model: {_ascii(hit.model)}\r\n"
            f"x-stepdown-cache-id: {_ascii(hit.id)}\r\nage: {age}\r\n"
        )
    return lines


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


def dollars(amount: Decimal) -> str:
    """US dollars without an exponent, as precise as they are."""
    text = str(amount)
    return format(amount, "f") if "E" in text else text


def _ascii(name: str) -> str:
    """A name as a header can bear it: a client that names a model may put anything there."""
    if name.isascii() and name.isprintable():
        return name
    return name.encode("unicode_escape").decode()
