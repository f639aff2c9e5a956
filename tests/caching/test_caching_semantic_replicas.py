"""Semantic caches of several replicas over one database: what is shared, and what is each one's."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from msgspec import json

from stepdown.caching.index import shared_database as shared_database_module
from stepdown.caching.index.memory import MemoryIndex
from stepdown.caching.index.postgresql import PostgresIndex
from stepdown.caching.semantic.entries import MemoryEntries
from stepdown.caching.semantic.postgres_entries import PostgresEntries
from stepdown.caching.semantic.shelf import Shelf
from stepdown.embedding.static import static
from stepdown.storage.address import parse
from support.semantic_caches import QUICK, ROUTE, Answers, Desk, Serving, asked, desk, echo
from support.shared_entries import entry
from support.vector_indexes import DIMENSIONS, PackagedServer

QUESTION = "How do I reset my password?"
SAME = "How can I reset my password?"
OTHER = "What should I cook with lentils?"


def same_answer(body: dict[str, Any]) -> str:
    return '{"answer": 42}'


@asynccontextmanager
async def replica(url: str, answers: Answers = echo, **more: Any) -> AsyncGenerator[Desk]:
    embedder = static()
    index = PostgresIndex(parse(url), embedder.name, embedder.dimensions, 1_000)
    entries = PostgresEntries(index)
    async with desk(answers, index=index, entries=entries, **more) as here:
        yield here


async def emptied(url: str) -> None:
    async with replica(url) as here:
        await here.cache.purge()


def test_what_one_replica_keeps_another_finds(pgvector_url: str) -> None:
    async def run() -> None:
        await emptied(pgvector_url)
        async with replica(pgvector_url) as first:
            answer = await first.ask(asked(QUESTION))
        async with replica(pgvector_url, bound=Serving) as second:
            hit = await second.ask(asked(SAME))
            assert (hit.cache, hit.text) == ("semantic", answer.text)
            assert (await second.ask(asked(OTHER))).cache == "miss"
            assert second.calls == 1
            assert second.cache.status().store == "postgresql"
            assert await second.cache.purge() == 2

    asyncio.run(run())


def test_a_tenant_s_answers_are_its_own_on_every_replica(pgvector_url: str) -> None:
    async def run() -> None:
        await emptied(pgvector_url)
        async with (
            replica(pgvector_url) as first,
            replica(pgvector_url, bound=Serving) as second,
        ):
            await first.ask(asked(QUESTION, tenant="a"))
            for other in ("", "b", "A"):
                assert (await second.ask(asked(QUESTION, tenant=other))).cache == "miss"
            assert (await second.ask(asked(SAME, tenant="a"))).cache == "semantic"
            await second.cache.purge()

    asyncio.run(run())


def test_each_replica_serves_after_its_own_certificate_only(pgvector_url: str) -> None:
    async def learn(here: Desk, prefix: str) -> int:
        """How many were asked before the first hit."""
        for number in range(200):
            text = SAME if number % 2 else QUESTION
            got = await here.ask(asked(text, request_id=f"{prefix}{number}"))
            if got.cache == "semantic":
                assert json.decode(got.text) == {"answer": 42}
                return number
        raise AssertionError("nothing was served")

    async def run() -> None:
        await emptied(pgvector_url)
        async with (
            replica(pgvector_url, same_answer) as first,
            replica(pgvector_url, same_answer) as second,
        ):
            assert await learn(first, "a") > QUICK.bound.tuning
            assert second.cache.status().routes[ROUTE].phase == "tuning"
            assert await learn(second, "b") > QUICK.bound.tuning
            assert second.cache.status().stored == 0  # the first one's did
            await second.cache.purge()

    asyncio.run(run())


def test_what_one_replica_is_told_is_bad_is_gone_for_all(pgvector_url: str) -> None:
    async def run() -> None:
        await emptied(pgvector_url)
        async with (
            replica(pgvector_url, bound=Serving) as first,
            replica(pgvector_url, bound=Serving) as second,
        ):
            await first.ask(asked(QUESTION))
            hit = (await second.ask(asked(SAME))).journey.hit
            assert hit is not None
            assert await second.cache.report(hit.id)
            assert not await first.cache.forget(hit.id)
            assert (await first.ask(asked(QUESTION))).cache == "miss"
            await first.cache.purge()

    asyncio.run(run())


def test_a_database_that_stops_makes_misses_until_it_is_back(
    own_server: PackagedServer, monkeypatch: Any
) -> None:
    monkeypatch.setattr(shared_database_module, "PAUSE", 0.0)
    url = own_server.start()

    async def run() -> None:
        async with replica(url, bound=Serving) as here:
            await here.ask(asked(QUESTION))
            assert (await here.ask(asked(SAME))).cache == "semantic"
            await asyncio.to_thread(own_server.stop)
            for number in range(6):
                got = await here.ask(asked(SAME, request_id=f"r{number}"))
                assert (got.cache, got.journey.outcome) == ("miss", "answered")
            status = here.cache.status()
            assert (status.failures, status.hits, here.calls) == (6, 1, 7)
            assert await asyncio.to_thread(own_server.start) == url
            assert (await here.ask(asked(SAME))).cache == "semantic"

    asyncio.run(run())


def test_records_of_entries_that_went_without_this_replica_s_doing_are_bounded() -> None:
    async def run() -> None:
        entries = MemoryEntries()
        shelf = Shelf(MemoryIndex(DIMENSIONS, 3), entries)
        for number in range(10):
            kept = entry(str(number))
            await entries.put(kept)
            await shelf.compared(kept, right=True)
            await entries.remove(kept.id)
        assert list(shelf._records) == ["7", "8", "9"]

    asyncio.run(run())
