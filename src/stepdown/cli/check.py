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
    return (
        f"{deployment['id']}: {deployment['upstream_model']} at {deployment['endpoint']}, "
        f"{key}, {cost}"
    )


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
