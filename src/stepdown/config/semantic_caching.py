"""Builds the semantic cache: what embeds, what verifies, and what compares answers.

It is imported where that cache is switched on, and nowhere else.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, structs

from stepdown.caching.exact.terms import ExactTerms
from stepdown.caching.index.index import VectorIndex
from stepdown.caching.index.memory import MemoryIndex
from stepdown.caching.semantic.bound import BoundTerms
from stepdown.caching.semantic.cache import SemanticCache
from stepdown.caching.semantic.comparer import AnswerComparer
from stepdown.caching.semantic.entries import Entries, MemoryEntries
from stepdown.caching.semantic.evidence_file import EvidenceFile
from stepdown.caching.semantic.terms import SemanticTerms
from stepdown.caching.semantic.verifier import Verifier, read_verifier
from stepdown.config.document import Config
from stepdown.config.guarding import scorers_of
from stepdown.config.schema_savers import RouteSemanticSettings, SemanticCacheSettings
from stepdown.config.upstreams import http_options
from stepdown.embedding.embedder import Embedder
from stepdown.embedding.registry import LOCAL, local
from stepdown.errors import ConfigError
from stepdown.names import nearest
from stepdown.places import cache_directory
from stepdown.ports import Fleet, Upstream
from stepdown.providers.openai import OpenAIDialect
from stepdown.quality.shadow.calls import Caller
from stepdown.quality.shadow.money import DayBudget
from stepdown.routing.problems import Problems
from stepdown.storage.address import Address, DatabaseUnavailable, parse
from stepdown.types import Usage

if TYPE_CHECKING:
    from stepdown.caching.semantic.postgres_entries import PostgresEntries
    from stepdown.routing.route import PolicyRoute

Routes = Mapping[str, "PolicyRoute"]


class Semantic(Struct, eq=False):
    """The semantic cache under one configuration. ``made_by`` is what cannot change while it runs;
    the rest is put in force by ``start``. ``shared`` are the entries that replicas share."""

    made_by: Any
    cache: SemanticCache
    terms: Mapping[str, SemanticTerms]
    verifiers: Mapping[str, Verifier]
    comparer: AnswerComparer
    embeddings: "Embeddings | None"
    shared: "PostgresEntries | None" = None

    def start(self) -> None:
        """Put it in force. To be called on the event loop that will serve."""
        self.cache.apply(self.terms, self.verifiers, self.comparer)
        if self.shared is not None:
            self.shared.ttls = {name: each.answers.ttl for name, each in self.terms.items()}
        if not self.cache.is_running:
            self.cache.start()
            if self.shared is not None:
                self.shared.start()

    async def aclose(self, kept: "Semantic | None" = None) -> None:
        """Save what was learned, unless another configuration goes on with it."""
        if kept is not None and kept.cache is self.cache:
            return
        if self.shared is not None:
            await self.shared.aclose()
        await self.cache.aclose()
        if self.embeddings is not None:
            await self.embeddings.upstream.aclose()


class Embeddings(Struct, eq=False):
    """An embeddings endpoint that is asked, and the tokens it has read."""

    upstream: Upstream
    tokens: int = 0

    def bill(self, usage: Usage) -> None:
        self.tokens += usage.input


def build_semantic(
    config: Config,
    exact: Mapping[str, ExactTerms],
    fleet: Fleet,
    previous: Semantic | None = None,
) -> Semantic:
    """Nothing is started, and nothing connected; ``exact`` are the targets' terms as an exact cache
    would have them. Raises ConfigError."""
    settings = semantic_settings(config)
    terms = dict(terms_of(config, exact))
    verifiers = _verifiers(config, settings, terms)
    budget = DayBudget() if previous is None else previous.comparer.budget
    comparer = _comparer(config, fleet, budget)
    place = settings.store, settings.url, config.ledger.url
    held = settings.most, settings.size, settings.evidence, place
    made_by = settings.embedder, settings.dimensions, config.embedders, held
    if previous is not None and previous.made_by == made_by:
        return structs.replace(previous, terms=terms, verifiers=verifiers, comparer=comparer)
    embedder, embeddings = _embedder(config, settings)
    index, entries, shared = _held(config, settings, embedder)
    cache = SemanticCache(
        terms,
        embedder,
        index,
        OpenAIDialect(),
        comparer=comparer,
        verifiers=verifiers,
        entries=entries,
        evidence=EvidenceFile(_evidence(settings)),
    )
    return Semantic(made_by, cache, terms, verifiers, comparer, embeddings, shared)


def semantic_settings(config: Config) -> SemanticCacheSettings:
    """The section's, or the usual ones where routes alone switch it on."""
    return config.cache.semantic or SemanticCacheSettings(enabled=False)


def own_settings(config: Config, name: str) -> RouteSemanticSettings:
    """What a route, or a model that is asked by its own name, has otherwise."""
    cache = config.routes[name].cache if name in config.routes else None
    given = None if cache is None else cache.semantic
    return given or RouteSemanticSettings(enabled=semantic_settings(config).enabled)


def terms_of(
    config: Config, exact: Mapping[str, ExactTerms]
) -> Iterator[tuple[str, SemanticTerms]]:
    """By target, where the cache is on for it; ``exact`` are the terms that an exact cache would
    have for each."""
    settings = semantic_settings(config)
    for name, same in exact.items():
        own = own_settings(config, name)
        if not own.enabled:
            continue
        varied = own.nondeterministic
        answers = structs.replace(
            same,
            ttl=settings.ttl if own.ttl is None else own.ttl,
            nondeterministic=settings.nondeterministic if varied is None else varied,
            most_entry=settings.most_entry,
        )
        max_error = settings.max_error if own.max_error is None else own.max_error
        bound = BoundTerms(max_error, settings.confidence, settings.sample, settings.tuning)
        fresh = settings.fresh_words if own.fresh_words is None else own.fresh_words
        yield name, SemanticTerms(bound, answers, settings.floor, settings.most_text, fresh)


# ── What it is made of ───────────────────────────────────────────────────────────────────────


def _embedder(
    config: Config, settings: SemanticCacheSettings
) -> tuple[Embedder, Embeddings | None]:
    at = "cache.semantic"
    if settings.embedder in LOCAL:
        try:
            return local(settings.embedder), None
        except ConfigError as error:
            raise ConfigError([f"{at}.embedder: {error.problems[0]}"]) from error
    if not config.embedders:
        near = nearest(settings.embedder, LOCAL)
        known = f"{', '.join(LOCAL)}, or a model of model_list whose model_info.mode is embedding"
        raise ConfigError([f"{at}.embedder: expected {known}, got {settings.embedder!r}.{near}"])
    if settings.dimensions is None:
        said = "expected the number of dimensions of the model's vectors, got none"
        raise ConfigError([f"{at}.dimensions: {said}"])
    from stepdown.embedding.endpoint import EndpointEmbedder
    from stepdown.providers.http import HttpUpstream

    placed = config.embedders[0]
    upstream = HttpUpstream(structs.replace(http_options(placed), path="/embeddings"))
    embeddings = Embeddings(upstream)
    model = placed.endpoint.upstream_model
    embedder = EndpointEmbedder(
        model,
        upstream,
        OpenAIDialect().failure,
        dimensions=settings.dimensions,
        billed=embeddings.bill,
    )
    return embedder, embeddings


def _held(
    config: Config, settings: SemanticCacheSettings, embedder: Embedder
) -> "tuple[VectorIndex, Entries, PostgresEntries | None]":
    """Where vectors and entries are; and the entries again, where replicas share them."""
    if settings.store == "memory":
        index = MemoryIndex(embedder.dimensions, settings.most)
        return index, MemoryEntries(settings.size), None
    from stepdown.caching.index.postgresql import PostgresIndex
    from stepdown.caching.semantic.postgres_entries import PostgresEntries

    address = address_of(config, settings)
    try:
        shared = PostgresIndex(address, embedder.name, embedder.dimensions, settings.most)
    except DatabaseUnavailable as error:
        raise ConfigError([f"cache.semantic.store: {error.message}"]) from error
    except ValueError:  # its message may quote a part of the URL
        said = "expected postgresql://USER@HOST:PORT/DATABASE, got a URL that cannot be read"
        raise ConfigError([f"cache.semantic.url: {said}"]) from None
    entries = PostgresEntries(shared, settings.size)
    return shared, entries, entries


def address_of(config: Config, settings: SemanticCacheSettings) -> Address:
    """The database of the store postgresql. Raises ConfigError."""
    url = config.ledger.url if settings.url is None else settings.url
    expected = "cache.semantic.url: expected postgresql://…"
    try:
        address = parse(None if url is None else str(url))
    except DatabaseUnavailable as error:
        said = error.message.removeprefix("database: ").replace("sqlite:///FILE or ", "", 1)
        raise ConfigError([f"cache.semantic.url: {said}"]) from error
    if address.file is None:
        return address
    if settings.url is None:
        said = f"{expected} with the store postgresql, got none, and the ledger is in a file"
        raise ConfigError([f"{said} ({address})"])
    raise ConfigError([f"{expected}, got the file {address}"])


def _comparer(config: Config, fleet: Fleet, budget: DayBudget) -> AnswerComparer:
    """As pairs are scored; a judge's money is as much again as that for shadows' pairs."""
    problems = Problems()
    scorers = scorers_of(config, fleet, problems)
    problems.check()
    budget.limit = config.shadow.judge_max_cost
    return AnswerComparer(scorers, Caller(fleet, config.shadow.timeout), budget=budget)


def _verifiers(
    config: Config, settings: SemanticCacheSettings, terms: Mapping[str, SemanticTerms]
) -> dict[str, Verifier]:
    """By route or model, where the configuration names a file."""
    read: dict[str, Verifier] = {}
    found: dict[str, Verifier] = {}
    for name in terms:
        own = own_settings(config, name).verifier
        file = settings.verifier if own is None else own
        if file is None:
            continue
        at = "cache.semantic" if own is None else f"routes.{name}.cache.semantic"
        try:
            found[name] = read[file] = read.get(file) or read_verifier(Path(file))
        except ConfigError as error:
            raise ConfigError(
                [f"{at}.verifier: {problem}" for problem in error.problems]
            ) from error
    return found


def _evidence(settings: SemanticCacheSettings) -> Path:
    if settings.evidence is not None:
        return Path(settings.evidence)
    return cache_directory() / "semantic-evidence.json"
