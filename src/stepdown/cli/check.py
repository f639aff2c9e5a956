"""``stepdown check``: what Stepdown understood of a configuration, and what it ignores."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from stepdown.errors import ConfigError


@click.command("check")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(file: Path, as_json: bool) -> None:
    """Check the configuration FILE without starting anything.

    Prints models with their endpoints and prices, routes, and what is ignored and why. Exits
    with status 2 when the file cannot be used; what is wrong then stands on standard error.
    """
    from stepdown.config.summary import summarize

    try:
        summary = summarize(file)
    except ConfigError as error:
        click.echo("\n".join(error.problems), err=True)
        sys.exit(2)
    if as_json:
        click.echo(json.dumps(summary, indent=2, ensure_ascii=False))
    else:
        _print(summary)


def _print(summary: dict[str, Any]) -> None:
    """Plain lines: they fit any terminal, and grep finds them."""
    click.secho("Models", bold=True)
    for model in summary["models"]:
        click.echo(f"  {model['model']}")
        for deployment in model["deployments"]:
            click.echo(f"    {_deployment(deployment)}")
    if summary["routes"]:
        click.secho("Routes", bold=True)
    for route in summary["routes"]:
        rules = f"{route['rules']} rule{'' if route['rules'] == 1 else 's'}"
        click.echo(f"  {route['route']}: {' → '.join(route['ladder'])}  ({rules})")
        if route["cascade"] is not None:
            cascade = route["cascade"]
            click.echo(f"    cascade: {_cascade(cascade)}; {_beginning(cascade)}")
        for rule, cascade in route["rule_cascades"].items():
            said = "none" if cascade is None else _cascade(cascade)
            click.echo(f"    cascade of rule {rule!r}: {said}")
        for saver in _savers(route):
            click.echo(f"    {saver}")
        if route["shadow"] is not None:
            click.echo(f"    {_watched(route['regret'], route['shadow'])}")
    click.secho("Server", bold=True)
    click.echo(f"  listens on {summary['server']['host']}:{summary['server']['port']}")
    click.echo(f"  {_access(summary['master_key'])}")
    click.echo(f"  ledger in {summary['ledger']}")
    _print_notes(summary["notes"])
    for model in summary["unpriced"]:
        click.secho(f"UNPRICED {model}: its costs and savings will be unknown", fg="yellow")


def _deployment(deployment: dict[str, Any]) -> str:
    price = deployment["price"]
    cost = (
        "UNPRICED"
        if price is None
        else f"${price['input']} in, ${price['output']} out per million tokens ({price['source']})"
    )
    key = f"key {deployment['key']}" if deployment["key"] else "no key"
    batch = f", {deployment['batch']} batches" if deployment["batch"] else ""
    return (
        f"{deployment['id']}: {deployment['upstream_model']} at {deployment['endpoint']}, "
        f"{key}, {cost}{batch}"
    )


def _savers(route: dict[str, Any]) -> list[str]:
    """What the route saves with beside routing."""
    said: list[str] = []
    exact, techniques = route["exact_cache"], route["compression"]
    if exact is not None:
        said.append(f"exact cache: in {exact['store']}, for {exact['ttl']:g} s")
    if techniques:
        said.append(f"compression: {', '.join(techniques)}")
    return said


def _cascade(cascade: dict[str, Any]) -> str:
    """What is checked, and how long it may take."""
    said = [", then ".join(filter(None, map(", ".join, _checks(cascade))))]
    for phase, words in (("first_byte", "no first byte"), ("total", "no answer")):
        if cascade["timeout"][phase] is not None:
            said.append(f"climbs with {words} after {cascade['timeout'][phase]:g} s")
    if cascade["hedge_after"] is not None:
        said.append(f"asks the last rung too after {cascade['hedge_after']:g} s")
    return "; ".join(said)


def _checks(cascade: dict[str, Any]) -> tuple[list[str], list[str]]:
    return cascade["validators"], cascade["graders"]


def _beginning(cascade: dict[str, Any]) -> str:
    """Where a request begins that no rule claims."""
    if cascade["start"] == "decided":
        return "begins where the rules say (start: decided)"
    if not cascade["vouching"]:
        return "begins where the rules say, as no check here vouches for an answer's substance"
    return f"begins cheap where one of these applies: {', '.join(cascade['vouching'])}"


def _watched(regret: dict[str, Any] | None, shadow: dict[str, Any]) -> str:
    """What is shadowed, and how the guard goes by it."""
    shares = f"shadows {_percent(shadow['rate'])} of what is sent down"
    if regret is None:
        return shares
    guards, trusts = regret["guards"], regret["trusts"]
    trusted = f", {', '.join(trusts)} trusted at first" if trusts else ""
    return (
        f"regret: {_percent(regret['budget'])} at most, {_percent(regret['confidence'])} sure; "
        f"guards {', '.join(guards) or 'nothing'}{trusted}; "
        f"{shares}, {_percent(shadow['observe_rate'])} under observation"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _access(master_key: bool) -> str:
    if master_key:
        return "clients need the master key"
    return "no master_key: whoever reaches the port may use the gateway"


def _print_notes(notes: list[dict[str, str]]) -> None:
    """Notes by kind, in the order of the file."""
    for kind in dict.fromkeys(note["what"] for note in notes):
        click.secho(kind.capitalize(), bold=True)
        for note in notes:
            if note["what"] == kind:
                click.echo(f"  {note['path']}: {note['why']}")
