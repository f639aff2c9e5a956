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
from stepdown.storage.address import parse
from stepdown.storage.queue import Queue, Taken
from stepdown.storage.store import LOGS, Log, Segment, Slice, Store
from stepdown.storage.writer import SLOWEST_RETRY, Wording, Writer
from stepdown.types import Journey

log = logging.getLogger("stepdown.ledger")

DAY = 86_400.0
QUEUE_BYTES = 64 * 1024 * 1024


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


class Ledger(Writer):
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
        wording = Wording("The ledger", "requests", log)
        super().__init__(self._store, wording, flush_interval, SLOWEST_RETRY)
        self._writer = f"{socket.gethostname()}:{os.getpid()}"
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
        self._written = self._unrecorded = 0

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

    # ── the writer's thread ──────────────────────────────────────────────────────────────────

    def _write(self) -> None:
        with self._lock:
            taken, prompts = self._details.take(), self._prompts.take()
            sums, tried = self._rollups.take(), self._tries.take()
        try:
            if sums or taken.items or taken.dropped:
                requests = self._segment(taken)
                summed = rollup.rows(sums), tries.rows(tried)
                self._store.write(Slice(requests, self._segment(prompts), *summed))
        except Exception:
            self._put_back(taken, prompts)
            self._put_back_sums(sums, tried)
            raise
        self._written += len(taken.items)

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

    def _tidy(self, now: float) -> bool:
        more = [self._store.expire(name, now - self._keep[name]) for name in LOGS]
        if any(more):
            return True
        self._store.fold(int(now - FINE_FOR))
        return False

    def _unwritten(self) -> int:
        return self._rollups.requests
