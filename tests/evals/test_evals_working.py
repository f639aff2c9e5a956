"""Working through a list: the order, the limit, ends in good order and in bad."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.evals.budget import OutOfBudget
from stepdown.evals.stopping import Stopped
from stepdown.evals.working import Worked, work_through


def worked(
    things: Sequence[int], work: Callable[[int], Awaitable[Any]], at_once: int = 3, **options: Any
) -> Worked[Any]:
    async def within_time() -> Worked[Any]:
        async with asyncio.timeout(10):
            return await work_through(things, work, at_once=at_once, **options)

    return asyncio.run(within_time())


@given(
    pauses=st.lists(st.integers(0, 9), max_size=30),
    at_once=st.integers(1, 9),
    ends=st.sets(st.integers(0, 29), max_size=3),
)
def test_the_order_is_the_lists_and_nothing_is_lost(
    pauses: list[int], at_once: int, ends: set[int]
) -> None:
    under_way: set[int] = set()
    most = 0
    finished: list[int] = []

    async def work(place: int) -> int:
        nonlocal most
        under_way.add(place)
        most = max(most, len(under_way))
        for _ in range(pauses[place]):
            await asyncio.sleep(0)
        under_way.remove(place)
        if place in ends:
            raise Stopped("Enough.")
        finished.append(place)
        return place

    told: list[int] = []
    result = worked(range(len(pauses)), work, at_once, progress=told.append)
    assert result.done == tuple(sorted(finished))
    assert result.left == len(pauses) - len(finished)
    assert result.stopped == ("Enough." if result.left else None)
    assert told == list(range(1, len(finished) + 1))
    assert most <= at_once
    assert not under_way


def test_what_is_under_way_at_the_end_is_finished_and_nothing_more_begun() -> None:
    begun: list[int] = []

    async def work(place: int) -> int:
        begun.append(place)
        await asyncio.sleep(0)
        if place == 1:
            raise OutOfBudget("The budget is used up.")
        await asyncio.sleep(0.01)
        return place

    assert worked(range(9), work) == Worked((0, 2), 7, "The budget is used up.")
    assert begun == [0, 1, 2]


def test_what_else_is_raised_comes_as_it_is() -> None:
    cancelled: list[int] = []

    async def work(place: int) -> None:
        if place == 2:
            raise OSError("the disk is full")
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(place)
            raise

    with pytest.raises(OSError, match="the disk is full"):
        worked(range(9), work)
    assert sorted(cancelled) == [0, 1]
