"""Bodies handed over while they arrive, over real sockets: order, pace, limits, endings."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send

from stepdown.errors import BodyTooLarge, RequestError
from stepdown.server import inflow, protocol
from stepdown.server.inflow import Inflow
from stepdown.server.protocol import Connection
from support.fault_server import wait_until

MOST = 4_000_000
TAKEN: list[int] = []
ENDINGS: list[str] = []
GO = threading.Event()


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Counts what it takes; some paths stop early, or wait to be told."""
    if scope["type"] != "http":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    kind = scope["query_string"].decode()
    try:
        came = b"" if kind == "refuses" else await _taken(receive, waits=kind == "waits")
    except RequestError as error:
        await _answer(send, error.status, error.code.encode())
        return
    except asyncio.CancelledError:
        ENDINGS.append("cancelled")
        raise
    said = b"%d %b" % (len(came), came[-20:])
    await _answer(send, 401 if kind == "refuses" else 200, said)


async def _taken(receive: Receive, *, waits: bool) -> bytes:
    pieces: list[bytes] = []
    more = True
    while more:
        if waits:
            await asyncio.to_thread(GO.wait, 10)
        message = await receive()
        pieces.append(message["body"])
        TAKEN.append(len(message["body"]))
        more = message["more_body"]
    return b"".join(pieces)


async def _answer(send: Send, status: int, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": body})


class Streamed(Connection):
    def streamed(self, url: bytes) -> int:
        return MOST if url.startswith(b"/files") else 0


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = uvicorn.Server(
        uvicorn.Config(app, http=Streamed, port=0, log_config=None, lifespan="on")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(5)
        assert not thread.is_alive()


@pytest.fixture(autouse=True)
def fresh() -> None:
    TAKEN.clear()
    ENDINGS.clear()
    GO.clear()


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 10)


def head(path: str, length: int, extra: str = "Connection: close\r\n") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n{extra}\r\n".encode()


def rest_of(link: socket.socket) -> bytes:
    came = b""
    while data := link.recv(65536):
        came += data
    return came


def until(link: socket.socket, mark: bytes) -> bytes:
    came = b""
    while mark not in came:
        data = link.recv(65536)
        assert data, f"the connection ended after {came!r}"
        came += data
    return came


def test_a_body_arrives_whole_and_in_pieces(port: int) -> None:
    body = b"".join(b"%019d\n" % i for i in range(150_000))
    with connected(port) as link:
        link.sendall(head("/files", len(body)) + body)
        assert rest_of(link).endswith(b"\r\n\r\n3000000 %b" % body[-20:])
    assert sum(TAKEN) == len(body)
    assert len(TAKEN) > 1


def test_the_request_starts_before_its_body_is_in(port: int) -> None:
    with connected(port) as link:
        link.sendall(head("/files", 6) + b"abc")
        wait_until(lambda: sum(TAKEN) == 3, "the first half is taken")
        link.sendall(b"def")
        assert rest_of(link).endswith(b"6 abcdef")


def test_a_body_in_chunks_and_cut_into_bytes(port: int) -> None:
    whole = (
        b"POST /files HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
        b"Connection: close\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
    )
    with connected(port) as link:
        for i in range(len(whole)):
            link.sendall(whole[i : i + 1])
        assert rest_of(link).endswith(b"5 hello")


def test_other_paths_have_their_own_limit(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "MAX_BODY", 1000)
    with connected(port) as link:
        link.sendall(head("/other", 1001) + b"x" * 1001)
        assert rest_of(link).startswith(b"HTTP/1.1 413 ")
    with connected(port) as link:
        link.sendall(head("/files", 1001) + b"x" * 1001)
        assert rest_of(link).startswith(b"HTTP/1.1 200 ")


def test_what_is_not_taken_is_not_read(port: int) -> None:
    """The sender is stopped by the socket: of 64 MB only buffers' worth leave it."""
    with connected(port) as link:
        chunked = "POST /files?waits HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        link.sendall(b"%b%x\r\n" % (chunked.encode(), 64_000_000))
        link.settimeout(0.5)
        with pytest.raises(TimeoutError):
            link.sendall(b"x" * 64_000_000)
        assert not TAKEN
        GO.set()
        link.settimeout(10)
        assert b" 413 " in until(link, b"body_too_large")
    assert max(TAKEN) <= inflow.HIGH + protocol.READ


def test_pipelined_requests_keep_their_order(port: int) -> None:
    keep = ""
    sent = head("/files", 3, keep) + b"one" + head("/other", 3, keep) + b"two"
    sent += head("/files", 5, keep) + b"three" + head("/files", 4) + b"four"
    with connected(port) as link:
        link.sendall(sent)
        came = rest_of(link)
    order = [came.index(mark) for mark in (b"3 one", b"3 two", b"5 three", b"4 four")]
    assert order == sorted(order)


def test_a_body_that_is_too_large_is_refused_in_words(port: int) -> None:
    with connected(port) as link:
        chunked = "POST /files HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        link.sendall(b"%b%x\r\n%b" % (chunked.encode(), MOST + 1, b"x" * (MOST + 1)))
        came = until(link, b"body_too_large")
    assert came.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in came
    assert came.endswith(b"body_too_large")


def test_a_body_that_is_announced_too_large_need_not_come(port: int) -> None:
    for extra in ("", "Expect: 100-continue\r\n"):
        with connected(port) as link:
            link.sendall(head("/files", MOST + 1, extra))
            came = until(link, b"body_too_large")
        assert came.startswith(b"HTTP/1.1 413 ")
        assert b"connection: close" in came
    assert not TAKEN


def test_an_early_answer_reaches_a_client_that_is_still_sending(port: int) -> None:
    """And the connection goes on, once the body that nobody wanted is in."""
    with connected(port) as link:
        link.sendall(head("/files?refuses", 2_000_000, ""))
        came = until(link, b"\r\n\r\n0 ")
        assert came.startswith(b"HTTP/1.1 401 ")
        for _ in range(2):
            link.sendall(b"x" * 1_000_000)
        link.sendall(head("/files", 2) + b"ok")
        assert rest_of(link).endswith(b"2 ok")


def test_a_client_that_asks_first_need_not_send(port: int) -> None:
    expect = "Expect: 100-continue\r\n"
    with connected(port) as link:
        link.sendall(head("/files?refuses", 2_000_000, expect))
        came = rest_of(link)
    assert came.startswith(b"HTTP/1.1 401 ")
    assert b"connection: close" in came
    with connected(port) as link:
        link.sendall(head("/files", 2, expect))
        assert until(link, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        link.sendall(b"ok")
        assert until(link, b"2 ok").startswith(b"HTTP/1.1 200 ")


def test_a_client_that_goes_away_cancels(port: int) -> None:
    with connected(port) as link:
        link.sendall(head("/files", 100) + b"x")
        wait_until(lambda: bool(TAKEN), "some is taken")
    wait_until(lambda: ENDINGS == ["cancelled"], "the request is cancelled")


def test_an_upgrade_is_answered_as_plain_http(port: int) -> None:
    with connected(port) as link:
        link.sendall(head("/files", 6, "Connection: Upgrade\r\nUpgrade: h2c\r\n") + b"abc")
        wait_until(lambda: sum(TAKEN) == 3, "the first half is taken")
        link.sendall(b"def")
        assert rest_of(link).endswith(b"6 abcdef")


def test_patience_with_a_sender_ends(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "SLOW", 0.5)
    with connected(port) as link:
        link.sendall(head("/files", 100) + b"x")
        came = rest_of(link)
    assert came.startswith(b"HTTP/1.1 408 ")
    assert came.endswith(b"request_timeout")


def test_patience_with_an_unwanted_body_ends(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "LINGER", 0.5)
    with connected(port) as link:
        link.sendall(head("/files?refuses", 100, "") + b"x")
        assert rest_of(link).startswith(b"HTTP/1.1 401 ")


def test_nonsense_after_an_early_answer_gets_no_second_one(port: int) -> None:
    with connected(port) as link:
        sent = b"POST /files?refuses HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        link.sendall(sent)
        until(link, b"\r\n\r\n0 ")
        link.sendall(b"nonsense\r\n")
        assert rest_of(link) == b""


def test_an_inflow_alone() -> None:
    async def run() -> None:
        paces: list[bool] = []
        body = Inflow(10, lambda: paces.append(body.full))
        body.put(b"abc")
        body.put(b"def")
        assert await body.take() == (b"abcdef", True)
        waits = asyncio.ensure_future(body.take())
        await asyncio.sleep(0)
        body.put(b"xyzw")
        assert await waits == (b"xyzw", True)
        body.put(b"!")
        with pytest.raises(BodyTooLarge, match="larger than the 10 bytes"):
            await body.take()
        body.end()
        with pytest.raises(BodyTooLarge):
            await body.take()
        assert not any(paces)

    asyncio.run(run())


@given(st.lists(st.one_of(st.binary(max_size=300_000), st.none()), max_size=20))
def test_whatever_the_pieces_what_is_taken_is_what_came(steps: list[bytes | None]) -> None:
    """A step puts a piece in, or (None) takes; the sender is stopped while too much waits."""

    async def run() -> None:
        paused: list[bool] = [False]
        body = Inflow(10_000_000, lambda: paused.append(body.full))
        taken, waits = b"", 0
        for step in steps:
            if step is not None:
                body.put(step)
                waits += len(step)
            elif waits:
                data, more = await body.take()
                assert more
                taken, waits = taken + data, 0
            assert body.full is paused[-1] is (waits > inflow.HIGH)
        body.end()
        data, more = await body.take()
        assert not more
        assert taken + data == b"".join(step for step in steps if step is not None)

    asyncio.run(run())
