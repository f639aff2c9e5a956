"""The fallback client, over real sockets: through a proxy, and over HTTP/2."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import pytest

from stepdown.errors import UpstreamError, UpstreamTimedOut, UpstreamUnreachable
from stepdown.providers.http import HttpOptions, HttpUpstream
from stepdown.types import Timeouts

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
QUICK = Timeouts(connect=2, first_byte=2, between_chunks=2, total=5)
CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"


@asynccontextmanager
async def serving(script: Script, *, context: ssl.SSLContext | None = None) -> AsyncGenerator[int]:
    """A server whose every connection runs ``script``; its port."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await script(reader, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return head + await reader.readexactly(length)


async def ask(options: HttpOptions, timeouts: Timeouts = QUICK, *, stream: bool = False) -> bytes:
    upstream = HttpUpstream(options)
    try:
        reply = await upstream.send(b"{}", stream=stream, timeouts=timeouts)
        assert reply.status == 200
        try:
            if stream:
                return b"|".join([piece async for piece in reply])
            return await reply.read()
        finally:
            reply.close()
    finally:
        await upstream.aclose()


@pytest.mark.parametrize("stream", [False, True])
def test_requests_go_through_the_proxy(*, stream: bool) -> None:
    seen: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await read_request(reader))
        writer.write(CHUNKS)

    async def main() -> bytes:
        async with serving(proxy) as port:
            options = HttpOptions(
                base_url="http://upstream.invalid/v1",
                headers={"Authorization": "Bearer k"},
                proxy=f"http://127.0.0.1:{port}",
            )
            return await ask(options, stream=stream)

    assert asyncio.run(main()).replace(b"|", b"") == b"hello"
    assert seen[0].startswith(b"POST http://upstream.invalid/v1/chat/completions HTTP/1.1\r\n")
    assert b"\r\nauthorization: bearer k\r\n" in seen[0].lower()
    assert seen[0].endswith(b"\r\n\r\n{}")


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    await asyncio.sleep(5)


async def _stalling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n")
    await asyncio.sleep(5)


async def _cutting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello")


async def _mumbling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (_silent, UpstreamTimedOut),
        (_stalling, UpstreamTimedOut),
        (_cutting, UpstreamUnreachable),
        (_mumbling, UpstreamUnreachable),
    ],
)
def test_what_goes_wrong_has_stepdowns_names(script: Script, kind: type[UpstreamError]) -> None:
    async def main() -> None:
        async with serving(script) as port:
            options = HttpOptions(
                base_url="http://upstream.invalid", proxy=f"http://127.0.0.1:{port}"
            )
            await ask(options, Timeouts(first_byte=0.2, between_chunks=0.2), stream=True)

    with pytest.raises(kind):
        asyncio.run(main())


def test_nobody_listening_is_unreachable() -> None:
    options = HttpOptions(base_url="http://upstream.invalid", proxy="http://127.0.0.1:9")
    with pytest.raises(UpstreamUnreachable):
        asyncio.run(ask(options))


async def _speak_http2(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers each stream with what its request was."""
    link = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    link.initiate_connection()
    writer.write(link.data_to_send())
    while data := await reader.read(65536):
        for event in link.receive_data(data):
            if isinstance(event, h2.events.StreamEnded):
                link.send_headers(event.stream_id, [(":status", "200")])
                link.send_data(event.stream_id, b"over HTTP/2", end_stream=True)
        writer.write(link.data_to_send())


def test_http_2(certificate: tuple[Path, Path]) -> None:
    key, cert = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.set_alpn_protocols(["h2"])

    async def main() -> bytes:
        async with serving(_speak_http2, context=context) as port:
            return await ask(
                HttpOptions(base_url=f"https://127.0.0.1:{port}", verify=str(cert), http2=True)
            )

    assert asyncio.run(main()) == b"over HTTP/2"
