"""Writes the ledger's slices: each in one transaction, so that sums and details always agree."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from stepdown.storage import statements
from stepdown.storage.address import Address
from stepdown.storage.columns import ROLLUP, SEGMENT, TRIES
from stepdown.storage.session import Session

HOUR = 3600
SEGMENTS_AT_A_TIME = 500
"""How many segments one pass deletes: a short transaction, so that other writers get in between."""

Log = Literal["request_log", "prompt_log"]
LOGS: tuple[Log, ...] = ("request_log", "prompt_log")

_FOLD_LOCK = 5_394_117_002


class Segment(Struct, frozen=True):
    """A slice of a log: its details in one blob of the given format."""

    writer: str
    first_time: float
    last_time: float
    details: int
    dropped: int
    format: int
    body: bytes


class Slice(Struct, frozen=True):
    """What one flush writes. A rollup is the values of ``ROLLUP_KEY``, then of ``ROLLUP_SUMS``;
    a row of tries likewise."""

    requests: Segment | None
    prompts: Segment | None
    rollups: Sequence[tuple[object, ...]]
    tries: Sequence[tuple[object, ...]] = ()


class Store(Session):
    """One writer's connection; ``Session`` says what goes for every method."""

    def __init__(self, address: Address) -> None:
        super().__init__(address)
        marker = self.marker
        self._upsert_rollups = statements.upsert_sums(ROLLUP, marker)
        self._upsert_tries = statements.upsert_sums(TRIES, marker)
        self._insert = {log: statements.insert_segment(log, marker) for log in LOGS}
        self._expire = {
            log: statements.expire_segments(log, marker, SEGMENTS_AT_A_TIME) for log in LOGS
        }
        self._fold = [
            statement
            for table in (ROLLUP, TRIES)
            for statement in statements.fold_sums(table, marker)
        ]

    def write(self, part: Slice) -> None:
        """Add one slice, the whole of it or nothing."""
        with self._transaction() as cursor:
            for log, segment in zip(LOGS, (part.requests, part.prompts), strict=True):
                if segment is not None:
                    values = [getattr(segment, column) for column in SEGMENT]
                    cursor.execute(self._insert[log], values)
            if part.rollups:
                cursor.executemany(self._upsert_rollups, part.rollups)
            if part.tries:
                cursor.executemany(self._upsert_tries, part.tries)

    def expire(self, log: Log, before: float) -> bool:
        """Delete old segments, some at a time; whether there may be more."""
        with self._transaction() as cursor:
            cursor.execute(self._expire[log], (before,))
            return cursor.rowcount >= SEGMENTS_AT_A_TIME

    def fold(self, before: int) -> None:
        """Fold the minutes before a moment (whole hours since 1970, in seconds) into hours."""
        before -= before % HOUR
        with self._transaction() as cursor:
            if self.address.file is None:
                cursor.execute(f"SELECT pg_advisory_xact_lock({_FOLD_LOCK})")
            for statement in self._fold:
                cursor.execute(statement, (before,))
