"""``PostgresEntries``: entries in PostgreSQL beside a ``PostgresIndex``, for replicas.

An entry is tied to its vector by a foreign key: whichever replica removes a vector, its entry goes
in the same moment. A vector without an entry is one whose replica died between adding the two, or
whose entry made room: whoever finds it removes it, and the sweep does.

Texts of last turns and answers are stored as they are, until their time to live is over. Then they
are not found any more, and deleted at the next sweep of any replica, those included that were kept
for vectors of another length (under another embedder).
"""

import asyncio
import logging
import re
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec
from sqlalchemy import (
    Column,
    Connection,
    Delete,
    Float,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    Table,
    Text,
    delete,
    func,
    inspect,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from stepdown.caching.index.index import IndexUnavailable
from stepdown.caching.index.postgresql import PostgresIndex, vectors_table
from stepdown.caching.semantic.entries import Entry
from stepdown.types import Usage

log = logging.getLogger("stepdown.caching")

SWEEP_EVERY = 60.0
"""Seconds between two sweeps of a replica."""
SWEEP_TIMEOUT = 4_000
"""Milliseconds for a statement of the sweep."""
LONE = 3_600
"""Seconds after which a vector without an entry is removed; they are added moments apart."""
AT_ONCE = 100
"""Entries that make room at once, at most; the next one to be kept goes on from there."""
TTL = 86_400.0
_NAME = re.compile(r"semantic_entries_([0-9]{1,5})")


class PostgresEntries:
    """Implements ``Entries`` for the embedder and the vectors of ``index``, whose database and
    threads it uses; to be closed before it.

    ``most`` bounds the bytes of the table, which all embedders with vectors of that length share:
    those go that were added or hit longest ago. It is overstepped by a hundredth and an entry for
    each replica at most, and how many entries there are is the index's to bound. ``ttls`` are the
    seconds for which an answer is kept, by route or model; TTL for others. Every method raises
    IndexUnavailable.
    """

    kind = "postgresql"

    def __init__(
        self,
        index: PostgresIndex,
        most: int = 64_000_000,
        ttls: Mapping[str, float] | None = None,
    ) -> None:
        self.most = most
        self.ttls = ttls or {}
        self._index = index
        self._embedder = index.embedder
        self._table = _table(index.table)
        self._is_made = False
        self._since_look = most
        self._held = 0, 0
        self._sweeping: asyncio.Task[None] | None = None

    @property
    def held(self) -> tuple[int, int]:
        """Of this embedder: as the last sweep found it, and what this replica did since."""
        return self._held

    async def get(self, entry_id: str) -> Entry | None:
        """As Entries says; None for one whose time is over."""
        return await self._index.database.run(self._get, entry_id)

    async def put(self, entry: Entry) -> list[Entry]:
        """As Entries says. An entry whose vector is gone already makes room itself."""
        return await self._index.database.run(self._put, entry)

    async def remove(self, entry_id: str) -> Entry | None:
        """As Entries says."""
        return await self._index.database.run(self._remove, entry_id)

    async def clear(self) -> int:
        """As Entries says; of this embedder's entries."""
        return await self._index.database.run(self._clear)

    async def sweep(self) -> int:
        """Delete what was kept long enough, of every embedder, and vectors without entries; how
        many vectors went."""
        return await self._index.database.run(self._sweep)

    # ── now and then ─────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Sweep at once, and every SWEEP_EVERY seconds. To be called on the event loop."""
        self._sweeping = asyncio.get_running_loop().create_task(self._sweep_now_and_then())

    async def aclose(self) -> None:
        """Sweep no more. The entries stay."""
        sweeping, self._sweeping = self._sweeping, None
        if sweeping is not None:
            sweeping.cancel()
            await asyncio.wait([sweeping])

    async def _sweep_now_and_then(self) -> None:
        is_away = False
        while True:
            try:
                await self.sweep()
                is_away = False
            except IndexUnavailable as error:
                if not is_away:
                    log.warning("%s The semantic cache goes on without it.", error)
                is_away = True
            await asyncio.sleep(SWEEP_EVERY)

    # ── on a thread ──────────────────────────────────────────────────────────────────────────

    def _get(self, entry_id: str) -> Entry | None:
        table = self._table
        asked = select(table).where(*self._is(entry_id), table.c.expires > time.time())
        if not self._is_made:
            with self._transaction():
                pass
        with self._index.reading() as connection:
            row = connection.execute(asked).one_or_none()
        return None if row is None else _entry(row)

    def _put(self, entry: Entry) -> list[Entry]:
        table = self._table
        row = _row(entry, self._embedder, self.ttls.get(entry.target, TTL))
        kept = insert(table).values(row)
        key = [table.c.embedder, table.c.entry]
        kept = kept.on_conflict_do_update(index_elements=key, set_=row)
        before = select(table.c.size).where(*self._is(entry.id))
        try:
            with self._transaction() as connection:
                there = connection.scalar(before)
                connection.execute(kept)
        except IntegrityError:
            return [entry]
        self._count(there is None, entry.size - (there or 0))
        self._since_look += entry.size
        if 100 * self._since_look < self.most:
            return []
        with self._transaction() as connection:
            return self._make_room(connection)

    def _make_room(self, connection: Connection) -> list[Entry]:
        """Delete what was used longest ago, down to the bound. Their vectors are the caller's."""
        table, vectors = self._table, self._index.table
        latest = func.sum(table.c.size).over(order_by=(vectors.c.used.desc(), table.c.entry))
        ranked = select(table.c.embedder, table.c.entry, latest.label("upto"))
        ranked = ranked.join_from(table, vectors)
        upto = ranked.subquery()
        beyond = select(upto.c.embedder, upto.c.entry).where(upto.c.upto > self.most)
        beyond = beyond.order_by(upto.c.upto.desc()).limit(AT_ONCE)
        key = tuple_(table.c.embedder, table.c.entry)
        gone = delete(table).where(key.in_(beyond)).returning(table)
        rows = connection.execute(gone).all()
        if len(rows) < AT_ONCE:
            self._since_look = 0
        for row in rows:
            if row.embedder == self._embedder:
                self._count(-1, -row.size)
        return [entry for row in rows if (entry := _entry(row)) is not None]

    def _remove(self, entry_id: str) -> Entry | None:
        gone = delete(self._table).where(*self._is(entry_id)).returning(self._table)
        with self._transaction() as connection:
            row = connection.execute(gone).one_or_none()
        if row is None:
            return None
        self._count(-1, -row.size)
        return _entry(row)

    def _clear(self) -> int:
        gone = delete(self._table).where(self._table.c.embedder == self._embedder)
        with self._transaction() as connection:
            number = connection.execute(gone).rowcount
        self._held = 0, 0
        return number

    def _sweep(self) -> int:
        table = self._table
        own = select(func.count(), func.coalesce(func.sum(table.c.size), 0))
        own = own.where(table.c.embedder == self._embedder)
        gone = 0
        with self._transaction() as connection:
            connection.execute(text(f"SET LOCAL statement_timeout = {SWEEP_TIMEOUT}"))
            locks = func.pg_try_advisory_xact_lock(func.hashtext("semantic_entries"))
            is_first = connection.scalar(select(locks))  # else another replica sweeps just now
            for each in _every_table(connection) if is_first else ():
                vectors = vectors_table(each)
                for unwanted in _unwanted(vectors, _table(vectors), time.time()):
                    gone += connection.execute(unwanted).rowcount
            number, size = connection.execute(own).one()
        self._held = number, int(size)
        return gone

    def _is(self, entry_id: str) -> tuple[Any, Any]:
        return self._table.c.embedder == self._embedder, self._table.c.entry == entry_id

    def _count(self, entries: int, size: int) -> None:
        """Threads may count at once: ``held`` is what it is about, until the next sweep."""
        there, taken = self._held
        self._held = max(0, there + entries), max(0, taken + size)

    @contextmanager
    def _transaction(self) -> Generator[Connection]:
        with self._index.transaction() as connection:
            if not self._is_made:
                lock = func.pg_advisory_xact_lock(func.hashtext(self._table.name))
                connection.execute(select(lock))
                self._table.create(connection, checkfirst=True)
            yield connection
        self._is_made = True


def _table(vectors: Table) -> Table:
    """``text`` and ``usage`` are UTF-8 in bytes: a turn may hold what PostgreSQL's text may not."""
    name = vectors.name.replace("vectors", "entries")
    own = ("embedder", "partition", "entry")
    return Table(
        name,
        MetaData(),
        Column("embedder", Text, primary_key=True),
        Column("entry", Text, primary_key=True),
        Column("partition", Text, nullable=False),
        Column("target", Text, nullable=False),
        Column("text", LargeBinary, nullable=False),
        Column("body", LargeBinary, nullable=False),
        Column("model", Text, nullable=False),
        Column("usage", LargeBinary),
        Column("size", Integer, nullable=False),
        Column("stored", Float(53), nullable=False),
        Column("expires", Float(53), nullable=False, index=True),
        ForeignKeyConstraint(own, [vectors.c[each] for each in own], ondelete="CASCADE"),
    )


def _every_table(connection: Connection) -> list[int]:
    """The lengths of vectors that there are entries for."""
    names = inspect(connection).get_table_names()
    return [int(found[1]) for name in names if (found := _NAME.fullmatch(name))]


def _unwanted(vectors: Table, entries: Table, now: float) -> tuple[Delete, Delete]:
    """Vectors of entries whose time is over, which take these along, and vectors without one."""
    key = tuple_(vectors.c.embedder, vectors.c.partition, vectors.c.entry)
    over = select(entries.c.embedder, entries.c.partition, entries.c.entry)
    over = over.where(entries.c.expires <= now)
    its = select(entries.c.entry).where(
        entries.c.embedder == vectors.c.embedder, entries.c.entry == vectors.c.entry
    )
    for_long = vectors.c.used < func.now() - text(f"interval '{LONE} seconds'")
    return (
        delete(vectors).where(key.in_(over)),
        delete(vectors).where(for_long, ~its.exists()),
    )


def _row(entry: Entry, embedder: str, ttl: float) -> dict[str, Any]:
    return {
        "embedder": embedder,
        "entry": entry.id,
        "partition": entry.partition,
        "target": entry.target,
        "text": entry.text.encode("utf-8", "surrogatepass"),
        "body": entry.body,
        "model": entry.model,
        "usage": None if entry.usage is None else msgspec.json.encode(entry.usage),
        "size": entry.size,
        "stored": entry.stored,
        "expires": entry.stored + ttl,
    }


def _entry(row: Row[Any]) -> Entry | None:
    """None for a row that this version did not write."""
    try:
        usage = None if row.usage is None else msgspec.json.decode(row.usage, type=Usage)
        question = bytes(row.text).decode("utf-8", "surrogatepass")
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return Entry(
        id=row.entry,
        partition=row.partition,
        text=question,
        target=row.target,
        body=bytes(row.body),
        model=row.model,
        usage=usage,
        stored=row.stored,
    )
