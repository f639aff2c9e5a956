"""What every store of the exact cache must do: one suite over memory, SQLite and a real Redis."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from stepdown.caching.exact.memory import MemoryStore
from stepdown.caching.exact.redis import RedisStore
from stepdown.caching.exact.sqlite import SQLiteStore
from stepdown.caching.exact.store import Record, Store
from support.redis_server import REDIS

Make = Callable[[], Store]


@pytest.fixture(params=["memory", "sqlite", "redis"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Makes a store; those of one test that outlive a process are the same store."""
    if request.param == "memory":
        yield lambda: MemoryStore(1_000_000)
    elif request.param == "sqlite":
        yield lambda: SQLiteStore(tmp_path / "of" / "its" / "own.db", 1_000_000)
    else:
        prefix = request.getfixturevalue("redis_prefix")
        yield lambda: RedisStore(REDIS, prefix=prefix, timeout=2.0)


def record(name: str, value: bytes = b"value", ttl: float = 60) -> Record:
    return Record(name, value, ttl)


def test_what_was_put_is_got_byte_for_byte(make: Make) -> None:
    async def run() -> None:
        async with aclosing(make()) as store:
            values = {f"id{n}": bytes(range(256)) * n for n in range(1, 40)}
            await store.put([record(name, value) for name, value in values.items()])
            for name, value in values.items():
                assert await store.get(name) == value
            assert await store.get("id") is None
            assert await store.get("id99") is None

    asyncio.run(run())


def test_a_later_value_replaces_an_earlier_one(make: Make) -> None:
    async def run() -> None:
        async with aclosing(make()) as store:
            await store.put([record("a", b"one"), record("a", b"two")])
            assert await store.get("a") == b"two"
            await store.put([record("a", b"three")])
            assert await store.get("a") == b"three"
            assert (await store.stats()).entries == 1

    asyncio.run(run())


def test_an_entry_expires(make: Make) -> None:
    async def run() -> None:
        async with aclosing(make()) as store:
            await store.put([record("short", ttl=0.05), record("long")])
            assert await store.get("long") is not None
            await asyncio.sleep(0.1)
            assert await store.get("short") is None
            assert await store.get("long") is not None
            assert (await store.stats()).entries == 1

    asyncio.run(run())


def test_entries_are_deleted_and_counted(make: Make) -> None:
    async def run() -> None:
        async with aclosing(make()) as store:
            await store.put([record(f"id{n}", b"v" * 1000) for n in range(1200)])
            stats = await store.stats()
            assert stats.entries > 500
            assert stats.size >= stats.entries * 1000
            assert await store.delete("id1199")
            assert not await store.delete("id1199")
            assert await store.get("id1199") is None
            assert await store.clear() == stats.entries - 1
            after = await store.stats()
            assert (after.entries, after.size) == (0, 0)
            assert await store.clear() == 0
            await store.put([record("a")])
            assert await store.get("a") == b"value"

    asyncio.run(run())


def test_many_at_once_disturb_nobody(make: Make) -> None:
    async def run() -> None:
        async with aclosing(make()) as store:

            async def use(number: int) -> None:
                for turn in range(10):
                    name = f"{number % 7}-{turn}"
                    await store.put([record(name, name.encode())])
                    assert await store.get(name) == name.encode()

            await asyncio.gather(*map(use, range(30)))
            assert (await store.stats()).entries == 70

    asyncio.run(run())


def test_nothing_put_is_nothing_done(make: Make) -> None:
    async def run() -> None:
        async with aclosing(make()) as store:
            await store.put([])
            assert (await store.stats()).entries == 0

    asyncio.run(run())


def test_what_outlives_a_process_is_there_for_the_next(make: Make) -> None:
    async def run() -> None:
        async with aclosing(make()) as store:
            await store.put([record("a")])
        async with aclosing(make()) as store:
            found = await store.get("a")
            assert found == (None if store.kind == "memory" else b"value")

    asyncio.run(run())
