"""A session that several stores share: each has statements of its own, over one connection."""

from contextlib import AbstractContextManager

from stepdown.storage.address import DatabaseUnavailable
from stepdown.storage.connection import Connection, Cursor
from stepdown.storage.session import Session


class SharedSession(Session):
    """One connection; see ``Session``. Not for use by two threads at once."""

    _failure = "The batches in {address} failed"

    def _connected(self) -> Connection:
        """A queue's promise outlives the machine: a finished transaction is on the disk."""
        fresh = self._connection is None
        connection = super()._connected()
        if fresh and self.address.file is not None:
            try:
                connection.cursor().execute("PRAGMA synchronous = FULL")
            except connection.Error as error:
                self.close()
                failure = self._failure.format(address=self.address)
                raise DatabaseUnavailable(f"{failure}: {error}") from error
        return connection

    def transaction(self, *, writes: bool = True) -> AbstractContextManager[Cursor]:
        """A transaction, committed at its end. Raises DatabaseUnavailable."""
        return self._transaction(writes=writes)

    def marked(self, statement: str) -> str:
        """A statement that is written with ``?`` for the database's parameters, and with
        ``SKIP_LOCKED`` where rows are picked that another process may have picked already."""
        skip = " FOR UPDATE SKIP LOCKED" if self.address.file is None else ""
        return self._marked(statement.replace(" SKIP_LOCKED", skip))
