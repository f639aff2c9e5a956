"""The user's router: whatever it does, the request is answered, and failures are counted."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from stepdown.routing.adviser import PythonAdviser, load_router
from stepdown.routing.problems import Problems
from stepdown.types import Reading, Request

LADDER = ("small", "large")


def advise(router: Callable[..., Any], request: Request, timeout: float = 5.0) -> Reading:
    return asyncio.run(PythonAdviser(router, LADDER, timeout).advise(request, {}))


async def asynchronous(request: Request, ladder: Sequence[str]) -> str:
    await asyncio.sleep(0)
    return ladder[0]


class Callable_:  # noqa: N801  a class that is called like a function
    async def __call__(self, request: Request, ladder: Sequence[str]) -> int:
        return 1


@pytest.mark.parametrize(
    ("router", "value"),
    [
        (lambda request, ladder: "large", "large"),
        (lambda request, ladder: ladder[0], "small"),
        (lambda request, ladder: 1, "large"),
        (lambda request, ladder: None, None),
        (asynchronous, "small"),
        (Callable_(), "large"),
    ],
)
def test_answers(ask: Any, router: Callable[..., Any], value: str | None) -> None:
    reading = advise(router, ask("Hello"))
    assert (reading.value, reading.confidence) == (value, 1.0)


def test_the_router_sees_the_request_and_the_ladder(ask: Any) -> None:
    seen: list[Any] = []
    advise(
        lambda request, ladder: seen.append((request.prompt.last_user_text(), ladder)), ask("Hi")
    )
    assert seen == [("Hi", LADDER)]


def raises(request: Request, ladder: Sequence[str]) -> str:
    raise LookupError("no such tier")


async def raises_later(request: Request, ladder: Sequence[str]) -> str:
    await asyncio.sleep(0)
    raise LookupError("no such tier")


async def never(request: Request, ladder: Sequence[str]) -> str:
    await asyncio.Event().wait()
    raise AssertionError


@pytest.mark.parametrize(
    ("router", "reason"),
    [
        (raises, "raised LookupError"),
        (raises_later, "raised LookupError"),
        (lambda: "small", "raised TypeError"),
        (never, "timed out"),
        (lambda request, ladder: "medium", "unknown model"),
        (lambda request, ladder: 2, "unknown model"),
        (lambda request, ladder: -1, "unknown model"),
        (lambda request, ladder: True, "unknown model"),
        (lambda request, ladder: ["small"], "unknown model"),
    ],
)
def test_failures(
    ask: Any, caplog: pytest.LogCaptureFixture, router: Callable[..., Any], reason: str
) -> None:
    adviser = PythonAdviser(router, LADDER, 0.05 if router is never else 5.0)
    for _ in range(3):
        reading = asyncio.run(adviser.advise(ask("Hello"), {}))
        assert (reading.value, reading.confidence) == (None, 0.0)
        assert reason in reading.saw
    assert adviser.failures == {reason: 3}
    assert len(caplog.records) == 1


def test_a_router_that_hangs_takes_no_more_than_its_threads(ask: Any) -> None:
    release = threading.Event()
    entered: list[int] = []

    def hangs(request: Request, ladder: Sequence[str]) -> str:
        entered.append(1)
        release.wait(30)
        return "small"

    adviser = PythonAdviser(hangs, LADDER, 0.02)

    async def many() -> list[Reading]:
        return await asyncio.gather(*(adviser.advise(ask("Hello"), {}) for _ in range(50)))

    before = threading.active_count()
    readings = asyncio.run(many())
    assert threading.active_count() - before <= 4
    assert all(reading.confidence == 0.0 for reading in readings)
    assert adviser.failures["timed out"] + adviser.failures["busy"] == 50
    assert adviser.failures["timed out"] == 8
    release.set()
    deadline = time.monotonic() + 10
    while len(entered) < 8 and time.monotonic() < deadline:
        time.sleep(0.01)
    calm = asyncio.run(_patient(adviser, ask("Hello")))
    assert calm.value == "small"


async def _patient(adviser: PythonAdviser, request: Request) -> Reading:
    """Ask until the threads are free again."""
    for _ in range(500):
        reading = await adviser.advise(request, {})
        if reading.value is not None:
            return reading
        await asyncio.sleep(0.01)
    raise AssertionError(reading.saw)


def test_a_slow_synchronous_router_does_not_hold_the_loop(ask: Any) -> None:
    beats: list[int] = []

    async def beat_while_advising() -> Reading:
        release = threading.Event()

        def waits(request: Request, ladder: Sequence[str]) -> str:
            release.wait(10)
            return "large"

        advice = asyncio.ensure_future(PythonAdviser(waits, LADDER, 20).advise(ask("Hello"), {}))
        for _ in range(10):
            await asyncio.sleep(0.001)
            beats.append(1)
        release.set()
        return await advice

    assert asyncio.run(beat_while_advising()).value == "large"
    assert len(beats) == 10


def test_cancelling_the_request_cancels_the_advice(ask: Any) -> None:
    async def cancel() -> None:
        advice = asyncio.ensure_future(PythonAdviser(never, LADDER, 20).advise(ask("Hello"), {}))
        await asyncio.sleep(0)
        advice.cancel()
        with pytest.raises(asyncio.CancelledError):
            await advice

    asyncio.run(cancel())


def test_loading_by_a_dotted_path() -> None:
    problems = Problems()
    assert load_router("operator:lt", "router", problems) is not None
    assert load_router("collections:Counter.fromkeys", "router", problems) is not None
    assert problems.lines == []
    assert load_router(5, "router", problems) is None
    assert problems.lines == [
        "router: expected pkg.module:function, or an entry point's name, got 5"
    ]
