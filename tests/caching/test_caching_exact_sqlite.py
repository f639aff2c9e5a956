"""The store in a SQLite file: its bound, its neighbours, and files that are no cache."""

import asyncio
import sqlite3
import stat
import subprocess
import sys
from contextlib import aclosing
from pathlib import Path

import pytest

from stepdown.caching.exact.sqlite import SCHEMA, SQLiteStore
from stepdown.caching.exact.store import Record, StoreUnavailable

MOST = 300_000


def record(name: str, size: int = 1000, ttl: float = 60) -> Record:
    return Record(name, bytes(size), ttl)


def test_nothing_is_made_before_it_is_used(tmp_path: Path) -> None:
    async def run() -> None:
        async with aclosing(SQLiteStore(tmp_path / "cache.db", MOST)):
            pass

    asyncio.run(run())
    assert not list(tmp_path.iterdir())


def test_the_bound_is_held_and_the_longest_unused_go_first(tmp_path: Path) -> None:
    async def run() -> None:
        now = 1000.0
        async with aclosing(SQLiteStore(tmp_path / "cache.db", MOST, lambda: now)) as store:
            for n in range(300):
                now += 1
                await store.put([record(f"id{n}", ttl=10_000)])
                now += 1
                assert await store.get("id0") is not None  # in use all the time
                assert store.last is not None
                assert store.last.size <= MOST
            stats = await store.stats()
            assert MOST / 2 < stats.size <= MOST
            assert stats.evicted == 300 - stats.entries
            assert await store.get("id299") is not None
            assert await store.get("id1") is None

    asyncio.run(run())


@pytest.mark.parametrize("size", [100, 1100, 2100, 20_000])
def test_the_bound_is_one_of_the_file(tmp_path: Path, size: int) -> None:
    file, most = tmp_path / "cache.db", 1_000_000

    async def run() -> None:
        async with aclosing(SQLiteStore(file, most)) as store:
            for n in range(120):
                await store.put([record(f"{n}-{k}", size) for k in range(40)])
            assert (await store.stats()).size > most / 3
            assert await store.get("119-39") is not None

    asyncio.run(run())
    assert file.stat().st_size <= 1.05 * most


def test_a_value_that_fits_nowhere_is_left_out(tmp_path: Path) -> None:
    async def run() -> None:
        async with aclosing(SQLiteStore(tmp_path / "cache.db", MOST)) as store:
            await store.put([record("a"), record("b")])
            await store.put([record("b", MOST)])
            assert await store.get("a") is not None
            assert await store.get("b") is None

    asyncio.run(run())


def test_only_its_owner_can_read_the_file(tmp_path: Path) -> None:
    async def run() -> None:
        async with aclosing(SQLiteStore(tmp_path / "d" / "cache.db", MOST)) as store:
            await store.put([record("a")])

    asyncio.run(run())
    assert stat.S_IMODE((tmp_path / "d" / "cache.db").stat().st_mode) == 0o600


def test_what_was_purged_is_not_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "cache.db"

    async def run() -> None:
        async with aclosing(SQLiteStore(file, MOST)) as store:
            await store.put([Record("a", b"a secret that was told", 60)])
            assert await store.clear() == 1

    asyncio.run(run())
    assert all(b"secret that was" not in each.read_bytes() for each in tmp_path.iterdir())


def test_a_file_of_another_version_is_begun_anew(tmp_path: Path) -> None:
    file = tmp_path / "cache.db"

    async def run() -> None:
        async with aclosing(SQLiteStore(file, MOST)) as store:
            await store.put([record("a")])
        with sqlite3.connect(file) as database:
            database.execute(f"PRAGMA user_version = {SCHEMA + 1}")
            database.execute("CREATE TABLE more (x)")
        database.close()
        async with aclosing(SQLiteStore(file, MOST)) as store:
            assert await store.get("a") is None
            await store.put([record("a")])
            assert (await store.stats()).entries == 1

    asyncio.run(run())


def test_somebody_elses_database_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "theirs.db"
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE theirs (x)")
    database.close()
    before = file.read_bytes()

    async def run() -> None:
        async with aclosing(SQLiteStore(file, MOST)) as store:
            with pytest.raises(StoreUnavailable, match="something else than a cache"):
                await store.get("a")

    asyncio.run(run())
    with sqlite3.connect(file) as database:
        assert [*database.execute("SELECT name FROM sqlite_master")] == [("theirs",)]
    database.close()
    assert before[:16] == file.read_bytes()[:16]


@pytest.mark.parametrize("content", [b"no database at all" * 500, b"SQLite format 3\x00cut"])
def test_a_file_that_is_no_database_is_a_failure_that_says_so(
    tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "cache.db"
    file.write_bytes(content)

    async def run() -> None:
        async with aclosing(SQLiteStore(file, MOST)) as store:
            for _ in range(2):
                with pytest.raises(StoreUnavailable, match=r"cache\.db"):
                    await store.get("a")

    asyncio.run(run())
    assert file.read_bytes() == content


PROCESS = """
import asyncio, sys
from pathlib import Path
from stepdown.caching.exact.sqlite import SQLiteStore
from stepdown.caching.exact.store import Record

async def run():
    store = SQLiteStore(Path(sys.argv[1]), 300_000)
    for n in range(40):
        await store.put([Record(f"{sys.argv[2]}-{n}", bytes(200), 60)])
        assert await store.get(f"{sys.argv[2]}-{n}") is not None
    await store.aclose()

asyncio.run(run())
"""


def test_processes_share_one_file_and_one_bound(tmp_path: Path) -> None:
    file = tmp_path / "cache.db"
    arguments = [sys.executable, "-c", PROCESS, str(file)]
    for each in [subprocess.Popen([*arguments, f"p{n}"]) for n in range(3)]:
        assert each.wait(60) == 0

    async def run() -> None:
        async with aclosing(SQLiteStore(file, MOST)) as store:
            stats = await store.stats()
            assert stats.entries == 120
            assert stats.size == 120 * 200

    asyncio.run(run())
