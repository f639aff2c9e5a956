"""The exact cache's store in a SQLite file of its own: survives restarts, is bounded in bytes.

Several processes may share the file. Every call is made in one thread beside the event loop, which
opens the file at the first one. A file of an earlier version of the schema is emptied: it is a
cache.
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from stepdown.caching.exact.store import Record, StoreStats, StoreUnavailable
from stepdown.storage.connection import set_pragmas

T = TypeVar("T")

SCHEMA = 1
_APPLICATION = 0x53444543
"""Says in the file's head whose it is. Source: sqlite.org/pragma.html#pragma_application_id"""
OVERHEAD = 512
"""Bytes that a row takes beside its value, its indices and what its pages waste included; about."""
_BUSY = 0.5
_BATCH = 100
_TICK = 1e-6
"""Seconds that entries written together are apart, so that they go in their order."""
_USES = 10_000
"""So many uses are kept in mind between two writes; more are not noted."""

_TABLES = """
CREATE TABLE entries (
    id TEXT PRIMARY KEY, value BLOB NOT NULL, size INTEGER NOT NULL,
    expires REAL NOT NULL, used REAL NOT NULL
);
CREATE INDEX entries_by_use ON entries (used, id, size);
CREATE INDEX entries_by_expiry ON entries (expires);
CREATE TABLE totals (entries INTEGER NOT NULL, size INTEGER NOT NULL);
INSERT INTO totals VALUES (0, 0);
CREATE TRIGGER entry_came AFTER INSERT ON entries BEGIN
    UPDATE totals SET entries = entries + 1, size = size + NEW.size;
END;
CREATE TRIGGER entry_went AFTER DELETE ON entries BEGIN
    UPDATE totals SET entries = entries - 1, size = size - OLD.size;
END;
"""


class SQLiteStore:
    """The file takes at most ``size`` bytes; entries that were not used for longest go first.

    ``clock`` tells seconds since 1970.
    """

    kind = "sqlite"
    timeout = 1.0

    def __init__(self, file: Path, size: int, clock: Callable[[], float] = time.time) -> None:
        self._file = file
        self._most = size
        self._clock = clock
        self._thread: ThreadPoolExecutor | None = None
        self._opened: sqlite3.Connection | None = None
        self._touched: dict[str, float] = {}
        self._evicted = 0
        self._last: StoreStats | None = None

    @property
    def last(self) -> StoreStats | None:
        return self._last

    async def get(self, entry_id: str) -> bytes | None:
        return await self._apart(lambda database: self._get(database, entry_id))

    async def put(self, records: Sequence[Record]) -> None:
        await self._apart(_transaction(lambda database: self._put(database, records)))

    async def delete(self, entry_id: str) -> bool:
        return await self._apart(_transaction(lambda database: self._delete(database, entry_id)))

    async def clear(self) -> int:
        return await self._apart(self._clear)

    async def stats(self) -> StoreStats:
        return await self._apart(_transaction(self._stats))

    async def aclose(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.get_running_loop().run_in_executor(thread, self._close)
            thread.shutdown(wait=False)

    # ── in the thread ────────────────────────────────────────────────────────────────────────

    async def _apart(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "stepdown-cache")
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._do, work)

    def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            if self._opened is None:
                self._opened = _open(self._file)
            return work(self._opened)
        except (sqlite3.Error, OSError) as error:
            raise StoreUnavailable(f"The cache {self._file} cannot be used: {error}") from error

    def _get(self, database: sqlite3.Connection, entry_id: str) -> bytes | None:
        now = self._clock()
        row = database.execute(
            "SELECT value FROM entries WHERE id = ? AND expires > ?", (entry_id, now)
        ).fetchone()
        if row is None:
            return None
        if len(self._touched) < _USES:
            self._touched[entry_id] = now
        value: bytes = row[0]
        return value

    def _put(self, database: sqlite3.Connection, records: Sequence[Record]) -> None:
        now = self._clock()
        self._note_uses(database)
        last = {record.id: record for record in records}
        rows = [
            (r.id, r.value, len(r.value), now + r.ttl, now + place * _TICK)
            for place, r in enumerate(last.values())
            if len(r.value) + OVERHEAD <= self._most
        ]
        database.execute("DELETE FROM entries WHERE expires <= ?", (now,))
        database.executemany("DELETE FROM entries WHERE id = ?", [(entry_id,) for entry_id in last])
        self._make_room(database, sum(len(row[1]) + OVERHEAD for row in rows))
        database.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", rows)
        self._make_room(database, 0)
        self._last = self._totals(database)

    def _make_room(self, database: sqlite3.Connection, coming: int) -> None:
        """Delete the longest unused until as many bytes are free in the file, or it is empty."""
        while (over := _used(database) + coming - self._most) > 0:
            oldest = database.execute(
                "SELECT id, size FROM entries ORDER BY used, id LIMIT ?", (_BATCH,)
            ).fetchall()
            if not oldest:
                return
            going: list[tuple[str]] = []
            for entry_id, size in oldest:
                going.append((entry_id,))
                over -= size + OVERHEAD
                if over <= 0:
                    break
            database.executemany("DELETE FROM entries WHERE id = ?", going)
            self._evicted += len(going)

    def _note_uses(self, database: sqlite3.Connection) -> None:
        """Uses are noted many at once: a look is to be no write."""
        if self._touched:
            uses = [(used, entry_id) for entry_id, used in self._touched.items()]
            self._touched.clear()
            database.executemany("UPDATE entries SET used = ? WHERE id = ?", uses)

    def _delete(self, database: sqlite3.Connection, entry_id: str) -> bool:
        found = database.execute("DELETE FROM entries WHERE id = ?", (entry_id,))
        self._last = self._totals(database)
        return found.rowcount > 0

    def _clear(self, database: sqlite3.Connection) -> int:
        """Delete all, from the file as well: what was said is not to lie about in free pages."""
        self._touched.clear()
        count = database.execute("DELETE FROM entries").rowcount
        database.execute("VACUUM")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._last = self._totals(database)
        return count

    def _stats(self, database: sqlite3.Connection) -> StoreStats:
        database.execute("DELETE FROM entries WHERE expires <= ?", (self._clock(),))
        self._last = self._totals(database)
        return self._last

    def _totals(self, database: sqlite3.Connection) -> StoreStats:
        entries, size = database.execute("SELECT entries, size FROM totals").fetchone()
        return StoreStats(entries, size, self._evicted)

    def _close(self) -> None:
        database, self._opened = self._opened, None
        if database is None:
            return
        with suppress(sqlite3.Error):  # else the order in which entries go is a little older
            _transaction(self._note_uses)(database)
        database.close()


def _transaction(work: Callable[[sqlite3.Connection], T]) -> Callable[[sqlite3.Connection], T]:
    """All of the work, or nothing of it."""

    def do(database: sqlite3.Connection) -> T:
        database.execute("BEGIN IMMEDIATE")
        try:
            done = work(database)
            database.execute("COMMIT")
        except BaseException:
            if database.in_transaction:
                database.execute("ROLLBACK")
            raise
        return done

    return do


def _used(database: sqlite3.Connection) -> int:
    """Bytes of the file that hold something."""
    size, pages, free = (
        database.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_size", "page_count", "freelist_count")
    )
    used: int = size * (pages - free)
    return used


def _open(file: Path) -> sqlite3.Connection:
    """The file, its directory made where it is missing; only its owner can read it."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    database = sqlite3.connect(file, timeout=_BUSY, isolation_level=None, check_same_thread=False)
    try:
        set_pragmas(database)
        _transaction(lambda opened: _set_up(opened, file))(database)
    except BaseException:
        database.close()
        raise
    return database


def _set_up(database: sqlite3.Connection, file: Path) -> None:
    application = database.execute("PRAGMA application_id").fetchone()[0]
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if (application, version) == (_APPLICATION, SCHEMA):
        return
    tables = [
        name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    ]
    if tables and application != _APPLICATION:
        raise sqlite3.DatabaseError(f"{file.name} holds something else than a cache")
    for table in tables:
        database.execute(f'DROP TABLE "{table}"')
    for statement in _statements():
        database.execute(statement)
    database.execute(f"PRAGMA application_id = {_APPLICATION}")
    database.execute(f"PRAGMA user_version = {SCHEMA}")


def _statements() -> list[str]:
    """``executescript`` would end the transaction."""
    statements: list[str] = []
    begun = ""
    for line in _TABLES.strip().splitlines():
        begun += line + "\n"
        if sqlite3.complete_statement(begun):
            statements.append(begun)
            begun = ""
    return statements
