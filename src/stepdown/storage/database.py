"""SQLAlchemy engines over an address, for queries and migrations outside the serving process."""

import sqlite3
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from stepdown.storage.address import Address, DatabaseUnavailable, parse
from stepdown.storage.connection import BUSY_TIMEOUT, set_pragmas


def open_database(url: str | None = None, *, create: bool = False) -> Engine:
    """An engine whose tables are up to date; ``url`` as in ``address.parse``.

    Raises DatabaseUnavailable where it cannot be opened, or is missing and ``create`` is False.
    """
    from stepdown.storage.migrate import migrate

    address = parse(url)
    if address.file is not None and not create and not address.file.exists():
        raise DatabaseUnavailable(f"Nothing is recorded yet: there is no database at {address}.")
    migrate(address)
    return make_engine(address)


def make_engine(address: Address, *, writes: bool = False) -> Engine:
    """An engine as it is; with ``writes``, its transactions take SQLite's write lock at once."""
    try:
        engine = create_engine(
            address.sqlalchemy_url,
            connect_args={"timeout": BUSY_TIMEOUT} if address.file is not None else {},
        )
    except (SQLAlchemyError, ImportError) as error:
        raise DatabaseUnavailable(f"The database {address} cannot be opened: {error}") from error
    if address.file is not None:
        _prepare_sqlite(engine, "BEGIN IMMEDIATE" if writes else "BEGIN")
    return engine


def _prepare_sqlite(engine: Engine, begin: str) -> None:
    """Let transactions begin where they are meant to: sqlite3 by itself begins them too late.

    Source: docs.sqlalchemy.org, "Serializable isolation / Savepoints / Transactional DDL"
    """

    def on_connect(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None
        set_pragmas(connection)

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)
