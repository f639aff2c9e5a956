"""A circuit breaker before a store: one that is slow or away costs a request little, and then none.

After a few failures in a row nobody asks for a moment; then one call tries again.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from stepdown.caching.exact.store import Record, Store, StoreUnavailable

T = TypeVar("T")
log = logging.getLogger("stepdown.caching")

FAILURES = 3
PAUSE = 2.0
"""Seconds."""
LOG_EVERY = 60.0
"""Seconds: a store that takes no writes may well answer reads in between."""
_PATIENCE_TO_WRITE = 10.0


class Breaker:
    """Asks a store, within the store's own timeout.

    ``failures`` counts calls that failed; ``error`` says why the last one did, None once one went
    well again. ``skipped`` counts those that were not made.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self.store = store
        self.failures = 0
        self.skipped = 0
        self.error: str | None = None
        self._clock = clock
        self._in_a_row = 0
        self._open_until = 0.0
        self._logged = -LOG_EVERY

    async def get(self, entry_id: str) -> bytes | None:
        """The value, or None where there is none or the store failed."""
        return await self._ask(lambda: self.store.get(entry_id), 1.0, None)

    async def put(self, records: Sequence[Record]) -> bool:
        """Whether the store has them now."""

        async def put() -> bool:
            await self.store.put(records)
            return True

        return await self._ask(put, _PATIENCE_TO_WRITE, False)

    async def _ask(self, call: Callable[[], Awaitable[T]], patience: float, otherwise: T) -> T:
        """What the call gives within so many times the store's timeout."""
        if self._open_until > self._clock():
            self.skipped += 1
            return otherwise
        if self._in_a_row >= FAILURES:
            self._open_until = self._clock() + PAUSE  # for the others: this call tries
        timeout = self.store.timeout
        try:
            if timeout is None:
                answer = await call()
            else:
                async with asyncio.timeout(patience * timeout):
                    answer = await call()
        except StoreUnavailable as error:
            self._fail(error.message)
        except TimeoutError:
            self._fail(f"The cache's store ({self.store.kind}) did not answer in time.")
        else:
            self._in_a_row, self._open_until, self.error = 0, 0.0, None
            return answer
        return otherwise

    def _fail(self, error: str) -> None:
        now = self._clock()
        if now - self._logged >= LOG_EVERY:
            self._logged = now
            log.warning("%s The cache goes on without it.", error)
        self.failures += 1
        self._in_a_row += 1
        self.error = error
        if self._in_a_row >= FAILURES:
            self._open_until = now + PAUSE
