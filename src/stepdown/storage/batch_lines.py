"""The lines of batches in the database: planned, submitted or called, ended, read out in order."""

# ruff: noqa: S608  # only names written in this package are put together; values are parameters

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from stepdown.storage.batch_rows import Ended, Group, LineRow
from stepdown.storage.connection import Cursor
from stepdown.storage.shared_session import SharedSession
from stepdown.storage.text import to_text

COLUMNS = LineRow.__struct_fields__
ROWS_AT_A_TIME = 500


def line_values(row: LineRow) -> list[Any]:
    """A row's values, in the table's order."""
    return [getattr(row, column) for column in COLUMNS]


class BatchLines:
    """Raises DatabaseUnavailable where the database fails, as everything on a session does."""

    def __init__(self, session: SharedSession) -> None:
        self._session = session
        self._sql = {name: session.marked(text) for name, text in _STATEMENTS.items()}

    # ── planning ─────────────────────────────────────────────────────────────────────────────

    def add(self, rows: Sequence[LineRow]) -> None:
        """Add lines; those that are there already stay as they are."""
        with self._session.transaction() as cursor:
            cursor.executemany(self._sql["add"], [line_values(row) for row in rows])

    def planned(self, batch: str) -> int:
        """How many lines of a batch are there; they come in their order."""
        with self._session.transaction(writes=False) as cursor:
            cursor.execute(self._sql["planned"], (batch,))
            return int(cursor.fetchone()[0])

    def tallied(self, batch: str) -> tuple[int, dict[str, int]]:
        """How many lines ended while they were planned, and how many went to each model."""
        with self._session.transaction(writes=False) as cursor:
            cursor.execute(self._sql["models"], (batch,))
            models = {str(model): int(count) for model, count in iter(cursor.fetchone, None)}
            cursor.execute(self._sql["failed"], (batch,))
            failed = int(cursor.fetchone()[0])
        return failed, models

    # ── ordinary calls ───────────────────────────────────────────────────────────────────────

    def claim_calls(self, owner: str, now: float, until: float, limit: int) -> list[LineRow]:
        """Take lines that are to be called, those of a process that is gone among them."""
        with self._session.transaction() as cursor:
            cursor.execute(self._sql["claim_calls"], (now, now, limit, owner, until))
            return [LineRow(*found) for found in iter(cursor.fetchone, None)]

    def call_again(self, line: LineRow, owner: str, due_at: float) -> None:
        """Let a called line go again, where this process still holds it."""
        with self._session.transaction() as cursor:
            cursor.execute(self._sql["call_again"], (due_at, line.batch, line.seq, owner))

    def release(self, batch: str, seq: int, owner: str) -> None:
        """Give a line back whose call came to no end."""
        with self._session.transaction() as cursor:
            cursor.execute(self._sql["release"], (batch, seq, owner))

    def call_group(self, group: Group, now: float) -> int:
        """Call the lines of a group that cannot be submitted; how many there were."""
        with self._session.transaction() as cursor:
            cursor.execute(
                self._sql["call_group"], (now, group.deployment, group.model, group.pool)
            )
            return cursor.rowcount

    def end_calls(self, owner: str, ended: Sequence[Ended]) -> list[Ended]:
        """Write how called lines ended; those of them that this process still held."""
        return self._end(ended, "end_call", owner)

    # ── submissions ──────────────────────────────────────────────────────────────────────────

    def submitted(self, submission: str, start: int, limit: int) -> list[LineRow]:
        """A submission's lines from a place on, in order, those left out that have ended."""
        with self._session.transaction(writes=False) as cursor:
            cursor.execute(self._sql["submitted"], (submission, start, limit))
            return [LineRow(*found) for found in iter(cursor.fetchone, None)]

    def at(self, submission: str, places: Sequence[int]) -> list[LineRow]:
        """A submission's lines at these places, those among them that have ended meanwhile."""
        statement = _AT.format(", ".join("?" * len(places)))
        with self._session.transaction(writes=False) as cursor:
            cursor.execute(self._session.marked(statement), (submission, *places))
            return [LineRow(*found) for found in iter(cursor.fetchone, None)]

    def end(self, submission: str, ended: Sequence[Ended]) -> list[Ended]:
        """Write how lines of a submission ended; those of them that had not ended before."""
        return self._end(ended, "end", submission)

    def detach(self, submission: str, places: Sequence[int]) -> list[int]:
        """Take lines out of a submission that had ended before its answer came; those of these
        places that were in it still."""
        found: list[int] = []
        with self._session.transaction() as cursor:
            for place in places:
                cursor.execute(self._sql["detach"], (submission, place))
                if cursor.rowcount == 1:
                    found.append(place)
        return found

    def put_back(
        self, submission: str, places: Sequence[int] | None, due_at: float, call_from: int
    ) -> int:
        """Let lines of a submission (None: all that are left) go again; how many there were.

        From round ``call_from`` on they are called.
        """
        with self._session.transaction() as cursor:
            if places is None:
                cursor.execute(self._sql["put_all_back"], (due_at, call_from, submission))
                return cursor.rowcount
            back = 0
            for place in places:
                cursor.execute(self._sql["put_back"], (due_at, call_from, submission, place))
                back += cursor.rowcount
            return back

    # ── the end ──────────────────────────────────────────────────────────────────────────────

    def give_up(self, batch: str, code: str, message: str, *, sent_too: bool) -> int:
        """End a batch's lines that are in no submission, and ``sent_too`` all others as well; how
        many there were. Who calls one learns it from the next sign of life."""
        name = "give_up_all" if sent_too else "give_up"
        with self._session.transaction() as cursor:
            cursor.execute(self._sql[name], (code, message, batch))
            gone = cursor.rowcount
            if gone:
                cursor.execute(self._sql["count_failed"], (gone, batch))
        return gone

    def call_instead(self, batch: str, now: float) -> int:
        """Call a batch's lines that wait for a submission, and those of one once it lets go of
        them; how many there were."""
        with self._session.transaction() as cursor:
            cursor.execute(self._sql["call_instead"], (now, batch))
            return cursor.rowcount

    def of(self, batch: str, after: int, limit: int) -> list[LineRow]:
        """A batch's lines behind a number, in order."""
        with self._session.transaction(writes=False) as cursor:
            cursor.execute(self._sql["of"], (batch, after, limit))
            return [LineRow(*found) for found in iter(cursor.fetchone, None)]

    def delete(self, batch: str) -> bool:
        """Delete a part of a batch's lines; whether there may be more."""
        with self._session.transaction() as cursor:
            cursor.execute(self._sql["delete"], (batch, batch))
            return cursor.rowcount >= ROWS_AT_A_TIME

    # ── writing ends ─────────────────────────────────────────────────────────────────────────

    def _end(self, ended: Sequence[Ended], name: str, holder: str) -> list[Ended]:
        written: list[Ended] = []
        with self._session.transaction() as cursor:
            for line in ended:
                said = to_text(line.code), to_text(line.message)  # the provider's words
                reply = line.status, line.response, *said
                cursor.execute(self._sql[name], (*reply, line.batch, line.seq, holder))
                if cursor.rowcount == 1:
                    written.append(line)
            self._count(cursor, written)
        return written

    def _count(self, cursor: Cursor, written: Iterable[Ended]) -> None:
        """Add to the batches' sums, in the order of their ids: processes never lock each other."""
        of_batch: defaultdict[str, list[Ended]] = defaultdict(list)
        for line in written:
            of_batch[line.batch].append(line)
        for batch, lines in sorted(of_batch.items()):
            good = sum(line.good for line in lines)
            cursor.execute(
                self._sql["count"],
                (
                    *(good, len(lines) - good),
                    sum(line.input_tokens for line in lines),
                    sum(line.cached_tokens for line in lines),
                    sum(line.output_tokens for line in lines),
                    sum(line.reasoning_tokens for line in lines),
                    *_money(lines),
                    *(len(lines), batch),
                ),
            )


def _money(lines: Sequence[Ended]) -> tuple[int, int, int, int]:
    """Cost, reference cost and discount of the lines with both known, and how many have not."""
    cost = reference = discount = unpriced = 0
    for line in lines:
        if line.cost is None or line.reference_cost is None:
            unpriced += 1
        else:
            cost += line.cost
            reference += line.reference_cost
            discount += line.discount
    return cost, reference, discount, unpriced


_ALL = ", ".join(COLUMNS)
_SET = "UPDATE batch_lines SET state = 'ended', status = ?, response = ?, code = ?, message = ?"
_BACK = (
    "UPDATE batch_lines SET state = 'ready', submission = '', round = round + 1, due_at = ?,"
    " way = CASE WHEN round + 1 >= ? THEN 'call' ELSE way END"
    " WHERE state = 'sent' AND submission = ?"
)
_AT = f"SELECT {_ALL} FROM batch_lines WHERE submission = ? AND place IN ({{}})"
_GIVE_UP = "UPDATE batch_lines SET state = 'ended', code = ?, message = ? WHERE batch = ?"

_STATEMENTS = {
    "add": f"INSERT INTO batch_lines ({_ALL}) VALUES ({', '.join('?' * len(COLUMNS))})"
    " ON CONFLICT (batch, seq) DO NOTHING",
    "planned": "SELECT COALESCE(MAX(seq), 0) FROM batch_lines WHERE batch = ?",
    "models": "SELECT model, COUNT(*) FROM batch_lines WHERE batch = ? AND model <> ''"
    " GROUP BY model ORDER BY model",
    "failed": "SELECT COUNT(*) FROM batch_lines WHERE batch = ? AND state = 'ended'"
    " AND (status IS NULL OR status <> 200)",
    "claim_calls": "WITH picked AS MATERIALIZED (SELECT batch, seq FROM batch_lines"
    " WHERE way = 'call' AND (state = 'ready' AND due_at <= ?"
    " OR state = 'calling' AND lease_until < ?)"
    " AND EXISTS (SELECT 1 FROM batches WHERE batches.id = batch AND batches.ending = '')"
    " LIMIT ? SKIP_LOCKED)"
    " UPDATE batch_lines SET state = 'calling', owner = ?, lease_until = ?"
    f" WHERE (batch, seq) IN (SELECT batch, seq FROM picked) RETURNING {_ALL}",
    "call_again": "UPDATE batch_lines SET state = 'ready', owner = '', lease_until = 0, due_at = ?,"
    " round = round + 1 WHERE batch = ? AND seq = ? AND state = 'calling' AND owner = ?",
    "release": "UPDATE batch_lines SET lease_until = 0"
    " WHERE batch = ? AND seq = ? AND owner = ? AND state = 'calling'",
    "call_group": "UPDATE batch_lines SET way = 'call', due_at = ? WHERE state = 'ready'"
    " AND way = 'batch' AND deployment = ? AND model = ? AND pool = ?",
    "end_call": f"{_SET} WHERE batch = ? AND seq = ? AND state = 'calling' AND owner = ?",
    "end": f"{_SET} WHERE batch = ? AND seq = ? AND state = 'sent' AND submission = ?",
    "submitted": f"SELECT {_ALL} FROM batch_lines WHERE submission = ? AND place >= ?"
    " AND state = 'sent' ORDER BY place LIMIT ?",
    "put_all_back": _BACK,
    "put_back": f"{_BACK} AND place = ?",
    "give_up": f"{_GIVE_UP} AND state IN ('planned', 'ready', 'calling')",
    "give_up_all": f"{_GIVE_UP} AND state <> 'ended'",
    "count_failed": "UPDATE batches SET failed = failed + ?, due_at = 0 WHERE id = ?",
    "call_instead": "UPDATE batch_lines SET way = 'call', due_at = ?"
    " WHERE batch = ? AND state IN ('ready', 'sent') AND way = 'batch'",
    "detach": "UPDATE batch_lines SET submission = ''"
    " WHERE submission = ? AND place = ? AND state = 'ended' AND status IS NULL",
    "of": f"SELECT {_ALL} FROM batch_lines WHERE batch = ? AND seq > ? ORDER BY seq LIMIT ?",
    "delete": "DELETE FROM batch_lines WHERE batch = ? AND seq IN"
    f" (SELECT seq FROM batch_lines WHERE batch = ? LIMIT {ROWS_AT_A_TIME})",
    "count": "UPDATE batches SET completed = completed + ?, failed = failed + ?,"
    " input_tokens = input_tokens + ?, cached_tokens = cached_tokens + ?,"
    " output_tokens = output_tokens + ?, reasoning_tokens = reasoning_tokens + ?,"
    " cost = cost + ?, reference_cost = reference_cost + ?, discount = discount + ?,"
    " unpriced = unpriced + ?,"
    " due_at = CASE WHEN completed + failed + ? >= total THEN 0 ELSE due_at END WHERE id = ?",
}
