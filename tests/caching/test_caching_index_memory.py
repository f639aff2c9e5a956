"""The index in memory: large partitions have a thread, in order and bounded."""

import asyncio
import threading

import pytest

from stepdown.caching.index import memory
from stepdown.caching.index.index import IndexUnavailable, Match
from stepdown.caching.index.memory import MemoryIndex
from stepdown.caching.index.partition import Partition
from stepdown.embedding.embedder import Vectors
from stepdown.embedding.own_thread import MOST_WAITING
from support.vector_indexes import DIMENSIONS, directions

VECTORS = directions(200)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "QUICK", 10)


class Slow:
    """Holds up every search on a thread until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.free = threading.Event()
        self.threads: set[int] = set()
        search = Partition.search

        def slowly(partition: Partition, vector: Vectors, k: int) -> list[Match]:
            if threading.current_thread() is not threading.main_thread():
                self.free.wait(10)
            self.threads.add(threading.get_ident())
            return search(partition, vector, k)

        monkeypatch.setattr(Partition, "search", slowly)


async def filled(count: int, most: int = 1_000) -> MemoryIndex:
    index = MemoryIndex(DIMENSIONS, most)
    for number in range(count):
        await index.add("p", str(number), VECTORS[number])
    return index


def test_a_small_partition_is_searched_at_once_and_a_large_one_on_the_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow = Slow(monkeypatch)
    slow.free.set()

    async def use() -> None:
        index = await filled(10)
        await index.search("p", VECTORS[0], 1)
        assert slow.threads == {threading.get_ident()}
        await index.add("p", "more", VECTORS[50])
        slow.threads.clear()
        assert [match.id for match in await index.search("p", VECTORS[50], 1)] == ["more"]
        assert threading.get_ident() not in slow.threads
        await index.aclose()

    asyncio.run(use())


def test_searches_that_wait_are_bounded_and_the_next_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def use() -> None:
        index = await filled(20)
        slow = Slow(monkeypatch)
        asked = [
            asyncio.create_task(index.search("p", VECTORS[at], 1)) for at in range(MOST_WAITING)
        ]
        await asyncio.sleep(0)
        with pytest.raises(IndexUnavailable, match="vector-index: 32 calls are waiting"):
            await index.search("p", VECTORS[0], 1)
        added = asyncio.create_task(index.add("p", "late", VECTORS[99]))  # which is never refused
        await asyncio.sleep(0)
        slow.free.set()
        found = await asyncio.gather(*asked)
        assert [its[0].id for its in found[:20]] == [str(number) for number in range(20)]
        await added
        assert (await index.search("p", VECTORS[99], 1))[0].id == "late"
        await index.aclose()

    asyncio.run(use())


def test_a_change_is_done_although_its_caller_gave_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def use() -> None:
        index = await filled(20, most=20)
        slow = Slow(monkeypatch)
        search = asyncio.create_task(index.search("p", VECTORS[0], 1))
        await asyncio.sleep(0)
        added = asyncio.create_task(index.add("p", "new", VECTORS[99]))  # "0" makes room
        await asyncio.sleep(0)
        added.cancel()
        with pytest.raises(asyncio.CancelledError):
            await added
        slow.free.set()
        await search
        there = {match.id for match in await index.search("p", VECTORS[0], 100)}
        assert there == {"new", *(str(number) for number in range(1, 20))}
        assert (await index.size()).entries == 20
        await index.aclose()

    asyncio.run(use())


def test_partitions_that_are_empty_take_no_memory() -> None:
    async def use() -> None:
        index = MemoryIndex(DIMENSIONS, most=30)
        for number in range(500):
            await index.add(f"p{number % 50}", str(number), VECTORS[number % 200])
        full = await index.size()
        assert full.entries == 30
        for number in range(30):
            await index.add("large", str(number), VECTORS[number])
        assert len(index._held) == 1
        for number in range(30):
            assert await index.remove("large", str(number))
        assert not index._held
        assert (await index.size()).bytes == 0
        await index.aclose()

    asyncio.run(use())


def test_many_at_once_keep_every_partition_apart() -> None:
    async def client(index: MemoryIndex, name: str) -> None:
        for number in range(40):
            await index.add(name, f"{name}-{number}", VECTORS[number])
            found = await index.search(name, VECTORS[number], 3)
            assert found[0].id == f"{name}-{number}"
            assert all(match.id.startswith(f"{name}-") for match in found)

    async def use() -> None:
        index = MemoryIndex(DIMENSIONS, most=1_000)
        await asyncio.gather(*(client(index, f"tenant{number}") for number in range(10)))
        assert (await index.size()).entries == 400
        await index.aclose()

    asyncio.run(use())


def test_what_waits_when_the_index_is_closed_is_not_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def use() -> None:
        index = await filled(20)
        slow = Slow(monkeypatch)
        searches = [asyncio.create_task(index.search("p", VECTORS[0], 1)) for _ in range(2)]
        await asyncio.sleep(0)
        removed = asyncio.create_task(index.remove("p", "3"))
        await asyncio.sleep(0)
        await index.aclose()
        with pytest.raises(IndexUnavailable, match="closed"):
            await searches[1]
        assert await removed
        slow.free.set()
        await asyncio.wait(searches)
        assert not searches[0].cancelled()

    asyncio.run(use())
