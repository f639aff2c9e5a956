"""A pipeline with a semantic cache before an upstream that answers by what it is asked."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from msgspec import Struct, json, structs

from stepdown.caching.index.memory import MemoryIndex
from stepdown.caching.semantic.bound import Bound, BoundTerms, Choice
from stepdown.caching.semantic.cache import SemanticCache
from stepdown.caching.semantic.calibration import Rows
from stepdown.caching.semantic.terms import SemanticTerms
from stepdown.embedding.static import static
from stepdown.pipeline import Pipeline
from stepdown.providers.openai import OpenAIDialect
from stepdown.requests import request_of
from stepdown.types import Request, Timeouts
from support import chat
from support.exact_caches import Got
from support.scripted import Book, Ear, Fleet, Ladder, Reply, Upstream

ROUTE = "auto"
QUICK = SemanticTerms(bound=BoundTerms(max_error=0.3, confidence=0.8, sample=0.2, tuning=20))
"""Learns from so few pairs that a test can wait for it."""


def asked(
    text: Any = "How do I reset it?",
    *,
    tenant: str = "",
    system: str = "",
    control: str | None = None,
    request_id: str | None = None,
    **extra: Any,
) -> Request:
    """A request for JSON, so that answers to it can be compared without a judge."""
    turns = [{"role": "system", "content": system}] if system else []
    body = {
        "model": ROUTE,
        "messages": [*turns, {"role": "user", "content": text}],
        "response_format": {"type": "json_object"},
        **extra,
    }
    headers = {} if control is None else {"cache-control": control}
    return structs.replace(request_of(body, headers=headers, id=request_id), tenant=tenant)


Answers = Callable[[dict[str, Any]], str]


class Answering(Upstream):
    """Says what ``answers`` makes of the body that it is sent."""

    def __init__(self, answers: Answers, whole: bytes | None = None) -> None:
        super().__init__("strong")
        self._answers = answers
        self._whole = whole

    async def send(self, body: bytes, *, stream: bool, timeouts: Timeouts) -> Reply:
        given = json.decode(body)
        self.asked.append(given)
        if self._whole is not None:
            return Reply(self._whole)
        text = self._answers(given)
        if stream:
            return Reply(*chat.stream("strong", [text], with_usage=True))
        return Reply(chat.completion("strong", text))


def echo(body: dict[str, Any]) -> str:
    """All that was asked, as JSON."""
    return json.encode({"asked": body["messages"], "tools": body.get("tools")}).decode()


class Serving(Bound):
    """Serves all there is."""

    def decide(self, row: Rows, uniform: float) -> Choice:
        return Choice("serve", 1.0)


class Verifying(Bound):
    """Verifies all there is."""

    def decide(self, row: Rows, uniform: float) -> Choice:
        return Choice("verify", 1.0)


class Desk(Struct):
    """Where requests are handed in."""

    cache: SemanticCache
    pipeline: Pipeline
    upstream: Answering

    @property
    def calls(self) -> int:
        return len(self.upstream.asked)

    async def ask(self, request: Request) -> Got:
        """What a client gets; all that is to be learned of it is learned then."""
        ear = Ear()
        journey = await self.pipeline.handle(request, ear)
        await self.cache.drained()
        return Got(ear, journey)


@asynccontextmanager
async def desk(
    answers: Answers = echo,
    *,
    terms: SemanticTerms = QUICK,
    bound: type[Bound] | None = None,
    most: int = 1_000,
    reply: bytes | None = None,
    **more: Any,
) -> AsyncIterator[Desk]:
    """``bound`` stands in for the real one; ``reply`` is every answer, as it comes from upstream;
    ``more`` goes to the cache."""
    by_target: Mapping[str, SemanticTerms] = {ROUTE: terms}
    embedder = more.pop("embedder", static())
    index = more.pop("index", None) or MemoryIndex(embedder.dimensions, most)
    cache = SemanticCache(by_target, embedder, index, OpenAIDialect(), **more)
    if bound is not None:
        cache.bounds[ROUTE] = bound(terms.bound)
    upstream = Answering(answers, reply)
    pipeline = Pipeline(
        {ROUTE: Ladder("strong")}, Fleet(strong=upstream), Book(), caches={ROUTE: [cache]}
    )
    cache.start()
    try:
        yield Desk(cache, pipeline, upstream)
    finally:
        await cache.aclose()
