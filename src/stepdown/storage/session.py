"""One connection, made when it is needed, and its transactions: what the stores have in common."""

from collections.abc import Generator
from contextlib import contextmanager

from stepdown.storage.address import Address, DatabaseUnavailable
from stepdown.storage.connection import Connection, Cursor, connect
from stepdown.storage.migrate import migrate_apart


class Session:
    """A database whose tables are up to date. Not for use by two threads at once.

    Every method of a store raises DatabaseUnavailable where the database fails; nothing is then
    written, and the next call connects anew.
    """

    _failure = "Writing to {address} failed"

    def __init__(self, address: Address) -> None:
        self.address = address
        self.marker = "%s" if address.file is None else "?"
        self._connection: Connection | None = None

    def open(self) -> None:
        """Bring the tables up to date and connect."""
        self._connected()

    def close(self) -> None:
        """Close the connection, where there is one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _connected(self) -> Connection:
        if self._connection is None:
            migrate_apart(self.address)
            self._connection = connect(self.address)
        return self._connection

    def _marked(self, statement: str) -> str:
        """A statement that is written with ``?``, with the database's own parameter markers."""
        return statement.replace("?", self.marker)

    @contextmanager
    def _transaction(self, *, writes: bool = True) -> Generator[Cursor, None, None]:
        connection = self._connected()
        try:
            cursor = connection.cursor()
            if self.address.file is not None:
                cursor.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
            yield cursor
            connection.commit()
        except BaseException as error:
            self.close()  # which rolls back
            if isinstance(error, (connection.Error, OSError)):
                failure = self._failure.format(address=self.address)
                raise DatabaseUnavailable(f"{failure}: {error}") from error
            raise
