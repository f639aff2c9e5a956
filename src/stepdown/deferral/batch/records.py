"""The batches' database, from the event loop: one thread does what is asked of it, in order."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from stepdown.errors import BatchesUnavailable
from stepdown.storage.address import Address, DatabaseUnavailable
from stepdown.storage.batches import BatchStore

log = logging.getLogger("stepdown.deferral")

T = TypeVar("T")
TRIES = 2
"""A connection that went stale fails once; the second try makes a new one."""


class Records:
    """Runs a ``BatchStore``'s methods. Costs nothing until it is first used."""

    def __init__(self, address: Address) -> None:
        self.error: str | None = None
        self.failures = 0
        self._store = BatchStore(address)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="stepdown-batches")

    async def do(self, work: Callable[[BatchStore], T]) -> T:
        """Do one thing with the store. Raises BatchesUnavailable where the database fails."""
        loop = asyncio.get_running_loop()
        for tries in range(1, TRIES + 1):
            try:
                done = await loop.run_in_executor(self._thread, work, self._store)
            except DatabaseUnavailable as error:
                self.failures += 1
                if tries == TRIES:
                    self._away(error.message)
                    raise BatchesUnavailable("The database that keeps batches is away.") from error
            else:
                self._well()
                return done
        raise AssertionError("the last try returns or raises")

    def later(self, work: Callable[[BatchStore], object]) -> None:
        """Do one thing behind what is under way, and let nobody know how it went."""
        self._thread.submit(_quietly, work, self._store)

    def close(self) -> None:
        """Close the connection and end the thread. Waits for what is under way."""
        self._thread.submit(self._store.close)
        self._thread.shutdown()

    def _away(self, error: str) -> None:
        if self.error is None:
            log.error("The batches' database is away. %s", error)
        self.error = error

    def _well(self) -> None:
        if self.error is not None:
            log.warning("The batches' database is back.")
        self.error = None


def _quietly(work: Callable[[BatchStore], object], store: BatchStore) -> None:
    with suppress(DatabaseUnavailable):
        work(store)
