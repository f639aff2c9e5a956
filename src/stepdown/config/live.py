"""Holds the configuration in force, and replaces it while requests are under way."""

import asyncio
import logging
import time
import weakref
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepdown.config.build import Built, build, job_terms
from stepdown.config.reading import load
from stepdown.config.schema import ServerSettings
from stepdown.config.upstreams import Upstreams
from stepdown.deferral.batch.context import InForce
from stepdown.deferral.batch.service import BatchService
from stepdown.deferral.jobs import Jobs
from stepdown.ledger.writer import Ledger
from stepdown.pipeline import Pipeline
from stepdown.ports import Price
from stepdown.types import Request

if TYPE_CHECKING:
    from stepdown.config.batching import Batching
    from stepdown.config.caching import Caching
    from stepdown.config.guarding import Guarding

log = logging.getLogger("stepdown.config")


class Live:
    """One gateway's configuration. What is asked of it is always of one configuration.

    Raises ConfigError when the file cannot be used. ``on_reload`` is called after a reload that
    has to be told to the other processes of this server.
    """

    def __init__(self, path: str | Path, environ: Mapping[str, str] | None = None) -> None:
        self.path = Path(path)
        self.on_reload: Callable[[], None] | None = None
        self._environ = environ
        self._built = build(load(self.path, environ), price_of=self._price)
        self._since = time.time()
        self._reloads = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._draining: set[asyncio.Task[None]] = set()

    # ── what is in force ─────────────────────────────────────────────────────────────────────

    @property
    def pipeline(self) -> Pipeline:
        return self._built.pipeline

    def deferred(self, request: Request) -> float | None:
        """Seconds within which a request's route has it answered later; None: it is answered now,
        as every stream is."""
        route = self._built.routes.get(request.target)
        if route is None or route.deferral is None or request.streams:
            return None
        return route.deferred(request)

    @property
    def jobs(self) -> Jobs:
        """The same ones from start to end."""
        return self._built.jobs

    @property
    def batches(self) -> BatchService:
        """The same ones from start to end."""
        return self._built.batches

    @property
    def max_file(self) -> int:
        """Bytes of an upload."""
        return self._built.batching.terms.max_file

    @property
    def caching(self) -> "Caching | None":
        """The caches, where any is on."""
        return self._built.caching

    @property
    def server(self) -> ServerSettings:
        return self._built.server

    @property
    def max_body(self) -> int:
        return self._built.server.max_body

    @property
    def master_key_digest(self) -> bytes | None:
        """The SHA-256 of the master key, or None where everybody is admitted."""
        return self._built.key_digest

    @property
    def notes(self) -> list[str]:
        """What the file says and the gateway does not do, one line each."""
        return self._built.notes

    @property
    def ready(self) -> bool:
        """Whether requests are served, and recorded unless the database is away."""
        built = self._built
        guarded = built.guarding is None or built.guarding.tried
        return self._loop is not None and built.ledger.tried and guarded

    def status(self) -> dict[str, Any]:
        """How the gateway is, for the administrator. Holds no secret."""
        built, ledger = self._built, self._built.ledger.status()
        return {
            "config": str(self.path),
            "since": self._since,
            "reloads": self._reloads,
            "routes": {name: list(route.ladder) for name, route in built.routes.items()},
            "router_failures": {
                name: dict(route.adviser.failures)
                for name, route in built.routes.items()
                if route.adviser is not None
            },
            "models": list(built.pipeline.fleet.models()),
            "deployments": built.fleet.status(),
            "ledger": {name: getattr(ledger, name) for name in ledger.__struct_fields__},
            "jobs": built.jobs.status(),
            "batches": built.batches.status(),
            **({} if built.caching is None else {"cache": built.caching.status()}),
            **_of_compression(built),
            **({} if built.guarding is None else built.guarding.status()),
            "notes": built.notes,
        }

    # ── from start to end ────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Begin recording. To be called on the event loop that will serve."""
        self._loop = asyncio.get_running_loop()
        self._start(self._built)
        self._built.jobs.start(lambda: self._built.pipeline)
        self._built.batches.start(self._in_force)

    def _in_force(self) -> InForce:
        return InForce(self._built.pipeline, self._built.batching.outlets)

    def _start(self, built: Built) -> None:
        built.ledger.start()
        if built.guarding is not None:
            built.guarding.start()
        if built.caching is not None:
            built.caching.start()
        if built.compressors:
            self._in_background(asyncio.to_thread(_prepare, built), self._closing)

    def reload(self, *, tell: bool = True) -> list[str]:
        """Read the file again and put it in force; requests under way end by the old one.

        Returns the notes. Raises ConfigError, with the old configuration still in force.
        ``tell``: whether the server's other processes are to be told.
        """
        old, new = (
            self._built,
            build(load(self.path, self._environ), price_of=self._price, previous=self._built),
        )
        if self._loop is not None:
            self._start(new)
        self._built = new
        new.jobs.configure(job_terms(new.job_settings))
        new.batches.configure(new.batching.terms)
        self._since = time.time()
        self._reloads += 1
        self._retire(old)
        if tell and self.on_reload is not None:
            self.on_reload()
        return [*new.notes, *_only_at_start(old, new)]

    async def aclose(self) -> None:
        """End the jobs and shadows, close the connections and write what is still held."""
        self._loop = None
        await self._built.jobs.aclose()
        await self._built.batches.aclose()
        for drain in tuple(self._draining):
            drain.cancel()
        for task in tuple(self._closing):
            await task
        if self._built.guarding is not None:
            await self._built.guarding.aclose()
        if self._built.caching is not None:
            await self._built.caching.aclose()
        await self._built.batching.aclose()
        await self._built.upstreams.aclose()
        await asyncio.to_thread(self._built.ledger.close)

    # ── what was in force ────────────────────────────────────────────────────────────────────

    def _price(self, model: str) -> Price | None:
        return self._built.pipeline.fleet.price(model)

    def _retire(self, old: Built) -> None:
        """Close what only the old configuration used, once its last request has let go of it.

        Whoever handles a request holds the pipeline: when nobody does any more, the old
        configuration has drained, and no request had to be counted for it.
        """
        used = old.upstreams, old.ledger, old.guarding, old.caching, old.batching
        end = weakref.finalize(old.pipeline, self._close_soon, *used)
        end.atexit = False

    def _close_soon(self, *used: Any) -> None:
        if self._loop is not None:  # the collector may call this on any thread
            self._loop.call_soon_threadsafe(self._close, *used)

    def _close(
        self,
        upstreams: Upstreams,
        ledger: Ledger,
        guarding: "Guarding | None",
        caching: "Caching | None",
        batching: "Batching",
    ) -> None:
        closing = self._close_unused(upstreams, ledger, guarding, caching, batching)
        self._in_background(closing, self._closing)

    async def _close_unused(
        self,
        upstreams: Upstreams,
        ledger: Ledger,
        guarding: "Guarding | None",
        caching: "Caching | None",
        batching: "Batching",
    ) -> None:
        if guarding is not None:
            await asyncio.wait({self._in_background(guarding.drain(), self._draining)})
            await guarding.aclose(self._built.guarding, drained=True)
        if caching is not None:
            await caching.aclose(self._built.caching)
        await batching.aclose(self._built.batching)
        await upstreams.aclose(but=self._built.upstreams.all())
        if ledger is not self._built.ledger:
            await asyncio.to_thread(ledger.close)
        log.info("the earlier configuration has drained")

    def _in_background(
        self, work: Coroutine[Any, Any, None], tasks: set[asyncio.Task[None]]
    ) -> asyncio.Task[None]:
        """Keep a task among these until it is done."""
        task = asyncio.get_running_loop().create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        return task


def _prepare(built: Built) -> None:
    """Load what compression counts tokens with, so that no request has to wait for it."""
    for compressor in built.compressors.values():
        compressor.prepare()


def _of_compression(built: Built) -> dict[str, Any]:
    if not built.compressors:
        return {}
    return {"compression": {name: each.status() for name, each in built.compressors.items()}}


def _only_at_start(old: Built, new: Built) -> list[str]:
    notes = [
        f"server.{key}: takes effect when the server is started again"
        for key in ("host", "port")
        if getattr(old.server, key) != getattr(new.server, key)
    ]
    if old.ledger_settings.url != new.ledger_settings.url:
        notes.append("ledger.url: jobs stay in the earlier one until the server is started again")
    return notes
