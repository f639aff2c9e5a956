"""The sections of the savers beside routing: what is kept and how long, and how prompts shrink."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from stepdown.config.schema_litellm import Section
from stepdown.config.values import Bytes, Name, Part, Positive, Rate, SecretUrl, Share, Span


def switch(given: Any) -> Any:
    """``true`` and ``false`` stand for a section that is switched on or off, and says no more."""
    return {"enabled": given} if isinstance(given, bool) else given


class ExactCacheSettings(Section):
    """Answers that are given again to the same request; where they are kept, and for how long.

    ``enabled`` says whether it is on for the routes and models that say nothing of it.
    """

    enabled: bool = True
    store: Literal["memory", "sqlite", "redis"] = "memory"
    url: SecretUrl | None = None
    size: Bytes = 256_000_000
    ttl: Span = 3600.0
    nondeterministic: bool = False
    wait: Span = 60.0
    most_entry: Bytes = 1_000_000

    @model_validator(mode="after")
    def _where(self) -> Self:
        if self.store == "redis" and self.url is None:
            raise ValueError("expected a url with the store redis, such as redis://127.0.0.1:6379")
        if self.store == "memory" and self.url is not None:
            raise ValueError("expected no url with the store memory")
        return self


class SemanticCacheSettings(Section):
    """Answers that are given again to questions that mean the same, with a bound on the wrong ones.

    ``enabled`` says whether it is on for the routes and models that say nothing of it.
    ``embedder`` is ``static``, ``minilm``, ``multilingual``, or a model of ``model_list`` whose
    ``model_info.mode`` is ``embedding``; then ``dimensions`` says how long its vectors are.
    ``url`` is that of the ``store`` postgresql; by default the ledger's database.
    """

    enabled: bool = True
    max_error: Share = 0.01
    confidence: Share = 0.95
    sample: Share = 0.1
    tuning: Annotated[Positive, Field(ge=20)] = 300
    floor: Part = 0.7
    ttl: Span = 86_400.0
    store: Literal["memory", "postgresql"] = "memory"
    url: SecretUrl | None = None
    embedder: Name = "static"
    dimensions: Positive | None = None
    verifier: Name | None = None
    most: Positive = 100_000
    size: Bytes = 64_000_000
    most_text: Positive = 500
    most_entry: Bytes = 200_000
    fresh_words: tuple[Name, ...] = ()
    nondeterministic: bool = False
    evidence: Name | None = None

    @model_validator(mode="after")
    def _where(self) -> Self:
        if self.store == "memory" and self.url is not None:
            raise ValueError("expected no url with the store memory")
        return self


class RouteSemanticSettings(Section):
    """What a route does otherwise than ``cache.semantic`` says."""

    enabled: bool = True
    max_error: Share | None = None
    ttl: Span | None = None
    nondeterministic: bool | None = None
    fresh_words: tuple[Name, ...] | None = None
    verifier: Name | None = None


class RouteExactSettings(Section):
    """What a route does otherwise than ``cache.exact`` says."""

    enabled: bool = True
    ttl: Span | None = None
    nondeterministic: bool | None = None


class CacheSettings(Section):
    """The caches, in the order in which a request meets them."""

    exact: ExactCacheSettings | None = None
    semantic: SemanticCacheSettings | None = None

    @field_validator("exact", "semantic", mode="before")
    @classmethod
    def _switched(cls, given: Any) -> Any:
        return switch(given)


class RouteCacheSettings(Section):
    """A route's caches."""

    exact: RouteExactSettings | None = None
    semantic: RouteSemanticSettings | None = None

    @field_validator("exact", "semantic", mode="before")
    @classmethod
    def _switched(cls, given: Any) -> Any:
        return switch(given)


class BatchSettings(Section):
    """Files of requests and deferred calls, sent as providers' batches; for each process, but for
    what a tenant may have. Times are seconds, however they are written."""

    enabled: bool = True
    paused: bool = False
    price_factor: Rate | None = None
    concurrency: Positive = 8
    rpm: Positive | None = None
    gather: Span = 60.0
    poll: Span = 60.0
    rounds: Positive = 2
    retention: Span = 2_592_000.0
    max: Positive = 1000
    max_stored: Bytes = 10_000_000_000
    max_file: Bytes = 209_715_200
    max_lines: Positive = 50_000
    max_line: Bytes = 10_000_000
    max_tokens: Positive | None = None
