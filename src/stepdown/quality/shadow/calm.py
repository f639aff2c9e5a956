"""Says whether the gateway has time for shadows: they use what the requests leave over."""

import asyncio
import time
from collections.abc import Callable

INTERVAL = 0.05
"""Seconds between two looks at how busy the event loop's thread is."""


class Calm:
    """Calm is when few enough requests are under way, and the event loop's thread has time to idle.

    ``most_under_way`` requests may be under way. ``most_busy`` is the share of its time, 0 to 1,
    that the thread may have computed since the last look; a look that comes late by as much as its
    interval says that other threads or processes have the cores. With 1 neither is looked at.
    """

    def __init__(
        self,
        most_under_way: int,
        most_busy: float,
        clock: Callable[[], float] = time.monotonic,
        computed: Callable[[], float] = time.thread_time,
    ) -> None:
        """``clock`` gives monotonic seconds, ``computed`` the CPU seconds of the thread."""
        self._most_under_way = most_under_way
        self._most_busy = most_busy
        self._clock = clock
        self._computed = computed
        self._under_way = 0
        self._busy = False
        self._event = asyncio.Event()
        self._event.set()

    @property
    def now(self) -> bool:
        """Whether it is calm now."""
        return self._event.is_set()

    def count(self, under_way: int) -> None:
        """So many requests are under way now."""
        if (under_way > self._most_under_way) is not (self._under_way > self._most_under_way):
            self._under_way = under_way
            self._decide()
        else:
            self._under_way = under_way

    async def come(self) -> None:
        """Wait until it is calm."""
        await self._event.wait()

    async def watch(self) -> None:
        """Look again and again at how busy the thread is, until this is cancelled."""
        if self._most_busy >= 1.0:
            return
        at, computed = self._clock(), self._computed()
        while True:
            await asyncio.sleep(INTERVAL)
            then, computed_then = at, computed
            at, computed = self._clock(), self._computed()
            passed = at - then
            late = passed > 2 * INTERVAL
            self._busy = late or computed - computed_then > self._most_busy * passed
            self._decide()

    def _decide(self) -> None:
        if self._busy or self._under_way > self._most_under_way:
            self._event.clear()
        else:
            self._event.set()
