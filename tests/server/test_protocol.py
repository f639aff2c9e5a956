"""The client side of HTTP over real sockets: uvicorn with Stepdown's protocol class."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from stepdown.server import protocol
from stepdown.server.protocol import Connection

CANCELLED: list[str] = []
HEADERS = [(b"x-a", b"b"), (b"access-control-expose-headers", b"content-length")]


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Echoes; some paths stream, stall or fail."""
    if scope["type"] != "http":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    body = (await receive())["body"]
    path = scope["path"]
    if path == "/fails":
        raise RuntimeError("boom")
    if path == "/stalls":
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            CANCELLED.append(path)
            raise
    if path == "/listens":
        with suppress(TimeoutError):
            await asyncio.wait_for(receive(), 0.01)
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    if path == "/streams":
        for _ in range(3):
            await send({"type": "http.response.body", "body": b"part,", "more_body": True})
        await send({"type": "http.response.body"})
    elif path == "/floods":
        for _ in range(400):
            await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
        await send({"type": "http.response.body"})
    else:
        said = f"{scope['method']} {path}?{scope['query_string'].decode()} ".encode()
        await send({"type": "http.response.body", "body": said + body})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    patch = pytest.MonkeyPatch()
    patch.setattr(protocol, "MAX_BODY", 1000)
    server = uvicorn.Server(
        uvicorn.Config(app, http=Connection, port=0, log_config=None, lifespan="on")
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
        patch.undo()
        assert not thread.is_alive()


def talk(port: int, *sent: bytes, until_close: bool = True) -> bytes:
    """Write the bytes, read to the end of the connection."""
    with socket.create_connection(("127.0.0.1", port), 5) as link:
        for piece in sent:
            link.sendall(piece)
        came = b""
        while until_close and (data := link.recv(65536)):
            came += data
        return came


def post(path: str, body: bytes = b"", extra: str = "Connection: close\r\n") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    return head.encode() + body


def test_head_and_body_of_a_plain_answer(port: int) -> None:
    came = talk(port, post("/e?q=1", b"hello"))
    head, _, body = came.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"x-a: b" in head
    assert b"content-length: 17" in head
    assert b"connection: close" in head
    assert body == b"POST /e?q=1 hello"


def test_a_request_cut_into_bytes(port: int) -> None:
    whole = post("/e", b"hello")
    assert talk(port, *(whole[i : i + 1] for i in range(len(whole)))).endswith(b"POST /e? hello")


def test_a_stream_is_chunked(port: int) -> None:
    came = talk(port, post("/streams"))
    assert b"transfer-encoding: chunked" in came
    assert came.endswith(b"\r\n\r\n" + b"5\r\npart,\r\n" * 3 + b"0\r\n\r\n")


def test_a_stream_for_http_1_0_ends_with_the_connection(port: int) -> None:
    came = talk(port, b"POST /streams HTTP/1.0\r\nContent-Length: 0\r\n\r\n")
    assert b"chunked" not in came
    assert came.endswith(b"\r\n\r\npart,part,part,")


def test_a_head_request_has_no_body(port: int) -> None:
    came = talk(port, b"HEAD /e HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert came.startswith(b"HTTP/1.1 200 OK")
    assert came.endswith(b"\r\n\r\n")


def test_a_head_request_for_a_stream_leaves_nothing_before_the_next_answer(port: int) -> None:
    came = talk(port, b"HEAD /streams HTTP/1.1\r\nHost: x\r\n\r\n" + post("/2"))
    assert b"part," not in came
    head, _, rest = came.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert rest.startswith(b"HTTP/1.1 200 OK")


def test_keep_alive_and_pipelining_keep_their_order(port: int) -> None:
    sent = post("/1", extra="") + post("/2", b"b", extra="") + post("/streams", extra="")
    came = talk(port, sent + post("/4"))
    order = [came.index(mark) for mark in (b"POST /1?", b"POST /2? b", b"part,", b"POST /4?")]
    assert order == sorted(order)


def test_who_listened_for_a_departure_may_stop_and_listen_again(port: int) -> None:
    """As Starlette does beside each response that it streams."""
    came = talk(port, post("/listens", b"1", extra="") + post("/listens", b"2"))
    assert came.count(b"HTTP/1.1 200 OK") == 2
    assert came.endswith(b"POST /listens? 2")


def test_chunked_bodies_and_expect(port: int) -> None:
    came = talk(
        port,
        b"POST /e HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
        b"Expect: 100-continue\r\nConnection: close\r\n\r\n",
        b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
    )
    assert came.startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert came.endswith(b"POST /e? hello")


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"NONSENSE\r\n\r\n", 400, "invalid_http"),
        (b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400, "invalid_http"),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         400, "invalid_http"),
        (post("/e", b"x" * 1001), 413, "body_too_large"),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", 431, "headers_too_large"),
        (b"GET /" + b"y" * 70_000 + b" HTTP/1.1\r\n\r\n", 431, "headers_too_large"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_in_the_dialect(
    port: int, sent: bytes, status: int, code: str
) -> None:
    came = talk(port, sent)
    head, _, body = came.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert json.loads(body)["error"]["code"] == code


def test_a_head_without_an_end_is_refused(port: int) -> None:
    begun = b"GET / HTTP/1.1\r\nX: "
    endless = begun.ljust(protocol.MAX_HEAD + protocol.READ + 1, b"y")
    assert talk(port, endless).startswith(b"HTTP/1.1 431 ")


def test_a_trailer_is_not_a_header_of_the_next_request(port: int) -> None:
    head = b"POST /1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    came = talk(port, head + b"0\r\nExpect: 100-continue\r\n\r\n" + post("/2", b"b"))
    assert b"100 Continue" not in came
    assert came.endswith(b"POST /2? b")


def test_an_upgrade_is_answered_as_plain_http(port: int) -> None:
    came = talk(port, post("/e", b"x", extra="Connection: Upgrade\r\nUpgrade: h2c\r\n"))
    assert came.startswith(b"HTTP/1.1 200 OK")
    assert came.endswith(b"POST /e? x")


def test_a_client_that_goes_away_cancels_its_request(port: int) -> None:
    CANCELLED.clear()
    talk(port, post("/stalls"), until_close=False)
    for _ in range(100):
        if CANCELLED:
            break
        time.sleep(0.02)
    assert CANCELLED == ["/stalls"]


def test_a_slow_reader_gets_everything(port: int) -> None:
    came = talk(port, post("/floods"))
    assert came.count(b"x" * 65536) == 400


def test_an_application_that_fails_closes_the_connection(
    port: int, caplog: pytest.LogCaptureFixture
) -> None:
    assert talk(port, post("/fails", extra="")) == b""
    assert "the application failed" in caplog.text


def test_patience_ends(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "IDLE", 0.5)
    monkeypatch.setattr(protocol, "SLOW", 0.5)
    assert talk(port, b"POST /e HT").startswith(b"HTTP/1.1 408 ")
    assert talk(port, b"") == b""
