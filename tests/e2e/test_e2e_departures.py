"""Clients that go away: the upstream call is cancelled, and what was spent is on the record."""

import asyncio
import json
import socket
from typing import Any

import pytest

from support import chat, faults
from support.clients import HELLO, async_client_of
from support.configs import deployment
from support.fault_server import FaultServer, wait_until
from support.gateway_process import GatewayProcess
from support.ledger_reading import recorded


@pytest.fixture(scope="module")
def gateway(upstream: FaultServer, launch: Any) -> GatewayProcess:
    names = ("silent", "streamed", "reset", "cancelled", "retrying", "sequel")
    started: GatewayProcess = launch(
        {
            "model_list": [deployment(upstream, name) for name in names],
            "router_settings": {"num_retries": 3},
        }
    )
    return started


def ask(gateway: GatewayProcess, model: str, *, stream: bool = False) -> socket.socket:
    """A plain connection that has asked and waits."""
    body = json.dumps({"model": model, "messages": HELLO, "stream": stream}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\nContent-Length: {len(body)}"
    plain = socket.create_connection(("127.0.0.1", gateway.port), timeout=10)
    plain.sendall(head.encode() + b"\r\n\r\n" + body)
    return plain


def hang_up(upstream: FaultServer, plain: socket.socket, model: str) -> None:
    """Close once the upstream has the request, and wait until the upstream is hung up on."""
    wait_until(lambda: bool(upstream.received(model)), "the request is upstream")
    plain.close()
    seen = upstream.last(model)
    wait_until(lambda: seen.disconnected is not None, "the upstream call is cancelled")


def test_hanging_up_on_a_silent_upstream(gateway: GatewayProcess, upstream: FaultServer) -> None:
    upstream.script("silent", faults.never_answers())
    hang_up(upstream, ask(gateway, "silent"), "silent")
    detail = recorded(gateway.database, model="silent")
    assert (detail.outcome, detail.error) == ("cancelled", "client_gone")
    assert detail.estimated
    assert detail.usage is not None
    assert detail.usage.input > 0
    assert detail.cost is not None
    assert detail.cost > 0
    assert len(upstream.received("silent")) == 1


def test_hanging_up_in_the_middle_of_a_stream(
    gateway: GatewayProcess, upstream: FaultServer
) -> None:
    upstream.script("streamed", faults.stalls(after=4))
    plain = ask(gateway, "streamed", stream=True)
    got = b""
    while got.count(b"data: ") < 4:
        got += plain.recv(65536)
    hang_up(upstream, plain, "streamed")
    detail = recorded(gateway.database, model="streamed")
    assert detail.outcome == "cancelled"
    assert detail.usage is not None
    assert detail.usage.output == 4
    assert detail.usage.input > 0


def test_a_reset_is_a_departure_too(gateway: GatewayProcess, upstream: FaultServer) -> None:
    upstream.script("reset", faults.never_answers())
    plain = ask(gateway, "reset")
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    hang_up(upstream, plain, "reset")
    assert recorded(gateway.database, model="reset").outcome == "cancelled"


def test_cancelling_the_official_client(gateway: GatewayProcess, upstream: FaultServer) -> None:
    upstream.script("cancelled", faults.never_answers())

    async def talk() -> None:
        async with async_client_of(gateway) as client:
            asked = client.chat.completions.create(model="cancelled", messages=HELLO)
            task = asyncio.create_task(asked)
            await asyncio.to_thread(
                wait_until, lambda: bool(upstream.received("cancelled")), "the request is upstream"
            )
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(talk())
    seen = upstream.last("cancelled")
    wait_until(lambda: seen.disconnected is not None, "the upstream call is cancelled")
    assert recorded(gateway.database, model="cancelled").outcome == "cancelled"


def test_nobody_retries_for_a_client_that_is_gone(
    gateway: GatewayProcess, upstream: FaultServer
) -> None:
    upstream.always("retrying", faults.rate_limited(2))
    plain = ask(gateway, "retrying")
    wait_until(lambda: bool(upstream.received("retrying")), "the request is upstream")
    plain.close()
    detail = recorded(gateway.database, model="retrying")
    assert detail.outcome == "cancelled"
    assert len(detail.attempts) == 1


def test_a_departure_does_not_hurt_who_stays(
    gateway: GatewayProcess, upstream: FaultServer
) -> None:
    async def slowly(exchange: Any) -> None:
        await asyncio.sleep(0.3)
        await exchange.whole(chat.completion("sequel"))

    upstream.script("sequel", *[slowly] * 6)
    plains = [ask(gateway, "sequel") for _ in range(6)]
    wait_until(lambda: len(upstream.received("sequel")) == 6, "all are upstream")
    for plain in plains[::2]:
        plain.close()
    for plain in plains[1::2]:
        assert plain.recv(65536).startswith(b"HTTP/1.1 200")
        plain.close()
    wait_until(
        lambda: sum(s.disconnected is not None for s in upstream.received("sequel")) == 3,
        "three calls are cancelled",
    )
