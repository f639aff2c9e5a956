"""The index in PostgreSQL: replicas share it, embedders keep apart, failures are named."""

import asyncio

import pytest

from stepdown.caching.index import postgresql as postgresql_module
from stepdown.caching.index.index import IndexUnavailable
from stepdown.caching.index.postgresql import SWEPT, PostgresIndex
from stepdown.storage.address import parse
from support.vector_indexes import DIMENSIONS, Indexed, directions, postgresql

VECTORS = directions(700)


def opened(url: str, embedder: str = "e", most: int = 1_000) -> Indexed:
    index = postgresql(url, embedder, most)
    index.run(index.index.clear())
    return index


def test_replicas_share_entries_which_outlive_them(pgvector_url: str) -> None:
    first = opened(pgvector_url)
    second = postgresql(pgvector_url, "e", 1_000)
    first.add("p", "a", VECTORS[0])
    assert second.search("p", VECTORS[0]) == ["a"]
    first.close()
    second.close()
    third = postgresql(pgvector_url, "e", 1_000)
    assert third.search("p", VECTORS[0]) == ["a"]
    third.run(third.index.clear())
    third.close()


def test_replicas_that_start_at_once_make_one_table(pgvector_url: str) -> None:
    async def start(number: int) -> None:
        index = PostgresIndex(parse(pgvector_url), "race", 5, 100)
        await index.add("p", str(number), VECTORS[number][:5])
        await index.aclose()

    async def all_of_them() -> int:
        await asyncio.gather(*(start(number) for number in range(6)))
        index = PostgresIndex(parse(pgvector_url), "race", 5, 100)
        entries = (await index.size()).entries
        await index.clear()
        await index.aclose()
        return entries

    assert asyncio.run(all_of_them()) == 6


def test_another_embedder_s_vectors_are_never_found(pgvector_url: str) -> None:
    one, other = opened(pgvector_url, "one"), opened(pgvector_url, "other")
    one.add("p", "a", VECTORS[0])
    assert other.search("p", VECTORS[0]) == []
    assert not other.remove("p", "a")
    assert other.run(other.index.clear()) == 0
    assert one.run(one.index.clear()) == 1
    one.close()
    other.close()


def test_the_bound_is_overstepped_by_a_stated_number_at_most(pgvector_url: str) -> None:
    most = 600
    index = opened(pgvector_url, most=most)
    evicted: list[str] = []
    for number, vector in enumerate(VECTORS):
        evicted += index.add("p", str(number), vector)
        if number % 50 == 0:
            assert index.run(index.index.size()).entries <= most + SWEPT
    size = index.run(index.index.size())
    assert size.evicted == len(evicted) == len(VECTORS) - size.entries
    assert evicted == [str(number) for number in range(len(evicted))]
    index.run(index.index.clear())
    index.close()


def test_a_hit_is_noted_once_in_a_while(pgvector_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    index = opened(pgvector_url, most=2)
    index.add("p", "a", VECTORS[0])
    index.add("p", "b", VECTORS[1])
    index.hit("p", "a")  # too soon after it was added
    assert index.add("p", "c", VECTORS[2]) == ["a"]
    monkeypatch.setattr(postgresql_module, "LATEST", 0)
    index.hit("p", "b")
    assert index.add("p", "d", VECTORS[3]) == ["c"]
    index.run(index.index.clear())
    index.close()


def test_names_are_data_and_never_sql(pgvector_url: str) -> None:
    name = "'; DROP TABLE semantic_vectors_8; -- %s :x {}"
    index = opened(pgvector_url, name)
    index.add(name, name, VECTORS[0])
    assert index.search(name, VECTORS[0]) == [name]
    assert index.remove(name, name)
    index.close()


def test_a_search_in_a_large_table_finds_the_partition_s_own(pgvector_url: str) -> None:
    index = opened(pgvector_url, most=10_000)
    for number, vector in enumerate(VECTORS):
        index.add("mine" if number % 100 == 0 else "others", str(number), vector)
    found = index.search("mine", VECTORS[1], 7)
    assert sorted(found, key=int) == ["0", "100", "200", "300", "400", "500", "600"]
    index.run(index.index.clear())
    index.close()


def test_a_server_that_is_away_is_named_without_its_password() -> None:
    url = "postgresql://someone:hunter2@127.0.0.1:1/nowhere"
    index = Indexed(PostgresIndex(parse(url), "e", DIMENSIONS, 10))
    with pytest.raises(
        IndexUnavailable, match=r"The vector index at postgresql://127\.0\.0\.1:1"
    ) as caught:
        index.add("p", "a", VECTORS[0])
    assert "hunter2" not in str(caught.value)
    assert caught.value.retryable
    index.close()


def test_vectors_too_long_for_a_page_are_kept_beside_the_table(pgvector_url: str) -> None:
    long = directions(3, 4_200)

    async def use() -> list[str]:
        index = PostgresIndex(parse(pgvector_url), "long", 4_200, 10)
        await index.clear()
        for number, vector in enumerate(long):
            await index.add("p", str(number), vector)
        found = await index.search("p", long[1], 1)
        await index.clear()
        await index.aclose()
        return [match.id for match in found]

    assert asyncio.run(use()) == ["1"]
