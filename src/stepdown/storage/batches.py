"""Batches in the database: what callers ask of them, and who looks after which.

A process claims a batch for a while (a lease), and extends the lease by signs of life. Whatever it
writes goes only where the lease is still its own, so that of a process that was given up for dead
nothing comes afterwards. Times are seconds since 1970 by the clocks of the gateway's hosts.
"""

# ruff: noqa: S608  # only names written in this package are put together; values are parameters

from collections.abc import Collection, Sequence

from stepdown.storage.address import Address
from stepdown.storage.batch_files import BatchFiles
from stepdown.storage.batch_lines import BatchLines, line_values
from stepdown.storage.batch_rows import FINAL, NEVER, BatchRow, FileRow, Held, LeaseLost, LineRow
from stepdown.storage.batch_submissions import BatchSubmissions
from stepdown.storage.shared_session import SharedSession

COLUMNS = BatchRow.__struct_fields__
ROWS_AT_A_TIME = 500


class BatchStore:
    """All of it, over one connection. Not for use by two threads at once.

    Every method raises DatabaseUnavailable where the database fails; nothing is then written.
    """

    def __init__(self, address: Address) -> None:
        self.session = SharedSession(address)
        self.files = BatchFiles(self.session)
        self.lines = BatchLines(self.session)
        self.submissions = BatchSubmissions(self.session)
        self._sql = {name: self.session.marked(text) for name, text in _STATEMENTS.items()}

    def close(self) -> None:
        """Close the connection until it is needed again."""
        self.session.close()

    # ── for callers ──────────────────────────────────────────────────────────────────────────

    def add(self, row: BatchRow, lines: Sequence[LineRow] = ()) -> None:
        """Add a batch, with the lines that it has already."""
        with self.session.transaction() as cursor:
            cursor.execute(self._sql["add"], [getattr(row, column) for column in COLUMNS])
            if lines:
                cursor.executemany(self._sql["add_line"], [line_values(line) for line in lines])

    def read(self, tenant: str, batch: str, kind: str, now: float) -> BatchRow | None:
        """A tenant's batch or call."""
        with self.session.transaction(writes=False) as cursor:
            cursor.execute(self._sql["read"], (batch, tenant, kind, now))
            found = cursor.fetchone()
        return None if found is None else BatchRow(*found)

    def listed(self, tenant: str, now: float, after: BatchRow | None, limit: int) -> list[BatchRow]:
        """A tenant's batches, the newest first, from behind ``after``."""
        created, name = (NEVER, "") if after is None else (after.created_at, after.id)
        with self.session.transaction(writes=False) as cursor:
            cursor.execute(self._sql["list"], (tenant, now, created, created, name, limit))
            return [BatchRow(*found) for found in iter(cursor.fetchone, None)]

    def live(self, tenant: str) -> int:
        """How many of a tenant's batches and calls have not ended."""
        with self.session.transaction(writes=False) as cursor:
            cursor.execute(self._sql["live"], (tenant,))
            return int(cursor.fetchone()[0])

    def is_due(self, now: float) -> bool:
        """Whether there is anything to claim; cheaper than claiming."""
        with self.session.transaction(writes=False) as cursor:
            cursor.execute(self._sql["is_due"], (now,) * 6)
            return bool(cursor.fetchone()[0])

    def reads(self, file: str) -> bool:
        """Whether a batch is being validated that reads this file."""
        with self.session.transaction(writes=False) as cursor:
            cursor.execute(self._sql["reads"], (file,))
            return cursor.fetchone() is not None

    def cancel(self, tenant: str, batch: str, now: float) -> None:
        """Ask for a batch or call to be cancelled, unless it has ended or its files are written."""
        with self.session.transaction() as cursor:
            cursor.execute(self._sql["cancel"], (now, batch, tenant))

    # ── for whoever looks after them ─────────────────────────────────────────────────────────

    def claim(self, owner: str, now: float, until: float, limit: int) -> list[BatchRow]:
        """Take batches that are due and that nobody holds."""
        with self.session.transaction() as cursor:
            cursor.execute(self._sql["claim"], (now, now, limit, owner, until))
            return [BatchRow(*found) for found in iter(cursor.fetchone, None)]

    def beat(self, owner: str, until: float, held: Collection[Held]) -> set[Held]:
        """Extend the leases of what a process holds; those of it that it has lost."""
        lost: set[Held] = set()
        with self.session.transaction() as cursor:
            for each in sorted(held):
                line = (each.seq,) if each.kind == "calls" else ()
                cursor.execute(self._sql[f"beat_{each.kind}"], (until, owner, each.name, *line))
                if cursor.rowcount != 1:
                    lost.add(each)
        return lost

    def abandon(self, owner: str) -> None:
        """A process ends: what it held is free at once."""
        with self.session.transaction() as cursor:
            for name in ("free", "free_submissions", "free_lines"):
                cursor.execute(self._sql[name], (owner,))

    def release(self, batch: str, owner: str, due_at: float) -> None:
        """Give a batch back, to be looked at again at ``due_at`` or when it is over."""
        with self.session.transaction() as cursor:
            cursor.execute(self._sql["release"], (due_at, batch, owner))

    def begin(
        self, batch: str, owner: str, now: float, counts: tuple[int, int], models: str
    ) -> None:
        """It is valid: its lines (in all, failed already) may go. Raises LeaseLost, also where it
        is cancelled."""
        total, failed = counts
        with self.session.transaction() as cursor:
            cursor.execute(self._sql["begin"], (now, total, failed, models, batch, owner))
            if cursor.rowcount != 1:
                raise LeaseLost
            cursor.execute(self._sql["begin_lines"], (batch,))

    def refuse(self, batch: str, owner: str, now: float, errors: str) -> None:
        """It is not valid. Raises LeaseLost."""
        with self.session.transaction() as cursor:
            cursor.execute(self._sql["refuse"], (now, errors, batch, owner))
            if cursor.rowcount != 1:
                raise LeaseLost

    def expire(self, batch: str, owner: str) -> None:
        """Its time is over: whatever has not ended by itself is to be given up."""
        with self.session.transaction() as cursor:
            cursor.execute(self._sql["expire"], (batch, owner))

    def finalize(self, batch: str, owner: str, now: float, output: str, error: str) -> None:
        """All lines have ended: its files, by these ids, are being written. Raises LeaseLost."""
        with self.session.transaction() as cursor:
            cursor.execute(self._sql["finalize"], (now, output, error, batch, owner))
            if cursor.rowcount != 1:
                raise LeaseLost

    def complete(
        self, row: BatchRow, now: float, output: FileRow | None = None, error: FileRow | None = None
    ) -> None:
        """It has ended, with these files. Raises LeaseLost."""
        status = row.ending or "completed"
        values = (
            *(status, *("" if file is None else file.id for file in (output, error))),
            *(now if status == name else None for name in ("completed", "expired", "cancelled")),
            *(row.id, row.owner),
        )
        with self.session.transaction() as cursor:
            for file in filter(None, (output, error)):
                cursor.execute(self._sql["finish"], (file.bytes, file.expires_at, file.id))
            cursor.execute(self._sql["complete"], values)
            if cursor.rowcount != 1:
                raise LeaseLost

    def note_delivery(self, batch: str, state: str, tries: int, error: str) -> None:
        """Write how far a batch's webhook has come."""
        with self.session.transaction() as cursor:
            cursor.execute(self._sql["delivery"], (state, tries, error, batch))

    def forget(self, now: float, submissions_before: float) -> bool:
        """Delete what is too old, some at a time; whether there may be more."""
        with self.session.transaction() as cursor:
            cursor.execute(self._sql["forget_submissions"], (submissions_before,))
            cursor.execute(self._sql["forget_lines"], (now,))
            if cursor.rowcount < ROWS_AT_A_TIME:
                cursor.execute(self._sql["forget"], (now, now))
            return cursor.rowcount >= ROWS_AT_A_TIME


_FINAL = ", ".join(f"'{status}'" for status in FINAL)
_ALL = ", ".join(COLUMNS)
_HELD = "id = ? AND owner = ?"
_OLD = "SELECT id FROM batches WHERE forget_at <= ?"

_STATEMENTS = {
    "add": f"INSERT INTO batches ({_ALL}) VALUES ({', '.join('?' * len(COLUMNS))})",
    "add_line": f"INSERT INTO batch_lines ({', '.join(LineRow.__struct_fields__)})"
    f" VALUES ({', '.join('?' * len(LineRow.__struct_fields__))})",
    "read": f"SELECT {_ALL} FROM batches"
    " WHERE id = ? AND tenant = ? AND kind = ? AND forget_at > ?",
    "list": f"SELECT {_ALL} FROM batches WHERE tenant = ? AND kind = 'file' AND forget_at > ?"
    " AND (created_at < ? OR (created_at = ? AND id < ?))"
    " ORDER BY created_at DESC, id DESC LIMIT ?",
    "live": f"SELECT COUNT(*) FROM batches WHERE tenant = ? AND status NOT IN ({_FINAL})",
    "is_due": "SELECT EXISTS (SELECT 1 FROM batches WHERE due_at <= ? AND lease_until < ?)"
    " OR EXISTS (SELECT 1 FROM batch_submissions WHERE due_at <= ? AND lease_until < ?)"
    " OR EXISTS (SELECT 1 FROM batch_lines WHERE state = 'ready' AND due_at <= ?)"
    " OR EXISTS (SELECT 1 FROM batch_lines WHERE state = 'calling' AND lease_until < ?)",
    "reads": "SELECT 1 FROM batches WHERE status = 'validating' AND input_file = ?",
    "cancel": "UPDATE batches SET status = 'cancelling', cancelling_at = ?, ending = 'cancelled',"
    " due_at = 0 WHERE id = ? AND tenant = ? AND status IN ('validating', 'in_progress')"
    " AND ending = ''",
    "claim": "WITH picked AS MATERIALIZED (SELECT id FROM batches WHERE due_at <= ?"
    " AND lease_until < ? ORDER BY due_at LIMIT ? SKIP_LOCKED)"
    " UPDATE batches SET owner = ?, lease_until = ?, due_at = 1 WHERE id IN"
    " (SELECT id FROM picked)"
    f" RETURNING {_ALL}",
    "beat_batches": "UPDATE batches SET lease_until = ? WHERE owner = ? AND id = ?",
    "beat_submissions": "UPDATE batch_submissions SET lease_until = ? WHERE owner = ? AND id = ?",
    "beat_calls": "UPDATE batch_lines SET lease_until = ?"
    " WHERE owner = ? AND batch = ? AND seq = ? AND state = 'calling'",
    "free": "UPDATE batches SET owner = '', lease_until = 0 WHERE owner = ?",
    "free_submissions": "UPDATE batch_submissions SET owner = '', lease_until = 0 WHERE owner = ?",
    "free_lines": "UPDATE batch_lines SET lease_until = 0 WHERE state = 'calling' AND owner = ?",
    # A batch whose last line ended, or that was cancelled, while somebody held it stays due.
    "release": "UPDATE batches SET owner = '', lease_until = 0, due_at = CASE"
    " WHEN due_at > 0 THEN ? ELSE due_at END WHERE id = ? AND owner = ?",
    "begin": "UPDATE batches SET status = 'in_progress', in_progress_at = ?, total = ?,"
    f" failed = ?, models = ? WHERE {_HELD} AND status = 'validating'",
    "begin_lines": "UPDATE batch_lines SET state = 'ready' WHERE batch = ? AND state = 'planned'",
    "refuse": "UPDATE batches SET status = 'failed', failed_at = ?, errors = ?"
    f" WHERE {_HELD} AND status = 'validating'",
    "expire": f"UPDATE batches SET ending = 'expired' WHERE {_HELD} AND ending = ''",
    "finalize": "UPDATE batches SET finalizing_at = ?, output_file = ?, error_file = ?,"
    " status = CASE WHEN status = 'cancelling' THEN status ELSE 'finalizing' END"
    f" WHERE {_HELD} AND status IN ('in_progress', 'cancelling')",
    "finish": "UPDATE batch_files SET state = 'ready', bytes = ?, expires_at = ?"
    " WHERE id = ? AND state = 'writing'",
    "complete": "UPDATE batches SET status = ?, output_file = ?, error_file = ?,"
    f" completed_at = ?, expired_at = ?, cancelled_at = ? WHERE {_HELD}"
    " AND status IN ('in_progress', 'finalizing', 'cancelling')",
    "delivery": "UPDATE batches SET delivery = ?, tries = ?, delivery_error = ? WHERE id = ?",
    "forget_submissions": "DELETE FROM batch_submissions WHERE state IN ('collected', 'failed')"
    " AND created_at < ?",
    "forget_lines": "DELETE FROM batch_lines WHERE (batch, seq) IN"
    f" (SELECT batch, seq FROM batch_lines WHERE batch IN ({_OLD}) LIMIT {ROWS_AT_A_TIME})",
    "forget": f"DELETE FROM batches WHERE id IN ({_OLD} ORDER BY forget_at LIMIT {ROWS_AT_A_TIME})"
    " AND NOT EXISTS (SELECT 1 FROM batch_lines WHERE batch_lines.batch = batches.id)"
    " AND forget_at <= ?",
}
