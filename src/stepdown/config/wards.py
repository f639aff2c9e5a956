"""Works out what is guarded: the rules of each route with a regret budget, and on which terms."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from stepdown.cascade.plan import CASCADE, Cascade, Cascades
from stepdown.config.document import Config
from stepdown.config.evaluation import expanded
from stepdown.config.schema import RegretSettings, RouteSettings, RouteShadowSettings
from stepdown.names import nearest
from stepdown.quality.correction import JudgeErrors
from stepdown.quality.guard.keys import Identity, guard_key
from stepdown.quality.guard.terms import Probation, Terms
from stepdown.quality.guard.wards import Ward
from stepdown.quality.pairs import Saver
from stepdown.quality.shadow.prompts import COMPRESSION
from stepdown.quality.shadow.sampling import Rates
from stepdown.routing.problems import Problems
from stepdown.routing.rules import DEFAULT

if TYPE_CHECKING:
    from stepdown.routing.route import PolicyRoute

ROUTER = "router"
"""The decision's name where the user's own router picked the rung."""
_NEVER = 1.0
"""Stands for the least propensity of what is never sampled, of which there are no pairs."""


def wards_of(
    config: Config, routes: "Mapping[str, PolicyRoute]", cascades: Mapping[str, Cascades]
) -> list[Ward]:
    """What is guarded, route by route; ``cascades`` are the routes' (``build.read_cascades``).

    Raises ConfigError where a compression is wrong.
    """
    compressions = _lossy_compressions(config)
    return [
        ward
        for name, settings in config.routes.items()
        if settings.regret is not None
        for ward in _of_route(
            config,
            settings.regret,
            routes[name],
            list(_savers(settings, routes[name], cascades.get(name), compressions.get(name))),
        )
    ]


def _lossy_compressions(config: Config) -> Mapping[str, Any]:
    """By route the options, as written, of compressions that may lose something."""
    if not config.is_compressed():
        return {}
    from stepdown.config.compressing import lossy_options

    return lossy_options(config)


def rates_of(settings: RouteSettings) -> Rates:
    """The shares of a route's requests that are shadowed; the usual ones where it names none."""
    return Rates(**dict(settings.shadow or RouteShadowSettings()))


def margin_of(settings: RouteSettings) -> float:
    """How much higher the reference has to score for a regret."""
    default: float = RegretSettings.model_fields["margin"].default
    return default if settings.regret is None else settings.regret.margin


def check_watched(config: Config, routes: "Mapping[str, PolicyRoute]", problems: Problems) -> None:
    """What a route cannot be shadowed or guarded for, or with."""
    compressions = _lossy_compressions(config)
    for name, settings in config.routes.items():
        for option in ("regret", "shadow"):
            guardable = len(settings.ladder) > 1 or name in compressions
            if getattr(settings, option) is not None and not guardable:
                at = f"routes.{name}.{option}"
                problems.add(at, "expected a ladder of two models or more, got one")
        rules = (rule.name for rule in routes[name].policy.rules)
        known = [*rules, DEFAULT, CASCADE, ROUTER, COMPRESSION]
        for rule in () if settings.shadow is None else settings.shadow.rules:
            if rule not in known:
                at = f"routes.{name}.shadow.rules.{rule}"
                problems.add(at, f"the route has no such rule.{nearest(rule, known)}")
    for index, name in enumerate(config.shadow.alerts):
        if name not in config.jobs.webhooks:
            hint = nearest(name, config.jobs.webhooks)
            at = f"shadow.alerts[{index}]"
            problems.add(at, f"expected a webhook of jobs.webhooks, got {name!r}.{hint}")


# ── One route's ──────────────────────────────────────────────────────────────────────────────


class _Saver(Struct, frozen=True):
    """What sends requests down: the decision's name, to which rungs, when, and its options."""

    name: str
    saver: Saver
    rungs: tuple[int, ...]
    condition: Any
    options: Mapping[str, Any] = {}


def _of_route(
    config: Config,
    regret: RegretSettings,
    route: "PolicyRoute",
    savers: Sequence[_Saver],
) -> Iterator[Ward]:
    rates = rates_of(config.routes[route.name])
    for each in savers:
        identity = Identity(
            route.name,
            each.saver,
            each.name,
            each.condition,
            ", ".join(_answering(config, route.ladder[rung]) for rung in each.rungs),
            _answering(config, route.ladder[-1]),
            regret.margin,
            config.shadow.scorers,
            None
            if config.judge is None
            else config.judge.model_dump(exclude={"labelled", "errors"}),
        )
        terms = Terms(
            regret.budget,
            rates.least(each.name, "active") or _NEVER,
            regret.confidence,
            len(savers),
            bool(each.options.get("auto_promote", regret.auto_promote)),
            None
            if regret.probation is None
            else Probation(regret.probation_requests, regret.probation),
            judge_errors_of(config),
        )
        observed = rates.least(each.name, "observing") or _NEVER
        trusted = bool(each.options.get("trusted"))
        models = (*(route.ladder[rung] for rung in each.rungs), route.ladder[-1])
        key = guard_key(identity)
        yield Ward(key, route.name, each.name, terms, observed, trusted, models, each.saver)


def judge_errors_of(config: Config) -> JudgeErrors | None:
    """How the judge errs, where that was measured."""
    judge = config.judge
    if judge is None or judge.errors is None:
        return None
    return JudgeErrors(**judge.errors.model_dump())


def _savers(
    settings: RouteSettings, route: "PolicyRoute", cascades: Cascades | None, compression: Any
) -> Iterator[_Saver]:
    """All of a route that spends less than the reference; ``compression`` as written, where it may
    lose something.

    A rule whose answers a cascade checks is regretted for what passes: its evidence hangs on the
    checks, and on the rungs on the way to the last. The cascade begins trusted, since its checks
    vouch for every answer.
    """
    written = {rule["name"]: rule for rule in expanded(settings.rules)}
    below = tuple(range(route.policy.top))
    for rule in route.policy.rules:
        if rule.rung in below:
            given = written[rule.name]
            condition, rungs = given.get("when"), below[rule.rung : rule.rung + 1]
            if cascades is not None and cascades.by_rule.get(rule.name, cascades.default):
                condition = condition, given.get("cascade", settings.cascade)
                rungs = below[rule.rung :]
            yield _Saver(rule.name, "route", rungs, condition, given)
    if settings.router is not None:
        yield _Saver(ROUTER, "route", below, settings.router)
    if cascades is not None and _begins_cheap(cascades.default):
        yield _Saver(CASCADE, "cascade", below, settings.cascade, {"trusted": True})
    if compression is not None:
        yield _Saver(COMPRESSION, "compression", (*below, route.policy.top), compression)


def _begins_cheap(cascade: Cascade | None) -> bool:
    """Whether there are requests that begin at the first rung because of the cascade alone."""
    if cascade is None or cascade.start != "cheap":
        return False
    checks = (*cascade.validators, *cascade.graders)
    return any(getattr(check, "vouches", True) for check in checks)


def _answering(config: Config, model: str) -> str:
    """What answers for a model: its upstreams' names, or its own where it fits a pattern only."""
    model = config.router_settings.model_group_alias.get(model, model)
    names = {each.endpoint.upstream_model for each in config.deployments if each.model == model}
    return " or ".join(sorted(names)) or model
