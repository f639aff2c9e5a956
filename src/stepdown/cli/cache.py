"""``stepdown cache``: what the caches hold and how they do; forgetting an entry, or all of them."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from stepdown.cli.batch_server import server_options
from stepdown.cli.cache_fit import fit
from stepdown.cli.cache_place import place
from stepdown.cli.record import json_option, say

_UNKNOWN = 1
"""The exit status where there is no such entry."""
_COUNTS = ("stored", "unstorable", "dropped", "damaged")


@click.group("cache")
def command() -> None:
    """Look at the caches, and delete what they hold.

    With --config, a cache in a SQLite file or in Redis is used directly. One in memory belongs to
    the running server, which is asked over HTTP; so is any other with --url, or where a semantic
    cache is on.
    """


@command.command("stats")
@server_options
@json_option
def stats(url: str | None, key: str | None, config: Path | None, as_json: bool) -> None:
    """Show how much is cached and, where a server is asked, what came of its requests."""
    with place(url, key, config) as where:
        caches = where.stats()
    if as_json:
        click.echo(json.dumps(caches))
        return
    if not caches:
        click.echo("No cache is switched on.")
    for name, told in caches.items():
        say(f"{name} ({told.get('store', 'unknown store')}): {_held(told.get('held'))}", bold=True)
        for line in _lines(told):
            say(f"  {line}")


def _held(held: Mapping[str, Any] | None) -> str:
    if held is None:
        return "what it holds cannot be told"
    evicted = f", {held['evicted']} evicted" if held.get("evicted") else ""
    entries = "1 entry" if held["entries"] == 1 else f"{held['entries']} entries"
    return f"{entries}, {_size(held['size'])}{evicted}"


def _size(count: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    """What a server counted since it began."""
    if "hits" in told:
        shared = f" ({told['shared']} waited for the same request)" if told.get("shared") else ""
        yield f"{told['hits']} hits{shared}, {told.get('misses', 0)} misses"
    for reason, count in sorted(told.get("bypasses", {}).items()):
        yield f"{count} went past it: {reason}"
    counts = [f"{told[name]} {name}" for name in _COUNTS if told.get(name)]
    if counts:
        yield f"answers: {', '.join(counts)}"
    if "wrong" in told:
        compared = f"{told['right']} right, {told['wrong']} wrong, {told['untold']} untold"
        yield f"would-be hits that were asked afresh: {compared}; {told['reported']} hits reported"
    for route, standing in sorted(told.get("routes", {}).items()):
        if standing["pairs"] or standing["phase"] != "tuning":
            yield f"{route}: {_standing(standing)}"
    if told.get("failures"):
        yield f"the store failed {told['failures']} times"
    if told.get("error"):
        yield f"now: {told['error']}"


def _standing(standing: Mapping[str, Any]) -> str:
    """How a route's bound on wrong hits stands."""
    said = f"{standing['phase']}, {standing['pairs']} would-be hits compared"
    if standing["served"]:
        said += f", {100 * standing['served']:.0f} % of them in the certified level"
    if standing["trips"]:
        said += f", dropped {standing['trips']} times"
    return said


@command.command("purge")
@click.option("--yes", is_flag=True, help="Do not ask.")
@server_options
def purge(url: str | None, key: str | None, config: Path | None, yes: bool) -> None:
    """Delete everything that is cached."""
    if not yes:
        click.confirm("Delete every cached answer?", abort=True)
    with place(url, key, config) as where:
        for name, count in where.purge().items():
            say(f"{name}: {count} deleted")


@command.command("forget")
@click.argument("entry_id", metavar="ID")
@server_options
@click.pass_context
def forget(
    ctx: click.Context, entry_id: str, url: str | None, key: str | None, config: Path | None
) -> None:
    """Delete the entry ID, which an answer's header x-stepdown-cache-id names.

    Exit status: 1 if there is no such entry.
    """
    with place(url, key, config) as where:
        if where.forget(entry_id):
            say(f"{entry_id} is forgotten.")
            return
    say(f"There is no entry {entry_id!r}; it may have expired.")
    ctx.exit(_UNKNOWN)


command.add_command(fit)
