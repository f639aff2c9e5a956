"""HTTP/1.1 on the client's side: httptools' parser, run as a protocol inside uvicorn.

uvicorn keeps the sockets, the signals and the graceful stop. Its own protocol class is replaced
because it took half of a request's time (docs/adr/0003-http.md has the figures). What differs:
the head of an answer goes out with its first bytes, requests start when their body is in, a
request whose client goes away is cancelled, and one clock watches every connection's patience.
A request and its answer are an ``Exchange`` (``exchange.py``).

Bodies are read whole before their request starts, but on the paths that ``streamed`` names: there
the request starts with its head, and takes the body as it comes (``inflow.py``).
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable
from typing import Any, cast

import httptools
from starlette.types import ASGIApp
from uvicorn import Config
from uvicorn.server import ServerState

from stepdown.server.exchange import CONTINUE, Exchange
from stepdown.server.inflow import Inflow
from stepdown.server.refusals import refusal

log = logging.getLogger("stepdown.server")

MAX_BODY = 32_000_000
MAX_HEAD = 64 * 1024
"""Bytes of a request's line and headers."""
IDLE = 75.0
"""Seconds a connection may rest between requests."""
SLOW = 60.0
"""Seconds a request may take to arrive without a byte coming in."""
READ = 256 * 1024
"""The most bytes that the loop hands over at once."""
LINGER = 30.0
"""Seconds for which a body that is no longer wanted is read and thrown away, so that its sender
gets to read the answer: closing at once would reset the connection under it."""


class Connection(asyncio.Protocol):
    """One client's connection. Requests on it are answered one after the other."""

    def max_body(self) -> int:
        """The most bytes of a body; ``server.run`` puts the configuration's limit in its place."""
        return MAX_BODY

    def streamed(self, url: bytes) -> int:
        """The most bytes of a body that is handed over as it comes; 0 where it is read whole."""
        return 0

    def serve(self, exchange: Exchange) -> Awaitable[None]:
        """Answer one request; ``server.run`` sends chat on a straighter path than ASGI's."""
        return self._app(exchange.scope, exchange.receive, exchange.send)

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._app = cast("ASGIApp", config.loaded_app)  # pyright: ignore[reportUnknownMemberType]
        self._loop = _loop or asyncio.get_event_loop()
        self._all = server_state.connections
        # The parser calls the dict itself, so that a header costs no Python call. Of headers that
        # come twice the first one stays.
        self._raw: dict[bytes, bytes] = {}
        self.on_header = self._raw.setdefault
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[Exchange] = deque()
        self._exchange: Exchange | None = None
        self._task: asyncio.Task[None] | None = None
        self._gone: asyncio.Future[None] | None = None
        self._inflow: Inflow | None = None
        self._lingers_until = 0.0
        self._paused = False
        self._stopping = False
        self._arriving = False
        self._head_in = False
        self._fed = 0
        self._owed = 0
        self._heard = 0.0
        self._held = b""
        self.drained: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport | None = None
        self.client: tuple[str, int] | None = None
        self.server: tuple[str, int] | None = None

    # ── the transport's side ─────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.client = _address(transport.get_extra_info("peername"))
        self.server = _address(transport.get_extra_info("sockname"))
        self._heard = self._loop.time()
        if not self._all:
            self._loop.call_later(1.0, _look, self._loop, self._all)
        self._all.add(self)  # type: ignore[arg-type]

    def data_received(self, data: bytes) -> None:
        self._heard = self._loop.time()
        if self._owed:
            self._collect(data)
            return
        # Of the message under way, these are at most the bytes that came.
        self._fed = len(data) + self._fed if self._arriving else len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._decline_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserCallbackError as error:
            self._refuse(431 if isinstance(error.__context__, _HeadTooLarge) else 413)
        except httptools.HttpParserError:
            self._refuse(400)
        else:
            if self._fed > MAX_HEAD + READ and self._arriving and not self._head_in:
                self._refuse(431)

    def connection_lost(self, exc: Exception | None) -> None:
        self._all.discard(self)
        self._transport = None
        self._waiting.clear()
        self.resume_writing()
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        if self.drained is None:
            self.drained = self._loop.create_future()

    def resume_writing(self) -> None:
        drained, self.drained = self.drained, None
        if drained is not None and not drained.done():
            drained.set_result(None)

    def shutdown(self) -> None:
        """uvicorn stops: finish the request under way, take no more."""
        self._stopping = True
        if self._exchange is None:
            self._close()
        else:
            self._exchange.keep_alive = False

    def check(self, now: float) -> None:
        """Close a connection that has tried the server's patience."""
        quiet = now - self._heard
        if self._lingers_until:
            if now > self._lingers_until or quiet > SLOW:
                self._close()
        elif self._exchange is None:
            if self._arriving and quiet > SLOW:
                self._refuse(408)
            elif quiet > IDLE:
                self._close()
        elif self._inflow is not None and quiet > SLOW and not self._paused:
            self._exchange.keep_alive = False
            self._inflow.late()

    # ── the parser's side ────────────────────────────────────────────────────────────────────

    def on_message_begin(self) -> None:
        self._arriving = True
        self._head_in = False
        self._url = b""
        self._raw.clear()
        self._pieces: list[bytes] = []
        self._size = 0

    def on_url(self, url: bytes) -> None:
        self._url += url
        if len(self._url) > MAX_HEAD:
            raise _HeadTooLarge

    def on_headers_complete(self) -> None:
        self._head_in = True
        raw = self._raw
        if self._fed > MAX_HEAD and sum(map(len, raw)) + sum(map(len, raw.values())) > MAX_HEAD:
            raise _HeadTooLarge
        self._headers = [(name.lower(), value) for name, value in raw.items()]
        expected = False
        for name, value in self._headers:
            if name == b"expect" and value.lower() == b"100-continue":
                expected = True
        if most := self.streamed(self._url):
            self._inflow = Inflow(most, self._pace, expected=expected)
            self._inflow.announce(dict(self._headers).get(b"content-length", b""))
            self._stopping |= self._parser.should_upgrade()
            self._dispatch()
        elif expected:
            self.write(CONTINUE)

    def on_body(self, data: bytes) -> None:
        if self._inflow is not None:
            self._inflow.put(data)
            return
        self._size += len(data)
        if self._size > self.max_body():
            raise _BodyTooLarge
        self._pieces.append(data)

    def on_message_complete(self) -> None:
        if not self._parser.should_upgrade():
            self._complete()

    # ── requests, one at a time ──────────────────────────────────────────────────────────────

    def _decline_upgrade(self, rest: bytes) -> None:
        """Go on in HTTP/1.1. The parser stops at the head, so the body is taken by hand.

        Java's client, for one, offers HTTP/2 with its first request, body and all.
        """
        self._stopping = True
        length = dict(self._headers).get(b"content-length", b"0")
        if not length.isdigit() or (b"transfer-encoding", b"chunked") in self._headers:
            self._refuse(400)
            return
        if self._inflow is None and int(length) > self.max_body():
            self._refuse(413)
            return
        self._owed = int(length)
        self._collect(rest)

    def _collect(self, data: bytes) -> None:
        data = data[: self._owed]
        self._owed -= len(data)
        self.on_body(data)
        if not self._owed:
            self._complete()

    def _complete(self) -> None:
        """A request's last byte is in."""
        self._arriving = False
        inflow, self._inflow = self._inflow, None
        if inflow is None:
            self._dispatch()
            return
        inflow.end()
        if self._lingers_until:
            self._lingers_until = 0.0
            if self._stopping:
                self._close()

    def _dispatch(self) -> None:
        """A request is in, or its head where its body is streamed: answer it, or let it wait."""
        parser, pieces = self._parser, self._pieces
        exchange = Exchange(
            self,
            parser.get_method(),
            self._url,
            parser.get_http_version(),
            self._headers,
            pieces[0] if len(pieces) == 1 else b"".join(pieces),
            keep_alive=parser.should_keep_alive() and not self._stopping,
            inflow=self._inflow,
        )
        if self._exchange is None:
            self._start(exchange)
        else:  # pipelined: answered in order, and no more is read until then
            self._waiting.append(exchange)
            self._pace()

    def _pace(self) -> None:
        """Read on, or not: while requests wait, or a body is not taken, nothing is read."""
        inflow = self._inflow
        pause = bool(self._waiting) or (inflow is not None and inflow.full)
        if pause == self._paused or self._transport is None:
            return
        self._paused = pause
        if pause:
            self._transport.pause_reading()
        else:
            self._heard = self._loop.time()
            self._transport.resume_reading()

    def _start(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._task = self._loop.create_task(self._answer(exchange))

    async def _answer(self, exchange: Exchange) -> None:
        try:
            await self.serve(exchange)
        except asyncio.CancelledError:
            exchange.keep_alive = False
        except Exception:
            log.exception("the application failed")
            exchange.keep_alive = False
        finally:
            self._finish(exchange)

    def _finish(self, exchange: Exchange) -> None:
        self._exchange = self._task = None
        self._heard = self._loop.time()
        if self._transport is None:
            return
        inflow = exchange.inflow
        if inflow is not None and exchange.done and not inflow.ended and not inflow.expected:
            self._linger(inflow, stop=not exchange.keep_alive)
        elif not exchange.done or not exchange.keep_alive:
            self._close()
        elif self._waiting:
            self._start(self._waiting.popleft())
            self._pace()

    def _linger(self, inflow: Inflow, *, stop: bool) -> None:
        """A request was answered before its body was in: throw the rest away, for a while."""
        self._lingers_until = self._loop.time() + LINGER
        self._stopping |= stop
        inflow.discard()

    def write(self, data: bytes) -> None:
        if self._held:
            data = self._held + data
            self._held = b""
        if self._transport is not None:
            self._transport.write(data)

    def hold(self, data: bytes) -> None:
        """Write at the loop's next turn, or before that with what is written next."""
        self._held += data
        self._loop.call_soon(self._release)

    def _release(self) -> None:
        if self._held:
            self.write(b"")

    async def departure(self) -> None:
        """Return when the client is gone."""
        if self._transport is None:
            return
        if self._gone is None:
            self._gone = self._loop.create_future()
        await asyncio.shield(self._gone)  # who waits for it may be cancelled, and others wait on

    def _refuse(self, status: int) -> None:
        """Answer a request that cannot be read, and hang up."""
        unanswered = self._exchange is None and not self._lingers_until
        if self._transport is not None and unanswered:
            limits = {"max_body": self.max_body(), "max_head": MAX_HEAD}
            self._transport.write(refusal(status, **limits))
        self._close()

    def _close(self) -> None:
        self._release()
        if self._transport is not None:
            self._transport.close()


class _HeadTooLarge(Exception):
    pass


class _BodyTooLarge(Exception):
    pass


def _address(name: Any) -> tuple[str, int] | None:
    """Host and port of a TCP address; a Unix socket has none."""
    match name:
        case (str(host), int(port), *_):
            return host, port
        case _:
            return None


def _look(loop: asyncio.AbstractEventLoop, connections: set[Any]) -> None:
    """The one clock: runs while there are connections."""
    now = loop.time()
    for connection in list(connections):
        connection.check(now)
    if connections:
        loop.call_later(1.0, _look, loop, connections)
