"""``stepdown explain``: which model would answer a prompt, and why."""

import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from stepdown.cascade.plan import Cascades
from stepdown.cli.explained_savers import lines as saver_lines
from stepdown.cli.explained_savers import savers
from stepdown.errors import ConfigError, InvalidField
from stepdown.names import nearest
from stepdown.ports import Price
from stepdown.requests import request_of
from stepdown.routing.explain import explain, measure
from stepdown.routing.route import PolicyRoute, build_route
from stepdown.routing.shapes import is_list
from stepdown.types import Reading, Request

if TYPE_CHECKING:
    from stepdown.cli.cascades import Climbs
    from stepdown.config import Config

BUILT_IN_ROUTE = "auto"
BUILT_IN_LADDER = ["gpt-4o-mini", "gpt-4o"]


class Routes(NamedTuple):
    """Where a request may go, what its models cost, how answers are checked, the ledger, and the
    configuration that says so."""

    by_name: Mapping[str, PolicyRoute]
    price_of: Callable[[str], Price | None]
    cascades: Mapping[str, Cascades] = {}
    ledger: str | None = None
    config: "Config | None" = None


@click.command("explain")
@click.argument("prompt", required=False)
@click.option(
    "--config",
    "config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Explain this configuration's routes instead of gpt-4o-mini and gpt-4o.",
)
@click.option("--intent", help="The intent that the application would send.")
@click.option(
    "--file",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A whole chat request as JSON, instead of PROMPT.",
)
@click.option(
    "--route", "route_name", help="The route; by default the request's own, or the first."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    prompt: str | None,
    config: Path | None,
    intent: str | None,
    file: Path | None,
    route_name: str | None,
    as_json: bool,
) -> None:
    """Show which model answers PROMPT, each signal's reading, and what each rule and layer says.

    Nothing is sent to a model. Costs are estimates for a typical answer. PROMPT may be - to read
    it from standard input.
    """
    if (prompt is None) == (file is None):
        raise click.UsageError("Give either PROMPT or --file REQUEST.json.")
    try:
        routes = _built_in() if config is None else _configured(config)
        body = _prompt_body(prompt) if file is None else file.read_bytes()
        request = _request(body, intent)
        route = _choose(routes, route_name, request.prompt.model)
        readings = asyncio.run(measure(route, request))
        report = explain(route, request, readings, routes.price_of)
        climbs = _climbs(routes, route, request, readings)
        found = _savers(routes, route, request)
    except ConfigError as error:
        click.echo("\n".join(error.problems), err=True)
        sys.exit(2)
    if as_json:
        cascade = None if climbs is None else climbs.as_json()
        told = {**report, "cascade": cascade, "savers": found}
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        _print(report)
        for line in () if climbs is None else climbs.lines:
            click.echo(line)
        for line in saver_lines(found):
            click.echo(line)


def _prompt_body(prompt: str | None) -> bytes:
    text = sys.stdin.read() if prompt == "-" else prompt
    return json.dumps({"model": "", "messages": [{"role": "user", "content": text}]}).encode()


def _request(body: bytes, intent: str | None) -> Request:
    """Raises ConfigError, naming the field, where the file is no chat request."""
    try:
        return request_of(body, id="explain", intent=intent)
    except InvalidField as error:
        raise ConfigError([f"--file: not a chat request: {error}"]) from error


def _built_in() -> Routes:
    from stepdown.pricing.book import PriceBook

    book = PriceBook()

    def price_of(model: str) -> Price | None:
        return book.price(model, provider="openai")

    route = build_route(BUILT_IN_ROUTE, {"ladder": BUILT_IN_LADDER}, price_of=price_of)
    return Routes({BUILT_IN_ROUTE: route}, price_of)


def _configured(path: Path) -> Routes:
    from stepdown.config import load
    from stepdown.config.build import build_cascades, build_routes, price_of

    config = load(path)
    prices = price_of(config)
    routes = build_routes(config, prices)
    if not routes:
        raise ConfigError([f"routes: {path} has none, so there is nothing to explain"])
    url = config.ledger.url
    cascades = build_cascades(config, routes)
    return Routes(routes, prices, cascades, None if url is None else str(url), config)


def _climbs(
    routes: Routes, route: PolicyRoute, request: Request, readings: Mapping[str, Reading]
) -> "Climbs | None":
    """What the rungs of the cascade do that checks this request's answer, where there is one."""
    cascades = routes.cascades.get(route.name)
    decision = route.decide(request, readings)
    if cascades is None or decision.rung == len(route.ladder) - 1:
        return None
    if cascades.of(request, decision) is None:
        return None
    from stepdown.cli.cascades import climbs

    return climbs(routes.ledger, route.name, route.ladder, routes.price_of)


def _savers(routes: Routes, route: PolicyRoute, request: Request) -> dict[str, Any]:
    """What the layers beside routing would do. Raises ConfigError."""
    if routes.config is None:
        return {}
    return savers(routes.config, route, request, routes.price_of)


def _choose(routes: Routes, name: str | None, model: str) -> PolicyRoute:
    if name is None:
        return routes.by_name.get(model) or next(iter(routes.by_name.values()))
    if name not in routes.by_name:
        known = ", ".join(routes.by_name)
        suggestion = nearest(name, routes.by_name) or f" There is {known}."
        raise ConfigError([f"--route: there is no route {name!r}.{suggestion}"])
    return routes.by_name[name]


# ── For people ───────────────────────────────────────────────────────────────────────────────

MARKS = {True: "[green]matched[/]", False: "[dim]no[/]", None: "[yellow]borderline[/]"}


def _print(report: Mapping[str, Any]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    signals = Table("signal", "value", "confidence", "saw", box=None, header_style="bold")
    for name, reading in report["signals"].items():
        cells = name, _value(reading), f"{reading['confidence']:g}", reading["saw"]
        signals.add_row(*(escape(cell) for cell in cells))
    rules = Table("rule", "", "because", box=None, header_style="bold")
    for rule in report["rules"]:
        rules.add_row(escape(rule["name"]), MARKS[rule["matched"]], escape(rule["because"]))
    ambiguous = ", ambiguous" if report["ambiguous"] else ""
    console = Console()
    console.print(
        f"[bold]{escape(report['model'])}[/]  rung {report['rung']} of {escape(report['route'])}, "
        f"by [bold]{escape(report['decision'])}[/]{ambiguous}"
    )
    console.print(f"cost {_dollars(report['cost'])}, strong {_dollars(report['reference_cost'])}\n")
    console.print(signals)
    console.print()
    console.print(rules)


def _value(reading: Mapping[str, Any]) -> str:
    value = reading["value"]
    if value is None:
        return "-"
    if is_list(value):
        return ", ".join(value) or "none"
    return f"{value} ± {round(reading['error'])}" if reading["error"] else str(value)


def _dollars(amount: str | None) -> str:
    return "unpriced" if amount is None else f"about ${amount}"
