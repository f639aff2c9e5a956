"""Keeps the answers of finished calls in a file, so that no later run asks for one again.

A call is known by its key, a digest; what was asked is not kept. Each answer is written at once, in
about 0.05 ms: a process that is killed loses none. Several processes may share the file.
"""

import os
import sqlite3
import time
import zlib
from pathlib import Path
from types import TracebackType
from typing import Self

from msgspec import DecodeError, Struct, msgpack

from stepdown.errors import StepdownError
from stepdown.places import cache_directory
from stepdown.storage.connection import set_pragmas
from stepdown.types import Choice, Role, Usage

KEEP_DAYS = 90.0
LARGEST = 64 * 1024 * 1024
"""Bytes of one answer, unpacked, beyond which it is taken for damaged."""
_PATIENCE = 30.0
"""Seconds to wait for another process that writes."""
_DAY = 86_400.0
_VERSION = 1
"""Of the tables. What is in a value has the version of its key."""
_TABLES = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS answers (key BLOB PRIMARY KEY, value BLOB NOT NULL, at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS answers_by_age ON answers (at);
PRAGMA user_version = {_VERSION};
COMMIT;
"""


class AnswersUnavailable(StepdownError):
    """The file of answers cannot be used; the message names it."""

    code = "answers_unavailable"


class Stored(Struct, frozen=True):
    """How a call ended. ``model`` answered it, or should have.

    ``error`` says why there are no choices. ``usage`` is None where the upstream told none.
    ``seconds`` is how long the call took, ``at`` when it ended (since 1970).
    """

    choices: tuple[Choice, ...]
    usage: Usage | None
    seconds: float
    error: str | None
    model: str
    role: Role
    at: float


_pack = msgpack.Encoder().encode
_unpack = msgpack.Decoder(Stored).decode


def default_path() -> Path:
    """The file in the user's cache directory; it may not exist yet."""
    return cache_directory() / "evals" / "answers.db"


class Store:
    """The answers in one file, which is made where it is missing. A context manager.

    ``keep`` is in days; older answers are dropped now. ``retry_failed``: what failed before now is
    not known. ``damaged`` counts values that could not be read, each a call that is made again.
    Raises AnswersUnavailable, as every method does. For one thread.
    """

    def __init__(self, path: Path, *, keep: float = KEEP_DAYS, retry_failed: bool = False) -> None:
        self.path = path
        self.damaged = 0
        self._opened = time.time()
        self._retry_failed = retry_failed
        try:
            _make(path)
            self._database = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise self._unavailable(error) from error
        try:
            self._prepare(self._opened - keep * _DAY)
        except BaseException as error:
            self._database.close()
            if isinstance(error, sqlite3.Error):
                raise self._unavailable(error) from error
            raise

    def get(self, key: bytes) -> Stored | None:
        """How the call ended that has this key, or None where that is not known."""
        found = self._execute("SELECT value FROM answers WHERE key = ?", key).fetchone()
        if found is None:
            return None
        stored = _read(found[0])
        if stored is None:
            self.damaged += 1
            self._execute("DELETE FROM answers WHERE key = ?", key)
        elif stored.error is not None and self._retry_failed and stored.at < self._opened:
            return None
        return stored

    def put(self, key: bytes, stored: Stored) -> None:
        """Keep how a call ended; when this returns, it outlives the process."""
        value = zlib.compress(_pack(stored))
        self._execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", key, value, stored.at)

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _prepare(self, oldest: float) -> None:
        database = self._database
        [version] = database.execute("PRAGMA user_version").fetchone()
        if version > _VERSION:
            raise self._unavailable(f"a later version of Stepdown made it (tables {version})")
        set_pragmas(database)
        if version < _VERSION:
            database.executescript(_TABLES)
        database.execute("DELETE FROM answers WHERE at < ?", (oldest,))

    def _execute(self, statement: str, *values: object) -> sqlite3.Cursor:
        try:
            return self._database.execute(statement, values)
        except sqlite3.Error as error:
            raise self._unavailable(error) from error

    def _unavailable(self, why: object) -> AnswersUnavailable:
        return AnswersUnavailable(f"The answers in {self.path} cannot be used: {why}.")


def _make(path: Path) -> None:
    """An empty file for its owner's eyes only, where there is none; SQLite's others follow it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def _read(value: object) -> Stored | None:
    """A stored value, or None where it is damaged."""
    if not isinstance(value, bytes):
        return None
    unpacking = zlib.decompressobj()
    try:
        packed = unpacking.decompress(value, LARGEST)
        return _unpack(packed) if unpacking.eof else None
    except (zlib.error, DecodeError, UnicodeDecodeError, RecursionError):
        return None
