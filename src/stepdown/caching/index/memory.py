"""``MemoryIndex``: vectors in this process's memory, all partitions under one bound."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from stepdown.caching.index.index import IndexSize, IndexUnavailable, Match, checked
from stepdown.caching.index.partition import MOST_FLAT, Partition
from stepdown.embedding.embedder import Vectors
from stepdown.embedding.own_thread import Busy, OwnThread, is_cancelled

QUICK = 4_096
"""Entries that are searched at once, in 0.2 ms; a larger partition is searched on a thread."""

_Change = asyncio.Future[object] | None
"""A change that is under way on the thread; None for one that is done."""


class _Held:
    """A partition, and how its work is done: once on the thread, always there, so that its calls
    keep their order."""

    def __init__(self, partition: Partition) -> None:
        self.partition = partition
        self.on_thread = False
        self.under_way = 0


class MemoryIndex:
    """A partition is one array; a graph stands in beyond ``most_flat`` entries where the extra
    ``graph`` is installed. Nothing survives the process."""

    def __init__(self, dimensions: int, most: int, most_flat: int = MOST_FLAT) -> None:
        self.dimensions = dimensions
        self.most = most
        self._most_flat = most_flat
        self._held: dict[str, _Held] = {}
        self._recent: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._evicted = 0
        self._thread = OwnThread("vector-index")

    async def add(self, partition: str, entry: str, vector: Vectors) -> list[str]:
        """As VectorIndex says."""
        checked(vector, self.dimensions)
        held = self._held.get(partition)
        if held is None:
            held = self._held[partition] = _Held(Partition(self.dimensions, self._most_flat))
        self._recent[partition, entry] = None
        self._recent.move_to_end((partition, entry))
        victims = [
            self._recent.popitem(last=False)[0] for _ in range(len(self._recent) - self.most)
        ]
        self._evicted += len(victims)
        changes = [self._change(partition, held, held.partition.add, entry, vector)]
        changes += [self._drop(*victim) for victim in victims]
        for change in changes:
            await _end_of(change)
        return [victim for _, victim in victims]

    async def remove(self, partition: str, entry: str) -> bool:
        """As VectorIndex says."""
        if (partition, entry) not in self._recent:
            return False
        del self._recent[partition, entry]
        await _end_of(self._drop(partition, entry))
        return True

    async def hit(self, partition: str, entry: str) -> None:
        """As VectorIndex says."""
        if (partition, entry) in self._recent:
            self._recent.move_to_end((partition, entry))

    async def search(self, partition: str, vector: Vectors, k: int) -> list[Match]:
        """As VectorIndex says. Raises IndexUnavailable when too many searches wait already."""
        checked(vector, self.dimensions)
        held = self._held.get(partition)
        if held is None or k < 1:
            return []
        if not held.on_thread:
            return held.partition.search(vector, k)
        try:
            return await self._thread.run(held.partition.search, vector, k)
        except Busy as error:
            raise IndexUnavailable(str(error)) from error

    async def clear(self, partition: str | None = None) -> int:
        """As VectorIndex says."""
        gone = [key for key in self._recent if partition is None or key[0] == partition]
        for key in gone:
            del self._recent[key]
        for owner in [partition] if partition is not None else list(self._held):
            self._held.pop(owner, None)
        return len(gone)

    async def size(self) -> IndexSize:
        """As VectorIndex says."""
        used = 0
        for held in list(self._held.values()):
            if held.on_thread:
                used += await self._thread.finish(held.partition.measure)
            else:
                used += held.partition.measure()
        return IndexSize(len(self._recent), used, self._evicted)

    async def aclose(self) -> None:
        """Forget everything."""
        self._held.clear()
        self._recent.clear()
        await self._thread.aclose()

    def _drop(self, partition: str, entry: str) -> _Change:
        held = self._held[partition]
        return self._change(partition, held, held.partition.remove, entry)

    def _change(
        self, partition: str, held: _Held, work: Callable[..., object], *given: Any
    ) -> _Change:
        """Change a partition at once, or queue the change, whoever waits for it; a partition that
        is empty then is dropped."""
        held.on_thread = held.on_thread or len(held.partition) >= QUICK
        if not held.on_thread:
            work(*given)
            self._tidy(partition, held)
            return None
        held.under_way += 1
        changing = self._thread.finish(work, *given)

        def changed(_: object) -> None:
            held.under_way -= 1
            self._tidy(partition, held)

        changing.add_done_callback(changed)
        return changing

    def _tidy(self, partition: str, held: _Held) -> None:
        is_over = len(held.partition) == 0 and held.under_way == 0
        if is_over and self._held.get(partition) is held:
            del self._held[partition]


async def _end_of(change: _Change) -> None:
    """A change goes on where the caller gives up waiting for it; a closed index drops it."""
    if change is None:
        return
    try:
        await asyncio.shield(change)
    except asyncio.CancelledError:
        if is_cancelled():
            raise
