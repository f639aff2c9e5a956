"""Entries are written in the background, and found until then; what has no room is counted."""

import asyncio
from collections.abc import Sequence

from stepdown.caching.exact.breaker import Breaker
from stepdown.caching.exact.entry import Entry
from stepdown.caching.exact.memory import MemoryStore
from stepdown.caching.exact.store import Record
from stepdown.caching.exact.write_behind import WriteBehind
from support.exact_caches import Broken


class Gated(MemoryStore):
    """Writes once the gate is open."""

    def __init__(self) -> None:
        super().__init__(10_000_000)
        self.gate = asyncio.Event()
        self.writes = 0

    async def put(self, records: Sequence[Record]) -> None:
        self.writes += 1
        await self.gate.wait()
        await super().put(records)


def put(writes: WriteBehind, name: str, value: bytes = b"v") -> Entry:
    entry = Entry(value, "m", None, 0.0)
    writes.put(entry, Record(name, value, 60))
    return entry


def test_an_entry_is_found_until_it_is_written_and_then_in_the_store() -> None:
    async def run() -> None:
        store = Gated()
        writes = WriteBehind(Breaker(store))
        task = asyncio.create_task(writes.run())
        entries = [put(writes, f"{n}") for n in range(10)]
        await asyncio.sleep(0)
        assert [writes.get(f"{n}") for n in range(10)] == entries
        store.gate.set()
        await writes.drained()
        assert writes.get("0") is None
        assert await store.get("0") == b"v"
        assert (writes.written, writes.dropped, store.writes) == (10, 0, 1)
        task.cancel()

    asyncio.run(run())


def test_what_comes_while_an_older_one_is_written_is_written_after_it() -> None:
    async def run() -> None:
        store = Gated()
        writes = WriteBehind(Breaker(store))
        task = asyncio.create_task(writes.run())
        put(writes, "a", b"old")
        await asyncio.sleep(0)
        newer = put(writes, "a", b"new")
        store.gate.set()
        await asyncio.sleep(0)
        assert writes.get("a") in (newer, None)
        await writes.drained()
        assert await store.get("a") == b"new"
        task.cancel()

    asyncio.run(run())


def test_what_has_no_room_is_dropped_and_counted() -> None:
    async def run() -> None:
        writes = WriteBehind(Breaker(Gated()), most=100)
        for n in range(5):
            put(writes, f"{n}", bytes(40))
        assert writes.dropped == 3
        put(writes, "0", bytes(60))  # in the place of the smaller one
        assert writes.dropped == 3
        assert writes.clear() == 2
        put(writes, "5", bytes(100))
        assert writes.dropped == 3

    asyncio.run(run())


def test_what_a_failing_store_does_not_take_is_dropped_and_counted() -> None:
    async def run() -> None:
        writes = WriteBehind(Breaker(Broken()))
        task = asyncio.create_task(writes.run())
        for n in range(3):
            put(writes, f"{n}")
        await writes.drained()
        assert (writes.written, writes.dropped) == (0, 3)
        assert writes.get("0") is None
        task.cancel()

    asyncio.run(run())


def test_what_is_deleted_while_it_is_written_stays_deleted() -> None:
    async def run() -> None:
        store = Gated()
        writes = WriteBehind(Breaker(store))
        task = asyncio.create_task(writes.run())
        put(writes, "a")
        await asyncio.sleep(0)

        async def forget() -> None:
            async with writes.writing:
                writes.forget("a")
                await store.delete("a")

        forgetting = asyncio.create_task(forget())
        await asyncio.sleep(0)
        store.gate.set()
        await forgetting
        await writes.drained()
        assert await store.get("a") is None
        task.cancel()

    asyncio.run(run())
