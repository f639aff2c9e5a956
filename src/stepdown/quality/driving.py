"""Drives what wishes for calls (settling scores, judging): others make them; it does no I/O."""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Sequence
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from msgspec import Struct

from stepdown.routing.threads import Threads
from stepdown.types import Choice, Consult

T = TypeVar("T")
Told = Sequence[Choice | None]
Make = Callable[[Consult], Awaitable[Told]]
"""Makes a consultation: its answers in their order, None for each call that failed."""


class Apart(Protocol):
    """Runs a function somewhere, and gives what it returns."""

    async def __call__(self, function: Callable[[], T]) -> T: ...


class OneThread:
    """Runs functions in a thread beside the loop, one after the other.

    Scorers may take their time (they may run code), and need not be safe for several threads.
    """

    def __init__(self) -> None:
        self._threads = Threads(1)
        self._turn = asyncio.Lock()

    async def __call__(self, function: Callable[[], T]) -> T:
        async with self._turn:
            future = self._threads.submit(function)
            if future is None:
                raise RuntimeError("functions whose callers were cancelled still run")
            result: T = await future
            return result


async def driven(wishing: Generator[Consult, Told, T], make: Make, apart: Apart) -> T:
    """What the generator returns, after ``make`` made every consultation that it wished for.

    The generator's own work is done ``apart``.
    """
    step = await apart(partial(_step, partial(next, wishing)))
    while not isinstance(step, _End):
        told = await make(step)
        step = await apart(partial(_step, partial(wishing.send, told)))
    result: T = step.result
    return result


class _End(Struct, Generic[T]):
    """No thread can hand over a StopIteration."""

    result: T


def _step(go_on: Callable[[], Consult]) -> Consult | _End[Any]:
    try:
        return go_on()
    except StopIteration as end:
        return _End(end.value)
