"""The exact cache's store in this process's memory: bounded in bytes, least recently used first."""

import heapq
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

from msgspec import Struct

from stepdown.caching.exact.store import Record, StoreStats

OVERHEAD = 512
"""Bytes that an entry takes beside its value, generously: its id, its places in the dictionary and
in the heap, and Python's own headers."""
_SPARE = 64


class _Held(Struct, frozen=True, gc=False):
    value: bytes
    expires: float


class MemoryStore:
    """Holds at most ``size`` bytes, what an entry takes beside its value included."""

    kind = "memory"
    timeout = None

    def __init__(self, size: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = size
        self._clock = clock
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._expiring: list[tuple[float, str]] = []
        self._size = 0
        self._evicted = 0

    @property
    def last(self) -> StoreStats:
        return StoreStats(len(self._held), self._size, self._evicted)

    async def get(self, entry_id: str) -> bytes | None:
        held = self._held.get(entry_id)
        if held is None:
            return None
        if held.expires <= self._clock():
            self._drop(entry_id)
            return None
        self._held.move_to_end(entry_id)
        return held.value

    async def put(self, records: Sequence[Record]) -> None:
        now = self._clock()
        self._expire(now)
        for record in records:
            self._drop(record.id)
            taken = len(record.value) + OVERHEAD
            if taken > self._most:
                continue
            while self._size + taken > self._most:
                self._drop(next(iter(self._held)))
                self._evicted += 1
            held = _Held(record.value, now + record.ttl)
            self._held[record.id] = held
            self._size += taken
            heapq.heappush(self._expiring, (held.expires, record.id))

    async def delete(self, entry_id: str) -> bool:
        return self._drop(entry_id)

    async def clear(self) -> int:
        count = len(self._held)
        self._held.clear()
        self._expiring.clear()
        self._size = 0
        return count

    async def stats(self) -> StoreStats:
        self._expire(self._clock())
        return self.last

    async def aclose(self) -> None:
        await self.clear()

    def _drop(self, entry_id: str) -> bool:
        held = self._held.pop(entry_id, None)
        if held is None:
            return False
        self._size -= len(held.value) + OVERHEAD
        return True

    def _expire(self, now: float) -> None:
        """Drop what has expired; what was replaced or evicted leaves the heap now or later."""
        heap = self._expiring
        while heap and heap[0][0] <= now:
            expires, entry_id = heapq.heappop(heap)
            held = self._held.get(entry_id)
            if held is not None and held.expires == expires:
                self._drop(entry_id)
        if len(heap) > 2 * len(self._held) + _SPARE:
            self._expiring = [(each.expires, known) for known, each in self._held.items()]
            heapq.heapify(self._expiring)
