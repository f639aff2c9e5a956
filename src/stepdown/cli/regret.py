"""``stepdown regret``: what is known of each rule's regret, and what it takes to certify it."""

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from stepdown.cli.guarded import of_route, paces, positions
from stepdown.cli.record import (
    begin_of,
    json_option,
    ledger_url,
    opened,
    read_config,
    record_options,
    route_option,
    since_option,
)
from stepdown.cli.regrets import show, to_json
from stepdown.cli.trusting import simulated_of
from stepdown.names import known_names
from stepdown.quality.knowledge.answers import By
from stepdown.quality.knowledge.progress import traffic
from stepdown.quality.knowledge.reports import Asked, reports
from stepdown.quality.records.groups import groups
from stepdown.quality.records.selection import Selection

if TYPE_CHECKING:
    from stepdown.config import Config


@click.command("regret")
@click.option("--by", type=click.Choice(get_args(By)), default="rule", show_default=True)
@since_option("30d")
@route_option
@record_options
@json_option
def command(
    by: By,
    window: float | None,
    route: str | None,
    url: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Show how often the reference was better, where requests were sent down.

    From pairs: a sample of the requests, answered by a cheaper model and by the last rung. With
    --config, beside the budgets, and with the pairs and days that it still takes to certify what is
    observed; models that are simulated are named then. Of requests that were decided for the last
    rung, the share on which the first would have been as good is shown too: wasted upgrades.
    """
    settings = read_config(config)
    url = ledger_url(settings, url)
    begin = begin_of(window)
    guarded = of_route(positions(settings, url), route)
    with opened(url) as engine:
        selection = Selection(since=begin, route=route)
        found = reports(engine, by, selection, guarded, lambda name: _asked(settings, name))
        per_day = paces(settings, traffic(engine, time.time()))
        if route is not None and not found:
            seen = [group.route for group in groups(engine, "route")]
            _check_route(route, seen if settings is None else settings.routes)
    made_up = _made_up(settings)
    if as_json:
        routes = to_json(found, per_day, made_up)
        click.echo(json.dumps({"by": by, "since": begin, "routes": routes}))
        return
    if not found:
        click.echo("No pairs were recorded in this time.")
    for report in found:
        show(report, by, per_day, made_up)
    if settings is None:
        click.echo("With --config FILE: budgets, and the pairs that it still takes to certify.")


def _asked(config: "Config | None", route: str) -> Asked:
    """What the configuration says of a route, if it has it."""
    if config is None or route not in config.routes:
        return Asked()
    regret = config.routes[route].regret
    return Asked() if regret is None else Asked(regret.confidence, regret.budget)


def _made_up(config: "Config | None") -> dict[str, tuple[str, ...]]:
    """The simulated models of each route's ladder."""
    if config is None:
        return {}
    return {name: simulated_of(config, route.ladder) for name, route in config.routes.items()}


def _check_route(route: str, known: Iterable[str]) -> None:
    """Raises click.UsageError where there is no such route."""
    names = list(dict.fromkeys(known))
    if route not in names:
        raise click.UsageError(f"--route: there is no route {route!r}.{known_names(route, names)}")
