"""``PostgresIndex``: vectors in PostgreSQL by the extension pgvector, for replicas that share them.

Every vector of a partition is compared, so that what is found is exact but for half precision. An
HNSW index was a third of the time at ten thousand entries, made each addition cost nearly twice as
much, and of questions that come in pairs it found a third of the nearest (docs/embeddings.md). The
table is made when it is first needed, not by a migration: whoever does not use it needs no
extension.
Source: github.com/pgvector/pgvector (0.7 for halfvec)
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    Row,
    Table,
    Text,
    delete,
    func,
    select,
    text,
    tuple_,
)
from sqlalchemy import update as updating
from sqlalchemy.dialects.postgresql import TIMESTAMP, insert
from sqlalchemy.types import UserDefinedType

from stepdown.caching.index.index import IndexSize, Match, checked
from stepdown.caching.index.shared_database import SharedDatabase
from stepdown.embedding.embedder import Vectors
from stepdown.storage.address import Address

LATEST = 600
"""Seconds for which a hit need not be noted again: each note is a write."""

SWEPT = 64
"""Additions of this process between two looks at how many entries there are."""

MOST_INLINE = 3_500
"""Dimensions of vectors that are kept in the table's own pages, where a search reads them at
once."""


class HalfVector(UserDefinedType[str]):
    """pgvector's ``halfvec``; values are its text form."""

    cache_ok = True

    def __init__(self, dimensions: int) -> None:
        self.dimensions = dimensions

    def get_col_spec(self, **_: Any) -> str:
        return f"halfvec({self.dimensions})"


class PostgresIndex:
    """One table for each number of dimensions; entries of several embedders keep apart in it.

    ``most`` bounds the table, and is overstepped by SWEPT entries a replica at most.
    """

    def __init__(self, address: Address, embedder: str, dimensions: int, most: int) -> None:
        """``embedder``: its name. Raises DatabaseUnavailable without the extra ``postgres``."""
        self.dimensions = dimensions
        self.most = most
        self.embedder = embedder
        self.table = vectors_table(dimensions)
        self.database = SharedDatabase(address)
        self._is_made = False
        self._sweep_every = max(1, min(SWEPT, most // 100))
        self._added = 0
        self._evicted = 0

    async def add(self, partition: str, entry: str, vector: Vectors) -> list[str]:
        """As VectorIndex says."""
        return await self.database.run(
            self._add, partition, entry, checked(vector, self.dimensions)
        )

    async def remove(self, partition: str, entry: str) -> bool:
        """As VectorIndex says."""
        return await self.database.run(self._remove, partition, entry) > 0

    async def hit(self, partition: str, entry: str) -> None:
        """As VectorIndex says; noted once in LATEST seconds."""
        await self.database.run(self._hit, partition, entry)

    async def search(self, partition: str, vector: Vectors, k: int) -> list[Match]:
        """As VectorIndex says."""
        checked(vector, self.dimensions)
        return await self.database.run(self._search, partition, vector, k) if k > 0 else []

    async def clear(self, partition: str | None = None) -> int:
        """As VectorIndex says; of this embedder's entries."""
        return await self.database.run(self._remove, partition, None)

    async def size(self) -> IndexSize:
        """As VectorIndex says; ``bytes`` with every index on the table."""
        return await self.database.run(self._size)

    async def aclose(self) -> None:
        """Close the connections. The entries stay."""
        await self.database.aclose()

    # ── On a thread ──────────────────────────────────────────────────────────────────────────

    def _add(self, partition: str, entry: str, vector: Vectors) -> list[str]:
        table, its = self.table, _literal(vector)
        row = {"embedder": self.embedder, "partition": partition, "entry": entry, "vector": its}
        added = insert(table).values(row)
        key = [table.c.embedder, table.c.partition, table.c.entry]
        changes = {"vector": its, "used": func.now()}
        with self.transaction() as connection:
            connection.execute(added.on_conflict_do_update(index_elements=key, set_=changes))
            self._added += 1
            if self._added % self._sweep_every:
                return []
            return self._sweep(connection)

    def _sweep(self, connection: Connection) -> list[str]:
        """Remove what was used longest ago, down to the bound."""
        table = self.table
        key = tuple_(table.c.embedder, table.c.partition, table.c.entry)
        there = connection.scalar(select(func.count()).select_from(table)) or 0
        if there <= self.most:
            return []
        oldest = select(table.c.embedder, table.c.partition, table.c.entry)
        oldest = oldest.order_by(table.c.used).limit(there - self.most)
        gone = connection.execute(delete(table).where(key.in_(oldest)).returning(table.c.entry))
        evicted: list[str] = list(gone.scalars())
        self._evicted += len(evicted)
        return evicted

    def _remove(self, partition: str | None, entry: str | None) -> int:
        table = self.table
        gone = delete(table).where(table.c.embedder == self.embedder)
        if partition is not None:
            gone = gone.where(table.c.partition == partition)
        if entry is not None:
            gone = gone.where(table.c.entry == entry)
        with self.transaction() as connection:
            return connection.execute(gone).rowcount

    def _hit(self, partition: str, entry: str) -> None:
        table = self.table
        noted = (
            updating(table)
            .values(used=func.now())
            .where(
                table.c.embedder == self.embedder,
                table.c.partition == partition,
                table.c.entry == entry,
                table.c.used < func.now() - text(f"interval '{LATEST} seconds'"),
            )
        )
        with self.transaction() as connection:
            connection.execute(noted)

    def _search(self, partition: str, vector: Vectors, k: int) -> list[Match]:
        table = self.table
        distance = table.c.vector.op("<#>")(_literal(vector))  # minus the inner product
        nearest = (
            select(table.c.entry, distance)
            .where(table.c.embedder == self.embedder, table.c.partition == partition)
            .order_by(distance)
            .limit(k)
        )
        with self.reading() as connection:
            found: Sequence[Row[Any, Any]] = connection.execute(nearest).all()
        return [Match(row[0], min(1.0, -float(row[1]))) for row in found]

    def _size(self) -> IndexSize:
        own = select(func.count()).where(self.table.c.embedder == self.embedder)
        used = select(func.pg_total_relation_size(text(f"'{self.table.name}'::regclass")))
        with self.transaction() as connection:
            entries, size = connection.scalar(own), connection.scalar(used)
        return IndexSize(entries or 0, size or 0, self._evicted)

    @contextmanager
    def transaction(self) -> Generator[Connection]:
        """A transaction on the database, with the table made. Blocks."""
        if not self._is_made:
            self._make()
        with self.database.transaction() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """For one statement that reads, with the table made. Blocks."""
        if not self._is_made:
            self._make()
        with self.database.reading() as connection:
            yield connection

    def _make(self) -> None:
        """The extension and the table, where they are missing; one replica at a time."""
        with self.database.transaction(statement_timeout=0) as connection:
            connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(self.table.name))))
            connection.execute(text("CREATE EXTENSION IF NOT EXISTS vector"))
            self.table.create(connection, checkfirst=True)
            if self.dimensions <= MOST_INLINE:
                inline = f"ALTER TABLE {self.table.name} ALTER vector SET STORAGE PLAIN"
                connection.execute(text(inline))
        self._is_made = True


def vectors_table(dimensions: int) -> Table:
    """``used`` has no index, so that noting a hit changes one page."""
    return Table(
        f"semantic_vectors_{dimensions}",
        MetaData(),
        Column("embedder", Text, primary_key=True),
        Column("partition", Text, primary_key=True),
        Column("entry", Text, primary_key=True),
        Column("vector", HalfVector(dimensions), nullable=False),
        Column("used", TIMESTAMP(timezone=True), nullable=False, server_default=func.now()),
        postgresql_with={"fillfactor": 80},
    )


def _literal(vector: Vectors) -> str:
    return f"[{','.join(map(str, vector.tolist()))}]"
