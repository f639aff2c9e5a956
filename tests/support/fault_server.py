"""An upstream on loopback, raw HTTP/1.1, that answers each request as the test has scripted it.

It runs on an event loop in a thread of its own, so that plain tests, asyncio tests and gateways in
other processes all can use it, and it keeps what it received, so that tests can look.
"""

import asyncio
import itertools
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

from support import faults
from support.exchange import Exchange, Seen
from support.faults import Behaviour


class FaultServer:
    """A context manager. A model without a script is answered well."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.connections = 0
        self.errors: list[Exception] = []
        self._scripts: defaultdict[str, deque[Behaviour]] = defaultdict(deque)
        self._always: dict[str, Behaviour] = {}
        self._open: set[Connection] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-server")
        self._server: asyncio.Server | None = None
        self.port = 0

    @property
    def base_url(self) -> str:
        """What a client is given as ``base_url``, and a deployment as ``api_base``."""
        return f"http://127.0.0.1:{self.port}/v1"

    # ── what it is to do ─────────────────────────────────────────────────────────────────────

    def script(self, model: str, *behaviours: Behaviour) -> None:
        """The next requests for an upstream model get these behaviours, one each."""
        self._scripts[model].extend(behaviours)

    def always(self, model: str, behaviour: Behaviour) -> None:
        """Every request for an upstream model gets this behaviour, once its script is used up."""
        self._always[model] = behaviour

    def behaviour(self, model: str) -> Behaviour:
        script = self._scripts[model]
        return script.popleft() if script else self._always.get(model, faults.ok())

    # ── what it saw ──────────────────────────────────────────────────────────────────────────

    def received(self, model: str) -> list[Seen]:
        """The requests for one upstream model, oldest first."""
        return [seen for seen in self.seen if seen.model == model]

    def last(self, model: str) -> Seen:
        return self.received(model)[-1]

    # ── its life ─────────────────────────────────────────────────────────────────────────────

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        if self.errors and kind is None:
            raise self.errors[0]

    async def _listen(self) -> None:
        numbers = itertools.count(1)
        self._server = await self._loop.create_server(
            lambda: Connection(self, next(numbers)), "127.0.0.1", self.port, backlog=1024
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for connection in list(self._open):
            connection.cut()
        tasks = [c.task for c in self._open if c.task is not None]
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # the cut connections' last callbacks

    def opened(self, connection: "Connection") -> None:
        self.connections += 1
        self._open.add(connection)

    def closed(self, connection: "Connection") -> None:
        self._open.discard(connection)


class Connection(asyncio.Protocol):
    """One caller's connection: takes request after request and lets behaviours answer them."""

    def __init__(self, server: FaultServer, number: int) -> None:
        self.task: asyncio.Task[None] | None = None
        self._server = server
        self._number = number
        self._transport: asyncio.Transport | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._got = bytearray()
        self._exchange: Exchange | None = None
        self._deaf = False

    def cut(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server.opened(self)

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            self.cut()
            return
        self._got += data
        if self.task is None:
            self._next()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        exchange = self._exchange
        if exchange is not None and exchange.keep:
            exchange.seen.disconnected = time.monotonic()
        if self.task is not None:
            self.task.cancel()
        self._writable.set()
        self._server.closed(self)

    def _next(self) -> None:
        """Begin to answer the next request, if it is all there."""
        try:
            seen = _take_request(self._got, self._number)
        except ValueError as error:
            self._server.errors.append(error)
            self.cut()
            return
        if seen is None:
            return
        assert self._transport is not None
        self._server.seen.append(seen)
        self._exchange = Exchange(seen, self._transport, self._writable)
        self.task = asyncio.get_running_loop().create_task(self._answer(self._exchange))
        self.task.add_done_callback(self._answered)

    async def _answer(self, exchange: Exchange) -> None:
        seen = exchange.seen
        if seen.method == "GET":
            await exchange.whole(b'{"object":"list","data":[]}')
            return
        await self._server.behaviour(seen.model)(exchange)

    def _answered(self, task: asyncio.Task[None]) -> None:
        exchange, self._exchange, self.task = self._exchange, None, None
        assert exchange is not None
        if task.cancelled():
            return
        exchange.seen.answered = time.monotonic()
        if error := task.exception():
            assert isinstance(error, Exception)
            self._server.errors.append(error)
            self.cut()
        elif exchange.keep:
            self._deaf = exchange.deaf_afterwards
            self._next()


def _take_request(got: bytearray, connection: int) -> Seen | None:
    """The first whole request among the bytes, taken out of them; None while it is incomplete.

    Raises ValueError for what a gateway should not send.
    """
    head, separator, rest = bytes(got).partition(b"\r\n\r\n")
    if not separator:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    if "chunked" in headers.get("transfer-encoding", ""):
        raise ValueError("expected a body with Content-Length, got a chunked one")
    length = int(headers.get("content-length", "0"))
    if len(rest) < length:
        return None
    method, path, _ = first.split(" ")
    del got[: len(head) + 4 + length]
    return Seen(method, path, headers, rest[:length], time.monotonic(), connection)


def wait_until(met: Callable[[], bool], what: str, timeout: float = 10.0) -> None:
    """Wait until a condition is met. Raises AssertionError, naming ``what``, when it never is."""
    deadline = time.monotonic() + timeout
    while not met():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout:g} s in vain: {what}")
        time.sleep(0.005)
