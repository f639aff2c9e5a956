"""One request and its answer, between the connection and whoever answers.

Chat takes a straight path: bytes in, bytes out. Everything else sees ASGI.
"""

from http import HTTPStatus
from typing import TYPE_CHECKING

import httptools
from starlette.types import Message, Scope

from stepdown.errors import StepdownError
from stepdown.server.inflow import Inflow

if TYPE_CHECKING:
    from stepdown.server.protocol import Connection

_STATUS = {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n".encode() for s in HTTPStatus}
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_ASGI = {"version": "3.0", "spec_version": "2.3"}


def status_line(status: int) -> bytes:
    """The first line of an answer; an upstream's status may be one that has no phrase."""
    return _STATUS.get(status) or b"HTTP/1.1 %d \r\n" % status


class Exchange:
    """One request and its answer. A ``head`` is a status line and header lines, without an end."""

    __slots__ = (
        "_chunked",
        "_connection",
        "_counted",
        "_head",
        "_query",
        "_taken",
        "_version",
        "body",
        "done",
        "headers",
        "inflow",
        "keep_alive",
        "method",
        "path",
        "started",
    )

    def __init__(
        self,
        connection: "Connection",
        method: bytes,
        url: bytes,
        version: str,
        headers: list[tuple[bytes, bytes]],
        body: bytes,
        *,
        keep_alive: bool,
        inflow: Inflow | None = None,
    ) -> None:
        self._connection = connection
        self.method = method
        path, _, self._query = url.partition(b"?")
        if not path.startswith(b"/"):
            path = httptools.parse_url(url).path or b"/"
        self.path: bytes = path
        self.headers = headers
        self.body: bytes | None = body if inflow is None else None
        self.inflow = inflow
        self._taken = False
        self.keep_alive = keep_alive
        self.started = False
        self.done = False
        self._version = version
        self._head = b""
        self._counted = False
        self._chunked = False

    # ── the straight path ────────────────────────────────────────────────────────────────────

    async def answer(self, head: bytes, body: bytes) -> None:
        """A whole answer."""
        connection = self._connection
        if connection.drained is not None:
            await connection.drained
        self.started = self.done = True
        connection.write(self._whole_head(head, len(body)) + body)

    def open_stream(self, head: bytes) -> None:
        """Begin a stream; its head goes out with the first piece."""
        self.started = True
        self._head = self._whole_head(head, None)

    async def write(self, data: bytes) -> None:
        """Send a piece of the stream, the first one at the loop's next turn.

        An upstream's answer often comes in one burst: then its end is there by that time, and
        one write to the socket does for all.
        """
        connection = self._connection
        if connection.drained is not None:
            await connection.drained
        if self._chunked:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        if self._head:
            connection.hold(self._head + data)
            self._head = b""
        else:
            connection.write(data)

    async def close_stream(self) -> None:
        connection = self._connection
        if connection.drained is not None:
            await connection.drained
        self.done = True
        connection.write(self._head + (b"0\r\n\r\n" if self._chunked else b""))

    def _whole_head(self, head: bytes, length: int | None) -> bytes:
        """Say how the body is delimited, and end the head."""
        if self.inflow is not None:
            self._stop_unless_sent(self.inflow)
        if length is not None:
            framing = b"content-length: %d\r\n" % length
        elif self._version == "1.0":
            self.keep_alive = False
            framing = b""
        else:
            self._chunked = self.method != b"HEAD"
            framing = b"transfer-encoding: chunked\r\n"
        return head + framing + (b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n")

    # ── ASGI ─────────────────────────────────────────────────────────────────────────────────

    @property
    def scope(self) -> Scope:
        return {
            "type": "http",
            "asgi": _ASGI,
            "http_version": self._version,
            "method": self.method.decode("ascii"),
            "scheme": "http",
            "path": self.path.decode("latin-1"),
            "raw_path": self.path,
            "query_string": self._query,
            "root_path": "",
            "headers": self.headers,
            "client": self._connection.client,
            "server": self._connection.server,
        }

    async def receive(self) -> Message:
        if self.inflow is not None and not self._taken:
            return await self._take(self.inflow)
        body = self.body
        if body is None:
            await self._connection.departure()
            return {"type": "http.disconnect"}
        self.body = None
        return {"type": "http.request", "body": body, "more_body": False}

    async def _take(self, inflow: Inflow) -> Message:
        """What has come of a body. Raises BodyTooLarge or RequestTimedOut."""
        if inflow.expected and not inflow.failed:
            inflow.expected = False
            self._connection.write(CONTINUE)
        try:
            data, more = await inflow.take()
        except StepdownError:
            self.keep_alive = False
            raise
        self._taken = not more
        return {"type": "http.request", "body": data, "more_body": more}

    async def send(self, message: Message) -> None:
        connection = self._connection
        if connection.drained is not None:
            await connection.drained
        if message["type"] == "http.response.start":
            self._begin(message)
            return
        body: bytes = message.get("body", b"")
        more: bool = message.get("more_body", False)
        out = b""
        if not self.started:
            self.started = True
            out = self._asgi_head(None if more else len(body))
        if self.method == b"HEAD":
            body = b""
        if self._chunked:
            if body:
                body = b"%x\r\n%b\r\n" % (len(body), body)
            if not more:
                body += b"0\r\n\r\n"
        connection.write(out + body)
        if not more:
            self.done = True

    def _begin(self, message: Message) -> None:
        lines = [status_line(message["status"])]
        for name, value in message["headers"]:
            lines.append(b"%b: %b\r\n" % (name, value))
            if name == b"content-length":
                self._counted = True
        self._head = b"".join(lines)

    def _asgi_head(self, length: int | None) -> bytes:
        """The head that the application began; it may have delimited the body itself."""
        if not self._counted:
            return self._whole_head(self._head, length)
        if self.inflow is not None:
            self._stop_unless_sent(self.inflow)
        return self._head + (b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n")

    def _stop_unless_sent(self, inflow: Inflow) -> None:
        """A client that was never told to send its body may send it or not: nothing else can be
        read from it."""
        if inflow.expected:
            self.keep_alive = False
