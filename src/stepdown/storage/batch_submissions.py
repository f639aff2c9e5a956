"""Batches at providers, as the database knows them: written down before a provider is asked."""

# ruff: noqa: S608  # only names written in this package are put together; values are parameters

from collections.abc import Callable, Sequence

from msgspec import Struct, structs

from stepdown.storage.batch_rows import Group, LeaseLost, SubmissionRow
from stepdown.storage.shared_session import SharedSession
from stepdown.storage.text import to_text

COLUMNS = SubmissionRow.__struct_fields__


class Pick(Struct, frozen=True):
    """A line that may go into a submission: enough of it to tell which it is, and how large."""

    batch: str
    seq: int
    digest: str
    size: int
    round: int


Choose = Callable[[Sequence[Pick]], tuple[str, int]]
"""Given lines in their order: the submission's id, and how many of them go into it."""


class BatchSubmissions:
    """Raises DatabaseUnavailable where the database fails, as everything on a session does.

    Methods that write to a submission raise LeaseLost where its lease is not the caller's.
    """

    def __init__(self, session: SharedSession) -> None:
        self._session = session
        self._sql = {name: session.marked(text) for name, text in _STATEMENTS.items()}

    def groups(self, now: float) -> list[Group]:
        """The lines that are to be submitted by now, by what may go together."""
        with self._session.transaction(writes=False) as cursor:
            cursor.execute(self._sql["groups"], (now,))
            return [Group(*found) for found in iter(cursor.fetchone, None)]

    def form(
        self, group: Group, owner: str, now: float, until: float, limit: int, choose: Choose
    ) -> SubmissionRow | None:
        """Put a group's lines into a submission, held by ``owner``; None where all are gone.

        Lines and submission are written together: each line is in one submission at most.
        """
        with self._session.transaction() as cursor:
            values = (group.deployment, group.model, group.pool, limit)
            cursor.execute(self._sql["pick"], values)
            picks = [Pick(*found) for found in iter(cursor.fetchone, None)]
            if not picks:
                return None
            name, count = choose(picks)
            row = SubmissionRow(
                id=name,
                pool=group.pool,
                deployment=group.deployment,
                model=group.model,
                state="new",
                created_at=now,
                due_at=1.0,
                lines=count,
                round=max(pick.round for pick in picks[:count]),
                owner=owner,
                lease_until=until,
            )
            cursor.execute(self._sql["add"], [getattr(row, column) for column in COLUMNS])
            cursor.executemany(
                self._sql["send"],
                [(name, place, p.batch, p.seq) for place, p in enumerate(picks[:count])],
            )
        return row

    def claim(self, owner: str, now: float, until: float, limit: int) -> list[SubmissionRow]:
        """Take submissions that are due and that nobody holds."""
        with self._session.transaction() as cursor:
            cursor.execute(self._sql["claim"], (now, now, limit, owner, until))
            return [SubmissionRow(*found) for found in iter(cursor.fetchone, None)]

    def write(self, row: SubmissionRow, **changes: str | int | float) -> SubmissionRow:
        """Write what has become of a submission that is held. Raises LeaseLost."""
        names = ", ".join(f"{name} = ?" for name in changes)
        statement = f"UPDATE batch_submissions SET {names} WHERE id = ? AND owner = ?"
        given = [to_text(each) if isinstance(each, str) else each for each in changes.values()]
        with self._session.transaction() as cursor:
            cursor.execute(self._session.marked(statement), (*given, row.id, row.owner))
            if cursor.rowcount != 1:
                raise LeaseLost
        return structs.replace(row, **changes)

    def release(self, name: str, owner: str, due_at: float) -> None:
        """Give a submission back, to be looked at again at ``due_at``; at once where it was
        cancelled meanwhile."""
        with self._session.transaction() as cursor:
            cursor.execute(self._sql["release"], (due_at, name, owner))

    def cancel(self, pool: str) -> None:
        """Have a batch's submissions given up."""
        with self._session.transaction() as cursor:
            cursor.execute(self._sql["cancel"], (pool,))

    def cancel_of(self, batch: str) -> None:
        """Have those submissions given up that hold lines of a batch."""
        with self._session.transaction() as cursor:
            cursor.execute(self._sql["cancel_of"], (batch,))

    def known(self, deployment: str) -> list[str]:
        """The batches at a deployment's provider that are known as ours."""
        with self._session.transaction(writes=False) as cursor:
            cursor.execute(self._sql["known"], (deployment,))
            return [str(found[0]) for found in iter(cursor.fetchone, None)]

    def counts(self) -> dict[str, int]:
        """How many submissions are in each state."""
        with self._session.transaction(writes=False) as cursor:
            cursor.execute(self._sql["counts"])
            return {str(state): int(count) for state, count in iter(cursor.fetchone, None)}


_ALL = ", ".join(COLUMNS)

_STATEMENTS = {
    "groups": "SELECT deployment, model, pool FROM batch_lines"
    " WHERE state = 'ready' AND way = 'batch' GROUP BY deployment, model, pool"
    " HAVING MIN(due_at) <= ? ORDER BY deployment, model, pool",
    "pick": "SELECT batch, seq, digest, LENGTH(COALESCE(sent, body)), round FROM batch_lines"
    " WHERE state = 'ready' AND way = 'batch' AND deployment = ? AND model = ? AND pool = ?"
    " AND EXISTS (SELECT 1 FROM batches WHERE batches.id = batch AND batches.ending = '')"
    " ORDER BY batch, seq LIMIT ? SKIP_LOCKED",
    "add": f"INSERT INTO batch_submissions ({_ALL}) VALUES ({', '.join('?' * len(COLUMNS))})",
    "send": "UPDATE batch_lines SET state = 'sent', submission = ?, place = ?"
    " WHERE batch = ? AND seq = ?",
    "claim": "WITH picked AS MATERIALIZED (SELECT id FROM batch_submissions WHERE due_at <= ?"
    " AND lease_until < ? ORDER BY due_at LIMIT ? SKIP_LOCKED)"
    " UPDATE batch_submissions SET owner = ?, lease_until = ?, due_at = 1 WHERE id IN"
    f" (SELECT id FROM picked) RETURNING {_ALL}",
    "release": "UPDATE batch_submissions SET owner = '', lease_until = 0, due_at = CASE"
    " WHEN due_at > 0 THEN ? ELSE due_at END WHERE id = ? AND owner = ?",
    "cancel": "UPDATE batch_submissions SET cancel = 1, due_at = 0"
    " WHERE pool = ? AND cancel = 0 AND state IN ('new', 'submitted')",
    "cancel_of": "UPDATE batch_submissions SET cancel = 1, due_at = 0"
    " WHERE cancel = 0 AND state IN ('new', 'submitted') AND id IN"
    " (SELECT submission FROM batch_lines WHERE batch = ? AND state = 'sent')",
    "known": "SELECT remote FROM batch_submissions WHERE deployment = ? AND remote <> ''",
    "counts": "SELECT state, COUNT(*) FROM batch_submissions GROUP BY state",
}
