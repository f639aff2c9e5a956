"""Jobs in the database: requests that are answered later, for whichever process is asked.

What ends a job is written only where it has not ended yet, so that the first end stays. Times are
seconds since 1970 by the clocks of the gateway's hosts, which ``PATIENCE`` lets differ a little.
"""

# ruff: noqa: S608  # only names written in this package are put together; values are parameters

from msgspec import Struct

from stepdown.storage.address import Address
from stepdown.storage.session import Session

PATIENCE = 30.0
"""Seconds without a sign of life after which a process counts as dead, and its jobs as lost."""
AT_A_TIME = 500
"""How many rows one pass deletes: a short transaction, so that other writers get in between."""

LIVE = ("queued", "running")
_IS_LIVE = "status IN ('queued', 'running')"


class JobRow(Struct, frozen=True):
    """A job as it is stored; the table's columns, in its order.

    ``response`` is the chat completion as it came; ``facts`` and ``error`` are JSON. ``delivery``
    is the webhook's state: empty without one, ``pending``, ``delivered`` or ``failed``.
    """

    id: str
    tenant: str
    owner: str
    status: str
    created_at: float
    deadline_at: float
    expires_at: float
    response: bytes | None = None
    facts: str | None = None
    error: str | None = None
    webhook: str = ""
    delivery: str = ""
    tries: int = 0
    delivery_error: str = ""


COLUMNS = JobRow.__struct_fields__


class JobStore(Session):
    """One connection to the jobs; ``Session`` says what goes for every method."""

    _failure = "The jobs in {address} failed"

    def __init__(self, address: Address) -> None:
        super().__init__(address)
        self._sql = {name: self._marked(text) for name, text in _STATEMENTS.items()}

    def add(self, row: JobRow, now: float) -> None:
        """Add a job, and show its owner to be alive."""
        with self._transaction() as cursor:
            cursor.execute(self._sql["beat"], (row.owner, now))
            cursor.execute(self._sql["add"], [getattr(row, column) for column in COLUMNS])

    def started(self, job: str) -> None:
        """Note that a queued job runs."""
        with self._transaction() as cursor:
            cursor.execute(self._sql["started"], (job,))

    def end(
        self,
        job: str,
        status: str,
        response: bytes | None = None,
        facts: str | None = None,
        error: str | None = None,
    ) -> bool:
        """Write how a job ended; whether it had not ended already."""
        with self._transaction() as cursor:
            cursor.execute(self._sql["end"], (status, response, facts, error, job))
            return cursor.rowcount == 1

    def cancel(self, job: str, tenant: str) -> None:
        """Cancel a tenant's job, unless it has ended."""
        with self._transaction() as cursor:
            cursor.execute(self._sql["cancel"], (job, tenant))

    def read(self, job: str, tenant: str, now: float) -> JobRow | None:
        """A tenant's job. One whose process is dead, or let its deadline pass, is marked lost."""
        row, alive = self._read(job, tenant, now)
        if row is None or alive:
            return row
        if row.status in LIVE:
            self.end(job, "lost")
        if row.delivery == "pending":
            self.note_delivery(job, "failed", row.tries, "the process that sends it has ended")
        return self._read(job, tenant, now)[0]

    def live(self, owner: str) -> set[str]:
        """The jobs of a process that have not ended."""
        with self._transaction(writes=False) as cursor:
            cursor.execute(self._sql["live"], (owner,))
            return {found[0] for found in iter(cursor.fetchone, None)}

    def beat(self, owner: str, now: float) -> None:
        """Show a process to be alive."""
        with self._transaction() as cursor:
            cursor.execute(self._sql["beat"], (owner, now))

    def abandon(self, owner: str, reason: str) -> None:
        """A process ends: its jobs are lost, and its webhooks stay unsent."""
        with self._transaction() as cursor:
            cursor.execute(self._sql["abandon"], (owner,))
            cursor.execute(self._sql["give_up"], (reason, owner))

    def note_delivery(self, job: str, state: str, tries: int, error: str) -> None:
        """Write how far a job's webhook has come."""
        with self._transaction() as cursor:
            cursor.execute(self._sql["delivery"], (state, tries, error, job))

    def expire(self, now: float, owners_before: float) -> bool:
        """Delete what is too old, some at a time; whether there may be more."""
        with self._transaction() as cursor:
            cursor.execute(self._sql["forget_owners"], (owners_before,))
            cursor.execute(self._sql["expire"], (now,))
            return cursor.rowcount >= AT_A_TIME

    def _read(self, job: str, tenant: str, now: float) -> tuple[JobRow | None, bool]:
        """A job, and whether it has ended in every respect or its process still sees to it."""
        with self._transaction(writes=False) as cursor:
            cursor.execute(self._sql["read"], (job, tenant, now))
            found = cursor.fetchone()
        if found is None:
            return None, False
        *columns, seen_at = found
        row = JobRow(*columns)
        lives = seen_at is not None and seen_at > now - PATIENCE
        in_time = row.status not in LIVE or row.deadline_at > now - PATIENCE
        return row, (lives and in_time) or (row.status not in LIVE and row.delivery != "pending")


_STATEMENTS = {
    "add": f"INSERT INTO jobs ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})",
    "beat": "INSERT INTO job_owners (owner, seen_at) VALUES (?, ?)"
    " ON CONFLICT (owner) DO UPDATE SET seen_at = excluded.seen_at",
    "started": "UPDATE jobs SET status = 'running' WHERE id = ? AND status = 'queued'",
    "end": "UPDATE jobs SET status = ?, response = ?, facts = ?, error = ?"
    f" WHERE id = ? AND {_IS_LIVE}",
    "cancel": f"UPDATE jobs SET status = 'cancelled' WHERE id = ? AND tenant = ? AND {_IS_LIVE}",
    "read": f"SELECT {', '.join(f'jobs.{column}' for column in COLUMNS)}, job_owners.seen_at"
    " FROM jobs LEFT JOIN job_owners ON job_owners.owner = jobs.owner"
    " WHERE jobs.id = ? AND jobs.tenant = ? AND jobs.expires_at > ?",
    "live": f"SELECT id FROM jobs WHERE owner = ? AND {_IS_LIVE}",
    "abandon": f"UPDATE jobs SET status = 'lost' WHERE owner = ? AND {_IS_LIVE}",
    "give_up": "UPDATE jobs SET delivery = 'failed', delivery_error = ?"
    " WHERE owner = ? AND delivery = 'pending'",
    "delivery": "UPDATE jobs SET delivery = ?, tries = ?, delivery_error = ? WHERE id = ?",
    "forget_owners": "DELETE FROM job_owners WHERE seen_at < ?",
    "expire": "DELETE FROM jobs WHERE id IN"
    f" (SELECT id FROM jobs WHERE expires_at <= ? ORDER BY expires_at LIMIT {AT_A_TIME})",
}
