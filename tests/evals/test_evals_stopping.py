"""Stopping: what signals do within a run, and whose they are after it."""

import asyncio
import os
import signal
import threading

import pytest

from stepdown.evals.stopping import Stop, Stopped


async def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)
    await asyncio.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_asks_to_stop(number: signal.Signals) -> None:
    async def run() -> None:
        async with Stop() as stop:
            stop.check()
            assert not stop.requested
            await send(number)
            assert stop.requested
            with pytest.raises(Stopped, match=f"^Interrupted by {number.name}.$"):
                stop.check()

    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    asyncio.run(run())
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.mark.parametrize(
    ("numbers", "broken_off"),
    [
        ([signal.SIGINT], 0),
        ([signal.SIGTERM], 0),
        ([signal.SIGTERM, signal.SIGTERM], 0),
        ([signal.SIGINT, signal.SIGTERM], 0),
        ([signal.SIGINT, signal.SIGINT], 1),
        ([signal.SIGTERM, signal.SIGINT], 1),
    ],
)
def test_a_second_interrupt_breaks_off(numbers: list[signal.Signals], broken_off: int) -> None:
    told: list[str] = []

    async def run() -> str | None:
        async with Stop() as stop:
            stop.when_broken_off(lambda: told.append("now"))
            for number in numbers:
                await send(number)
            return stop.reason

    assert asyncio.run(run()) == f"Interrupted by {numbers[0].name}."
    assert len(told) == broken_off


def test_what_is_forgotten_is_not_told() -> None:
    told: list[str] = []

    def first() -> None:
        told.append("first")

    async def run() -> None:
        stop = Stop()
        stop.when_broken_off(first)
        stop.break_off("Enough.")
        stop.forget(first)
        stop.break_off("Enough.")

    asyncio.run(run())
    assert told == ["first"]


def test_a_third_interrupt_has_its_usual_effect() -> None:
    async def run() -> None:
        async with Stop():
            for _ in range(3):
                await send(signal.SIGINT)
            await asyncio.sleep(30)

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(run())


def test_the_first_reason_counts() -> None:
    async def run() -> None:
        stop = Stop()
        stop.request("It is late.")
        stop.request("It is later.")
        assert stop.reason == "It is late."

    asyncio.run(run())


def test_a_pause_ends_when_a_stop_is_asked_for() -> None:
    async def run() -> bool:
        stop = Stop()
        await stop.pause(0.01)
        assert not stop.requested
        asyncio.get_running_loop().call_later(0.02, stop.request, "Enough.")
        async with asyncio.timeout(20):
            await stop.pause(600)
        return stop.requested

    assert asyncio.run(run())


def test_a_loop_in_another_thread_takes_no_signals() -> None:
    async def run() -> None:
        async with Stop() as stop:
            stop.request("Enough.")
            seen.append(stop.requested)

    seen: list[bool] = []
    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    thread.join()
    assert seen == [True]
