"""``stepdown eval watch``: an evaluation on a schedule, so that drift in a model shows."""

import asyncio
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
from msgspec import structs
from sqlalchemy import Engine

from stepdown.cli.eval.options import Options, evaluating, evaluation_options
from stepdown.cli.eval.series import json_line, moment, print_series, run_line
from stepdown.cli.quantities import share, since
from stepdown.errors import ConfigError
from stepdown.evals.drift import look
from stepdown.evals.history import DamagedRun, histories
from stepdown.evals.stopping import Stop
from stepdown.evals.watch import Round, Watch, slot_of
from stepdown.storage.address import DatabaseUnavailable
from stepdown.storage.database import open_database

MOVED = 1
"""The exit status of --once where a change is flagged, or regret is above --max-regret."""
FAILED = 2
SHORTEST = 60
"""Seconds of the shortest period."""


def period(text: str) -> int:
    """Whole seconds, at least a minute: 30m, 24h, 7d. Raises click.BadParameter."""
    seconds = since(text)
    if seconds is None or seconds < SHORTEST or seconds != int(seconds):
        raise click.BadParameter(f"expected a period such as 30m, 24h or 7d, got {text!r}")
    return int(seconds)


class _WatchCommand(click.Command):
    """With --show nothing is evaluated, so that no option of an evaluation is missing."""

    def invoke(self, ctx: click.Context) -> Any:
        given = ctx.params
        if not given.pop("show"):
            return super().invoke(ctx)
        names = "config", "url", "route", "begin", "max_regret", "as_json"
        return show(**{name: given[name] for name in names})


@click.command("watch", cls=_WatchCommand)
@evaluation_options
@click.option("--every", type=period, default="24h", show_default=True, help="30m, 24h, 7d, …")
@click.option("--once", is_flag=True, help="One run, for cron; --every is how often cron has it.")
@click.option("--runs", "most", type=click.IntRange(1), metavar="N", help="End after so many.")
@click.option("--max-regret", type=share, metavar="2%", help="Tell when regret is above this.")
@click.option(
    "--from",
    "begin",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"]),
    metavar="DATE",
    help="Compare only runs from then on (UTC): after a change that is known.",
)
@click.option("--show", is_flag=True, help="Print the runs recorded so far, and call nobody.")
@click.option("--database", "url", metavar="URL", help="Instead of the configuration's ledger.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each run.")
@click.pass_context
def command(
    context: click.Context,
    options: Options,
    every: int,
    once: bool,
    most: int | None,
    max_regret: Decimal | None,
    begin: datetime | None,
    url: str | None,
    as_json: bool,
) -> None:
    """Evaluate DATA again and again, record each run, and flag what changes.

    Runs begin at fixed times: one at once, then at the whole multiples of --every since 1970 (UTC).
    Each asks the models anew, and is recorded in the ledger's database. A run that was broken off,
    by SIGINT or SIGTERM say, goes on from the answers that it has when it is started again before
    the next one is due.

    Flagged is what chance seldom does: over all runs to come, any flag is false with a probability
    of 1 - --confidence at most. With --once the exit status is 0, 1 where something is flagged or
    regret is shown to be above --max-regret, and 2 where the run failed.
    """
    if options.data is None or options.config is None or options.calls_nobody:
        raise click.UsageError("Give DATA and --config: a watch asks the models about one file.")
    options = structs.replace(options, retry_failed=True)

    async def watched(database: Engine) -> int:
        async with Stop() as stop:
            watch = Watch(
                lambda salt: evaluating(options, salt=salt, stop=stop),
                database,
                every,
                since=_moment(begin),
                limit=_rate(max_regret),
            )
            clock = WallClock(stop)
            if not once:
                await watch.run(clock, lambda told: _tell(told, as_json=as_json), most)
                return 0
            told = await watch.once(slot_of(clock.now(), every))
            _tell(told, as_json=as_json)
            return _status(told)

    with _database(options.config, url, create=True) as database:
        context.exit(asyncio.run(watched(database)))


def show(
    *,
    config: Path | None,
    url: str | None,
    route: str | None,
    begin: datetime | None,
    max_regret: Decimal | None,
    as_json: bool,
) -> None:
    """Print each series that was recorded, of one route or all, and what it shows."""
    with _database(config, url, create=False) as database:
        series = histories(database, route, since=_moment(begin))
    looks = [look(runs, _rate(max_regret)) for runs in series]
    if as_json:
        for each in looks:
            for number, run in enumerate(each.runs, 1):
                last = number == len(each.runs)
                click.echo(json_line(run, number, each if last else None))
        return
    from stepdown.cli.tables import console

    out = console()
    for each in looks:
        print_series(each, out)
    if not looks:
        click.echo("No run of a watch is recorded.")


# ── A run ────────────────────────────────────────────────────────────────────────────────────


class WallClock:
    """The host's time, and a stop that is held throughout: a signal in a run ends it in good order,
    one between two runs ends the wait."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop

    @property
    def stopped(self) -> bool:
        return self._stop.requested

    def now(self) -> float:
        return time.time()

    async def wait(self, seconds: float) -> None:
        await self._stop.pause(seconds)


@contextmanager
def _database(
    config: Path | None, url: str | None, *, create: bool
) -> Generator[Engine, None, None]:
    """The ledger's database. Raises click.UsageError where it or the configuration fails."""
    try:
        if url is None and config is not None:
            url = _configured(config)
        engine = open_database(url, create=create)
        try:
            yield engine
        finally:
            engine.dispose()
    except ConfigError as error:
        raise click.UsageError("\n".join(error.problems)) from error
    except (DatabaseUnavailable, DamagedRun) as error:
        raise click.UsageError(str(error)) from error


def _configured(config: Path) -> str | None:
    from stepdown.config.reading import load

    url = load(config).ledger.url
    return None if url is None else str(url)


def _moment(begin: datetime | None) -> float | None:
    return None if begin is None else begin.replace(tzinfo=UTC).timestamp()


def _rate(limit: Decimal | None) -> float | None:
    return None if limit is None else float(limit)


# ── Telling ──────────────────────────────────────────────────────────────────────────────────


def _tell(told: Round, *, as_json: bool) -> None:
    """A run on standard output; what is in its way, on standard error."""
    due = f"The run of {moment(told.slot)}"
    if told.problem is not None:
        click.echo(f"{due}: {told.problem}", err=True)
    elif not told.recorded:
        click.echo(f"{due} is recorded already; the next begins with the next --every.", err=True)
    if told.look is None:
        return
    if as_json:
        click.echo(
            json_line(told.look.latest, len(told.look.runs), told.look, recorded=told.recorded)
        )
        return
    click.echo(run_line(told.look))
    for alarm in told.look.alarms:
        click.echo(f"  {alarm}")


def _status(told: Round) -> int:
    if told.look is None and told.problem is not None:
        return FAILED
    return MOVED if told.look is not None and told.look.alarms else 0
