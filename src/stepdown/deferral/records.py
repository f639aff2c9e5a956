"""The jobs' database, from the event loop: one thread does what is asked of it, in order."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from stepdown.errors import JobsUnavailable
from stepdown.storage.address import Address, DatabaseUnavailable
from stepdown.storage.jobs import JobStore

log = logging.getLogger("stepdown.deferral")

T = TypeVar("T")
TRIES = 2
"""A connection that went stale fails once; the second try makes a new one."""


class Records:
    """Runs a ``JobStore``'s methods. Costs nothing until it is first used."""

    def __init__(self, address: Address) -> None:
        self.error: str | None = None
        self.failures = 0
        self._store = JobStore(address)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="stepdown-jobs")

    async def do(self, work: Callable[[JobStore], T]) -> T:
        """Do one thing with the store. Raises JobsUnavailable where the database fails."""
        loop = asyncio.get_running_loop()
        for tries in range(1, TRIES + 1):
            try:
                done = await loop.run_in_executor(self._thread, work, self._store)
            except DatabaseUnavailable as error:
                self.failures += 1
                if tries == TRIES:
                    self._away(error.message)
                    raise JobsUnavailable("The database that keeps jobs is away.") from error
            else:
                self._well()
                return done
        raise AssertionError("the last try returns or raises")

    def _away(self, error: str) -> None:
        if self.error is None:
            log.error("The jobs' database is away. %s", error)
        self.error = error

    def _well(self) -> None:
        if self.error is not None:
            log.warning("The jobs' database is back.")
        self.error = None

    def later(self, work: Callable[[JobStore], object]) -> None:
        """Do one thing behind what is under way, and let nobody know how it went."""
        self._thread.submit(_quietly, work, self._store)

    async def rest(self) -> None:
        """Close the connection until it is needed again."""
        await self.do(JobStore.close)

    def close(self) -> None:
        """Close the connection and end the thread. Waits for what is under way."""
        self._thread.submit(self._store.close)
        self._thread.shutdown()


def _quietly(work: Callable[[JobStore], object], store: JobStore) -> None:
    with suppress(DatabaseUnavailable):
        work(store)
