"""Says what was understood of a configuration, with keys masked: for ``stepdown check``."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import structs

from stepdown.config.batching import build_batching, kind_of_api
from stepdown.config.build import (
    build_deployments,
    build_ledger,
    build_routes,
    is_watched,
    read_cascades,
)
from stepdown.config.document import Config, Placed
from stepdown.config.fleet_settings import fleet_settings
from stepdown.config.notes import UNSET
from stepdown.config.reading import load
from stepdown.config.schema import RouteSettings
from stepdown.config.upstreams import Upstreams
from stepdown.errors import ConfigError
from stepdown.ports import Price
from stepdown.pricing.price import TokenPrice
from stepdown.pricing.schedule import Schedule
from stepdown.providers.fleet import Fleet

if TYPE_CHECKING:
    from stepdown.cascade.plan import Cascade, Cascades
    from stepdown.quality.guard.wards import Ward
    from stepdown.routing.route import PolicyRoute

_MILLION = Decimal(1_000_000)
_LONG_KEY = 16


def summarize(path: Path, environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The configuration as plain JSON values; money as strings in US dollars.

    Everything is built as for serving, and nothing is started. Raises ConfigError with all that
    is wrong.
    """
    config = load(path, environ)
    prices, rules, cascades, wards = _build(config)
    models = [_model(name, config, prices) for name in config.models()]
    return {
        "models": models,
        "routes": [
            {
                "route": name,
                "ladder": list(route.ladder),
                "rules": rules[name],
                **_cascades(cascades.get(name)),
                **_savers(config, name),
                **_watched(route, [ward for ward in wards if ward.route == name]),
            }
            for name, route in config.routes.items()
        ],
        "server": {"host": config.server.host, "port": config.server.port},
        "master_key": config.general_settings.master_key is not None,
        "ledger": _ledger(config),
        "unpriced": [
            model["model"]
            for model in models
            if any(deployment["price"] is None for deployment in model["deployments"])
        ],
        "unset": sorted({note.path for note in config.notes if note.what == UNSET}),
        "notes": [{"path": n.path, "what": n.what, "why": n.why} for n in config.notes],
    }


def _build(
    config: Config,
) -> "tuple[dict[str, Price | None], dict[str, int], dict[str, Cascades], list[Ward]]":
    """Each deployment's price, how many rules each route has, the routes' cascades, and what is
    guarded of them.

    Raises ConfigError.
    """
    problems: list[str] = []
    prices: dict[str, Price | None] = {}
    routes: dict[str, PolicyRoute] = {}
    cascades: dict[str, Cascades] = {}
    wards: list[Ward] = []
    fleet: Fleet | None = None
    try:
        deployments = build_deployments(config, Upstreams())
        fleet = Fleet(deployments, fleet_settings(config))
        prices = {deployment.id: deployment.price for deployment in deployments}
    except ConfigError as error:
        problems += error.problems
    try:
        routes = build_routes(config, _no_price)
    except ConfigError as error:
        problems += error.problems
    try:
        cascades = read_cascades(config, fleet)
    except ConfigError as error:
        problems += error.problems
    try:
        build_ledger(config)
    except ConfigError as error:
        problems += error.problems
    problems += _problems_of_savers(config, routes, fleet)
    try:
        if fleet is not None and routes and is_watched(config):
            wards = _wards(config, routes, cascades, fleet)
    except ConfigError as error:
        problems += error.problems
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)))  # some are met twice
    rules = {name: len(route.policy.rules) for name, route in routes.items()}
    return prices, rules, cascades, wards


def _problems_of_savers(
    config: Config, routes: "dict[str, PolicyRoute]", fleet: Fleet | None
) -> list[str]:
    """What is wrong with caches, compression and batches."""
    builders: list[Callable[[], object]] = [partial(build_batching, config, ())]
    if config.is_cached() and routes and fleet is not None:
        from stepdown.config.caching import build_caching

        builders.append(partial(build_caching, config, routes, fleet))
    if config.is_compressed() and routes and fleet is not None:
        from stepdown.config.compressing import build_compressors

        builders.append(partial(build_compressors, config, routes, fleet.price))
    problems: list[str] = []
    for build in builders:
        try:
            build()
        except ConfigError as error:
            problems += error.problems
    return problems


def _wards(
    config: Config, routes: "dict[str, PolicyRoute]", cascades: "dict[str, Cascades]", fleet: Fleet
) -> "list[Ward]":
    """What is guarded. Raises ConfigError."""
    from stepdown.config.guarding import check
    from stepdown.config.wards import wards_of

    check(config, routes, fleet)
    return wards_of(config, routes, cascades)


def _no_price(model: str) -> Price | None:
    return None


def _model(name: str, config: Config, prices: Mapping[str, Price | None]) -> dict[str, Any]:
    placed = [deployment for deployment in config.deployments if deployment.model == name]
    return {
        "model": name,
        "deployments": [_deployment(deployment, prices[deployment.id]) for deployment in placed],
    }


def _deployment(placed: Placed, price: Price | None) -> dict[str, Any]:
    endpoint = placed.endpoint
    return {
        "id": placed.id,
        "provider": endpoint.provider,
        "upstream_model": endpoint.upstream_model,
        "endpoint": endpoint.base_url.shown,
        "proxy": None if endpoint.proxy is None else endpoint.proxy.shown,
        "key": _masked(placed),
        "batch": kind_of_api(placed),
        "price": _price(price),
    }


def _masked(placed: Placed) -> str | None:
    """Enough of the key to tell it from another, or None where there is none."""
    for header in ("authorization", "api-key"):
        if header in placed.endpoint.headers:
            key = placed.endpoint.headers[header].get_secret_value().removeprefix("Bearer ")
            return f"…{key[-4:]}" if len(key) >= _LONG_KEY else "…"
    return None


def _price(price: Price | None) -> dict[str, str] | None:
    """US dollars per million tokens, with the figures' source and date."""
    known = price.now() if isinstance(price, Schedule) else price
    if not isinstance(known, TokenPrice):
        return None
    return {
        "input": _plain(known.input * _MILLION),
        "output": _plain(known.output * _MILLION),
        "source": known.source,
        "date": known.date,
    }


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}"


def _cascades(cascades: "Cascades | None") -> dict[str, Any]:
    if cascades is None:
        return {"cascade": None, "rule_cascades": {}}
    return {
        "cascade": _cascade(cascades.default),
        "rule_cascades": {name: _cascade(own) for name, own in cascades.by_rule.items()},
    }


def _cascade(cascade: "Cascade | None") -> dict[str, Any] | None:
    """Its checks by name, which of them vouch, and its options; times in seconds."""
    if cascade is None:
        return None
    vouching = [check.name for check in cascade.validators if check.vouches]
    graders = [check.name for check in cascade.graders]
    return {
        "validators": [check.name for check in cascade.validators],
        "graders": graders,
        "vouching": [*vouching, *graders],
        "timeout": {"first_byte": cascade.patience.first_byte, "total": cascade.patience.total},
        "hedge_after": cascade.patience.hedge_after,
        "stream": cascade.stream,
        "start": cascade.start,
        "early_drop": cascade.early_drop,
        "serve_best_effort": cascade.serve_best_effort,
        "keep_alive": cascade.keep_alive,
    }


def _savers(config: Config, name: str) -> dict[str, Any]:
    """What a route saves with beside routing; times in seconds."""
    found: dict[str, Any] = {"exact_cache": None, "compression": []}
    if config.is_cached():
        from stepdown.config.caching import exact_terms

        terms = exact_terms(config, name)
        if terms is not None:
            store = config.cache.exact.store if config.cache.exact is not None else "memory"
            found["exact_cache"] = {"store": store, "ttl": terms.ttl}
    if config.is_compressed():
        from stepdown.config.compressing import techniques

        found["compression"] = techniques(config, name)
    return found


def _watched(route: RouteSettings, wards: "list[Ward]") -> dict[str, Any]:
    """The regret budget with what it guards, and the shares that are shadowed; times in seconds."""
    if route.regret is None and route.shadow is None:
        return {"regret": None, "shadow": None}
    from stepdown.config.wards import rates_of

    regret = None
    if route.regret is not None:
        regret = {
            **route.regret.model_dump(),
            "guards": [ward.rule for ward in wards],
            "trusts": [ward.rule for ward in wards if ward.trusted],
        }
    return {"regret": regret, "shadow": structs.asdict(rates_of(route))}


def _ledger(config: Config) -> str:
    from stepdown.storage.address import parse

    return str(parse(None if config.ledger.url is None else str(config.ledger.url)))
