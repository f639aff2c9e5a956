"""Builds what an evaluation needs from a configuration: models to ask, a route, the judge."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct, structs

from stepdown.config.build import (
    PriceOf,
    build_cascades,
    build_deployments,
    build_routes,
    price_of,
)
from stepdown.config.document import Config
from stepdown.config.fleet_settings import fleet_settings
from stepdown.config.serving import Serving
from stepdown.config.upstreams import Upstreams
from stepdown.errors import ConfigError
from stepdown.names import known_names
from stepdown.ports import Price
from stepdown.providers.fleet import Fleet
from stepdown.routing.presets import PRESETS

if TYPE_CHECKING:
    from stepdown.cascade.plan import Cascades
    from stepdown.routing.route import PolicyRoute

JUDGES = {"pairwise": "judge", "rubric": "judge_rubric", "reference": "judge_reference"}
"""A kind of judge → its scorer's name."""


class Subject(Struct, frozen=True):
    """A route to be evaluated. ``rules`` are written out, presets among them expanded."""

    route: "PolicyRoute"
    rules: Any
    price_of: PriceOf
    cascades: "Cascades | None" = None


def subject(config: Config, name: str | None) -> Subject:
    """The route of this name, or the only one. Raises ConfigError."""
    prices = price_of(config)
    routes = build_routes(config, prices)
    name = name or _only(routes)
    if name not in routes:
        hint = known_names(name, routes)
        raise ConfigError([f"--route: there is no route {name!r}.{hint}"])
    cascades = build_cascades(config, routes)
    rules = expanded(config.routes[name].rules)
    return Subject(routes[name], rules, prices, cascades.get(name))


def _only(routes: Mapping[str, object]) -> str:
    if len(routes) == 1:
        return next(iter(routes))
    if not routes:
        raise ConfigError(["routes: expected a route to evaluate, got none"])
    listed = ", ".join(map(repr, routes))
    raise ConfigError([f"--route: expected one of {listed}, got none"])


def expanded(rules: Any) -> list[Any]:
    """Rules as one list, each preset's name replaced by the preset's rules."""
    written: list[Any] = []
    for entry in [rules] if isinstance(rules, str) else rules:
        written += PRESETS[entry] if isinstance(entry, str) else [entry]
    return written


def judge_options(config: Config) -> tuple[str, dict[str, Any]] | None:
    """The configured judge as a scorer: its name and options; None without one."""
    judge = config.judge
    if judge is None:
        return None
    options: dict[str, Any] = {"model": judge.model}
    if judge.criteria is not None:
        options["criteria"] = judge.criteria
    return JUDGES[judge.kind], options


# ── The models ───────────────────────────────────────────────────────────────────────────────


class Models:
    """The models, to be asked one by one: each answers for itself, or fails.

    Without fallbacks, which would answer in another model's name, and without cooldowns, which
    would fail the items after a failed one unasked. To be closed in the end.
    """

    def __init__(self, config: Config) -> None:
        """Connects to nothing yet. Raises ConfigError."""
        self._upstreams = Upstreams()
        deployments = [
            structs.replace(deployment, cooldown_time=0.0)
            for deployment in build_deployments(config, self._upstreams)
        ]
        settings = structs.replace(
            fleet_settings(config),
            cooldown_time=0.0,
            fallbacks={},
            context_window_fallbacks={},
            content_policy_fallbacks={},
            default_fallbacks=[],
        )
        self.fleet = Fleet(deployments, settings)
        self._bases = {placed.id: str(placed.endpoint.base_url) for placed in config.deployments}
        self._serving = Serving(deployments, settings.aliases)

    def identity(self, model: str) -> str:
        """Which upstreams stand behind a model: where that changes, an earlier answer is
        another's. An alias has its model's."""
        behind = self._serving.behind(model)
        ends = {f"{each.upstream_model} @ {self._bases[each.id]}" for each in behind}
        return ", ".join(sorted(ends)) or model

    def dearest(self, model: str) -> Price | None:
        """A price that no deployment of the model exceeds; None where one is unknown."""
        return self._serving.dearest(model)

    async def aclose(self) -> None:
        await self._upstreams.aclose()
