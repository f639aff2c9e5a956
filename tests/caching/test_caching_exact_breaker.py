"""A store that fails is left in peace for a while, and asked again by one."""

import asyncio
import logging
from collections.abc import Sequence

import pytest

from stepdown.caching.exact.breaker import FAILURES, PAUSE, Breaker
from stepdown.caching.exact.memory import MemoryStore
from stepdown.caching.exact.store import Record, StoreUnavailable
from support.exact_caches import Broken


class Now:
    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


def test_after_some_failures_nobody_asks_and_then_one_does() -> None:
    async def run() -> None:
        now, store = Now(), Broken()
        breaker = Breaker(store, now)
        for _ in range(10):
            assert await breaker.get("a") is None
        assert (store.calls, breaker.failures, breaker.skipped) == (FAILURES, FAILURES, 7)
        now.time += PAUSE + 0.1
        assert await asyncio.gather(*(breaker.get("a") for _ in range(5))) == [None] * 5
        assert store.calls == FAILURES + 1
        assert not await breaker.put([Record("a", b"v", 60)])
        assert store.calls == FAILURES + 1

    asyncio.run(run())


def test_once_it_is_well_everybody_asks_again(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        now, store, well = Now(), Broken(), MemoryStore(1_000_000)
        breaker = Breaker(store, now)
        for _ in range(FAILURES):
            await breaker.get("a")
        assert breaker.error == "It is broken."
        breaker.store = well
        assert not await breaker.put([Record("a", b"v", 60)])
        now.time += PAUSE + 0.1
        assert await breaker.put([Record("a", b"v", 60)])
        assert breaker.error is None
        assert [await breaker.get("a") for _ in range(3)] == [b"v"] * 3

    with caplog.at_level(logging.WARNING):
        asyncio.run(run())
    assert len(caplog.records) == 1


def test_a_store_that_reads_and_cannot_write_does_not_fill_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Full(MemoryStore):
        async def put(self, records: Sequence[Record]) -> None:
            raise StoreUnavailable("It is full.")

    async def run() -> None:
        now = Now()
        breaker = Breaker(Full(1000), now)
        for _ in range(100):
            assert not await breaker.put([Record("a", b"v", 60)])
            assert await breaker.get("a") is None
            now.time += 1.0
        assert (breaker.failures, breaker.skipped) == (100, 0)

    with caplog.at_level(logging.WARNING):
        asyncio.run(run())
    assert len(caplog.records) == 2


def test_silence_is_a_failure() -> None:
    async def run() -> None:
        breaker = Breaker(Broken(silent=True))
        assert await breaker.get("a") is None
        assert "did not answer" in (breaker.error or "")

    asyncio.run(run())


def test_who_goes_away_while_the_store_answers_is_no_failure_of_the_store() -> None:
    async def run() -> None:
        breaker = Breaker(Broken(silent=True))
        task = asyncio.create_task(breaker.get("a"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert breaker.failures == 0

    asyncio.run(run())
