"""Writes entries in the background, many at once; until then they are found here.

Bounded: what does not fit, or cannot be written, is dropped and counted.
"""

import asyncio
from itertools import islice

from msgspec import Struct

from stepdown.caching.exact.breaker import Breaker
from stepdown.caching.exact.entry import Entry
from stepdown.caching.exact.store import Record

QUEUE_BYTES = 32_000_000
_BATCH = 64


class _Waiting(Struct, frozen=True):
    entry: Entry
    record: Record


class WriteBehind:
    """``written`` and ``dropped`` count entries; ``most`` bounds what waits, in bytes.

    ``writing`` is held while entries are on their way: what is deleted then is not written after.
    """

    def __init__(self, store: Breaker, most: int = QUEUE_BYTES) -> None:
        self.written = 0
        self.dropped = 0
        self.writing = asyncio.Lock()
        self._store = store
        self._left = most
        self._waiting: dict[str, _Waiting] = {}
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def put(self, entry: Entry, record: Record) -> None:
        """Queue an entry, in place of an older one of the same key."""
        self.forget(record.id)
        if len(record.value) > self._left:
            self.dropped += 1
            return
        self._left -= len(record.value)
        self._waiting[record.id] = _Waiting(entry, record)
        self._idle.clear()
        self._wake.set()

    def get(self, entry_id: str) -> Entry | None:
        """The entry, where it still waits."""
        waiting = self._waiting.get(entry_id)
        return None if waiting is None else waiting.entry

    def forget(self, entry_id: str) -> bool:
        """Whether the entry still waited."""
        waiting = self._waiting.pop(entry_id, None)
        if waiting is not None:
            self._left += len(waiting.record.value)
        return waiting is not None

    def clear(self) -> int:
        """Forget all that waits; how many there were."""
        count = len(self._waiting)
        for entry_id in tuple(self._waiting):
            self.forget(entry_id)
        return count

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                async with self.writing:
                    await self._write(list(islice(self._waiting.values(), _BATCH)))
            self._idle.set()

    async def drained(self) -> None:
        """Return once nothing waits."""
        await self._idle.wait()

    async def _write(self, batch: list[_Waiting]) -> None:
        written = await self._store.put([each.record for each in batch])
        if written:
            self.written += len(batch)
        else:
            self.dropped += len(batch)
        for each in batch:
            if self._waiting.get(each.record.id) is each:
                self.forget(each.record.id)
