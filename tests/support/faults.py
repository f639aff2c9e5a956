"""What the fault server can do with a request: one function for each behaviour, good or bad.

Each takes its settings and returns a behaviour, which answers one request. Seconds throughout.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from support import chat
from support.exchange import Exchange, Headers

Behaviour = Callable[[Exchange], Coroutine[Any, Any, None]]

FOREVER = 3600.0


def ok(*, head_after: float = 0.0, between: float = 0.0, **reply: Any) -> Behaviour:
    """Answer well: whole or streamed as asked. ``reply`` goes to ``chat.completion``.

    ``head_after`` makes the head slow, ``between`` every streamed event after the first.
    """

    async def answer(exchange: Exchange) -> None:
        await asyncio.sleep(head_after)
        if not exchange.seen.streams:
            await exchange.whole(chat.completion(exchange.seen.model, **reply))
            return
        await exchange.open_chunked()
        for number, event in enumerate(_events(exchange)):
            await asyncio.sleep(between if number else 0)
            await exchange.chunk(event)
        await exchange.end_chunks()

    return answer


class Gate:
    """Opened by the test: what waits behind it then goes on."""

    def __init__(self) -> None:
        self._open = threading.Event()

    def open(self) -> None:
        self._open.set()

    async def wait(self) -> None:
        while not self._open.is_set():  # noqa: ASYNC110  opened from another thread
            await asyncio.sleep(0.005)


def says(
    *words: str,
    logprob: float = -0.1,
    n: int = 1,
    finish_reason: str = "stop",
    head_after: float = 0.0,
    between: float = 0.0,
    gate: Gate | None = None,
    gate_after: int = 0,
) -> Behaviour:
    """Answer with these words, a token each, whole or streamed as asked, ``n`` times.

    Log probabilities are told where they are asked for. Behind a ``gate`` stands the whole
    answer, or what follows the first ``gate_after`` events of a stream.
    """

    async def answer(exchange: Exchange) -> None:
        seen = exchange.seen
        told = logprob if seen.json.get("logprobs") is True else None
        await asyncio.sleep(head_after)
        if not seen.streams:
            if gate is not None:
                await gate.wait()
            await exchange.whole(
                chat.completion(
                    seen.model,
                    "".join(words),
                    completion_tokens=len(words) * n,
                    finish_reason=finish_reason,
                    logprobs=None if told is None else chat.logprobs(words, told),
                    n=n,
                )
            )
            return
        events = chat.stream(
            seen.model,
            words,
            with_usage=seen.asks_usage,
            finish_reason=finish_reason,
            logprob=told,
            n=n,
        )
        await _send(exchange, events, between, gate, gate_after)

    return answer


def calls_tools(*calls: tuple[str, Sequence[str]]) -> Behaviour:
    """Answer with tool calls: each a name, and its arguments in the parts in which they stream."""

    async def answer(exchange: Exchange) -> None:
        seen = exchange.seen
        if seen.streams:
            events = chat.stream_of_calls(seen.model, calls, with_usage=seen.asks_usage)
            await _send(exchange, events)
            return
        listed = [
            {
                "id": f"call_{index}",
                "type": "function",
                "function": {"name": name, "arguments": "".join(parts)},
            }
            for index, (name, parts) in enumerate(calls)
        ]
        whole = chat.completion(
            seen.model, None, message={"tool_calls": listed}, finish_reason="tool_calls"
        )
        await exchange.whole(whole)

    return answer


async def _send(
    exchange: Exchange,
    events: Sequence[bytes],
    between: float = 0.0,
    gate: Gate | None = None,
    gate_after: int = 0,
) -> None:
    if gate is not None and not gate_after:
        await gate.wait()
    await exchange.open_chunked()
    for number, event in enumerate(events):
        await asyncio.sleep(between if number else 0)
        if gate is not None and number == gate_after:
            await gate.wait()
        await exchange.chunk(event)
    await exchange.end_chunks()


def raw_stream(*events: bytes) -> Behaviour:
    """Stream exactly these bytes, each in an HTTP chunk and a TCP segment of its own."""

    async def answer(exchange: Exchange) -> None:
        await exchange.open_chunked()
        for event in events:
            await exchange.chunk(event)
            await asyncio.sleep(0.01)
        await exchange.end_chunks()

    return answer


def status(
    code: int, message: str = "No.", *, error_code: str | None = None, headers: Headers = ()
) -> Behaviour:
    """Refuse or fail with OpenAI's error envelope."""

    async def answer(exchange: Exchange) -> None:
        body = chat.error(message, code=error_code)
        await exchange.whole(body, status=code, headers=headers)

    return answer


def rate_limited(retry_after: float) -> Behaviour:
    """429 with Retry-After."""
    headers = [("Retry-After", f"{retry_after:g}")]
    return status(429, "Slow down.", error_code="rate_limit_exceeded", headers=headers)


def body(content: bytes, *, code: int = 200, content_type: str = "application/json") -> Behaviour:
    """Answer with any bytes under any content type: malformed JSON, an HTML page."""

    async def answer(exchange: Exchange) -> None:
        await exchange.whole(content, status=code, content_type=content_type)

    return answer


def malformed_json() -> Behaviour:
    return body(b'{"id":"chatcmpl-fault","choices":[{"index":0,"message":{"role":"assis')


def html_page() -> Behaviour:
    """A 200 that is no JSON: a captive portal, a proxy's own page."""
    return body(b"<html><body>Welcome</body></html>", content_type="text/html")


def never_answers() -> Behaviour:
    """Take the request and say nothing."""

    async def answer(_exchange: Exchange) -> None:
        await asyncio.sleep(FOREVER)

    return answer


def stalls(after: int) -> Behaviour:
    """Stream some events, then say nothing more and keep the connection open."""
    return _partial(after, _hold)


def reset_before_head() -> Behaviour:
    async def answer(exchange: Exchange) -> None:
        exchange.reset()

    return answer


def close_before_head() -> Behaviour:
    async def answer(exchange: Exchange) -> None:
        exchange.close()

    return answer


def reset_in_stream(after: int) -> Behaviour:
    """A TCP reset after some events."""

    async def reset(exchange: Exchange) -> None:
        await asyncio.sleep(0.05)  # what was written must be read before the reset discards it
        exchange.reset()

    return _partial(after, reset)


def cut_in_stream(after: int) -> Behaviour:
    """Close after some events, without [DONE] and without the last HTTP chunk."""

    async def cut(exchange: Exchange) -> None:
        exchange.close()

    return _partial(after, cut)


def unfinished_stream(after: int) -> Behaviour:
    """End the HTTP body in good order after some events: only [DONE] is missing."""
    return _partial(after, Exchange.end_chunks)


def error_event(after: int, message: str = "The engine stopped.") -> Behaviour:
    """An error as a stream's event, after some good ones."""

    async def report(exchange: Exchange) -> None:
        await asyncio.sleep(0.05)  # an error that comes with the first bytes is tried again
        await exchange.chunk(b"data: " + chat.error(message) + b"\n\n" + chat.DONE)
        await exchange.end_chunks()

    return _partial(after, report)


def cut_in_body() -> Behaviour:
    """Promise a length, send half of it, close."""

    async def answer(exchange: Exchange) -> None:
        whole = chat.completion(exchange.seen.model)
        length = ("Content-Length", str(len(whole)))
        await exchange.head(200, [("Content-Type", "application/json"), length])
        await exchange.send(whole[: len(whole) // 2])
        exchange.close()

    return answer


def huge(size: int) -> Behaviour:
    """A good reply whose content is ``size`` bytes of one letter."""

    async def answer(exchange: Exchange) -> None:
        await exchange.whole(chat.completion(exchange.seen.model, "x" * size))

    return answer


def until_close() -> Behaviour:
    """A good answer whose body ends where the connection does, as HTTP/1.0 had it."""

    async def answer(exchange: Exchange) -> None:
        streams = exchange.seen.streams
        kind = "text/event-stream" if streams else "application/json"
        await exchange.head(200, [("Content-Type", kind), ("Connection", "close")])
        if streams:
            for event in _events(exchange):
                await exchange.send(event)
        else:
            await exchange.send(chat.completion(exchange.seen.model))
        exchange.close()

    return answer


def chunked_json(piece: int = 7) -> Behaviour:
    """A good whole answer in HTTP chunks of a few bytes."""

    async def answer(exchange: Exchange) -> None:
        whole = chat.completion(exchange.seen.model)
        await exchange.open_chunked("application/json")
        for start in range(0, len(whole), piece):
            await exchange.chunk(whole[start : start + piece])
        await exchange.end_chunks()

    return answer


def closes_afterwards() -> Behaviour:
    """Answer as if the connection stayed open, then close it: the next request finds it stale."""

    async def answer(exchange: Exchange) -> None:
        await ok()(exchange)
        exchange.close()

    return answer


def deaf_afterwards() -> Behaviour:
    """Answer well, stay connected, and cut the connection when the next request arrives on it."""

    async def answer(exchange: Exchange) -> None:
        exchange.deaf_afterwards = True
        await ok()(exchange)

    return answer


def _partial(after: int, then: Behaviour) -> Behaviour:
    """Stream ``after`` events, then do something else."""

    async def answer(exchange: Exchange) -> None:
        await exchange.open_chunked()
        for event in _events(exchange)[:after]:
            await exchange.chunk(event)
        await then(exchange)

    return answer


async def _hold(_exchange: Exchange) -> None:
    await asyncio.sleep(FOREVER)


def _events(exchange: Exchange) -> list[bytes]:
    return chat.stream(exchange.seen.model, with_usage=exchange.seen.asks_usage)
