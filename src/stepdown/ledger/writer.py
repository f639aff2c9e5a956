"""The ledger's writer: takes journeys off the request path, and writes them slice by slice.

    record (event loop) ─ encoded details, sums per minute ─ flush (thread) ─ database

Of a request only its detail is kept, encoded at once: the queue holds bytes and no prompt stays
alive in it. A flush then costs the writer's thread little more than a join of bytes; compressing
and writing leave the interpreter's lock to the event loop, which meets the writer only at the swap
of the queue.
"""

import logging
import os
import socket
import threading
import time

from msgspec import Struct

from stepdown.ledger import detail as details
from stepdown.ledger import rollup, tries
from stepdown.ledger.minutes import FINE_FOR
from stepdown.ledger.queue import Queue, Taken
from stepdown.storage.address import DatabaseUnavailable, parse
from stepdown.storage.store import LOGS, Log, Segment, Slice, Store
from stepdown.types import Journey

log = logging.getLogger("stepdown.ledger")

DAY = 86_400.0
QUEUE_BYTES = 64 * 1024 * 1024
SLOWEST_RETRY = 5.0
"""Seconds between two tries to reach a database that is away."""
CARE_INTERVAL = 60.0
"""Seconds between two looks for what is too old."""


class Status(Struct, frozen=True):
    """How the ledger is doing: for health pages and tests. Times in seconds since 1970."""

    queued: int
    written: int
    dropped: int
    dropped_prompts: int
    unrecorded: int
    failures: int
    error: str | None
    last_flush: float | None


class Ledger:
    """Keeps what each request cost (``ports.Ledger``).

    ``flush_interval`` (seconds) is the most that a killed process loses. ``queue`` bounds the
    details that wait; a full queue drops the oldest and counts it, but its cost stays in the sums.
    ``keep_details`` and ``keep_prompts`` are days; prompts are kept only with ``store_prompts``.
    Raises DatabaseUnavailable where ``database_url`` is no address (see ``storage.address``).
    """

    def __init__(
        self,
        database_url: str | None = None,
        *,
        flush_interval: float = 0.2,
        queue: int = 10_000,
        store_prompts: bool = False,
        keep_details: float = 30,
        keep_prompts: float = 7,
    ) -> None:
        self._store = Store(parse(database_url))
        self._writer = f"{socket.gethostname()}:{os.getpid()}"
        self._interval = flush_interval
        self._store_prompts = store_prompts
        self._keep: dict[Log, float] = {
            "request_log": keep_details * DAY,
            "prompt_log": keep_prompts * DAY,
        }
        self._lock = threading.Lock()  # held for microseconds, by either side
        self._details = Queue(queue, QUEUE_BYTES)
        self._prompts = Queue(queue, QUEUE_BYTES)
        self._rollups = rollup.Rollups()
        self._tries = tries.Tries()
        self._stopping = threading.Event()
        self._tried = threading.Event()
        self._closing = threading.Lock()
        self._thread: threading.Thread | None = None
        self._care_due = 0.0
        self._written = self._unrecorded = self._failures = self._failures_in_a_row = 0
        self._error: str | None = None
        self._last_flush: float | None = None

    # ── the event loop's side ────────────────────────────────────────────────────────────────

    def record(self, journey: Journey) -> None:
        """Note a finished journey. Never waits, never raises; a failure is counted and logged."""
        try:
            detail = details.detail_of(journey)
            item = self._encoded(detail)
            prompt = details.encode(details.prompt_of(journey)) if self._store_prompts else None
            with self._lock:
                self._rollups.add(detail)
                if detail.attempts and detail.attempts[0].rung is not None:
                    self._tries.add(journey)
                if item is None:
                    self._details.drop()
                else:
                    self._details.push(detail.time, item)
                if prompt is not None:
                    self._prompts.push(detail.time, prompt)
        except Exception:  # an answered request must not fail for its bookkeeping
            self._unrecorded += 1
            log.exception("A request could not be recorded.")

    def _encoded(self, detail: details.Detail) -> bytes | None:
        try:
            return details.encode(detail)
        except Exception:  # a reading may be of any type; the cost is recorded without it
            log.exception("The detail of a request could not be encoded; its cost is kept.")
            return None

    # ── the owner's side ─────────────────────────────────────────────────────────────────────

    @property
    def dropped(self) -> int:
        """How many details were dropped since the start. Their costs are in the sums."""
        return self._details.dropped

    @property
    def tried(self) -> bool:
        """Whether the database has been opened, or has been found to be away."""
        return self._tried.is_set()

    def status(self) -> Status:
        """How it is doing now."""
        return Status(
            queued=len(self._details),
            written=self._written,
            dropped=self._details.dropped,
            dropped_prompts=self._prompts.dropped,
            unrecorded=self._unrecorded,
            failures=self._failures,
            error=self._error,
            last_flush=self._last_flush,
        )

    def start(self) -> None:
        """Start the writer's thread, once, in the process that records."""
        if self._thread is None:
            self._stopping.clear()
            self._thread = threading.Thread(target=self._run, name="stepdown-ledger", daemon=True)
            self._thread.start()

    def close(self, timeout: float = 10.0) -> None:
        """Write what is there and stop; gives up after ``timeout`` seconds."""
        self._stopping.set()
        with self._closing:  # a reload and a stop may close the same ledger
            thread, self._thread = self._thread, None
            if thread is None:
                self._flush_last()
                return
            thread.join(timeout)
            if thread.is_alive():
                log.error("The ledger's writer does not stop; what it holds is left behind.")

    # ── the writer's thread ──────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        self._open()
        while not self._stopping.wait(self._pause()):
            if self._flush():
                self._care()
        self._flush_last()

    def _open(self) -> None:
        """Open the database before there is anything to write: a new one takes a second or two."""
        try:
            self._store.open()
        except DatabaseUnavailable as error:
            self._failed(error)
        self._tried.set()

    def _flush_last(self) -> None:
        if not self._flush():
            log.error("The ledger closes with %d requests unwritten.", self._rollups.requests)
        self._store.close()

    def _pause(self) -> float:
        return min(self._interval * 2.0 ** min(self._failures_in_a_row, 10), SLOWEST_RETRY)

    def _flush(self) -> bool:
        """Write what is there, in one transaction; whether the database is well."""
        with self._lock:
            taken, prompts = self._details.take(), self._prompts.take()
            sums, tried = self._rollups.take(), self._tries.take()
        try:
            if sums or taken.items or taken.dropped:
                requests = self._segment(taken)
                summed = rollup.rows(sums), tries.rows(tried)
                self._store.write(Slice(requests, self._segment(prompts), *summed))
        except Exception as error:  # noqa: BLE001  # the thread must live on: all is kept for later
            self._put_back(taken, prompts)
            self._put_back_sums(sums, tried)
            self._failed(error)
            return False
        self._written += len(taken.items)
        self._last_flush = time.time()
        self._recovered()
        return True

    def _segment(self, taken: Taken) -> Segment | None:
        if not taken.items and not taken.dropped:
            return None
        times = [at for at, _ in taken.items] or [time.time()]
        return Segment(
            writer=self._writer,
            first_time=min(times),
            last_time=max(times),
            details=len(taken.items),
            dropped=taken.dropped,
            format=details.FORMAT,
            body=details.pack([item for _, item in taken.items]),
        )

    def _put_back_sums(
        self, sums: dict[rollup.Key, rollup.Sums], tried: dict[tries.Key, tries.Sums]
    ) -> None:
        with self._lock:
            self._rollups.put_back(sums)
            self._tries.put_back(tried)

    def _put_back(self, taken: Taken, prompts: Taken) -> None:
        with self._lock:
            self._details.put_back(taken)
            self._prompts.put_back(prompts)

    def _care(self) -> None:
        """Delete and fold what is too old: a little at each flush, until nothing is left to do."""
        if time.monotonic() < self._care_due:
            return
        now = time.time()
        try:
            more = [self._store.expire(name, now - self._keep[name]) for name in LOGS]
            if not any(more):
                self._store.fold(int(now - FINE_FOR))
                self._care_due = time.monotonic() + CARE_INTERVAL
        except DatabaseUnavailable as error:
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        self._failures_in_a_row += 1
        self._error = str(error) or type(error).__name__
        if self._failures_in_a_row == 1:
            log.error("The ledger cannot write; it keeps trying. %s", self._error)

    def _recovered(self) -> None:
        if self._failures_in_a_row:
            log.warning("The ledger writes again after %d failures.", self._failures_in_a_row)
        self._failures_in_a_row = 0
        self._error = None
