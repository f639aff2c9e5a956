"""Builds what makes prompts shorter, route by route; what may lose something waits for the guard.

It is imported where compression is switched on, and nowhere else.
"""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from stepdown.compression.compression import Compression, Plan, PriceOf
from stepdown.compression.options import read_compression
from stepdown.compression.sent import Sent
from stepdown.config.document import Config
from stepdown.quality.shadow.prompts import COMPRESSION
from stepdown.routing.problems import Problems

if TYPE_CHECKING:
    from stepdown.routing.route import PolicyRoute


def build_compressors(
    config: Config,
    routes: "Mapping[str, PolicyRoute]",
    price_of: PriceOf,
    previous: Mapping[str, Compression] | None = None,
) -> dict[str, Compression]:
    """By route, and by each model that can be asked by its own name. What was sent is remembered
    for all of them together, and over a reload. Raises ConfigError."""
    known = [each.sent for each in (previous or {}).values()]
    sent = known[0] if known else Sent()
    built: dict[str, Compression] = {}
    for name, plan in _plans(config).items():
        allowed = partial(is_allowed, routes.get(name))
        built[name] = Compression(plan, price_of=price_of, allowed=allowed, sent=sent)
    return built


def lossy_options(config: Config) -> dict[str, Any]:
    """By route the options, as written, of compressions that may lose something.

    Raises ConfigError.
    """
    return {
        name: _given(config, name)[0]
        for name, plan in _plans(config).items()
        if name in config.routes and not all(each.lossless for each in plan.techniques)
    }


def techniques(config: Config, name: str) -> list[str]:
    """What shortens a route's prompts, in order. Raises ConfigError."""
    plan = _plans(config).get(name)
    return [] if plan is None else [technique.name for technique in plan.techniques]


def is_allowed(route: "PolicyRoute | None") -> bool:
    """Whether techniques that may lose something are to run: where nothing is guarded, or the guard
    has certified them. Without a route nothing is."""
    view = None if route is None else route.guard
    return view is None or COMPRESSION not in view.held


def _plans(config: Config) -> dict[str, Plan]:
    problems = Problems()
    models = {*config.models(), *config.router_settings.model_group_alias}
    plain = sorted(name for name in models - config.routes.keys() if "*" not in name)
    names = (*config.routes, *plain)
    plans = {name: read_compression(*_given(config, name), problems) for name in names}
    problems.check()
    return {name: plan for name, plan in plans.items() if plan is not None}


def _given(config: Config, name: str) -> tuple[Any, str]:
    """What the configuration says of a route's or model's compression, and where."""
    own = config.routes[name].compression if name in config.routes else None
    if own is None:
        return config.compression, "compression"
    return own, f"routes.{name}.compression"
