"""The lean client against real sockets: what it reads, what it refuses, what it gives up."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepdown.errors import (
    UpstreamError,
    UpstreamMalformed,
    UpstreamTimedOut,
    UpstreamUnreachable,
)
from stepdown.providers.http import HttpOptions, locate
from stepdown.providers.lean import HIGH_WATER, LeanClient
from stepdown.types import Timeouts

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
QUICK = Timeouts(connect=2, first_byte=2, between_chunks=2, total=5)


async def read_request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return head, await reader.readexactly(length)


@asynccontextmanager
async def upstream(
    script: Script, *, context: ssl.SSLContext | None = None
) -> AsyncIterator[HttpOptions]:
    """A server whose every connection runs ``script``."""
    running: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        try:
            await script(reader, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    try:
        yield HttpOptions(base_url=f"{'https' if context else 'http'}://127.0.0.1:{port}/v1")
    finally:
        server.close()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def answering(*pieces: bytes, pause: float = 0.0) -> Script:
    """Answers every request on a connection with the same bytes, written in pieces."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause)

    return script


def fetch(script: Script, timeouts: Timeouts = QUICK, *, stream: bool = False) -> bytes:
    """One request's body, read whole or piece by piece."""

    async def main() -> bytes:
        async with upstream(script) as options:
            client = LeanClient(locate(options))
            reply = await client.send(b"{}", stream=stream, timeouts=timeouts)
            try:
                if stream:
                    return b"".join([piece async for piece in reply])
                return await reply.read()
            finally:
                reply.close()
                await client.aclose()

    return asyncio.run(main())


COUNTED = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Y: z\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"2\r\nhe\r\n3;ext=1\r\nllo\r\n0\r\nTrailer: x\r\n\r\n"
)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "reply",
    [COUNTED, CHUNKED, b"HTTP/1.1 100 Continue\r\n\r\n" + COUNTED],
    ids=["counted", "chunked", "after 100 Continue"],
)
@settings(max_examples=10, deadline=None)
@given(places=st.lists(st.integers(1, 80), max_size=4))
def test_bodies_are_read_however_they_are_cut(
    reply: bytes, places: list[int], *, stream: bool
) -> None:
    edges = [0, *sorted({p % len(reply) for p in places}), len(reply)]
    pieces = [reply[a:b] for a, b in pairwise(edges) if a < b]
    assert fetch(answering(*pieces), stream=stream) == b"hello"


@pytest.mark.parametrize("stream", [False, True])
def test_a_body_delimited_by_close(*, stream: bool) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nhel")
        await writer.drain()
        await asyncio.sleep(0.01)
        writer.write(b"lo")

    assert fetch(script, stream=stream) == b"hello"


def test_the_request_is_what_was_asked() -> None:
    seen: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.extend(await read_request(reader))
        writer.write(COUNTED)

    async def main() -> None:
        async with upstream(script) as options:
            target = locate(
                HttpOptions(
                    base_url=options.base_url + "?a=1",
                    headers={"Authorization": "Bearer k"},
                    query={"api-version": "v1"},
                )
            )
            client = LeanClient(target)
            reply = await client.send(b'{"x":1}', stream=False, timeouts=QUICK)
            assert reply.status == 200
            assert reply.header(b"x-y") == b"z"
            await client.aclose()

    asyncio.run(main())
    head, body = seen
    assert head.startswith(b"POST /v1/chat/completions?a=1&api-version=v1 HTTP/1.1\r\n")
    assert b"\r\nauthorization: Bearer k\r\n" in head
    assert body == b'{"x":1}'


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (b"SSH-2.0-OpenSSH\r\n\r\n", UpstreamMalformed),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", UpstreamUnreachable),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", UpstreamUnreachable),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhel", UpstreamMalformed),
        (b"HTTP/1.1 200 OK\r\nContent-Le", UpstreamUnreachable),
        (b"", UpstreamUnreachable),
    ],
)
def test_a_broken_reply_is_an_error(
    reply: bytes, kind: type[UpstreamError], *, stream: bool
) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(reply)

    with pytest.raises(kind):
        fetch(script, stream=stream)


async def _never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    await asyncio.sleep(30)


def test_an_upstream_that_never_answers_times_out() -> None:
    with pytest.raises(UpstreamTimedOut, match="head"):
        fetch(_never, Timeouts(first_byte=0.1))


def test_a_stream_that_stalls_times_out_between_chunks() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n")
        await asyncio.sleep(30)

    with pytest.raises(UpstreamTimedOut, match="next piece"):
        fetch(script, Timeouts(first_byte=5, between_chunks=0.1), stream=True)


def test_the_total_bounds_a_stream_that_never_ends() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"1\r\nx\r\n")
            await asyncio.sleep(0.01)

    with pytest.raises(UpstreamTimedOut):
        fetch(script, Timeouts(first_byte=5, between_chunks=5, total=0.2), stream=True)


def test_nobody_listening_is_unreachable() -> None:
    async def main() -> None:
        client = LeanClient(locate(HttpOptions(base_url="http://127.0.0.1:9")))
        await client.send(b"{}", stream=False, timeouts=QUICK)

    with pytest.raises(UpstreamUnreachable, match=r"127\.0\.0\.1:9"):
        asyncio.run(main())


def test_connections_are_used_again_and_closed_when_idle() -> None:
    connections = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await answering(COUNTED)(reader, writer)

    async def main() -> None:
        async with upstream(script) as options:
            client = LeanClient(locate(options), keepalive=0.05)
            for _ in range(5):
                reply = await client.send(b"{}", stream=False, timeouts=QUICK)
                assert await reply.read() == b"hello"
            assert connections == 1
            await asyncio.sleep(1.2)
            assert not client.idle
            await client.aclose()

    asyncio.run(main())


def test_a_stale_connection_is_replaced_without_the_caller_noticing() -> None:
    served = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        await read_request(reader)
        served += 1
        writer.write(COUNTED)
        await writer.drain()
        await reader.read(1)  # the next request is met by a closed door

    async def main() -> None:
        async with upstream(script) as options:
            client = LeanClient(locate(options))
            for _ in range(3):
                reply = await client.send(b"{}", stream=False, timeouts=QUICK)
                assert await reply.read() == b"hello"
            await client.aclose()

    asyncio.run(main())
    assert served == 3


def test_a_second_reply_to_one_request_never_reaches_the_next() -> None:
    async def main() -> None:
        evil = COUNTED + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
        async with upstream(answering(evil)) as options:
            client = LeanClient(locate(options))
            for _ in range(3):
                reply = await client.send(b"{}", stream=False, timeouts=QUICK)
                assert await reply.read() == b"hello"
            await client.aclose()

    asyncio.run(main())


def test_cancelling_hangs_up() -> None:
    hung_up = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        with suppress(ConnectionResetError):
            assert await reader.read(1) == b""
        hung_up.set()

    async def main() -> None:
        async with upstream(script) as options:
            client = LeanClient(locate(options))
            sending = asyncio.create_task(client.send(b"{}", stream=False, timeouts=QUICK))
            await asyncio.sleep(0.05)
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            await asyncio.wait_for(hung_up.wait(), 2)
            assert not client.busy
            await client.aclose()

    asyncio.run(main())


def test_a_slow_reader_holds_the_upstream_back() -> None:
    piece = b"x" * 65536
    written = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (1024 * len(piece)))
        for _ in range(1024):
            writer.write(piece)
            await writer.drain()
            written += len(piece)

    async def main() -> int:
        async with upstream(script) as options:
            client = LeanClient(locate(options))
            reply = await client.send(b"{}", stream=True, timeouts=QUICK)
            pieces = aiter(reply)
            size = len(await anext(pieces))
            await asyncio.sleep(0.3)
            assert reply.kept < HIGH_WATER + 1024 * 1024
            held_at = written
            assert held_at < 1024 * len(piece)
            async for data in pieces:
                size += len(data)
            await client.aclose()
            return size

    assert asyncio.run(main()) == 1024 * len(piece)


def test_no_more_connections_than_allowed() -> None:
    now = most = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        try:
            await answering(COUNTED, pause=0.01)(reader, writer)
        finally:
            now -= 1

    async def main() -> None:
        async with upstream(script) as options:
            client = LeanClient(locate(options), max_connections=3)

            async def one() -> bytes:
                reply = await client.send(b"{}", stream=False, timeouts=QUICK)
                return await reply.read()

            assert await asyncio.gather(*(one() for _ in range(20))) == [b"hello"] * 20
            await client.aclose()

    asyncio.run(main())
    assert most <= 3


def test_tls_is_verified(certificate: tuple[Path, Path]) -> None:
    from stepdown.providers.http import tls

    key, cert = certificate
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert, key)

    async def ask(verify: bool | str) -> bytes:
        async with upstream(answering(COUNTED), context=server) as options:
            client = LeanClient(locate(options), context=tls(verify))
            try:
                reply = await client.send(b"{}", stream=False, timeouts=QUICK)
                return await reply.read()
            finally:
                await client.aclose()

    assert asyncio.run(ask(str(cert))) == b"hello"
    assert asyncio.run(ask(verify=False)) == b"hello"
    with pytest.raises(UpstreamUnreachable, match="certificate"):
        asyncio.run(ask(verify=True))
