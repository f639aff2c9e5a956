"""The caches' administration over HTTP: counts, forgetting, purging, and who may."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from stepdown.caching.exact.store import Store
from stepdown.errors import StepdownError, Unauthorized
from stepdown.server.cache_admin import Administered, cache_routes
from support.exact_caches import Broken, Desk, asked, desk
from support.scripted import Upstream


async def failed(request: Request, error: Exception) -> Response:
    assert isinstance(error, StepdownError)
    return JSONResponse({"error": {"code": error.code}}, error.status)


def admit(request: Request) -> None:
    if request.headers.get("authorization") != "Bearer sk-m":
        raise Unauthorized("no")


Ask = Callable[..., Awaitable[tuple[int, Any]]]


def asking(
    place: Desk | None, work: Callable[[Ask], Awaitable[None]], **others: Administered
) -> Awaitable[None]:
    """Do the work, with somebody to ask the administration of a place's cache, and of others."""
    caches = others if place is None else {"exact": place.cache, **others}
    routes = cache_routes(lambda: caches, admit)
    app = Starlette(routes=routes, exception_handlers={StepdownError: failed})

    async def run() -> None:
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:

            async def ask(method: str, path: str, key: str = "sk-m") -> tuple[int, Any]:
                headers = {"authorization": f"Bearer {key}"}
                reply = await client.request(method, f"/admin/cache{path}", headers=headers)
                return reply.status_code, reply.json()

            await work(ask)

    return run()


def with_cache(
    work: Callable[[Desk, Ask], Awaitable[None]],
    store: Store | None = None,
    **others: Administered,
) -> None:
    async def run() -> None:
        async with desk(Upstream("strong"), store=store) as place:
            await asking(place, lambda ask: work(place, ask), **others)

    asyncio.run(run())


def test_counts_and_contents_are_shown() -> None:
    async def work(place: Desk, ask: Ask) -> None:
        await place.ask()
        await place.settled()
        await place.ask()
        await place.ask(asked(control="no-store"))
        status, told = await ask("GET", "")
        exact = told["exact"]
        assert status == 200
        assert (exact["store"], exact["hits"], exact["misses"]) == ("memory", 1, 1)
        assert exact["bypasses"] == {"no_store": 1}
        assert exact["held"]["entries"] == 1
        assert exact["held"]["size"] > 100
        assert exact["error"] is None

    with_cache(work)


def test_an_entry_is_forgotten_once() -> None:
    async def work(place: Desk, ask: Ask) -> None:
        await place.ask()
        await place.settled()
        hit = (await place.ask()).journey.hit
        assert hit is not None
        assert await ask("DELETE", f"/{hit.id}") == (
            200,
            {"id": hit.id, "forgotten": ["exact"]},
        )
        assert await ask("DELETE", f"/{hit.id}") == (
            404,
            {"error": {"code": "cache_entry_not_found"}},
        )
        assert (await place.ask()).cache == "miss"

    with_cache(work)


def test_all_is_purged() -> None:
    async def work(place: Desk, ask: Ask) -> None:
        for text in ("a", "b", "c"):
            await place.ask(asked(text))
        await place.settled()
        assert await ask("POST", "/purge") == (200, {"purged": {"exact": 3}})
        assert await ask("POST", "/purge") == (200, {"purged": {"exact": 0}})

    with_cache(work)


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("DELETE", "/a"), ("POST", "/purge")])
def test_nobody_else_may(method: str, path: str) -> None:
    async def work(place: Desk, ask: Ask) -> None:
        await place.ask()
        await place.settled()
        assert await ask(method, path, "sk-other") == (401, {"error": {"code": "invalid_api_key"}})
        assert (await place.cache.stats()).entries == 1

    with_cache(work)


def test_a_store_that_is_away_is_told() -> None:
    async def work(place: Desk, ask: Ask) -> None:
        status, told = await ask("GET", "")
        assert status == 200
        assert (told["exact"]["held"], told["exact"]["error"]) == (None, "It is broken.")
        for method, path in (("DELETE", "/a"), ("POST", "/purge")):
            assert await ask(method, path) == (503, {"error": {"code": "cache_unavailable"}})

    with_cache(work, Broken())


def test_a_store_that_is_away_keeps_no_other_from_its_work() -> None:
    class Other:
        def __init__(self) -> None:
            self.entries = ["a", "b", "c"]

        async def report(self, entry_id: str) -> bool:
            there = entry_id in self.entries
            self.entries = [each for each in self.entries if each != entry_id]
            return there

        async def purge(self) -> int:
            self.entries.clear()
            return 0

    async def work(place: Desk, ask: Ask) -> None:
        assert await ask("DELETE", "/b") == (200, {"id": "b", "forgotten": ["semantic"]})
        assert (await ask("DELETE", "/b"))[0] == 503
        assert other.entries == ["a", "c"]
        assert (await ask("POST", "/purge"))[0] == 503
        assert other.entries == []

    other: Any = Other()
    with_cache(work, Broken(), semantic=other)


def test_without_a_cache_there_is_nothing() -> None:
    async def work(ask: Ask) -> None:
        assert await ask("GET", "") == (200, {})
        assert await ask("POST", "/purge") == (200, {"purged": {}})
        assert (await ask("DELETE", "/a"))[0] == 404

    async def run() -> None:
        await asking(None, work)

    asyncio.run(run())
