"""A store's database, from the event loop: one thread does what is asked of it, in order."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Generic, Protocol, TypeVar

from stepdown.errors import JobsUnavailable
from stepdown.storage.address import DatabaseUnavailable

log = logging.getLogger("stepdown.deferral")


class Closable(Protocol):
    def close(self) -> None:
        """Close the connection; the next use opens another."""
        ...


T = TypeVar("T")
S = TypeVar("S", bound=Closable)
TRIES = 2
"""A connection that went stale fails once; the second try makes a new one."""


class Records(Generic[S]):
    """Runs a store's methods. Costs nothing until it is first used.

    ``what`` it keeps (``jobs``, ``batches``) is told where the database fails, by ``away``.
    """

    def __init__(self, store: S, what: str, away: type[JobsUnavailable] = JobsUnavailable) -> None:
        self.error: str | None = None
        self.failures = 0
        self._store = store
        self._what = what
        self._unavailable = away
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"stepdown-{what}")

    async def do(self, work: Callable[[S], T]) -> T:
        """Do one thing with the store. Raises ``away`` where the database fails."""
        loop = asyncio.get_running_loop()
        for tries in range(1, TRIES + 1):
            try:
                done = await loop.run_in_executor(self._thread, work, self._store)
            except DatabaseUnavailable as error:
                self.failures += 1
                if tries == TRIES:
                    self._away(error.message)
                    said = f"The database that keeps {self._what} is away."
                    raise self._unavailable(said) from error
            else:
                self._well()
                return done
        raise AssertionError("the last try returns or raises")

    def _away(self, error: str) -> None:
        if self.error is None:
            log.error("The %s' database is away. %s", self._what, error)
        self.error = error

    def _well(self) -> None:
        if self.error is not None:
            log.warning("The %s' database is back.", self._what)
        self.error = None

    def later(self, work: Callable[[S], object]) -> None:
        """Do one thing behind what is under way, and let nobody know how it went."""
        self._thread.submit(_quietly, work, self._store)

    async def rest(self) -> None:
        """Close the connection until it is needed again."""
        await self.do(lambda store: store.close())

    def close(self) -> None:
        """Close the connection and end the thread. Waits for what is under way."""
        self._thread.submit(self._store.close)
        self._thread.shutdown()


def _quietly(work: Callable[[S], object], store: S) -> None:
    with suppress(DatabaseUnavailable):
        work(store)
