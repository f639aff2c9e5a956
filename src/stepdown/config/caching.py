"""Builds the caches, and keeps what they hold over a reload.

It is imported where a cache is switched on, and nowhere else.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, structs
from msgspec.structs import asdict

from stepdown.caching.exact.cache import ExactCache
from stepdown.caching.exact.store import Store, StoreUnavailable
from stepdown.caching.exact.terms import ExactTerms
from stepdown.config.document import Config
from stepdown.config.schema_savers import ExactCacheSettings, RouteExactSettings
from stepdown.errors import ConfigError
from stepdown.places import cache_directory
from stepdown.ports import Cache
from stepdown.providers.openai import OpenAIDialect
from stepdown.storage.address import DatabaseUnavailable, parse

if TYPE_CHECKING:
    from stepdown.routing.route import PolicyRoute

Routes = Mapping[str, "PolicyRoute"]
_VARYING = ("header.", "metadata.")
"""Signals that are no part of the question, and choose the rung."""


class Caching(Struct, eq=False):
    """The caches of one configuration. ``settings`` are those by which the store was made."""

    settings: Any
    exact: ExactCache
    terms: Mapping[str, ExactTerms]

    @property
    def by_target(self) -> dict[str, Sequence[Cache]]:
        """The caches of each route and model, in the order in which they are asked."""
        return dict.fromkeys(self.terms, (self.exact,))

    def start(self) -> None:
        """Put it in force. To be called on the event loop that will serve."""
        self.exact.terms = self.terms
        if not self.exact.is_running:
            self.exact.start()

    async def aclose(self, kept: "Caching | None" = None) -> None:
        """Write the rest and close the store, unless another configuration goes on with it."""
        if kept is None or kept.exact is not self.exact:
            await self.exact.aclose()

    def status(self) -> dict[str, Any]:
        """How the caches are doing, for the administrator."""
        return {"exact": _plain(asdict(self.exact.status()))}


def build_caching(config: Config, routes: Routes, previous: Caching | None = None) -> Caching:
    """Nothing is started, and nothing connected. Raises ConfigError."""
    settings = _settings(config)
    terms = dict(_exact_terms(config, routes))
    secret = secret_of(config)
    made_by = settings.store, settings.url, settings.size, settings.most_entry, secret
    if previous is not None and previous.settings == made_by:
        return Caching(made_by, previous.exact, terms)
    cache = ExactCache(store_of(settings), terms, OpenAIDialect(), secret=secret)
    return Caching(made_by, cache, terms)


def store_of(settings: ExactCacheSettings) -> Store:
    """The store that the settings name, not opened. Raises ConfigError."""
    try:
        if settings.store == "redis":
            from stepdown.caching.exact.redis import RedisStore

            return RedisStore(str(settings.url))
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


def _own(config: Config, name: str) -> RouteExactSettings | None:
    cache = config.routes[name].cache if name in config.routes else None
    return None if cache is None else cache.exact


def exact_terms(config: Config, name: str) -> ExactTerms | None:
    """A route's terms, but for what its answers hang on; None where the cache is off for it."""
    settings = _settings(config)
    own = _own(config, name) or RouteExactSettings(enabled=settings.enabled)
    return _terms(config, own) if own.enabled else None


def _settings(config: Config) -> ExactCacheSettings:
    return config.cache.exact or ExactCacheSettings(enabled=False)


def _exact_terms(config: Config, routes: Routes) -> Iterator[tuple[str, ExactTerms]]:
    settings = _settings(config)
    for name, route in routes.items():
        terms = exact_terms(config, name)
        if terms is not None:
            yield (
                name,
                structs.replace(
                    terms,
                    policy=_policy(config, route),
                    varies=_varies(route),
                    held=_held(route),
                    ladder=tuple(route.ladder),
                ),
            )
    if settings.enabled:
        names = {*config.models(), *config.router_settings.model_group_alias} - routes.keys()
        for name in sorted(names):
            if "*" not in name:
                terms = _terms(config, RouteExactSettings())
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
    """What a route's answers hang on: its rules, its checks, and what answers for its models."""
    answering = [_answering(config, model) for model in route.ladder]
    return repr((route.hash, config.routes[route.name].cascade, answering))


def _varies(route: "PolicyRoute") -> tuple[str, ...]:
    return tuple(each.name for each in route.signals if each.name.startswith(_VARYING))


def _held(route: "PolicyRoute") -> Callable[[], frozenset[str]]:
    return lambda: frozenset() if route.guard is None else route.guard.held


def _answering(config: Config, model: str) -> str:
    """What answers for a model: with another upstream, stored answers are another's."""
    model = config.router_settings.model_group_alias.get(model, model)
    placed = (each.endpoint.upstream_model for each in config.deployments if each.model == model)
    return " or ".join(sorted(set(placed)))


def _plain(status: dict[str, Any]) -> dict[str, Any]:
    return {
        name: asdict(each) if isinstance(each, Struct) else each for name, each in status.items()
    }
