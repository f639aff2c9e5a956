"""Builds a gateway from a configuration: the only place that knows the concrete classes.

Each is imported when a configuration names it, so that what is not used costs nothing.
"""

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING

from msgspec import Struct

from stepdown.config.document import Config, Placed
from stepdown.config.fleet_settings import fleet_settings, timeouts_of
from stepdown.config.notes import join
from stepdown.config.prices import (
    HalfPriced,
    own_rates,
    price_book,
    price_of_deployment,
    price_of_upstream,
)
from stepdown.config.schema import JobSettings, LedgerSettings, RouteSettings, ServerSettings
from stepdown.config.upstreams import Upstreams
from stepdown.errors import ConfigError
from stepdown.names import known_names
from stepdown.pipeline import Pipeline
from stepdown.ports import Price, Upstream
from stepdown.providers.deployment import Deployment
from stepdown.providers.fleet import Fleet
from stepdown.providers.openai import OpenAIDialect

if TYPE_CHECKING:
    from stepdown.cascade.plan import Cascades
    from stepdown.compression.compression import Compression
    from stepdown.config.batching import Batching
    from stepdown.config.caching import Caching
    from stepdown.config.guarding import Guarding
    from stepdown.deferral.batch.service import BatchService
    from stepdown.deferral.jobs import Jobs
    from stepdown.deferral.terms import Terms
    from stepdown.deferral.webhooks import Target
    from stepdown.ledger.writer import Ledger
    from stepdown.pricing.book import PriceBook
    from stepdown.routing.route import PolicyRoute

PriceOf = Callable[[str], Price | None]
_DAY = 86_400.0


class Built(Struct, frozen=True):
    """A configuration brought to life. Of its secrets it keeps what the upstreams must be sent."""

    pipeline: Pipeline
    fleet: Fleet
    routes: "dict[str, PolicyRoute]"
    ledger: "Ledger"
    ledger_settings: LedgerSettings
    jobs: "Jobs"
    job_settings: JobSettings
    batching: "Batching"
    batches: "BatchService"
    guarding: "Guarding | None"
    caching: "Caching | None"
    compressors: "dict[str, Compression]"
    route_settings: dict[str, RouteSettings]
    upstreams: Upstreams
    server: ServerSettings
    key_digest: bytes | None
    notes: list[str]


def build(config: Config, *, price_of: PriceOf, previous: Built | None = None) -> Built:
    """Everything that a configuration describes. Nothing is started, and nothing connected.

    What is unchanged since ``previous`` is taken over: connections to upstreams, the ledger, the
    conversations of each route, what the guard knows, and what the caches hold. ``price_of`` must
    tell the prices that are in force when it is asked. Raises ConfigError.
    """
    upstreams = Upstreams(None if previous is None else previous.upstreams)
    deployments = build_deployments(config, upstreams)
    fleet = Fleet(deployments, fleet_settings(config))
    routes = build_routes(config, price_of)
    cascades = build_cascades(config, routes, fleet)
    compressors: dict[str, Compression] = {}
    if config.is_compressed():
        from stepdown.config.compressing import build_compressors

        known = None if previous is None else previous.compressors
        compressors = build_compressors(config, routes, fleet.price, known)
    guarding = None
    if is_watched(config):
        from stepdown.config.guarding import build_guarding

        before = None if previous is None else previous.guarding
        guarding = build_guarding(config, routes, cascades, fleet, deployments, before, compressors)
    from stepdown.config.batching import build_batches, build_batching

    batching = build_batching(config, deployments, None if previous is None else previous.batching)
    caching = None
    if config.is_cached():
        from stepdown.config.caching import build_caching

        held = None if previous is None else previous.caching
        caching = build_caching(config, routes, fleet, held)
    if previous is not None:
        _keep_sessions(routes, config.routes, previous)
    keeps_ledger = previous is not None and previous.ledger_settings == config.ledger
    ledger = previous.ledger if previous and keeps_ledger else build_ledger(config)
    return Built(
        pipeline=Pipeline(
            routes,
            fleet,
            ledger,
            cascades,
            guarding.shadow if guarding else None,
            caching.by_target if caching else None,
            compressors,
        ),
        fleet=fleet,
        routes=routes,
        ledger=ledger,
        ledger_settings=config.ledger,
        jobs=build_jobs(config) if previous is None else previous.jobs,
        batching=batching,
        batches=build_batches(config, batching.terms) if previous is None else previous.batches,
        job_settings=config.jobs,
        guarding=guarding,
        caching=caching,
        compressors=compressors,
        route_settings=config.routes,
        upstreams=upstreams,
        server=config.server,
        key_digest=key_digest(config),
        notes=[str(note) for note in config.notes],
    )


def is_watched(config: Config) -> bool:
    """Whether any route is shadowed or guarded."""
    return any(route.regret or route.shadow for route in config.routes.values())


def build_fleet(config: Config, upstreams: Upstreams | None = None) -> Fleet:
    """The models with their deployments. Connects to nothing yet. Raises ConfigError."""
    return Fleet(build_deployments(config, upstreams or Upstreams()), fleet_settings(config))


def build_deployments(config: Config, upstreams: Upstreams) -> list[Deployment]:
    """The deployments, priced. Raises ConfigError with what is wrong in any of them."""
    book = price_book(config)
    problems: list[str] = []
    deployments: list[Deployment] = []
    for placed in config.deployments:
        try:
            price = price_of_deployment(placed, book)
            deployments.append(_deployment(config, placed, price, book, upstreams.of(placed)))
        except HalfPriced as problem:
            problems.append(str(problem))
        except ConfigError as error:
            path = join(placed.path, "litellm_params")
            problems += [join(path, problem) for problem in error.problems]
    if problems:
        raise ConfigError(problems)
    return deployments


def build_routes(config: Config, price_of: PriceOf) -> "dict[str, PolicyRoute]":
    """The routes by name. Raises ConfigError with what is wrong in any of them."""
    from stepdown.routing.route import build_route

    problems: list[str] = []
    routes: dict[str, PolicyRoute] = {}
    for name, settings in config.routes.items():
        options = {**settings.model_dump(exclude_unset=True), "ladder": list(settings.ladder)}
        try:
            routes[name] = build_route(name, options, price_of=price_of, path=f"routes.{name}")
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return routes


def build_cascades(
    config: Config, routes: "Mapping[str, PolicyRoute]", fleet: Fleet | None = None
) -> "dict[str, Cascades]":
    """The cascades of the routes that have one, made known to their routes.

    Raises ConfigError with what is wrong in any of them.
    """
    cascades = read_cascades(config, fleet)
    for name, read in cascades.items():
        routes[name].begins_cheap = read.begins_cheap
    return cascades


def read_cascades(config: Config, fleet: Fleet | None) -> "dict[str, Cascades]":
    """The cascades of the routes that have one. Raises ConfigError.

    Without a fleet, the models that graders ask are not looked up.
    """
    cascading = {
        name: settings
        for name, settings in config.routes.items()
        if settings.cascade not in (None, False) or "cascade" in str(settings.rules)
    }
    if not cascading:
        return {}
    from stepdown.cascade import options
    from stepdown.routing.problems import Problems

    problems = Problems()
    cascades: dict[str, Cascades] = {}
    for name, settings in cascading.items():
        given = settings.model_dump(exclude_unset=True)
        read = options.read_cascades(
            given, f"routes.{name}", rungs=len(settings.ladder), problems=problems
        )
        if read is None:
            continue
        cascades[name] = read
        for model in sorted(read.asks()):
            if fleet is not None and not fleet.serves(model):
                hint = known_names(model, fleet.models())
                at = f"routes.{name}.cascade.validators"
                problems.add(at, f"a check asks {model!r}, which is no model of model_list.{hint}")
    problems.check()
    return cascades


def build_ledger(config: Config) -> "Ledger":
    """The ledger, not started. Raises ConfigError."""
    from stepdown.ledger.writer import Ledger
    from stepdown.storage.address import DatabaseUnavailable

    settings = config.ledger
    try:
        return Ledger(
            None if settings.url is None else str(settings.url),
            flush_interval=settings.flush_interval,
            queue=settings.queue,
            store_prompts=settings.store_prompts,
            keep_details=settings.retention / _DAY,
            keep_prompts=settings.prompt_retention / _DAY,
        )
    except DatabaseUnavailable as error:
        raise ConfigError([f"ledger.url: {error.message.removeprefix('database: ')}"]) from error


def build_jobs(config: Config) -> "Jobs":
    """The jobs, in the ledger's database; not started. Raises ConfigError."""
    from stepdown.deferral.jobs import Jobs
    from stepdown.storage.address import parse

    url = config.ledger.url
    return Jobs(parse(None if url is None else str(url)), job_terms(config.jobs))


def job_terms(settings: JobSettings) -> "Terms":
    """What ``stepdown.deferral`` is to know of the settings."""
    from stepdown.deferral.terms import Terms

    return Terms(
        enabled=settings.enabled,
        retention=settings.retention,
        most=settings.max,
        concurrency=settings.concurrency,
        deadline=settings.deadline,
        webhooks=webhook_targets(settings),
    )


def webhook_targets(settings: JobSettings) -> "dict[str, Target]":
    """The configured webhooks by name."""
    from stepdown.deferral.webhooks import Target, key_of

    return {
        name: Target(str(webhook.url), key_of(webhook.secret.get_secret_value()))
        for name, webhook in settings.webhooks.items()
    }


def price_of(config: Config) -> PriceOf:
    """What a model costs, without building the models' clients. Raises ConfigError when called."""
    book = price_book(config)
    prices: dict[str, Price | None] = {}
    for placed in reversed(config.deployments):
        try:
            prices[placed.model] = price_of_deployment(placed, book)
        except HalfPriced as problem:
            raise ConfigError([str(problem)]) from None
    aliases = config.router_settings.model_group_alias
    return lambda model: prices.get(aliases.get(model, model))


def key_digest(config: Config) -> bytes | None:
    """The master key's SHA-256, which is all that the running gateway keeps of it."""
    key = config.general_settings.master_key
    return None if key is None else sha256(key.get_secret_value().encode()).digest()


def _keep_sessions(
    routes: "Mapping[str, PolicyRoute]", settings: Mapping[str, RouteSettings], previous: Built
) -> None:
    """A conversation stays on its rung over a reload, as long as the rungs are the same."""
    for name, route in routes.items():
        now, before = settings[name], previous.route_settings.get(name)
        if before and (before.ladder, before.sessions) == (now.ladder, now.sessions):
            route.sessions = previous.routes[name].sessions


def _deployment(
    config: Config, placed: Placed, price: Price | None, book: "PriceBook", upstream: Upstream
) -> Deployment:
    params, endpoint = placed.entry.litellm_params, placed.endpoint
    drops = (
        config.litellm_settings.drop_params if params.drop_params is None else params.drop_params
    )
    unsupported = set(params.additional_drop_params)
    if drops:
        unsupported |= endpoint.unsupported
    timeouts, stream_timeouts = timeouts_of(config, placed)
    cooldown = 0.0 if config.router_settings.disable_cooldowns else params.cooldown_time
    starred = "*" in placed.model and not own_rates(placed)
    return Deployment(
        id=placed.id,
        model=placed.model,
        upstream_model=endpoint.upstream_model,
        upstream=upstream,
        dialect=OpenAIDialect(),
        price=price,
        timeouts=timeouts,
        stream_timeouts=stream_timeouts,
        weight=params.weight,
        rpm=params.rpm,
        tpm=params.tpm,
        order=params.order,
        max_input_tokens=placed.entry.model_info.max_input_tokens,
        cooldown_time=cooldown,
        max_retries=params.max_retries,
        drop_params=drops or bool(unsupported),
        unsupported=frozenset(unsupported),
        stream_usage=endpoint.stream_usage,
        price_of=(lambda model: price_of_upstream(placed, model, book)) if starred else None,
    )
