"""Writes what has gathered, every so often, in a thread of its own.

    gather (any thread) ─ a bounded queue ─ flush (this thread) ─ database

A database that is away is tried again, ever less often; meanwhile the queue drops and counts.
"""

import logging
import threading
import time
from abc import ABC, abstractmethod

from msgspec import Struct

from stepdown.storage.address import DatabaseUnavailable
from stepdown.storage.session import Session

SLOWEST_RETRY = 5.0
"""Seconds between two tries to reach a database that is away."""
CARE_INTERVAL = 60.0
"""Seconds between two looks for what is too old."""


class Wording(Struct, frozen=True):
    """What the log calls a writer: its ``name`` begins a sentence, ``items`` are what it writes."""

    name: str
    items: str
    logger: logging.Logger


class Writer(ABC):
    """The thread, its retries and its end. ``interval`` is seconds between two flushes, and the
    most that a killed process loses; ``slowest_retry`` is the longest pause between two tries."""

    def __init__(
        self, session: Session, wording: Wording, interval: float, slowest_retry: float
    ) -> None:
        self._session = session
        self._wording = wording
        self._interval = interval
        self._slowest_retry = slowest_retry
        self._stopping = threading.Event()
        self._tried = threading.Event()
        self._closing = threading.Lock()
        self._thread: threading.Thread | None = None
        self._care_due = 0.0
        self._failures = self._failures_in_a_row = 0
        self._error: str | None = None
        self._last_flush: float | None = None

    # ── what a writer writes ─────────────────────────────────────────────────────────────────

    @abstractmethod
    def _write(self) -> None:
        """Write what has gathered, in one transaction. Where it raises, all is kept for later."""

    @abstractmethod
    def _tidy(self, now: float) -> bool:
        """Delete and fold what is too old, some at a time; whether there may be more.

        Raises DatabaseUnavailable.
        """

    @abstractmethod
    def _unwritten(self) -> int:
        """How many items wait."""

    # ── the owner's side ─────────────────────────────────────────────────────────────────────

    @property
    def tried(self) -> bool:
        """Whether the database has been opened, or has been found to be away."""
        return self._tried.is_set()

    def start(self) -> None:
        """Start the writer's thread, once, in the process that records."""
        if self._thread is None:
            self._stopping.clear()
            name = self._wording.logger.name.replace(".", "-")
            self._thread = threading.Thread(target=self._run, name=name, daemon=True)
            self._thread.start()

    def close(self, timeout: float = 10.0) -> None:
        """Write what is there and stop; gives up after ``timeout`` seconds."""
        self._stopping.set()
        with self._closing:  # a reload and a stop may close the same writer
            thread, self._thread = self._thread, None
            if thread is None:
                self._flush_last()
                return
            thread.join(timeout)
            if thread.is_alive():
                self._wording.logger.error(
                    "%s's writer does not stop; what it holds is left behind.", self._wording.name
                )

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
            self._session.open()
        except DatabaseUnavailable as error:
            self._failed(error)
        self._tried.set()

    def _flush_last(self) -> None:
        if not self._flush():
            self._wording.logger.error(
                "%s closes with %d %s unwritten.",
                self._wording.name,
                self._unwritten(),
                self._wording.items,
            )
        self._session.close()

    def _pause(self) -> float:
        return min(self._interval * 2.0 ** min(self._failures_in_a_row, 10), self._slowest_retry)

    def _flush(self) -> bool:
        """Write what is there; whether the database is well."""
        try:
            self._write()
        except Exception as error:  # noqa: BLE001  # the thread must live on
            self._failed(error)
            return False
        self._last_flush = time.time()
        self._recovered()
        return True

    def _care(self) -> None:
        """Tidy up: a little at each flush, until nothing is left to do."""
        if time.monotonic() < self._care_due:
            return
        try:
            if not self._tidy(time.time()):
                self._care_due = time.monotonic() + CARE_INTERVAL
        except DatabaseUnavailable as error:
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        self._failures_in_a_row += 1
        self._error = str(error) or type(error).__name__
        if self._failures_in_a_row == 1:
            self._wording.logger.error(
                "%s cannot write; it keeps trying. %s", self._wording.name, self._error
            )

    def _recovered(self) -> None:
        if self._failures_in_a_row:
            self._wording.logger.warning(
                "%s writes again after %d failures.", self._wording.name, self._failures_in_a_row
            )
        self._failures_in_a_row = 0
        self._error = None
