"""Entries in PostgreSQL: one with their vectors whichever replica acts, and gone when their time is
over."""

import asyncio
import logging
import time

import psycopg
import pytest

from stepdown.caching.index.index import IndexUnavailable
from stepdown.caching.index.postgresql import PostgresIndex
from stepdown.caching.semantic import postgres_entries as postgres_entries_module
from stepdown.caching.semantic.postgres_entries import PostgresEntries
from stepdown.storage.address import parse
from support.shared_entries import Shared, entry, in_postgresql
from support.vector_indexes import directions


def opened(
    url: str, embedder: str = "e", *, most: int = 64_000_000, vectors: int = 1_000
) -> Shared:
    held = in_postgresql(url, embedder, most=most, vectors=vectors)
    held.clear()
    held.run(held.index.clear())
    return held


def test_replicas_share_entries(pgvector_url: str) -> None:
    one, other = opened(pgvector_url), opened(pgvector_url)
    kept = entry("a")
    one.put(kept)
    assert other.get("a") == kept
    other.sweep()
    assert other.entries.held == (1, kept.size)
    assert other.remove("a") == kept
    assert one.get("a") is None
    one.close()
    other.close()


def test_an_entry_goes_with_its_vector_whoever_removes_it(pgvector_url: str) -> None:
    one, other = opened(pgvector_url), opened(pgvector_url)
    for name in ("a", "b", "c"):
        one.put(entry(name))
    assert other.run(other.index.remove("p", "a"))
    assert one.get("a") is None
    small = in_postgresql(pgvector_url, vectors=1)
    small.put(entry("d"))  # its index makes room for it
    assert [one.get(name) is not None for name in "bcd"] == [False, False, True]
    other.run(other.index.clear())
    assert one.get("d") is None
    assert one.clear() == 0
    for held in (one, other, small):
        held.close()


def test_an_entry_whose_vector_is_gone_is_not_kept(pgvector_url: str) -> None:
    one = opened(pgvector_url)
    late = entry("late")
    assert one.run(one.entries.put(late)) == [late]
    assert one.get("late") is None
    assert one.entries.held == (0, 0)
    one.close()


def test_another_embedder_s_entries_are_never_found(pgvector_url: str) -> None:
    one, other = opened(pgvector_url, "one"), opened(pgvector_url, "other")
    one.put(entry("a"))
    other.put(entry("a", body=b"another"))
    assert other.clear() == 1
    found = one.get("a")
    assert found is not None
    assert found.body == entry().body
    one.clear()
    one.run(one.index.clear())
    other.run(other.index.clear())
    one.close()
    other.close()


def test_what_is_kept_long_enough_is_not_found_and_deleted(pgvector_url: str) -> None:
    one, other = opened(pgvector_url), opened(pgvector_url, "other")
    one.postgres.ttls = {"short": 60.0}
    now = time.time()
    one.put(entry("young", target="short", stored=now - 30))
    one.put(entry("old", target="short", stored=now - 61))
    one.put(entry("usual", stored=now - 61))
    assert one.get("young") is not None
    assert one.get("usual") is not None
    assert one.get("old") is None
    assert one.vectors() == 3
    assert other.sweep() == 1  # any replica, whatever embeds for it
    assert (one.vectors(), one.clear()) == (2, 2)
    one.run(one.index.clear())
    one.close()
    other.close()


def test_texts_do_not_outlive_a_change_of_the_vectors_length(pgvector_url: str) -> None:
    async def keep() -> None:
        index = PostgresIndex(parse(pgvector_url), "long", 12, 10)
        entries = PostgresEntries(index)
        await index.add("p", "gone", directions(1, 12)[0])
        await entries.put(entry("gone", text="a secret", stored=time.time() - 86_401))
        await index.aclose()

    asyncio.run(keep())
    with psycopg.connect(pgvector_url) as connection:
        counted = "SELECT count(*) FROM semantic_entries_12"
        assert connection.execute(counted).fetchone() == (1,)
        connection.commit()
        held = opened(pgvector_url)
        assert held.sweep() == 1
        held.close()
        assert connection.execute(counted).fetchone() == (0,)


def test_vectors_without_entries_go_after_a_while(
    pgvector_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = opened(pgvector_url)
    held.put(entry("kept"))
    held.run(held.index.add("p", "lone", directions(1)[0]))
    assert held.sweep() == 0  # it may be about to be added
    monkeypatch.setattr(postgres_entries_module, "LONE", 0)
    assert held.sweep() == 1
    assert held.vectors() == 1
    assert held.get("kept") is not None
    held.clear()
    held.run(held.index.clear())
    held.close()


def test_what_another_version_wrote_is_not_found(pgvector_url: str) -> None:
    held = opened(pgvector_url)
    for name, column in (("a", "usage"), ("b", "text")):
        held.put(entry(name))
        with psycopg.connect(pgvector_url) as connection:
            connection.execute(
                f"UPDATE semantic_entries_8 SET {column} = '\\xff' WHERE entry = %s".encode(),
                [name],
            )
        assert held.get(name) is None
    held.run(held.index.clear())
    held.close()


def test_replicas_that_start_and_sweep_at_once_do_not_meet(pgvector_url: str) -> None:
    async def start(number: int) -> None:
        index = PostgresIndex(parse(pgvector_url), "race", 5, 1_000)
        entries = PostgresEntries(index)
        for place in range(5):
            name = f"{number}.{place}"
            await index.add("p", name, directions(1, 5)[0])
            await entries.put(entry(name, stored=time.time() - 90_000 * (place % 2)))
            await entries.sweep()
        await index.aclose()

    async def all_of_them() -> tuple[int, int]:
        await asyncio.gather(*(start(number) for number in range(5)))
        index = PostgresIndex(parse(pgvector_url), "race", 5, 1_000)
        entries = PostgresEntries(index)
        await entries.sweep()
        number = await entries.clear()
        vectors = await index.clear()
        await index.aclose()
        return number, vectors

    assert asyncio.run(all_of_them()) == (15, 15)


def test_it_sweeps_by_itself(pgvector_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_entries_module, "SWEEP_EVERY", 0.01)
    held = opened(pgvector_url)
    held.put(entry("old", stored=1.0))

    async def swept() -> None:
        held.postgres.start()
        async with asyncio.timeout(60.0):
            while True:
                if not (await held.index.size()).entries:
                    break
        await held.postgres.aclose()

    held.run(swept())
    held.close()


def test_it_says_once_that_the_database_is_away(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(postgres_entries_module, "SWEEP_EVERY", 0.01)
    away = in_postgresql("postgresql://someone:hunter2@127.0.0.1:1/nowhere")

    async def failing() -> None:
        away.postgres.start()
        await asyncio.sleep(0.2)
        await away.postgres.aclose()
        with pytest.raises(IndexUnavailable):
            await away.entries.get("a")

    with caplog.at_level(logging.WARNING):
        away.run(failing())
    away.close()
    [said] = caplog.messages
    assert said.endswith("The semantic cache goes on without it.")
    assert "hunter2" not in said
