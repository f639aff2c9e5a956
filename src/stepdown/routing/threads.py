"""A few daemon threads for users' synchronous code: bounded, and never waited for at exit."""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

Work = tuple[Callable[[], Any], asyncio.AbstractEventLoop, "asyncio.Future[Any]"]


class Threads:
    """Runs at most ``size`` functions at once and lets as many again wait."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._free = threading.BoundedSemaphore(2 * size)
        self._queue: SimpleQueue[Work] = SimpleQueue()
        self._started = 0

    def submit(self, function: Callable[[], Any]) -> "asyncio.Future[Any] | None":
        """A future of the function's result; None where too much is under way."""
        if not self._free.acquire(blocking=False):
            return None
        if self._started < self._size:
            self._started += 1
            threading.Thread(target=self._work, name="stepdown-router", daemon=True).start()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._queue.put((function, loop, future))
        return future

    def _work(self) -> None:
        while True:
            function, loop, future = self._queue.get()
            try:
                result, error = function(), None
            except Exception as raised:  # noqa: BLE001  it is handed to whoever awaits the future
                result, error = None, raised
            self._free.release()
            try:
                loop.call_soon_threadsafe(_settle, future, result, error)
            except RuntimeError:  # the loop was closed: nobody waits any more
                continue


def _settle(future: "asyncio.Future[Any]", result: Any, error: Exception | None) -> None:
    if future.done():  # timed out, or cancelled
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
