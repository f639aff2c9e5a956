"""Holds entries and finds the nearest: an index of vectors, and the entries that they stand for."""

from msgspec import Struct

from stepdown.caching.index.index import VectorIndex
from stepdown.caching.semantic.entries import Entries, Entry
from stepdown.embedding.embedder import Vectors

LOOKED_AT = 4
"""Nearest vectors whose entries are looked at: some may be too old, or gone."""
NEIGHBOURHOOD = 0.9
"""Entries at least so similar to one that was reported go with it."""
MOST_NEIGHBOURS = 16


class Record(Struct):
    """How often an entry's answer was compared with a fresh one, and what came of it."""

    right: int = 0
    wrong: int = 0


class Nearest(Struct, frozen=True):
    """The nearest entry, its record, and how similar the next one is (0 where there is none)."""

    entry: Entry
    similarity: float
    runner_up: float
    record: Record


class Shelf:
    """Keeps index and entries together: what one drops, the other does not find again."""

    def __init__(self, index: VectorIndex, entries: Entries) -> None:
        self.index = index
        self.entries = entries
        self.evicted = 0
        self._records: dict[str, Record] = {}

    async def nearest(self, partition: str, vector: Vectors, since: float) -> Nearest | None:
        """The nearest entry that was stored at ``since`` (seconds since 1970) or later.

        Raises StepdownError where the index fails.
        """
        found: list[tuple[Entry, float]] = []
        for match in await self.index.search(partition, vector, LOOKED_AT):
            entry = await self.entries.get(match.id)
            if entry is None or entry.partition != partition:
                await self.index.remove(partition, match.id)
            elif entry.stored >= since:
                found.append((entry, match.similarity))
            if len(found) == 2:
                break
        if not found:
            return None
        entry, similarity = found[0]
        runner_up = found[1][1] if len(found) > 1 else 0.0
        return Nearest(entry, similarity, runner_up, self._records.get(entry.id) or Record())

    async def compared(self, entry: Entry, *, right: bool) -> None:
        """Note what came of a comparison, where the entry is still held."""
        if await self.entries.get(entry.id) is None:
            return
        record = self._records.setdefault(entry.id, Record())
        if len(self._records) > self.index.most:  # entries may go without this process's doing
            del self._records[next(iter(self._records))]
        record.right += right
        record.wrong += not right

    async def used(self, entry: Entry) -> None:
        await self.index.hit(entry.partition, entry.id)

    async def put(self, entry: Entry, vector: Vectors) -> None:
        """Raises StepdownError where the index fails."""
        for gone in await self.index.add(entry.partition, entry.id, vector):
            self.evicted += 1
            self._records.pop(gone, None)
            await self.entries.remove(gone)
        for dropped in await self.entries.put(entry):
            self.evicted += 1
            self._records.pop(dropped.id, None)
            await self.index.remove(dropped.partition, dropped.id)

    async def remove(self, entry_id: str) -> Entry | None:
        entry = await self.entries.remove(entry_id)
        self._records.pop(entry_id, None)
        if entry is not None:
            await self.index.remove(entry.partition, entry_id)
        return entry

    async def remove_around(self, entry: Entry, vector: Vectors) -> int:
        """Remove an entry and its neighbours; how many went."""
        near = await self.index.search(entry.partition, vector, MOST_NEIGHBOURS)
        gone = {entry.id, *(each.id for each in near if each.similarity >= NEIGHBOURHOOD)}
        return sum([await self.remove(each) is not None for each in gone])

    async def clear(self) -> int:
        number = await self.entries.clear()
        self._records.clear()
        await self.index.clear()
        return number
