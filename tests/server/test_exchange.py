"""What the straight path puts on the wire, and in how many writes."""

import asyncio
from decimal import Decimal
from typing import Any, cast

import pytest

from stepdown.errors import UpstreamRefused
from stepdown.server.client import OpenAIClient, dollars
from stepdown.server.exchange import Exchange
from stepdown.server.requests import parse
from stepdown.types import Attempt, Decision, Journey

BODY = b'{"model":"auto","messages":[{"role":"user","content":"hi"}]}'


class Wire:
    """A connection that notes what is written, and what waits to be."""

    def __init__(self) -> None:
        self.drained = None
        self.written: list[bytes] = []
        self.held = b""

    def write(self, data: bytes) -> None:
        self.written.append(self.held + data)
        self.held = b""

    def hold(self, data: bytes) -> None:
        self.held += data


def exchange(wire: Wire, version: str = "1.1", *, keep_alive: bool = True) -> Exchange:
    return Exchange(cast("Any", wire), b"POST", b"/", version, [], BODY, keep_alive=keep_alive)


def journey(model: str = "small") -> Journey:
    found = Journey(parse([], BODY), started=0.0, time=0.0, decision=Decision("direct", model))
    found.served = Attempt(model, "d", started=0.0)
    found.attempts.append(found.served)
    return found


def streamed(wire: Wire, version: str = "1.1") -> Exchange:
    async def run() -> Exchange:
        found = exchange(wire, version)
        client = OpenAIClient(found)
        await client.open_stream(journey())
        await client.write(b"data: 1\n\n")
        await client.write(b"data: 2\n\n")
        await client.close_stream()
        return found

    return asyncio.run(run())


def test_the_head_waits_for_what_is_written_next() -> None:
    wire = Wire()
    assert streamed(wire).done
    first, last = wire.written
    assert first.startswith(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream")
    assert first.endswith(b"\r\n\r\n9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n")
    assert last == b"0\r\n\r\n"


def test_a_stream_for_http_1_0_is_not_chunked() -> None:
    wire = Wire()
    assert not streamed(wire, "1.0").keep_alive
    assert b"connection: close\r\n\r\ndata: 1\n\ndata: 2\n\n" in b"".join(wire.written)


def test_an_answer_is_one_write() -> None:
    wire, told = Wire(), journey()
    told.cost, told.reference_cost = Decimal("0.0000001"), Decimal("0.25")
    asyncio.run(OpenAIClient(exchange(wire, keep_alive=False)).answer(told, b"{}"))
    (sent,) = wire.written
    head, _, body = sent.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert {
        b"content-type: application/json",
        b"content-length: 2",
        b"connection: close",
        b"x-stepdown-attempts: 1",
        b"x-stepdown-model: small",
        b"x-stepdown-decision: direct",
        b"x-stepdown-cost: 0.0000001",
        b"x-stepdown-saved: 0.2499999",
    } < set(lines)
    assert body == b"{}"


@pytest.mark.parametrize(
    ("verdict", "line"), [(None, None), ("accepted", None), ("one_of", b"one_of")]
)
def test_a_rejected_answer_that_is_served_says_so(verdict: str | None, line: bytes | None) -> None:
    wire, told = Wire(), journey()
    assert told.served is not None
    told.served.verdict = verdict
    asyncio.run(OpenAIClient(exchange(wire)).answer(told, b"{}"))
    _, found, rest = wire.written[0].partition(b"\r\nx-stepdown-rejected-by: ")
    assert (rest.partition(b"\r\n")[0] if found else None) == line


def test_a_stream_that_began_with_a_comment_is_opened_once() -> None:
    wire = Wire()

    async def run() -> None:
        client = OpenAIClient(exchange(wire))
        await client.open_stream(journey())
        await client.write(b": one moment\n\n")
        await client.open_stream(journey())
        await client.write(b"data: 1\n\n")
        await client.close_stream()

    asyncio.run(run())
    assert b"".join(wire.written).count(b"HTTP/1.1 200 OK") == 1


@pytest.mark.parametrize(
    ("name", "shown"),
    [("a\r\nset-cookie: b", b"a\\r\\nset-cookie: b"), ("caf\xe9", b"caf\\xe9")],
)
def test_a_name_stays_in_its_header(name: str, shown: bytes) -> None:
    wire = Wire()
    asyncio.run(OpenAIClient(exchange(wire)).answer(journey(name), b""))
    assert b"\r\nx-stepdown-model: " + shown + b"\r\n" in wire.written[0]


def test_a_status_without_a_phrase_is_passed_on() -> None:
    wire, error = Wire(), UpstreamRefused("Enhance your calm.")
    error.status = 420
    asyncio.run(OpenAIClient(exchange(wire)).fail(error))
    assert wire.written[0].startswith(b"HTTP/1.1 420 \r\ncontent-type: application/json\r\n")


@pytest.mark.parametrize(
    ("amount", "text"), [("1E-9", "0.000000001"), ("1E+2", "100"), ("0.50", "0.50"), ("-2", "-2")]
)
def test_dollars_have_no_exponent(amount: str, text: str) -> None:
    assert dollars(Decimal(amount)) == text
