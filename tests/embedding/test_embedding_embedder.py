"""Slow embedders work on a thread of their own, and only a bounded number of calls waits."""

import asyncio
import threading
from collections.abc import Sequence

import numpy as np
import pytest

from stepdown.embedding.embedder import (
    EmbedderBusy,
    LocalEmbedder,
    Vectors,
    unit,
)
from stepdown.embedding.own_thread import MOST_WAITING


class Held(LocalEmbedder):
    """Works until it is let go."""

    most_tokens: int = 10

    def __init__(self) -> None:
        super().__init__("held", 2)
        self.free = threading.Event()
        self.threads: set[int] = set()

    def vectors(self, texts: Sequence[str]) -> Vectors:
        self.free.wait(10)
        self.threads.add(threading.get_ident())
        return np.ones((len(texts), 2), np.float32)


async def settled() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def until_busy(held: Held) -> int:
    calls = [asyncio.create_task(held.embed(["a"])) for _ in range(MOST_WAITING)]
    await settled()
    with pytest.raises(EmbedderBusy, match=f"held: {MOST_WAITING} calls are waiting") as caught:
        await held.embed(["one too many"])
    assert caught.value.retryable
    held.free.set()
    return len(await asyncio.gather(*calls))


def test_what_waits_is_bounded_and_the_loop_stays_free() -> None:
    held = Held()
    assert asyncio.run(until_busy(held)) == MOST_WAITING
    assert len(held.threads) == 1
    assert threading.get_ident() not in held.threads


def test_a_call_that_was_given_up_waits_no_more() -> None:
    held = Held()

    async def give_up() -> Vectors:
        calls = [asyncio.create_task(held.embed(["a"])) for _ in range(MOST_WAITING)]
        await settled()
        for call in calls[1:]:
            call.cancel()
        await settled()
        last = asyncio.create_task(held.embed(["b"]))
        held.free.set()
        return await last

    assert asyncio.run(give_up()).shape == (1, 2)


def test_rows_of_any_length_become_one_and_zeros_stay() -> None:
    rows = unit(np.array([[3, 4], [0, 0], [0, 1e-15]], np.float32))
    assert np.allclose(rows, np.array([[0.6, 0.8], [0, 0], [0, 1]]))


def test_a_call_that_waits_when_the_thread_is_closed_fails_and_is_not_cancelled() -> None:
    held = Held()

    async def close() -> None:
        first, second = (asyncio.create_task(held.embed(["a"])) for _ in range(2))
        await settled()
        await held._thread.aclose()
        with pytest.raises(EmbedderBusy, match="closed"):
            await second
        held.free.set()
        await asyncio.wait([first])
        assert not first.cancelled()

    asyncio.run(close())
