"""A session that several stores share: each has statements of its own, over one connection."""

from contextlib import AbstractContextManager

from stepdown.storage.connection import Cursor
from stepdown.storage.session import Session


class SharedSession(Session):
    """One connection; see ``Session``. Not for use by two threads at once."""

    _failure = "The batches in {address} failed"

    def transaction(self, *, writes: bool = True) -> AbstractContextManager[Cursor]:
        """A transaction, committed at its end. Raises DatabaseUnavailable."""
        return self._transaction(writes=writes)

    def marked(self, statement: str) -> str:
        """A statement that is written with ``?`` for the database's parameters, and with
        ``SKIP_LOCKED`` where rows are picked that another process may have picked already."""
        skip = " FOR UPDATE SKIP LOCKED" if self.address.file is None else ""
        return self._marked(statement.replace(" SKIP_LOCKED", skip))
