"""``/admin/cache``: what the caches hold and how they do; forgetting an entry, and all of them.

    GET    /admin/cache           each cache's counts, and what its store holds
    DELETE /admin/cache/{id}      forget the entry that x-stepdown-cache-id named
    POST   /admin/cache/purge     forget everything

A store in memory is this process's own: of several workers, one is asked.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeVar

from msgspec import Struct, json
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from stepdown.errors import RequestError, StepdownError

T = TypeVar("T")
PATH = "/admin/cache"


class Administered(Protocol):
    """A cache as its administrator sees it. What asks the store raises StepdownError."""

    def status(self) -> Struct: ...

    async def stats(self) -> Struct:
        """What the store holds now."""
        ...

    async def report(self, entry_id: str) -> bool:
        """An answer was bad: forget it, and count it where that is counted; whether there was such
        an entry."""
        ...

    async def purge(self) -> int:
        """How many entries there were."""
        ...


Caches = Callable[[], Mapping[str, Administered]]
"""The caches in force, by name."""
Admit = Callable[[Request], None]
"""Raises Unauthorized unless an administrator asks."""


class UnknownEntry(RequestError):
    code = "cache_entry_not_found"
    status = 404


def cache_routes(caches: Caches, admit: Admit) -> list[Route]:
    """The paths of the caches' administration, for the Starlette application."""

    async def show(request: Request) -> Response:
        admit(request)
        return _reply({name: await _shown(cache) for name, cache in caches().items()})

    async def forget(request: Request) -> Response:
        admit(request)
        entry_id = request.path_params["entry_id"]
        told, failures = await _each(caches(), lambda cache: cache.report(entry_id))
        if not (found := [name for name, was_there in told.items() if was_there]):
            unknown = UnknownEntry(f"No cache holds an entry {entry_id!r}.")
            raise failures[0] if failures else unknown
        return _reply({"id": entry_id, "forgotten": found})

    async def purge(request: Request) -> Response:
        admit(request)
        told, failures = await _each(caches(), lambda cache: cache.purge())
        if failures:
            raise failures[0]
        return _reply({"purged": told})

    return [
        Route(PATH, show, methods=["GET"]),
        Route(f"{PATH}/purge", purge, methods=["POST"]),
        Route(f"{PATH}/{{entry_id}}", forget, methods=["DELETE"]),
    ]


async def _each(
    caches: Mapping[str, Administered], work: Callable[[Administered], Awaitable[T]]
) -> tuple[dict[str, T], list[StepdownError]]:
    """What each cache says; one that fails keeps no other from its work."""
    told: dict[str, T] = {}
    failures: list[StepdownError] = []
    for name, cache in caches.items():
        try:
            told[name] = await work(cache)
        except StepdownError as failure:
            failures.append(failure)
    return told, failures


async def _shown(cache: Administered) -> dict[str, Any]:
    """Its counts, with what the store holds now, or why that cannot be told."""
    held: Struct | None = None
    error: str | None = None
    try:
        held = await cache.stats()
    except StepdownError as failure:
        error = failure.message
    status = cache.status()
    told = {name: getattr(status, name) for name in status.__struct_fields__}
    return {**told, "held": held, "error": error or told.get("error")}


def _reply(told: Mapping[str, Any]) -> Response:
    return Response(json.encode(told), media_type="application/json")
