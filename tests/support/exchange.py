"""One request at the fault server: what came, and the raw means to answer it well or badly."""

import asyncio
import socket
import struct
from collections.abc import Sequence
from typing import Any

from msgspec import DecodeError, Struct, json

REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 429: "Too Many Requests"}
Headers = Sequence[tuple[str, str]]


class Seen(Struct):
    """What the upstream received, byte for byte. Times are seconds of the monotonic clock.

    ``disconnected`` is when the caller went away before its answer was complete.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    arrived: float
    connection: int
    answered: float | None = None
    disconnected: float | None = None

    @property
    def json(self) -> dict[str, Any]:
        """The body as an object; empty where it is none."""
        try:
            return json.decode(self.body, type=dict[str, Any])
        except DecodeError:
            return {}

    @property
    def model(self) -> str:
        return str(self.json.get("model", ""))

    @property
    def streams(self) -> bool:
        return self.json.get("stream") is True

    @property
    def asks_usage(self) -> bool:
        return self.json.get("stream_options", {}).get("include_usage") is True


class Exchange:
    """Answers one request over its socket. A behaviour calls these in any order it likes."""

    def __init__(self, seen: Seen, transport: asyncio.Transport, writable: asyncio.Event) -> None:
        self.seen = seen
        self.keep = True
        self.deaf_afterwards = False
        self._transport = transport
        self._writable = writable

    async def send(self, data: bytes) -> None:
        """Write raw bytes; wait while the caller reads too slowly."""
        self._transport.write(data)
        await self._writable.wait()

    async def head(self, status: int = 200, headers: Headers = ()) -> None:
        """The status line and headers, as given."""
        lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}"]
        lines += [f"{name}: {value}" for name, value in headers]
        await self.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))

    async def whole(
        self,
        body: bytes,
        *,
        status: int = 200,
        content_type: str = "application/json",
        headers: Headers = (),
    ) -> None:
        """A reply with its length stated."""
        length = ("Content-Length", str(len(body)))
        await self.head(status, [("Content-Type", content_type), length, *headers])
        await self.send(body)

    async def open_chunked(self, content_type: str = "text/event-stream") -> None:
        """The head of a reply whose body follows in HTTP chunks."""
        await self.head(200, [("Content-Type", content_type), ("Transfer-Encoding", "chunked")])

    async def chunk(self, data: bytes) -> None:
        await self.send(b"%x\r\n%b\r\n" % (len(data), data))

    async def end_chunks(self) -> None:
        await self.send(b"0\r\n\r\n")

    def close(self) -> None:
        """Close in good order once everything written is out."""
        self.keep = False
        self._transport.close()

    def reset(self) -> None:
        """Cut the connection with a TCP reset; what was written is out already."""
        self.keep = False
        raw: socket.socket = self._transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()
