"""A lean HTTP/1.1 client: one endpoint, pooled connections, httptools' parser, nothing else.

It exists because the client is most of a gateway's cost (docs/performance.md has the figures). It
does TLS, keep-alive with stale connections retried, timeouts for each phase, chunked, counted and
close-delimited bodies, back-pressure both ways, and cancellation; nothing here knows of chat.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator

import httptools

from stepdown.errors import (
    UpstreamError,
    UpstreamMalformed,
    UpstreamTimedOut,
    UpstreamUnreachable,
)
from stepdown.providers.http import MAX_REPLY, Target
from stepdown.types import Timeouts

SWEEP = 0.05
"""Seconds between looks at the clock: the grain of every timeout, and its whole cost."""
HIGH_WATER = 256 * 1024
"""Bytes of a stream kept for a slow reader before the upstream is told to wait."""
HEAD, PIECE, WHOLE = "the reply's head", "the next piece of the reply", "the rest of the reply"


class LeanClient:
    """Posts to one endpoint over a pool of connections that it opens as needed."""

    def __init__(
        self,
        target: Target,
        *,
        context: ssl.SSLContext | None = None,
        max_connections: int = 1000,
        keepalive: float = 60.0,
    ) -> None:
        self.target = target
        self.context = context
        self.max_connections = max_connections
        self.keepalive = keepalive
        self.idle: list[Connection] = []
        self.busy: set[Connection] = set()
        self._opening = 0
        self._queue: deque[asyncio.Future[None]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False
        lines = [f"POST {target.resource} HTTP/1.1", f"host: {target.authority}"]
        lines += [f"{name}: {value}" for name, value in target.headers.items()]
        self._head = ("\r\n".join(lines) + "\r\ncontent-length: ").encode("latin-1")

    async def send(self, body: bytes, *, stream: bool, timeouts: Timeouts) -> "LeanReply":
        """Post ``body``; return when the reply's head is in. Raises UpstreamError."""
        request = b"%b%d\r\n\r\n%b" % (self._head, len(body), body)
        while True:
            connection = self._take() or await self._open(timeouts)
            reused = connection.served > 0
            reply = connection.start(request, timeouts, whole=not stream)
            try:
                if not reply.head_in:
                    await reply.wait(HEAD)
            except UpstreamUnreachable:
                # The upstream may close an idle connection just as it is used again: it then
                # never saw the request, so asking once more on another one repeats nothing.
                if reused and not connection.heard:
                    continue
                raise
            except asyncio.CancelledError:
                connection.abandon()
                raise
            return reply

    async def aclose(self) -> None:
        """Close what is idle; what is busy closes when its reply is done."""
        self._closed = True
        for connection in self.idle:
            connection.drop()
        self.idle.clear()
        if self._sweeper is not None:
            self._sweeper.cancel()

    # ── connections ──────────────────────────────────────────────────────────────────────────

    def _take(self) -> "Connection | None":
        """The connection used last, while it is fresh: the older ones get to age and close."""
        while self.idle:
            connection = self.idle.pop()
            if connection.transport is not None and not connection.transport.is_closing():
                self.busy.add(connection)
                return connection
        return None

    async def _open(self, timeouts: Timeouts) -> "Connection":
        loop = self._loop = self._loop or asyncio.get_running_loop()
        where = f"{self.target.host}:{self.target.port}"
        try:
            async with asyncio.timeout(timeouts.connect):
                while len(self.busy) + self._opening >= self.max_connections:
                    await self._turn(loop.create_future())
                    if (freed := self._take()) is not None:
                        return freed
                self._opening += 1
                try:
                    _, connection = await loop.create_connection(
                        lambda: Connection(self, loop),
                        self.target.host,
                        self.target.port,
                        ssl=self.context,
                        server_hostname=self.target.host if self.context else None,
                    )
                finally:
                    self._opening -= 1
        except TimeoutError as error:
            raise UpstreamTimedOut(
                f"No connection to {where} within {timeouts.connect:g} s."
            ) from error
        except OSError as error:
            raise UpstreamUnreachable(f"Could not connect to {where}: {error}.") from error
        self.busy.add(connection)
        if self._sweeper is None:
            self._sweeper = loop.call_later(SWEEP, self._sweep)
        return connection

    async def _turn(self, turn: asyncio.Future[None]) -> None:
        """Wait, first come first served, until a connection is done."""
        self._queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._call_next()  # woken and cancelled at once: the turn is somebody else's
            raise

    def _call_next(self) -> None:
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def release(self, connection: "Connection") -> None:
        """A connection is done with its reply: keep it for the next one, or let it go."""
        self.busy.discard(connection)
        if connection.reusable and not self._closed:
            assert self._loop is not None
            connection.expires = self._loop.time() + self.keepalive
            self.idle.append(connection)
        else:
            connection.drop()
        if self._queue:
            self._call_next()

    def _sweep(self) -> None:
        """Fail what waits too long, close what idles too long; sleep when there is nothing."""
        assert self._loop is not None
        now = self._loop.time()
        for connection in list(self.busy):
            connection.check(now)
        while self.idle and self.idle[0].expires < now:
            self.idle.pop(0).drop()
        self._sweeper = (
            self._loop.call_later(SWEEP if self.busy else 1.0, self._sweep)
            if self.busy or self.idle
            else None
        )


class Connection(asyncio.Protocol):
    """One connection: feeds the parser, and hands what it parses to the reply under way."""

    def __init__(self, client: LeanClient, loop: asyncio.AbstractEventLoop) -> None:
        self.client = client
        self.loop = loop
        self.transport: asyncio.Transport | None = None
        self.reply: LeanReply | None = None
        self.served = 0
        self.heard = False
        self.reusable = False
        self.expires = 0.0
        # The parser calls the list and the dict themselves: a stream's chunks and the reply's
        # headers cost no Python call each.
        self._pieces: list[bytes] = []
        self.on_body = self._pieces.append
        self._raw: dict[bytes, bytes] = {}
        self.on_header = self._raw.setdefault
        self._parser = httptools.HttpResponseParser(self)

    def start(self, request: bytes, timeouts: Timeouts, *, whole: bool) -> "LeanReply":
        """Send a request; its reply fills as it comes in."""
        self.heard = self.reusable = False
        self.reply = reply = LeanReply(self, timeouts, self.loop.time(), whole=whole)
        assert self.transport is not None
        self.transport.write(request)
        return reply

    def drop(self) -> None:
        """Cut the connection."""
        if self.transport is not None:
            self.transport.abort()

    def abandon(self) -> None:
        """Cut the connection: the reply under way is not wanted any more."""
        self.reply = None
        self.reusable = False
        self.client.release(self)

    def check(self, now: float) -> None:
        """Fail the reply if its reader has waited past its deadline."""
        reply = self.reply
        if reply is None or reply.waiter is None:
            return
        if now > reply.overall or now > reply.deadline:
            self.fail(UpstreamTimedOut(f"The upstream took too long to send {reply.awaited}."))

    def fail(self, error: UpstreamError) -> None:
        reply = self.reply
        self.abandon()
        if reply is not None:
            reply.fail(error)

    # ── asyncio's side ───────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        reply = self.reply
        if reply is None:  # a connection at rest has nothing to say: do not trust it further
            self.drop()
            return
        self.heard = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            if not reply.complete:
                self.fail(UpstreamMalformed(f"The upstream's reply is not valid HTTP: {error}."))
                return
            self.drop()  # more than one reply to one request: what else it says is not for us
        if self._pieces:
            reply.take(self._pieces)
        reply.arrived(self.loop.time())

    def eof_received(self) -> bool:
        reply = self.reply
        if reply is not None and reply.until_close:
            self.on_message_complete()
            reply.arrived(self.loop.time())
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self.reusable = False
        if self in self.client.idle:
            self.client.idle.remove(self)
        if self.reply is not None:
            middle = "in the middle of its reply" if self.heard else "before it replied"
            self.fail(UpstreamUnreachable(f"The upstream closed the connection {middle}."))

    # ── the parser's side ────────────────────────────────────────────────────────────────────

    def on_message_begin(self) -> None:
        if self.reply is None:
            raise httptools.HttpParserError("a reply to nothing")
        self._raw.clear()  # of what came before: 100 Continue, 103 Early Hints, trailers

    def on_headers_complete(self) -> None:
        reply = self.reply
        if reply is None:
            return
        reply.status = self._parser.get_status_code()
        if reply.status < 200:  # the real head is still to come
            return
        headers = {name.lower(): value for name, value in self._raw.items()}
        reply.headers = headers
        reply.head_in = True
        reply.until_close = not (b"content-length" in headers or b"transfer-encoding" in headers)

    def on_message_complete(self) -> None:
        reply = self.reply
        if reply is None or not reply.head_in:
            return
        reply.complete = True
        self.reply = None
        self.served += 1
        transport = self.transport
        self.reusable = (
            transport is not None
            and not reply.until_close
            and self._parser.should_keep_alive()
            and transport.get_write_buffer_size() == 0
        )
        self.client.release(self)


class LeanReply:
    """A reply, arriving. It is read by one reader: whole, or piece by piece."""

    __slots__ = (
        "_between",
        "_connection",
        "_error",
        "_paused",
        "awaited",
        "complete",
        "deadline",
        "head_in",
        "headers",
        "kept",
        "overall",
        "pieces",
        "status",
        "until_close",
        "waiter",
    )

    def __init__(
        self, connection: Connection, timeouts: Timeouts, now: float, *, whole: bool
    ) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.head_in = False
        self.until_close = False
        self.complete = False
        self.pieces: list[bytes] = []
        self.kept = 0
        self.waiter: asyncio.Future[None] | None = None
        self.awaited = HEAD
        self.deadline = now + timeouts.first_byte
        self.overall = now + timeouts.total
        self._connection = connection
        # A whole answer comes when it is made: only its first byte and its end are bounded.
        self._between = timeouts.first_byte if whole else timeouts.between_chunks
        self._error: UpstreamError | None = None
        self._paused = False

    def header(self, name: bytes) -> bytes | None:
        return self.headers.get(name)

    async def read(self) -> bytes:
        if not self.complete:
            await self.wait(WHOLE)
        return b"".join(self.pieces)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while not self.pieces:
            if self.complete:
                raise StopAsyncIteration
            await self.wait(PIECE)
        data = self.pieces[0] if len(self.pieces) == 1 else b"".join(self.pieces)
        self.pieces.clear()
        self.kept = 0
        if self._paused:
            self._flow(paused=False)
        return data

    def close(self) -> None:
        if not self.complete and self._connection.reply is self:
            self._connection.abandon()

    # ── filled by the connection ─────────────────────────────────────────────────────────────

    async def wait(self, awaited: str) -> None:
        """Sleep until what is awaited is in. Raises UpstreamError."""
        if self._error is not None:
            raise self._error
        self.awaited = awaited
        if self._paused:
            self._flow(paused=False)
        self.waiter = waiter = self._connection.loop.create_future()
        try:
            await waiter
        finally:
            self.waiter = None

    def take(self, pieces: list[bytes]) -> None:
        """Keep what was parsed; what arrived together is one piece from here on."""
        piece = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self.pieces.append(piece)
        self.kept += len(piece)

    def arrived(self, now: float) -> None:
        """Something came in: wake the reader if it is what it waits for."""
        self.deadline = now + self._between
        if self.kept > HIGH_WATER and not self.complete:
            self._hold_back()
        waiter = self.waiter
        if waiter is None or waiter.done():
            return
        awaited = self.awaited
        if self.complete or (self.head_in if awaited is HEAD else awaited is PIECE and self.pieces):
            waiter.set_result(None)

    def fail(self, error: UpstreamError) -> None:
        self._error = error
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_exception(error)

    def _hold_back(self) -> None:
        if self.awaited is WHOLE and self.waiter is not None:
            if self.kept > MAX_REPLY:
                self._connection.fail(UpstreamMalformed("The upstream's reply is too large."))
        else:
            self._flow(paused=True)

    def _flow(self, *, paused: bool) -> None:
        transport = self._connection.transport
        if self._connection.reply is not self or transport is None or paused == self._paused:
            return
        self._paused = paused
        if paused:
            transport.pause_reading()
        else:
            transport.resume_reading()
