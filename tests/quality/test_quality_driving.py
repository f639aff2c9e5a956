"""What wishes for calls is driven with calls that are made, and its own work done elsewhere."""

import asyncio
import threading
from collections.abc import Callable, Generator, Sequence
from typing import Any

import pytest

from stepdown.quality.driving import OneThread, Told, driven
from stepdown.types import Choice, Consult
from support.answers import asking

Counting = Generator[Consult, Sequence[Choice | None], list[str]]


def counting(rounds: int, threads: set[str]) -> Counting:
    """Asks once a round; returns what it was told."""
    heard: list[str] = []
    for number in range(rounds):
        threads.add(threading.current_thread().name)
        told = yield Consult((asking(str(number)),), "judge", "strong")
        heard += ["–" if each is None else each.text for each in told]
    return heard


async def repeats(wish: Consult) -> Told:
    return [Choice(request.prompt.last_user_text()) for request in wish.requests]


@pytest.mark.parametrize("rounds", [0, 1, 3])
def test_every_wish_is_granted_in_its_turn_and_the_work_done_apart(rounds: int) -> None:
    threads: set[str] = set()
    told = asyncio.run(driven(counting(rounds, threads), repeats, OneThread()))
    assert told == [str(number) for number in range(rounds)]
    assert threading.current_thread().name not in threads


def test_what_it_raises_is_raised() -> None:
    def failing() -> Counting:
        yield Consult((), "judge")
        raise ValueError("no such verdict")

    with pytest.raises(ValueError, match="no such verdict"):
        asyncio.run(driven(failing(), repeats, OneThread()))


def test_one_thread_does_one_thing_at_a_time() -> None:
    under_way, most = 0, 0
    rest = threading.Event()

    def slow() -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        rest.wait(0.01)
        under_way -= 1

    async def several() -> None:
        apart = OneThread()
        await asyncio.gather(*(apart(slow) for _ in range(5)))

    asyncio.run(several())
    assert (under_way, most) == (0, 1)


def test_a_thread_that_does_not_come_back_is_given_no_more_work() -> None:
    release = threading.Event()

    async def stuck(apart: OneThread, work: Callable[[], Any]) -> None:
        task = asyncio.ensure_future(apart(work))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def several() -> None:
        apart = OneThread()
        for _ in range(2):
            await stuck(apart, release.wait)
        with pytest.raises(RuntimeError, match="still run"):
            await apart(str)

    try:
        asyncio.run(several())
    finally:
        release.set()
