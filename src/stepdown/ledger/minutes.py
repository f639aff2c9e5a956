"""Sums per minute, kept in memory between two flushes, so that a cost is never dropped."""

import time
from abc import ABC, abstractmethod
from typing import Any, Generic, Protocol, TypeVar

MINUTE = 60
HOUR = 3600
FINE_FOR = 7 * 86_400
"""Seconds for which the database keeps minutes apart, before the writer folds them into hours."""
KEYS = 20_000
"""How many keys wait for a database that is away, before their minutes are folded into hours."""


class Addable(Protocol):
    def add(self, other: Any, /) -> None: ...


Key = TypeVar("Key", bound=tuple[Any, ...])
Sums = TypeVar("Sums", bound=Addable)


class Minutes(ABC, Generic[Key, Sums]):
    """The sums since the last ``take``, by keys that begin with their minute.

    Not safe for two threads: the ledger holds a lock.
    """

    def __init__(self) -> None:
        self._sums: dict[Key, Sums] = {}

    def __len__(self) -> int:
        return len(self._sums)

    def take(self) -> dict[Key, Sums]:
        """Hand over what was summed up and begin anew."""
        taken, self._sums = self._sums, {}
        return taken

    def put_back(self, taken: dict[Key, Sums]) -> None:
        """Take back what could not be written."""
        for key, sums in taken.items():
            self._add_sums(key, sums)
        if len(self._sums) > KEYS:
            self._coarsen()

    def _add_sums(self, key: Key, sums: Sums) -> None:
        mine = self._sums.get(key)
        if mine is None:
            self._sums[key] = sums
        else:
            mine.add(sums)

    def _coarsen(self) -> None:
        fine, self._sums = self._sums, {}
        for key, sums in fine.items():
            self._add_sums(self._coarse(key), sums)

    @abstractmethod
    def _coarse(self, key: Key) -> Key:
        """The key of the hour: a set of keys that is bounded by the configuration."""


def first_bucket(since: float) -> int:
    """The first bucket that counts from a moment on (seconds since 1970).

    Older than a week, sums are kept by the hour.
    """
    grain = HOUR if since < time.time() - FINE_FOR else MINUTE
    return int(since) // grain * grain
