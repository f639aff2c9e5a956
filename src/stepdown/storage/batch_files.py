"""Files of batches in the database, piece by piece, so that none need be in memory as a whole."""

# ruff: noqa: S608  # only names written in this package are put together; values are parameters

from typing import Literal

from stepdown.storage.batch_rows import FileRow
from stepdown.storage.shared_session import SharedSession
from stepdown.storage.text import to_text

PIECES_AT_A_TIME = 64
"""How many pieces one pass deletes: a short transaction, so that other writers get in between."""

COLUMNS = FileRow.__struct_fields__


class BatchFiles:
    """Raises DatabaseUnavailable where the database fails, as everything on a session does."""

    def __init__(self, session: SharedSession) -> None:
        self._session = session
        self._sql = {name: session.marked(text) for name, text in _STATEMENTS.items()}

    def add(self, row: FileRow) -> None:
        """Begin a file, or begin it anew."""
        with self._session.transaction() as cursor:
            cursor.execute(self._sql["add"], [getattr(row, column) for column in COLUMNS])

    def write(self, file: str, seq: int, body: bytes) -> None:
        """Write a piece; what stood in its place goes."""
        with self._session.transaction() as cursor:
            cursor.execute(self._sql["write"], (file, seq, body))

    def finish(self, file: str, size: int, expires_at: float) -> None:
        """All pieces are there."""
        with self._session.transaction() as cursor:
            cursor.execute(self._sql["finish"], (size, expires_at, file))

    def read(self, tenant: str, file: str, now: float) -> FileRow | None:
        """A tenant's file, whole and not expired."""
        with self._session.transaction(writes=False) as cursor:
            cursor.execute(self._sql["read"], (file, tenant, now))
            found = cursor.fetchone()
        return None if found is None else FileRow(*found)

    def piece(self, file: str, seq: int) -> bytes | None:
        """A piece by its number from 0, or None behind the last."""
        with self._session.transaction(writes=False) as cursor:
            cursor.execute(self._sql["piece"], (file, seq))
            found = cursor.fetchone()
        return None if found is None else bytes(found[0])

    def discard(self, file: str) -> None:
        """Give up a file that is being written."""
        with self._session.transaction() as cursor:
            cursor.execute(self._sql["discard"], (file,))

    def delete(self, tenant: str, file: str, now: float) -> bool:
        """Delete a tenant's file; whether there was one. Its pieces go with ``expire``."""
        with self._session.transaction() as cursor:
            cursor.execute(self._sql["delete"], (file, tenant, now))
            return cursor.rowcount == 1

    def listed(
        self,
        tenant: str,
        now: float,
        *,
        purpose: str | None,
        after: FileRow | None,
        limit: int,
        order: Literal["asc", "desc"],
    ) -> list[FileRow]:
        """A tenant's files by age, from behind ``after``."""
        sign = ">" if order == "asc" else "<"
        where, values = "tenant = ? AND state = 'ready' AND expires_at > ?", [tenant, now]
        parameters: list[object] = [*values]
        if purpose is not None:
            where += " AND purpose = ?"
            parameters.append(to_text(purpose))
        if after is not None:
            where += f" AND (created_at {sign} ? OR (created_at = ? AND id {sign} ?))"
            parameters += [after.created_at, after.created_at, after.id]
        direction = "ASC" if order == "asc" else "DESC"
        statement = (
            f"SELECT {', '.join(COLUMNS)} FROM batch_files WHERE {where}"
            f" ORDER BY created_at {direction}, id {direction} LIMIT ?"
        )
        with self._session.transaction(writes=False) as cursor:
            cursor.execute(self._session.marked(statement), [*parameters, limit])
            return [FileRow(*found) for found in iter(cursor.fetchone, None)]

    def stored(self, tenant: str) -> int:
        """Bytes of a tenant's files, those included that are being written."""
        with self._session.transaction(writes=False) as cursor:
            cursor.execute(self._sql["stored"], (tenant,))
            return int(cursor.fetchone()[0])

    def expire(self, now: float) -> bool:
        """Delete a part of what has expired and no batch still reads; whether there may be more."""
        with self._session.transaction() as cursor:
            cursor.execute(self._sql["expired"], (now,))
            found = cursor.fetchone()
            if found is None:
                return False
            cursor.execute(self._sql["expire_pieces"], (found[0], found[0]))
            if cursor.rowcount < PIECES_AT_A_TIME:
                cursor.execute(self._sql["expire"], (found[0],))
        return True


_STATEMENTS = {
    "add": f"INSERT INTO batch_files ({', '.join(COLUMNS)}) VALUES"
    f" ({', '.join('?' * len(COLUMNS))}) ON CONFLICT (id) DO UPDATE"
    " SET expires_at = excluded.expires_at WHERE batch_files.state = 'writing'",
    "write": "INSERT INTO batch_chunks (file, seq, body) VALUES (?, ?, ?)"
    " ON CONFLICT (file, seq) DO UPDATE SET body = excluded.body",
    "finish": "UPDATE batch_files SET state = 'ready', bytes = ?, expires_at = ?"
    " WHERE id = ? AND state = 'writing'",
    "read": f"SELECT {', '.join(COLUMNS)} FROM batch_files"
    " WHERE id = ? AND tenant = ? AND state = 'ready' AND expires_at > ?",
    "piece": "SELECT body FROM batch_chunks WHERE file = ? AND seq = ?",
    "discard": "UPDATE batch_files SET expires_at = 0 WHERE id = ? AND state = 'writing'",
    "delete": "UPDATE batch_files SET state = 'deleted', expires_at = 0"
    " WHERE id = ? AND tenant = ? AND state = 'ready' AND expires_at > ?",
    "stored": "SELECT COALESCE(SUM(bytes), 0) FROM batch_files WHERE tenant = ?",
    "expired": "SELECT id FROM batch_files WHERE expires_at <= ? AND NOT EXISTS"
    " (SELECT 1 FROM batches WHERE batches.tenant = batch_files.tenant AND batches.kind = 'file'"
    " AND batches.status = 'validating' AND batches.input_file = batch_files.id)"
    " ORDER BY expires_at LIMIT 1",
    "expire_pieces": "DELETE FROM batch_chunks WHERE file = ? AND seq IN"
    f" (SELECT seq FROM batch_chunks WHERE file = ? ORDER BY seq DESC LIMIT {PIECES_AT_A_TIME})",
    "expire": "DELETE FROM batch_files WHERE id = ?",
}
