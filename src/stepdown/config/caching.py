"""Builds the caches, and keeps what they hold over a reload.

It is imported where a cache is switched on, and nowhere else.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, structs, to_builtins

from stepdown.caching.exact.cache import ExactCache
from stepdown.caching.exact.store import Store, StoreUnavailable
from stepdown.caching.exact.terms import ExactTerms
from stepdown.config.document import Config
from stepdown.config.schema_savers import ExactCacheSettings, RouteExactSettings
from stepdown.errors import ConfigError
from stepdown.places import cache_directory
from stepdown.ports import Cache, Fleet
from stepdown.providers.openai import OpenAIDialect
from stepdown.storage.address import DatabaseUnavailable, parse

if TYPE_CHECKING:
    from stepdown.caching.semantic.cache import SemanticCache
    from stepdown.config.semantic_caching import Semantic
    from stepdown.routing.route import PolicyRoute

Routes = Mapping[str, "PolicyRoute"]
_VARYING = ("header.", "metadata.")
"""Signals that are no part of the question, and choose the rung."""
_BESIDE = 65_536
"""Bytes of a stored entry beside its answer, at most."""


class Caching(Struct, eq=False):
    """The caches of one configuration. ``settings`` are those by which the exact cache's store was
    made, ``terms`` its terms by route and model."""

    settings: Any
    exact: ExactCache
    terms: Mapping[str, ExactTerms]
    semantic: "Semantic | None" = None

    @property
    def by_target(self) -> dict[str, Sequence[Cache]]:
        """The caches of each route and model, in the order in which they are asked."""
        caches: dict[str, Sequence[Cache]] = dict.fromkeys(self.terms, (self.exact,))
        if self.semantic is not None:
            cache = self.semantic.cache
            for name in cache.terms:
                caches[name] = (*caches.get(name, ()), cache)
        return caches

    def by_name(self) -> "dict[str, ExactCache | SemanticCache]":
        """The caches that are on, for their administrator."""
        found: dict[str, ExactCache | SemanticCache] = {"exact": self.exact} if self.terms else {}
        if self.semantic is not None:
            found["semantic"] = self.semantic.cache
        return found

    def start(self) -> None:
        """Put it in force. To be called on the event loop that will serve."""
        self.exact.terms = self.terms
        if not self.exact.is_running:
            self.exact.start()
        if self.semantic is not None:
            self.semantic.start()

    async def aclose(self, kept: "Caching | None" = None) -> None:
        """Write the rest and close the stores, unless another configuration goes on with them."""
        if kept is None or kept.exact is not self.exact:
            await self.exact.aclose()
        if self.semantic is not None:
            await self.semantic.aclose(None if kept is None else kept.semantic)

    def status(self) -> dict[str, Any]:
        """How the caches are doing, for the administrator."""
        found = {"exact": to_builtins(self.exact.status())} if self.terms else {}
        if self.semantic is not None:
            found["semantic"] = to_builtins(self.semantic.cache.status())
            found["semantic"]["judges_spent"] = str(self.semantic.comparer.budget.spent)
            if self.semantic.embeddings is not None:
                found["semantic"]["embedding_tokens"] = self.semantic.embeddings.tokens
        return found


def build_caching(
    config: Config, routes: Routes, fleet: Fleet, previous: Caching | None = None
) -> Caching:
    """Nothing is started, and nothing connected. Raises ConfigError."""
    settings = _settings(config)
    every = dict(every_exact_terms(config, routes))
    terms = {name: each for name, each in every.items() if _own(config, name).enabled}
    secret = secret_of(config)
    made_by = settings.store, settings.url, settings.size, settings.most_entry, secret
    if previous is not None and previous.settings == made_by:
        exact = previous.exact
    else:
        exact = ExactCache(store_of(settings), terms, OpenAIDialect(), secret=secret)
    semantic = None
    if config.is_semantically_cached():
        try:
            from stepdown.config.semantic_caching import build_semantic
        except ImportError as error:
            said = f"needs `pip install 'stepdown[semantic]'` ({error})"
            raise ConfigError([f"cache.semantic: {said}"]) from error

        before = None if previous is None else previous.semantic
        semantic = build_semantic(config, every, fleet, before)
    return Caching(made_by, exact, terms, semantic)


def store_of(settings: ExactCacheSettings) -> Store:
    """The store that the settings name, not opened. Raises ConfigError."""
    try:
        if settings.store == "redis":
            from stepdown.caching.exact.redis import RedisStore

            return RedisStore(str(settings.url), most=settings.most_entry + _BESIDE)
        if settings.store == "sqlite":
            from stepdown.caching.exact.sqlite import SQLiteStore

            return SQLiteStore(_file(settings), settings.size)
    except (StoreUnavailable, DatabaseUnavailable) as error:
        raise ConfigError([f"cache.exact.url: {error.message}"]) from error
    from stepdown.caching.exact.memory import MemoryStore

    return MemoryStore(settings.size)


def secret_of(config: Config) -> bytes:
    """What seals entries where others can write: made from the master key, empty without one."""
    key = config.general_settings.master_key
    if key is None:
        return b""
    return sha256(b"stepdown.cache:" + key.get_secret_value().encode()).digest()


def _file(settings: ExactCacheSettings) -> Path:
    if settings.url is None:
        return cache_directory() / "exact-cache.db"
    file = parse(str(settings.url)).file
    if file is None:
        raise DatabaseUnavailable("expected sqlite:///FILE with the store sqlite")
    return Path(file)


def exact_terms(config: Config, name: str) -> ExactTerms | None:
    """A route's terms, but for what its answers hang on; None where the cache is off for it."""
    own = _own(config, name)
    return _terms(config, own) if own.enabled else None


def _settings(config: Config) -> ExactCacheSettings:
    return config.cache.exact or ExactCacheSettings(enabled=False)


def _own(config: Config, name: str) -> RouteExactSettings:
    """What a route, or a model that is asked by its own name, has otherwise."""
    cache = config.routes[name].cache if name in config.routes else None
    given = None if cache is None else cache.exact
    return given or RouteExactSettings(enabled=_settings(config).enabled)


def every_exact_terms(config: Config, routes: Routes) -> Iterator[tuple[str, ExactTerms]]:
    """Of each route and model, were the cache on for it."""
    for name, route in routes.items():
        yield (
            name,
            structs.replace(
                _terms(config, _own(config, name)),
                policy=_policy(config, route),
                varies=_varies(route),
                held=_held(route),
                ladder=tuple(route.ladder),
            ),
        )
    names = {*config.models(), *config.router_settings.model_group_alias} - routes.keys()
    for name in sorted(names):
        if "*" not in name:
            terms = _terms(config, _own(config, name))
            yield name, structs.replace(terms, policy=_answering(config, name))


def _terms(config: Config, own: RouteExactSettings) -> ExactTerms:
    settings = _settings(config)
    return ExactTerms(
        ttl=settings.ttl if own.ttl is None else own.ttl,
        nondeterministic=(
            settings.nondeterministic if own.nondeterministic is None else own.nondeterministic
        ),
        wait=settings.wait,
        most_entry=settings.most_entry,
        aliases=config.router_settings.model_group_alias,
    )


def _policy(config: Config, route: "PolicyRoute") -> str:
    """What a route's answers hang on: its rules, its checks, what answers for its models, and how
    prompts are shortened."""
    settings = config.routes[route.name]
    answering = [_answering(config, model) for model in route.ladder]
    own = settings.compression
    compression = config.compression if own is None else own
    return repr((route.hash, settings.cascade, answering, compression))


def _varies(route: "PolicyRoute") -> tuple[str, ...]:
    return tuple(each.name for each in route.signals if each.name.startswith(_VARYING))


def _held(route: "PolicyRoute") -> Callable[[], frozenset[str]]:
    return lambda: frozenset() if route.guard is None else route.guard.held


def _answering(config: Config, model: str) -> str:
    """What answers for a model: with another upstream or server, stored answers are another's."""
    model = config.router_settings.model_group_alias.get(model, model)
    endpoints = (each.endpoint for each in config.deployments if each.model == model)
    places = {f"{each.upstream_model} at {each.base_url.shown}" for each in endpoints}
    return " or ".join(sorted(places))
