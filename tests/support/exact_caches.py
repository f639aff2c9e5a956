"""A pipeline with an exact cache before scripted upstreams, and clients that ask it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from msgspec import Struct, json, structs

from stepdown.caching.exact.cache import ExactCache
from stepdown.caching.exact.memory import MemoryStore
from stepdown.caching.exact.store import Store, StoreStats, StoreUnavailable
from stepdown.caching.exact.terms import ExactTerms
from stepdown.errors import StepdownError
from stepdown.pipeline import Pipeline
from stepdown.providers.openai import OpenAIDialect
from stepdown.providers.openai_transcript import OpenAITranscript
from stepdown.requests import request_of
from stepdown.types import Choice, Journey, Request
from support.scripted import Book, Ear, Fleet, Ladder, Upstream

ROUTE = "auto"
TERMS = ExactTerms()


def asked(
    text: str = "Is this spam?",
    *,
    tenant: str = "",
    control: str | None = None,
    **extra: Any,
) -> Request:
    body = {"model": ROUTE, "messages": [{"role": "user", "content": text}], **extra}
    headers = {} if control is None else {"cache-control": control}
    return structs.replace(request_of(body, headers=headers), tenant=tenant)


class Got(Struct):
    """What a client got: its ear, and the journey where there is one."""

    ear: Ear
    journey: Journey

    @property
    def cache(self) -> str | None:
        return self.journey.cache

    @property
    def streamed(self) -> bool:
        return self.ear.events[:1] == ["open"]

    @property
    def choice(self) -> Choice:
        transcript = OpenAITranscript(streamed=self.streamed, hide_logprobs=False)
        transcript.feed(self.ear.heard)
        return transcript.choices[0]

    @property
    def text(self) -> str:
        return self.choice.text


class Desk(Struct):
    """Where requests are handed in. ``upstream`` answers for the route's only model."""

    cache: ExactCache
    pipeline: Pipeline
    upstream: Upstream
    book: Book

    @property
    def calls(self) -> int:
        return len(self.upstream.asked)

    async def ask(self, request: Request | None = None, ear: Ear | None = None) -> Got:
        ear = Ear() if ear is None else ear
        journey = await self.pipeline.handle(asked() if request is None else request, ear)
        return Got(ear, journey)

    async def settled(self) -> None:
        """Return once all that was answered is in the store."""
        for _ in range(3):
            await self.cache.drained()
            await asyncio.sleep(0)

    async def outcomes(self, *requests: Request) -> list[Got | StepdownError]:
        """What becomes of requests that come at once."""

        async def one(request: Request) -> Got | StepdownError:
            try:
                return await self.ask(request)
            except StepdownError as error:
                return error

        return await asyncio.gather(*map(one, requests))


@asynccontextmanager
async def desk(
    upstream: Upstream,
    *,
    store: Store | None = None,
    terms: ExactTerms | Mapping[str, ExactTerms] = TERMS,
    secret: bytes = b"",
) -> AsyncIterator[Desk]:
    by_target = {ROUTE: terms} if isinstance(terms, ExactTerms) else terms
    cache = ExactCache(
        MemoryStore(10_000_000) if store is None else store,
        by_target,
        OpenAIDialect(),
        secret=secret,
    )
    book = Book()
    pipeline = Pipeline(
        {ROUTE: Ladder("strong")},
        Fleet(strong=upstream),
        book,
        caches={name: [cache] for name in by_target},
    )
    cache.start()
    try:
        yield Desk(cache, pipeline, upstream, book)
    finally:
        await cache.aclose()


class Broken:
    """A store that fails, or never answers."""

    kind = "broken"
    last = None
    timeout: float | None = 0.05

    def __init__(self, *, silent: bool = False) -> None:
        self.silent = silent
        self.calls = 0

    async def _fail(self) -> None:
        self.calls += 1
        if self.silent:
            await asyncio.Event().wait()
        raise StoreUnavailable("It is broken.")

    async def get(self, entry_id: str) -> bytes | None:
        await self._fail()
        return None

    async def put(self, records: Any) -> None:
        await self._fail()

    async def delete(self, entry_id: str) -> bool:
        await self._fail()
        return False

    async def clear(self) -> int:
        await self._fail()
        return 0

    async def stats(self) -> StoreStats:
        await self._fail()
        return StoreStats(0, 0)

    async def aclose(self) -> None: ...


def body_of(got: Got) -> dict[str, Any]:
    """A whole answer as an object."""
    found: dict[str, Any] = json.decode(got.ear.heard)
    return found
