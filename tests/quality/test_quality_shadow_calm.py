"""Calm: shadows wait while requests need the process."""

import asyncio
from collections.abc import Sequence

import pytest

from stepdown.quality.shadow.calm import INTERVAL, Calm


def test_too_many_requests_under_way() -> None:
    calm = Calm(2, 1.0)
    seen: list[bool] = []
    for under_way in (1, 2, 3, 4, 3, 2, 1):
        calm.count(under_way)
        seen.append(calm.now)
    assert seen == [True, True, False, False, False, True, True]


async def looks(calm: Calm, times: int, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """What each of so many looks says, without waiting between them."""
    seen: list[bool] = []

    async def pause(seconds: float) -> None:
        if seconds == INTERVAL and started:
            seen.append(calm.now)
        started.append(True)
        if len(seen) == times:
            raise asyncio.CancelledError

    started: list[bool] = []
    monkeypatch.setattr(asyncio, "sleep", pause)
    with pytest.raises(asyncio.CancelledError):
        await calm.watch()
    return seen


@pytest.mark.parametrize(
    ("passed", "computed", "expected"),
    [
        ([1.0, 1.0, 1.0], [0.2, 0.9, 0.5], [True, False, True]),  # in intervals: busy, then not
        ([1.0, 3.0, 1.0], [0.1, 0.1, 0.1], [True, False, True]),  # the look itself came late
        ([1.0, 1.0], [0.7, 0.71], [True, False]),  # the share itself is not too much
    ],
)
def test_a_busy_thread(
    passed: Sequence[float],
    computed: Sequence[float],
    expected: Sequence[bool],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def sums(parts: Sequence[float]) -> list[float]:
        return [0.0, *(INTERVAL * sum(parts[: n + 1]) + n * 1e-12 for n in range(len(parts)))]

    clock, cpu = iter(sums(passed)), iter(sums(computed))
    calm = Calm(1000, 0.7000001, lambda: next(clock), lambda: next(cpu))
    assert asyncio.run(looks(calm, len(expected), monkeypatch)) == expected


def test_who_waits_for_calm_goes_on_when_it_comes() -> None:
    async def wait() -> bool:
        calm = Calm(0, 1.0)
        calm.count(1)
        waiting = asyncio.create_task(calm.come())
        await asyncio.sleep(0)
        waited = not waiting.done()
        calm.count(0)
        await waiting
        return waited

    assert asyncio.run(wait())


def test_one_may_look_away() -> None:
    asyncio.run(Calm(1000, 1.0).watch())


def test_a_thread_that_computes_all_the_time_is_seen() -> None:
    async def hog() -> bool:
        calm = Calm(1000, 0.5)
        watch = asyncio.create_task(calm.watch())
        end = asyncio.get_running_loop().time() + 20
        try:
            while calm.now and asyncio.get_running_loop().time() < end:
                sum(range(20_000))
                await asyncio.sleep(0)
            return calm.now
        finally:
            watch.cancel()

    assert not asyncio.run(hog())
