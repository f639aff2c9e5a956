"""Ends a run in good order when it is told to: what has begun is finished, nothing new begins."""

import asyncio
import signal
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(Exception):
    """A call was not begun, or was broken off, because the run is to end; says why."""


class Stop:
    """A wish to end. An asynchronous context manager, within which signals express it.

    The first SIGINT or SIGTERM asks to stop; a SIGINT after that breaks off what is under way, and
    one more has its usual effect. Where a loop takes no signals (in another thread than the first)
    they keep their usual effect.
    """

    def __init__(self) -> None:
        self.reason: str | None = None
        self._asked = asyncio.Event()
        self._break_off: list[Callable[[], None]] = []
        self._earlier: dict[signal.Signals, Any] = {}

    @property
    def requested(self) -> bool:
        return self._asked.is_set()

    def request(self, reason: str) -> None:
        """Ask to stop, for a reason that is a sentence; the first one counts."""
        if self.reason is None:
            self.reason = reason
        self._asked.set()

    def break_off(self, reason: str) -> None:
        """Ask to stop, and not to finish what is under way."""
        self.request(reason)
        for told in list(self._break_off):
            told()

    def when_broken_off(self, told: Callable[[], None]) -> None:
        """Have this called when what is under way is to be given up."""
        self._break_off.append(told)

    def forget(self, told: Callable[[], None]) -> None:
        """Call this no longer."""
        self._break_off.remove(told)

    def check(self) -> None:
        """Raises Stopped where a stop is asked for."""
        if self.requested:
            raise Stopped(self.reason)

    async def pause(self, seconds: float) -> None:
        """Wait, but no longer than until a stop is asked for."""
        try:
            async with asyncio.timeout(seconds):
                await self._asked.wait()
        except TimeoutError:
            pass

    # ── signals ──────────────────────────────────────────────────────────────────────────────

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            earlier = signal.getsignal(number)
            try:
                loop.add_signal_handler(number, self._told, number)
            except (NotImplementedError, RuntimeError, ValueError):
                break
            self._earlier[number] = earlier
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._let_go()

    def _told(self, number: signal.Signals) -> None:
        reason = f"Interrupted by {number.name}."
        if not self.requested:
            self.request(reason)
        elif number == signal.SIGINT:
            self._let_go()
            self.break_off(reason)

    def _let_go(self) -> None:
        """Give the signals back to whoever had them."""
        loop = asyncio.get_running_loop()
        for number, earlier in self._earlier.items():
            loop.remove_signal_handler(number)
            if earlier is not None:
                signal.signal(number, earlier)
        self._earlier = {}
