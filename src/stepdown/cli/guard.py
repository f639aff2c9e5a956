"""``stepdown guard``: where guarded rules stand, how they came there, and setting them by hand."""

import getpass
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import msgspec

from stepdown.cli.guarded import (
    fields,
    guard_store,
    moment,
    of_route,
    outlook_line,
    paces,
    pairs_line,
    positions,
    since_when,
    wards_in,
)
from stepdown.cli.record import (
    json_option,
    ledger_url,
    opened,
    read_config,
    record_options,
    route_option,
    say,
)
from stepdown.names import known_names
from stepdown.quality.guard.recorded import GUARD
from stepdown.quality.guard.states import STATES
from stepdown.quality.knowledge.by_hand import Conflict, Unknown, by_hand
from stepdown.quality.knowledge.positions import Position
from stepdown.quality.knowledge.progress import traffic
from stepdown.quality.records.events import GuardEvent

SHOWN_OF_KEYS = 8
"""Characters."""


class _Listing(click.Group):
    """Lists where no command is given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group("guard", cls=_Listing)
def command() -> None:
    """Show where guarded rules stand (list, by default), show their events, and set their states.

    A rule is observing (the strong model answers), active (certified), trusted (by your word) or
    tripped (shown to be above its budget).
    """


# ── List ─────────────────────────────────────────────────────────────────────────────────────


@command.command("list")
@route_option
@record_options
@json_option
def show_all(route: str | None, url: str | None, config: Path | None, as_json: bool) -> None:
    """Show every guarded rule: its state, since when and why, and what its pairs say.

    With --config, the rules that are guarded now, on their terms. Without, those of which a state
    was ever changed, whether or not they are still there.
    """
    settings = read_config(config)
    url = ledger_url(settings, url)
    found = of_route(positions(settings, url), route)
    per_day: Mapping[str, float] = {}
    if settings is not None:
        with opened(url) as engine:
            per_day = paces(settings, traffic(engine, time.time()))
    if as_json:
        click.echo(json.dumps([fields(each, per_day) for each in found]))
        return
    if not found:
        where = "" if route is None else f" in the route {route!r}"
        none = "No rule is guarded" if settings else "The state of no rule was ever changed"
        click.echo(f"{none}{where}.")
    for name in dict.fromkeys(each.route for each in found):
        say(name, bold=True)
        for each in of_route(found, name):
            _print(each, per_day)
    if settings is None:
        click.echo("With --config FILE: every guarded rule, and what it takes to certify it.")


def _print(position: Position, per_day: Mapping[str, float]) -> None:
    """Plain lines: they fit any terminal, and grep finds them."""
    standing, event = position.standing, position.event
    attempt = f", attempt {standing.epoch}" if standing.epoch > 1 else ""
    say(f"  {position.rule}: {standing.state} since {since_when(position)}{attempt}")
    if event is not None:
        say(f"    {_by(event)}: {event.why}")
    say(f"    {pairs_line(position)}")
    outlook = outlook_line(position, per_day.get(standing.key))
    if outlook is not None:
        say(f"    {outlook}")


def _by(event: GuardEvent) -> str:
    return "why" if event.who == GUARD else f"why (set by {event.who})"


# ── Show ─────────────────────────────────────────────────────────────────────────────────────


@command.command("show")
@click.argument("rule")
@route_option
@record_options
@json_option
def show(rule: str, route: str | None, url: str | None, config: Path | None, as_json: bool) -> None:
    """Show all that happened to RULE, oldest first.

    A rule that was changed, or whose models were, is another one to the guard and begins anew: it
    has another key.
    """
    from stepdown.quality.records.history import events

    with opened(ledger_url(read_config(config), url)) as engine:
        found = events(engine, route=route, rule=rule)
        known = {event.rule for event in (found or events(engine, route=route))}
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(found)))
        return
    if not found:
        where = "" if route is None else f" in the route {route!r}"
        hint = known_names(rule, sorted(known))
        raise click.UsageError(f"Nothing ever happened to a rule {rule!r}{where}.{hint}")
    _print_events(found)


def _print_events(found: Sequence[GuardEvent]) -> None:
    places = {(event.route, event.key) for event in found}
    for event in found:
        line = f"{moment(event.time)}  {event.from_state} → {event.to_state}, {_named(event)}"
        if len(places) > 1:
            line = f"{event.route} {event.key[:SHOWN_OF_KEYS]}  {line}"
        say(f"{line}: {event.why}")


def _named(event: GuardEvent) -> str:
    attempt = f", attempt {event.epoch}" if event.epoch > 1 else ""
    return f"by {event.who}{attempt}"


# ── Set ──────────────────────────────────────────────────────────────────────────────────────


@command.command("set")
@click.argument("rule")
@click.argument("state", type=click.Choice(STATES))
@click.option("--why", required=True, help="Kept with the change.")
@route_option
@record_options
def set_state(
    rule: str, state: str, why: str, route: str | None, url: str | None, config: Path | None
) -> None:
    """Set RULE to observing, active, trusted or tripped.

    Running gateways take it within seconds. What is set to tripped stays so until it is set to
    something else; only what is certified can be set to active. With --config, the rule as it is
    there; without, the one that changed last under this name.
    """
    settings = read_config(config)
    url = ledger_url(settings, url)
    wards = None if settings is None else wards_in(settings)
    with guard_store(url) as store:
        try:
            event = by_hand(store, wards, rule, state, why, _user(), time.time(), route=route)
        except (Unknown, Conflict, ValueError) as error:
            raise click.UsageError(str(error)) from error
    click.echo(
        f"{event.rule} of {event.route}: {event.from_state} → {event.to_state}. Running gateways "
        "take it within seconds."
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # nobody by name, as in some containers
        return "unknown"
