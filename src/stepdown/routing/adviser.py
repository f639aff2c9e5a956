"""The user's own router: asked with a timeout, checked, and never able to fail a request.

    def route(request: Request, ladder: Sequence[str]) -> str | int | None

returns a model of the ladder, its index, or None for no opinion; it may be ``async``. A
synchronous one runs in a thread. Where it raises, is late, or names an unknown model, the strong
model answers.
"""

import asyncio
import inspect
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stepdown.names import nearest
from stepdown.routing.entry_points import offered
from stepdown.routing.plugins import named, told
from stepdown.routing.problems import Problems
from stepdown.routing.threads import Threads
from stepdown.types import Reading, Request

GROUP = "stepdown.routers"
THREADS = 4
LOG_INTERVAL = 60.0
"""Seconds between two log lines of one reason."""
log = logging.getLogger(__name__)

Router = Callable[[Request, Sequence[str]], Any]


class PythonAdviser:
    """Implements ``ports.Adviser`` over a Python function. ``failures`` counts by reason."""

    def __init__(self, router: Router, ladder: Sequence[str], timeout: float) -> None:
        self.failures: Counter[str] = Counter()
        self._router = router
        self._ladder = tuple(ladder)
        self._timeout = timeout
        self._is_async = inspect.iscoroutinefunction(router) or inspect.iscoroutinefunction(
            getattr(router, "__call__", None)  # noqa: B004  an object with an async __call__
        )
        self._threads = Threads(THREADS)
        self._logged: dict[str, float] = {}

    async def advise(self, request: Request, readings: Mapping[str, Reading]) -> Reading:
        """The router's answer; without value and confidence where it failed, as ``saw`` says."""
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._ask(request)
        except TimeoutError:
            return self._failed("timed out", f"after {self._timeout:g} s")
        except _Busy:
            return self._failed("busy", "all its threads are at work")
        except Exception as error:  # noqa: BLE001  the user's code may raise anything
            return self._failed(f"raised {type(error).__name__}", str(error), error)
        return self._checked(answer)

    async def _ask(self, request: Request) -> Any:
        if self._is_async:
            return await self._router(request, self._ladder)
        future = self._threads.submit(lambda: self._router(request, self._ladder))
        if future is None:
            raise _Busy
        return await future

    def _checked(self, answer: Any) -> Reading:
        ladder = self._ladder
        if answer is None:
            return Reading(None, saw="the router has no opinion")
        if isinstance(answer, int) and not isinstance(answer, bool) and 0 <= answer < len(ladder):
            return Reading(ladder[answer], saw=f"the router returned {answer}")
        if isinstance(answer, str) and answer in ladder:
            return Reading(answer, saw="the router named it")
        return self._failed("unknown model", f"{answer!r:.80} is not on the ladder")

    def _failed(self, reason: str, detail: str, error: Exception | None = None) -> Reading:
        self.failures[reason] += 1
        now = time.monotonic()
        if now - self._logged.get(reason, -LOG_INTERVAL) >= LOG_INTERVAL:
            self._logged[reason] = now
            log.warning("The router failed (%s): %s", reason, detail, exc_info=error)
        return Reading(None, confidence=0.0, saw=f"the router failed ({reason}): {detail}")


class _Busy(Exception):
    """More calls are under way than threads and waiting places."""


def load_router(given: Any, path: str, problems: Problems) -> Router | None:
    """The function that ``pkg.module:function``, or an entry point's name, stands for."""
    if not isinstance(given, str) or not given:
        problems.expected(path, "pkg.module:function, or an entry point's name", given)
        return None
    try:
        router: Any = named(given, GROUP)
    except Exception as error:  # noqa: BLE001  importing the user's module may raise anything
        problems.add(path, f"cannot import {given!r}: {told(error)}")
        return None
    if router is None:
        suggestion = nearest(given, offered(GROUP))
        problems.add(path, f"no package offers a router {given!r}.{suggestion}")
        return None
    if not callable(router):
        problems.add(path, f"{given!r} is not callable")
        return None
    function: Router = router
    return function
