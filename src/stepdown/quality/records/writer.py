"""Takes pairs off the request path, and writes them flush by flush.

    put, count (event loop) ─ encoded rows, sums per hour ─ flush (thread) ─ database

A pair that is put twice, by a retry or by two replicas, is written once. A flush is one
transaction, written whole or not at all, so that ``kill -9`` loses one interval at most and doubles
nothing. Counters cannot tell whether a flush was written whose confirmation was lost with the
connection: they then count it twice, rather than spend more than a budget allows.
"""

import logging
import threading
import time
from collections.abc import Sequence
from decimal import Decimal
from operator import itemgetter
from typing import Any

import msgspec
from msgspec import Struct, structs

from stepdown.quality.pairs import Pair
from stepdown.quality.records import counters, pair_rows, pair_texts
from stepdown.quality.records.pair_store import Batch, PairStore
from stepdown.quality.records.pair_texts import Texts
from stepdown.storage.address import parse
from stepdown.storage.queue import Queue, Taken
from stepdown.storage.writer import SLOWEST_RETRY, Wording, Writer

log = logging.getLogger("stepdown.records")

DAY = 86_400.0
QUEUE_BYTES = 64 * 1024 * 1024
_ZERO = Decimal(0)

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[Any]).decode
_by_key = itemgetter(*map(pair_rows.COLUMNS.index, pair_rows.KEY))


class Status(Struct, frozen=True):
    """How the record is doing. ``last_flush`` is in seconds since 1970.

    ``written`` counts pairs that were handed to the database, those it knew already included;
    ``dropped`` those that a full queue pushed out, ``unrecorded`` those that could not be encoded.
    """

    queued: int
    written: int
    dropped: int
    dropped_texts: int
    unrecorded: int
    failures: int
    error: str | None
    last_flush: float | None


class Records(Writer):
    """Keeps pairs, and counts what became of other sampled requests.

    ``flush_interval`` (seconds) is the most that a killed process loses. ``queue`` bounds the pairs
    that wait; a full queue drops the oldest and counts them, whatever their outcome.
    ``keep_pairs`` and ``keep_texts`` are days. What a guard counts outlives its pairs.
    Raises DatabaseUnavailable where ``database_url`` is no address (see ``storage.address``).
    """

    def __init__(
        self,
        database_url: str | None = None,
        *,
        flush_interval: float = 0.2,
        queue: int = 10_000,
        keep_pairs: float = 90,
        keep_texts: float = 90,
    ) -> None:
        self._store = PairStore(parse(database_url))
        wording = Wording("The record of pairs", "pairs", log)
        super().__init__(self._store, wording, flush_interval, SLOWEST_RETRY)
        self._keep_pairs, self._keep_texts = keep_pairs * DAY, keep_texts * DAY
        self._lock = threading.Lock()  # held for microseconds, by either side
        self._pairs = Queue(queue, QUEUE_BYTES)
        self._texts = Queue(queue, QUEUE_BYTES)
        self._counters = counters.Counters()
        self._written = self._unrecorded = 0

    # ── the event loop's side ────────────────────────────────────────────────────────────────

    def put(self, pair: Pair, texts: Texts | None = None) -> None:
        """Note a pair. Never waits, never raises; a failure is counted and logged."""
        try:
            row = _pack(_row(pair))
            body = None if texts is None else _encoded(pair, texts)
            with self._lock:
                self._pairs.push(pair.time, row)
                if body is not None:
                    self._texts.push(pair.time, body)
                elif texts is not None:
                    self._texts.drop()
        except Exception:  # the answer is served; what it taught must not fail the gateway
            self._unrecorded += 1
            log.exception("A pair could not be recorded.")

    def count(self, route: str, reason: str, amount: int = 1, cost: Decimal = _ZERO) -> None:
        """Note what became of a sampled request: ``sampled``, ``paired``, or why it was skipped.

        ``cost`` is what was spent on it, in US dollars. Never waits.
        """
        with self._lock:
            self._counters.add(time.time(), route, reason, amount, cost)

    # ── the owner's side ─────────────────────────────────────────────────────────────────────

    def status(self) -> Status:
        """How it is doing now."""
        return Status(
            queued=len(self._pairs),
            written=self._written,
            dropped=self._pairs.dropped,
            dropped_texts=self._texts.dropped,
            unrecorded=self._unrecorded,
            failures=self._failures,
            error=self._error,
            last_flush=self._last_flush,
        )

    # ── the writer's thread ──────────────────────────────────────────────────────────────────

    def _write(self) -> None:
        with self._lock:
            pairs, texts = self._pairs.take(), self._texts.take()
            sums = self._counters.take()
        try:
            if pairs.items or texts.items or sums:
                self._store.write(Batch(_rows(pairs), _text_rows(texts), counters.rows(sums)))
        except Exception:
            with self._lock:
                self._pairs.put_back(pairs)
                self._texts.put_back(texts)
                self._counters.put_back(sums)
            raise
        self._written += len(pairs.items)

    def _tidy(self, now: float) -> bool:
        more_pairs = self._store.expire_pairs(now - self._keep_pairs)
        more_texts = self._store.expire_texts(now - self._keep_texts)
        return more_pairs or more_texts

    def _unwritten(self) -> int:
        return len(self._pairs)


def _row(pair: Pair) -> list[Any]:
    try:
        return pair_rows.row_of(pair)
    except Exception:  # a reading may be of any type; the evidence is recorded without them
        log.exception("The readings of a pair could not be encoded; its scores are kept.")
        return pair_rows.row_of(structs.replace(pair, readings={}))


def _encoded(pair: Pair, texts: Texts) -> bytes | None:
    try:
        return _pack((pair.id, pair.saver, pair_texts.encode(texts)))
    except Exception:  # a model may write what is no text; the pair counts without it
        log.exception("The texts of a pair could not be encoded; its scores are kept.")
        return None


def _rows(taken: Taken) -> list[Sequence[Any]]:
    """In the keys' order: replicas then lock a database's rows in one order, and never each
    other."""
    return sorted((_unpack(item) for _, item in taken.items), key=_by_key)


def _text_rows(taken: Taken) -> list[Sequence[Any]]:
    unpacked = ((at, *_unpack(item)) for at, item in taken.items)
    return sorted(
        (
            (name, saver, at, pair_texts.FORMAT, pair_texts.pack(encoded))
            for at, name, saver, encoded in unpacked
        ),
        key=itemgetter(0, 1),
    )
