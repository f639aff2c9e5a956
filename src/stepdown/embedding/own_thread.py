"""Threads for slow work, usually one, and a bounded number of calls that wait for them."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

MOST_WAITING = 32
"""Calls that wait; the next one fails at once."""


class Busy(Exception):
    """MOST_WAITING calls wait already, or what waited was dropped by ``aclose``."""


class OwnThread:
    """Runs what it is given off the event loop, in order where there is one thread. A thread starts
    when it is needed first."""

    def __init__(self, name: str, threads: int = 1) -> None:
        self._name = name
        self._threads = threads
        self._thread: ThreadPoolExecutor | None = None
        self.waiting = 0

    async def run(self, work: Callable[..., T], *given: Any) -> T:
        """What the work returns; a caller that gives up takes its place in the queue along.

        Raises Busy.
        """
        if self.waiting >= MOST_WAITING:
            raise Busy(f"{self._name}: {self.waiting} calls are waiting already.")
        try:
            return await self._submit(work, given)
        except asyncio.CancelledError as error:
            if is_cancelled():
                raise
            raise Busy(f"{self._name}: closed while the call was waiting.") from error

    def finish(self, work: Callable[..., T], *given: Any) -> asyncio.Future[T]:
        """As ``run``, for what must be done: it is queued at once and never refused. Wait for it
        behind ``asyncio.shield``, and it is done to its end even where the caller gives up."""
        return self._submit(work, given)

    def _submit(self, work: Callable[..., T], given: tuple[Any, ...]) -> asyncio.Future[T]:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(self._threads, f"stepdown-{self._name}")
        self.waiting += 1
        submitted = asyncio.get_running_loop().run_in_executor(self._thread, work, *given)
        submitted.add_done_callback(self._done)
        return submitted

    def _done(self, _: asyncio.Future[Any]) -> None:
        self.waiting -= 1

    async def aclose(self) -> None:
        """Drop what waits, and let what runs come to its end."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.shutdown(wait=False, cancel_futures=True)


def is_cancelled() -> bool:
    """Whether the task itself is to end, and not just what it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
