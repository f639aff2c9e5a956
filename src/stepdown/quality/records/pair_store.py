"""Writes what was gathered of pairs, all of a flush or nothing, and deletes what is too old."""

# ruff: noqa: S608  # only names written in this package are put together; values are parameters

from collections.abc import Iterator, Sequence

from msgspec import Struct

from stepdown.quality.records import pair_rows
from stepdown.storage import statements
from stepdown.storage.address import Address
from stepdown.storage.columns import EXPIRED_PAIRS, SHADOW
from stepdown.storage.connection import Cursor
from stepdown.storage.session import Session

AT_A_TIME = 500
"""How many rows one pass deletes: a short transaction, so that other writers get in between."""
TEXT_COLUMNS = ("id", "saver", "time", "format", "body")

_EXPIRY_LOCK = 5_394_117_003

Rows = Sequence[Sequence[object]]
_Evidence = tuple[str, int, float]
"""The values of ``EXPIRED_PAIRS.key``."""


class Batch(Struct, frozen=True):
    """What one flush writes: rows of ``pair_rows.COLUMNS``, of ``TEXT_COLUMNS``, of counters."""

    pairs: Rows = ()
    texts: Rows = ()
    counters: Rows = ()


class PairStore(Session):
    """One writer's connection; ``Session`` says what goes for every method."""

    def __init__(self, address: Address) -> None:
        super().__init__(address)
        self._insert_pair = statements.insert_new(
            "pairs", pair_rows.COLUMNS, pair_rows.KEY, self.marker
        )
        self._insert_texts = statements.insert_new(
            "pair_texts", TEXT_COLUMNS, pair_rows.KEY, self.marker
        )
        self._upsert_counters = statements.upsert_sums(SHADOW, self.marker)
        self._upsert_expired = statements.upsert_sums(EXPIRED_PAIRS, self.marker)
        self._old_pairs, self._delete_pair, self._expire_texts = map(
            self._marked, (_OLD_PAIRS, _DELETE_PAIR, _EXPIRE_TEXTS)
        )

    def write(self, batch: Batch) -> None:
        """Add what is new, the whole of it or nothing: a pair that is there stays as it is."""
        with self._transaction() as cursor:
            for statement, rows in (
                (self._insert_pair, batch.pairs),
                (self._insert_texts, batch.texts),
                (self._upsert_counters, batch.counters),
            ):
                if rows:
                    cursor.executemany(statement, rows)

    def expire_pairs(self, before: float) -> bool:
        """Delete pairs from before a moment, some at a time; whether there may be more.

        What a guard counts of them is kept.
        """
        with self._transaction() as cursor:
            if self.address.file is None:
                # Two replicas would otherwise find the same pairs, and count them twice.
                cursor.execute(f"SELECT pg_advisory_xact_lock({_EXPIRY_LOCK})")
            cursor.execute(self._old_pairs, (before,))
            old = list(_fetched(cursor))
            if not old:
                return False
            if evidence := _evidence(old):
                cursor.executemany(self._upsert_expired, evidence)
            cursor.executemany(self._delete_pair, [row[:2] for row in old])
            return len(old) >= AT_A_TIME

    def expire_texts(self, before: float) -> bool:
        """Delete texts from before a moment, some at a time; whether there may be more."""
        with self._transaction() as cursor:
            cursor.execute(self._expire_texts, (before,))
            return cursor.rowcount >= AT_A_TIME


def _fetched(cursor: Cursor) -> Iterator[tuple[str, str, str, int, float, int | None]]:
    return iter(cursor.fetchone, None)


def _evidence(
    old: Sequence[tuple[str, str, str, int, float, int | None]],
) -> list[tuple[str, int, float, int, int]]:
    """The rows of ``EXPIRED_PAIRS`` that these pairs add up to."""
    sums: dict[_Evidence, tuple[int, int]] = {}
    for _, _, key, stint, propensity, regret in old:
        if key and regret is not None:
            pairs, regrets = sums.get((key, stint, propensity), (0, 0))
            sums[key, stint, propensity] = pairs + 1, regrets + regret
    return [(*key, *counted) for key, counted in sums.items()]


_OLD_PAIRS = (
    "SELECT id, saver, key, stint, propensity, regret FROM pairs"
    f" WHERE time < ? ORDER BY time LIMIT {AT_A_TIME}"
)
_DELETE_PAIR = "DELETE FROM pairs WHERE id = ? AND saver = ?"
_EXPIRE_TEXTS = (
    "DELETE FROM pair_texts WHERE (id, saver) IN"
    f" (SELECT id, saver FROM pair_texts WHERE time < ? ORDER BY time LIMIT {AT_A_TIME})"
)
