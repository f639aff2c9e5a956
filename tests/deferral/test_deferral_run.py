"""One job's run: whatever comes of it is an ending."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, cast

from stepdown.deferral.job import Ending
from stepdown.deferral.run import Job, Keeper, answer
from stepdown.errors import UpstreamTimedOut
from stepdown.pipeline import Pipeline
from stepdown.types import Journey, Request
from support.journeys import make_journey


def ending(handle: Callable[[Keeper], Awaitable[None]], left: float = 10.0) -> Ending:
    journey = make_journey()

    class Scripted:
        async def handle(self, request: Request, client: Keeper) -> Journey:
            await handle(client)
            return journey

    async def main() -> Ending:
        deadline = asyncio.get_running_loop().time() + left
        job = Job("job_1", journey.request, deadline, None)
        return await answer(job, cast("Pipeline", Scripted()))

    return asyncio.run(main())


def code(end: Ending) -> Any:
    assert end.status == "failed"
    assert end.response is None
    return json.loads(end.error or "")["code"]


def test_an_answer() -> None:
    async def handle(client: Keeper) -> None:
        await client.answer(make_journey(), b"{ }")

    end = ending(handle)
    assert (end.status, end.response, end.error) == ("succeeded", b"{ }", None)
    assert json.loads(end.facts or "")["model"] is None


def test_a_failure() -> None:
    async def handle(client: Keeper) -> None:
        raise UpstreamTimedOut("Too slow.")

    assert code(ending(handle)) == "upstream_timeout"


def test_a_mistake_of_the_gateway() -> None:
    async def handle(client: Keeper) -> None:
        raise KeyError("private words")

    end = ending(handle)
    assert code(end) == "internal_error"
    assert "private" not in (end.error or "")


def test_a_deadline_that_comes() -> None:
    async def handle(client: Keeper) -> None:
        await asyncio.sleep(30)

    assert code(ending(handle, 0.02)) == "job_timeout"


def test_a_deadline_that_has_passed_costs_no_call() -> None:
    called = list[None]()

    async def handle(client: Keeper) -> None:
        called.append(None)

    assert code(ending(handle, -1.0)) == "job_timeout"
    assert called == []
