"""Where ``stepdown cache`` acts: on a running server, or on a store that outlives servers."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import quote

import msgspec

from stepdown.cli.batch_server import Refused, Unreachable, refused, server_meant
from stepdown.cli.record import printable, read_config, told

if TYPE_CHECKING:
    import httpx2

    from stepdown.caching.exact.store import Store
    from stepdown.config import Config

T = TypeVar("T")
Told = dict[str, Any]
"""By cache, what is known of it."""
PATIENCE = 60.0


class Place(Protocol):
    """Everything raises click.ClickException."""

    def stats(self) -> Told: ...

    def purge(self) -> dict[str, int]:
        """How many entries each cache held."""
        ...

    def forget(self, entry_id: str) -> bool: ...


@contextmanager
def place(url: str | None, key: str | None, config: Path | None) -> Generator[Place]:
    """The store that the configuration names, where it is no process's own, holds all that is
    cached, and no server is named; else the server."""
    settings = read_config(config)
    if url is None and settings is not None and _outlives(settings):
        yield OnStore(settings)
        return
    import httpx2

    address, key = server_meant(url, key, config)
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    with httpx2.Client(base_url=address, headers=headers, timeout=PATIENCE) as http:
        yield OnServer(http)


def _outlives(settings: "Config") -> bool:
    exact = settings.cache.exact
    outlives = exact is not None and exact.store != "memory"
    return outlives and not settings.is_semantically_cached()


class OnServer:
    def __init__(self, http: "httpx2.Client") -> None:
        self._http = http

    def stats(self) -> Told:
        found: Told = self._read(self._asked("GET", ""))
        return found

    def purge(self) -> dict[str, int]:
        return dict(self._read(self._asked("POST", "/purge"))["purged"])

    def forget(self, entry_id: str) -> bool:
        reply = self._asked("DELETE", f"/{quote(entry_id, safe='')}")
        if reply.status_code == 404 and b"cache_entry_not_found" in reply.content:
            return False
        self._read(reply)
        return True

    def _asked(self, method: str, path: str) -> "httpx2.Response":
        import httpx2

        try:
            return self._http.request(method, f"/admin/cache{path}")
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            said = f"The server at {self._http.base_url} cannot be reached: {error}"
            raise Unreachable(printable(said)) from error

    def _read(self, reply: "httpx2.Response") -> Any:
        if reply.is_error:
            raise refused(reply)
        try:
            return msgspec.json.decode(reply.content, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            said = f"{self._http.base_url}: this is no server of Stepdown's: {error}"
            raise Refused(printable(said)) from error


class OnStore:
    """The exact cache's store: a SQLite file or Redis, whether or not a server runs."""

    def __init__(self, settings: "Config") -> None:
        self._settings = settings

    def stats(self) -> Told:
        kind, held = self._done(lambda store: _stats(store))
        return {"exact": {"store": kind, "held": msgspec.to_builtins(held)}}

    def purge(self) -> dict[str, int]:
        return {"exact": self._done(lambda store: store.clear())}

    def forget(self, entry_id: str) -> bool:
        return self._done(lambda store: store.delete(entry_id))

    def _done(self, work: "Callable[[Store], Coroutine[Any, Any, T]]") -> T:
        from stepdown.caching.exact.store import StoreUnavailable
        from stepdown.config.caching import store_of

        settings = self._settings.cache.exact
        assert settings is not None

        async def run() -> T:
            with told():
                store = store_of(settings)
            try:
                return await work(store)
            finally:
                await store.aclose()

        try:
            return asyncio.run(run())
        except StoreUnavailable as error:
            raise Refused(printable(error.message)) from error


async def _stats(store: "Store") -> tuple[str, Any]:
    return store.kind, await store.stats()
