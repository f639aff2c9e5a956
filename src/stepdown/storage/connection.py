"""Plain database connections for the serving process, with one set of statements for both kinds.

SQLAlchemy is for schema and queries, in other processes: see ``columns.py``.
"""

import sqlite3
import time
from typing import Any, Protocol, cast

from stepdown.storage.address import Address, DatabaseUnavailable

BUSY_TIMEOUT = 5.0
"""Seconds to wait for another writer of the same SQLite file before reporting it as locked."""


class Cursor(Protocol):
    """The part of DB-API 2.0's cursor that is used here. Source: PEP 249"""

    @property
    def rowcount(self) -> int: ...

    def execute(self, statement: str, parameters: Any = ..., /) -> Any: ...

    def executemany(self, statement: str, parameters: Any, /) -> Any: ...

    def fetchone(self) -> Any: ...


class Connection(Protocol):
    """The part of DB-API 2.0's connection that is used here."""

    @property
    def Error(self) -> type[Exception]:  # noqa: N802  # DB-API's name
        """The root of what the driver raises."""
        ...

    def cursor(self) -> Cursor: ...

    def commit(self) -> None: ...

    def rollback(self) -> None: ...

    def close(self) -> None: ...


def connect(address: Address) -> Connection:
    """Open the database; a SQLite file and its directory are made where they are missing.

    Raises DatabaseUnavailable.
    """
    return _postgresql(address) if address.file is None else _sqlite(address)


def _sqlite(address: Address) -> Connection:
    assert address.file is not None
    try:
        address.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        connection = sqlite3.connect(
            address.file, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
        )
        set_pragmas(connection)
    except (sqlite3.Error, OSError) as error:
        raise DatabaseUnavailable(f"The database {address} cannot be opened: {error}") from error
    return connection


def set_pragmas(connection: sqlite3.Connection) -> None:
    """Write-ahead log: readers never wait, and a killed process loses no finished transaction."""
    deadline = time.monotonic() + BUSY_TIMEOUT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError as error:
            # Two processes that open a new file at once: this pragma does not wait by itself.
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
    connection.execute("PRAGMA synchronous = NORMAL")


def _postgresql(address: Address) -> Connection:
    try:
        import psycopg
    except ImportError as error:
        raise DatabaseUnavailable(
            "A PostgreSQL database needs the extra: pip install 'stepdown[postgres]'"
        ) from error
    try:
        return cast("Connection", psycopg.connect(address.url, connect_timeout=10))
    except psycopg.Error as error:
        raise DatabaseUnavailable(f"The database {address} cannot be opened: {error}") from error
