"""``SharedDatabase``: the PostgreSQL that replicas share; while it is away, nobody waits for it."""

import asyncio
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib import import_module
from threading import Lock
from typing import Any, TypeVar

from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from stepdown.caching.index.index import IndexUnavailable
from stepdown.embedding.own_thread import Busy, OwnThread
from stepdown.storage.address import Address, DatabaseUnavailable
from stepdown.storage.database import make_engine

THREADS = 4
STATEMENT_TIMEOUT = 2_000
"""Milliseconds a statement may take; making a table may take longer."""
CONNECT_TIMEOUT = 2
"""Seconds."""
PATIENCE = 5.0
"""Seconds a whole call is waited for, several statements of it included."""
FAILURES = 3
PAUSE = 2.0
"""Seconds for which nobody asks after so many failures in a row; then one call tries again."""

T = TypeVar("T")


class SharedDatabase:
    """Connections to one database, for a vector index and what lies beside it."""

    def __init__(self, address: Address, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is connected. Raises DatabaseUnavailable without the extra ``postgres``."""
        try:
            import_module("psycopg")
        except ImportError as error:
            raise DatabaseUnavailable(
                "Vectors in PostgreSQL need the extra: pip install 'stepdown[postgres]'"
            ) from error
        self._address = address
        self._engine = make_engine(address)
        event.listen(self._engine, "do_connect", _hurry)
        event.listen(self._engine, "connect", _limit)
        self._reading = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._thread = OwnThread("vector-index", THREADS)
        self._clock = clock
        self._in_a_row = 0
        self._open_until = 0.0
        self._is_closed = False
        self._working = 0
        self._counting = Lock()

    async def run(self, work: Callable[..., T], *given: Any) -> T:
        """What the work returns, on a thread. Raises IndexUnavailable."""
        if self._open_until > self._clock():
            raise IndexUnavailable(f"The vector index at {self._address} failed just now.")
        if self._in_a_row >= FAILURES:
            self._open_until = self._clock() + PAUSE  # for the others: this call tries
        try:
            async with asyncio.timeout(PATIENCE):
                answer: T = await self._thread.run(self._worked, work, given)
        except Busy as error:
            raise IndexUnavailable(str(error)) from error
        except (DataError, IntegrityError) as error:  # of what was given, and not of the server
            raise self._unavailable(error) from error
        except TimeoutError as error:
            raise self._failed(TimeoutError(f"no answer within {PATIENCE:g} seconds")) from error
        except (SQLAlchemyError, OSError) as error:
            raise self._failed(error) from error
        self._in_a_row, self._open_until = 0, 0.0
        return answer

    @contextmanager
    def transaction(self, statement_timeout: int = STATEMENT_TIMEOUT) -> Generator[Connection]:
        """A transaction whose statements take so many milliseconds at most; 0: as long as they
        like. Blocks."""
        with self._engine.begin() as connection:
            if statement_timeout != STATEMENT_TIMEOUT:
                connection.execute(text(f"SET LOCAL statement_timeout = {statement_timeout:d}"))
            yield connection

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """For one statement that reads: it goes to the server and back once, where a transaction
        does so three times. Blocks."""
        with self._reading.connect() as connection:
            yield connection

    async def aclose(self) -> None:
        """Close the connections, after the work that is being done. What is stored stays."""
        self._is_closed = True
        await self._thread.aclose()
        self._close_when_done()

    def _worked(self, work: Callable[..., T], given: tuple[Any, ...]) -> T:
        with self._counting:
            self._working += 1
        try:
            return work(*given)
        finally:
            with self._counting:
                self._working -= 1
            self._close_when_done()

    def _close_when_done(self) -> None:
        """A connection that is in use cannot be closed: whoever comes last does it."""
        with self._counting:
            is_last = self._is_closed and not self._working
        if is_last:
            self._engine.dispose()

    def _failed(self, error: Exception) -> IndexUnavailable:
        self._in_a_row += 1
        if self._in_a_row >= FAILURES:
            self._open_until = self._clock() + PAUSE
        return self._unavailable(error)

    def _unavailable(self, error: Exception) -> IndexUnavailable:
        why = getattr(error, "orig", None) or error
        return IndexUnavailable(f"The vector index at {self._address} failed: {why}")


def _hurry(_dialect: Any, _record: Any, _arguments: Any, parameters: dict[str, Any]) -> None:
    """A server that is silent is given up soon, unless its URL says otherwise.

    Source: postgresql.org/docs, "Parameter Key Words" of libpq
    """
    parameters.setdefault("connect_timeout", CONNECT_TIMEOUT)
    parameters.setdefault("tcp_user_timeout", STATEMENT_TIMEOUT)


def _limit(connection: Any, _record: Any) -> None:
    """How long statements may take, once for each connection and not for each statement."""
    connection.execute(f"SET statement_timeout = {STATEMENT_TIMEOUT:d}")
    connection.commit()
