"""The store in Redis: bounded in time, and harmless when Redis is slow, away or tampered with."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from stepdown.caching.exact.redis import RedisStore, shown
from stepdown.caching.exact.store import Record, StoreUnavailable
from support.exact_caches import Desk, asked, desk
from support.redis_server import REDIS
from support.scripted import Upstream, Words

redis = pytest.importorskip("redis", reason="the extra redis is not installed")


def store_at(prefix: str, **options: Any) -> RedisStore:
    return RedisStore(REDIS, prefix=prefix, **{"timeout": 2.0, **options})


@asynccontextmanager
async def asked_once(prefix: str, secret: bytes = b"") -> AsyncIterator[tuple[Desk, str, Any]]:
    """A place where one answer is stored, its id, and a plain client of the same Redis."""
    upstream = Upstream("strong", Words("right"))
    async with (
        redis.asyncio.Redis.from_url(REDIS) as client,
        desk(upstream, store=store_at(prefix), secret=secret) as place,
    ):
        await place.ask()
        await place.settled()
        hit = (await place.ask()).journey.hit
        assert hit is not None
        yield place, hit.id, client


def test_an_entry_has_its_expiry_in_redis(redis_prefix: str) -> None:
    async def run() -> None:
        async with asked_once(redis_prefix) as (_, name, client):
            assert 3590 < await client.ttl(redis_prefix + name) <= 3600

    asyncio.run(run())


def damaged(whole: bytes, other: bytes) -> dict[str, bytes]:
    return {
        "truncated": whole[: len(whole) // 2],
        "one byte short": whole[:-1],
        "empty": b"",
        "one bit off": whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:],
        "other words": whole.replace(b"right", b"wrong"),
        "another version": b"\x63" + whole[1:],
        "another entry's": other,
        "json": b'{"choices":[{"message":{"content":"wrong"}}]}',
        "longer": whole + b"more",
    }


@pytest.mark.parametrize("kind", damaged(b"\x01" * 40, b""))
def test_a_poisoned_or_truncated_value_is_a_miss(redis_prefix: str, kind: str) -> None:
    async def run() -> None:
        async with asked_once(redis_prefix) as (place, name, client):
            await place.ask(asked("another"))
            await place.settled()
            other = (await place.ask(asked("another"))).journey.hit
            assert other is not None
            key = redis_prefix + name
            whole = await client.get(key)
            await client.set(key, damaged(whole, await client.get(redis_prefix + other.id))[kind])
            calls = place.calls
            assert (await place.ask()).cache == "miss"
            assert place.calls == calls + 1
            assert place.cache.status().damaged == (kind != "empty")
            await place.settled()
            assert (await place.ask()).cache == "exact"  # and the answer is written anew

    asyncio.run(run())


def test_values_of_other_types_are_misses(redis_prefix: str) -> None:
    async def run() -> None:
        async with asked_once(redis_prefix) as (place, name, client):
            await client.delete(redis_prefix + name)
            await client.rpush(redis_prefix + name, "a", "list")
            assert (await place.ask()).cache == "miss"
            assert place.cache.status().failures == 1

    asyncio.run(run())


def test_who_lacks_the_secret_cannot_write_an_answer(redis_prefix: str) -> None:
    async def run() -> None:
        async with asked_once(redis_prefix) as (forger, name, client):
            forged = await client.get(redis_prefix + name)
            async with asked_once(redis_prefix + "2:", b"secret") as (place, same_name, _):
                assert same_name == name
                await client.set(redis_prefix + "2:" + name, forged)
                assert (await place.ask()).cache == "miss"
                assert place.cache.status().damaged == 1
            assert (await forger.ask()).cache == "exact"

    asyncio.run(run())


def test_a_value_of_any_length_is_not_read_whole(redis_prefix: str) -> None:
    async def run() -> None:
        async with (
            redis.asyncio.Redis.from_url(REDIS) as client,
            aclosing(store_at(redis_prefix, most=1000)) as store,
        ):
            await client.set(redis_prefix + "a", bytes(100_000))
            value = await store.get("a")
            assert value is not None
            assert len(value) == 1001

    asyncio.run(run())


def test_replicas_share(redis_prefix: str) -> None:
    async def run() -> None:
        async with (
            asked_once(redis_prefix) as (_, name, _client),
            desk(Upstream("strong"), store=store_at(redis_prefix)) as replica,
        ):
            got = await replica.ask(asked(stream=True))
            assert (got.cache, got.text, replica.calls) == ("exact", "right", 0)
            assert await replica.cache.forget(name)

    asyncio.run(run())


def test_other_keys_are_left_alone(redis_prefix: str) -> None:
    async def run() -> None:
        async with asked_once(redis_prefix + "own:") as (place, _, client):
            await client.set(redis_prefix + "other", "1", ex=60)
            assert (await place.cache.stats()).entries == 1
            assert await place.cache.purge() == 1
            assert await client.get(redis_prefix + "other") == b"1"

    asyncio.run(run())


def test_a_redis_that_is_away_is_a_miss() -> None:
    async def run() -> None:
        store = RedisStore("redis://:hunter2@127.0.0.1:1/0", timeout=0.5)
        async with desk(Upstream("strong"), store=store) as place:
            assert (await place.ask()).cache == "miss"
            error = place.cache.status().error or ""
            assert "127.0.0.1:1" in error
            assert "hunter2" not in error

    asyncio.run(run())


def test_a_redis_that_does_not_answer_is_a_miss() -> None:
    async def run() -> None:
        async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        server = await asyncio.start_server(silence, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        store = RedisStore(f"redis://127.0.0.1:{port}/0", timeout=0.05)
        async with server, desk(Upstream("strong"), store=store) as place:
            got = await place.outcomes(*[asked(f"{n}") for n in range(20)])
            assert len(got) == place.calls == 20
            assert place.cache.status().failures >= 3

    asyncio.run(run())


@pytest.mark.parametrize("url", ["http://host", "127.0.0.1:6379", "redis://h:port"])
def test_a_url_that_is_none_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(StoreUnavailable, match="expected redis://"):
        RedisStore(url)


def test_a_url_is_shown_without_its_secrets() -> None:
    assert shown("rediss://me:pw@host:1/2?password=x") == "rediss://host:1/2"


def test_records_are_written_together(redis_prefix: str) -> None:
    async def run() -> None:
        async with aclosing(store_at(redis_prefix)) as store:
            await store.put([Record(f"{n}", b"v", 60) for n in range(1000)])
            assert (await store.stats()).entries == 1000
            assert await store.clear() == 1000

    asyncio.run(run())
