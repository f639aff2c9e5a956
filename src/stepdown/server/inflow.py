"""A request's body that is handed over while it arrives, at the pace of whoever takes it."""

import asyncio
from collections import deque
from collections.abc import Callable

from stepdown.errors import BodyTooLarge, RequestTimedOut, StepdownError

HIGH = 512 * 1024
"""Bytes that wait to be taken at which the connection is read no further."""


class Inflow:
    """What has come of one body. Whoever takes from it is one task; the connection puts in.

    ``pace`` is called when the connection may have to be read further, or no further. ``expected``
    says that the client holds the body back until it is told to go on.
    """

    __slots__ = (
        "_came",
        "_failure",
        "_kept",
        "_pace",
        "_size",
        "_taker",
        "ended",
        "expected",
        "most",
    )

    def __init__(self, most: int, pace: Callable[[], None], *, expected: bool = False) -> None:
        self.most = most
        self.expected = expected
        self.ended = False
        self._pace = pace
        self._came = self._size = 0
        self._kept: deque[bytes] | None = deque()
        self._failure: StepdownError | None = None
        self._taker: asyncio.Future[None] | None = None

    # ── the connection's side ────────────────────────────────────────────────────────────────

    @property
    def full(self) -> bool:
        """Whether enough waits to be taken."""
        return self._size > HIGH

    @property
    def failed(self) -> bool:
        return self._failure is not None

    def announce(self, length: bytes) -> None:
        """What the head says of the body's length: one that is too large need not come."""
        if length.isdigit():
            self._measure(int(length))

    def put(self, data: bytes) -> None:
        """More has come. Beyond ``most`` bytes nothing is kept, and the taker is told."""
        self._came += len(data)
        self._measure(self._came)
        if self._kept is not None:
            self._kept.append(data)
            self._size += len(data)
            self._wake()
            self._pace()

    def _measure(self, size: int) -> None:
        if size > self.most:
            said = f"The body is larger than the {self.most:,} bytes accepted here."
            self.fail(BodyTooLarge(said))

    def end(self) -> None:
        """All has come."""
        self.ended = True
        self._wake()

    def late(self) -> None:
        """The client has stopped sending."""
        self.fail(RequestTimedOut("The request took too long to arrive."))

    def fail(self, error: StepdownError) -> None:
        """Nothing that comes from now on is wanted, because of this."""
        if self._failure is None:
            self._failure = error
            self.discard()
            self._wake()

    def discard(self) -> None:
        """Nobody takes any more: keep nothing."""
        self._kept = None
        self._size = 0
        self._pace()

    # ── the taker's side ─────────────────────────────────────────────────────────────────────

    async def take(self) -> tuple[bytes, bool]:
        """What has come since, and whether more will. Raises BodyTooLarge or RequestTimedOut."""
        while not self._kept and not self.ended and self._failure is None:
            self._taker = asyncio.get_running_loop().create_future()
            try:
                await self._taker
            finally:
                self._taker = None
        if self._failure is not None:
            raise self._failure
        data = b"".join(self._kept or ())
        if self._kept is not None:
            self._kept.clear()
            self._size = 0
            self._pace()
        return data, not self.ended

    def _wake(self) -> None:
        if self._taker is not None and not self._taker.done():
            self._taker.set_result(None)
