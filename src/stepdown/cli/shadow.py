"""``stepdown shadow``: what became of sampled requests and what it cost; pairs for other tools."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stepdown.cli.quantities import dollars, plain
from stepdown.cli.record import (
    begin_of,
    json_option,
    ledger_url,
    opened,
    read_config,
    record_options,
    route_option,
    say,
    since_option,
)
from stepdown.evals.words import percent
from stepdown.quality.knowledge.shadowing import (
    Day,
    RouteShadowing,
    hour_of,
    shadowing,
    spending,
)

if TYPE_CHECKING:
    from stepdown.config import Config

SKIPPED: Mapping[str, str] = {
    "no_shadow": "a tag or the tenant is excluded (shadow.exclude_tags, shadow.exclude_tenants)",
    "provider_state": "it leaves something at the provider, or builds on what was left there",
    "provider_tools": "it has tools that the provider runs",
    "too_large": "the request is too large",
    "paused": "the gateway was busy (shadow.pause_in_flight, shadow.pause_busy)",
    "queue_full": "too many requests waited (shadow.queue)",
    "rate_limited": "too many in the minute (shadow.rpm)",
    "unpriced": "a price is unknown, so that no budget could be kept",
    "budget": "it did not fit in the day's budget (shadow.max_cost)",
    "judge_budget": "it did not fit in the judges' budget of the day (shadow.judge_max_cost)",
    "failed": "the request failed",
    "cancelled": "the client went away",
    "fallback": "another model stood in for the rung's own",
    "climbed": "the cascade climbed to the last rung",
    "unaccepted": "the cascade served an answer that it had not accepted",
    "stopped": "the gateway stopped",
    "error": "the gateway failed at it; its log says how",
}
"""Why a sampled request did not become a pair."""
UNSCORED: Mapping[str, str] = {
    "shadow_failed": "the second answer failed",
    "unreadable": "the client's answer could not be read",
    "unscored": "no scorer could tell; free text needs a judge or a scorer of yours",
    "too_large": "the client's answer was too large to keep",
}
"""Why a pair has no scores."""


@click.group("shadow")
def command() -> None:
    """Show what became of sampled requests; write their pairs to a file."""


@command.command("status")
@since_option("24h")
@route_option
@record_options
@json_option
def status(
    window: float | None, route: str | None, url: str | None, config: Path | None, as_json: bool
) -> None:
    """Show how many requests were sampled, what became of them, and what that cost by day.

    A sampled request becomes a pair, scored or not, or is skipped for a reason. Counts are kept by
    the hour: --since counts from the start of its hour, and spending from the start of its day
    (UTC). With --config, spending is shown against its budgets.
    """
    settings = read_config(config)
    begin = begin_of(window)
    begin = None if begin is None else hour_of(begin)
    with opened(ledger_url(settings, url)) as engine:
        routes = shadowing(engine, begin, route)
        days = spending(engine, begin)
    budgets = _budgets(settings)
    if as_json:
        click.echo(json.dumps(_as_json(routes, days, budgets, begin)))
        return
    if not routes:
        click.echo(f"Nothing was sampled in this time{f' of {route!r}' if route else ''}.")
    for each in routes:
        _print_route(each)
    _print_days(days, budgets)


def _budgets(config: "Config | None") -> tuple[Decimal | None, Decimal | None]:
    """US dollars a day for answers and for judges; None without a limit."""
    if config is None:
        return None, None
    return config.shadow.max_cost, config.shadow.judge_max_cost


# ── For people ───────────────────────────────────────────────────────────────────────────────


def _print_route(route: RouteShadowing) -> None:
    """Plain lines: they fit any terminal, and grep finds them."""
    say(f"{route.route}: {_requests(route.sampled)} sampled", bold=True)
    say(f"  {_pairs(route)}")
    for line in _reasons(route.unscored, UNSCORED):
        say(f"    unscored: {line}")
    for line in _reasons(route.skips, SKIPPED):
        say(f"  skipped: {line}")
    if route.unaccounted:
        say(
            f"  {_requests(route.unaccounted)} not accounted for: still under way, or lost when a "
            "gateway was killed"
        )
    judges = f", {dollars(route.judges_cost)} for {route.judge_calls:,} calls of judges"
    answers = f"{dollars(route.answers_cost)} for second answers"
    say(f"  spent: {answers}{judges if route.judge_calls else ''}")


def _pairs(route: RouteShadowing) -> str:
    """``1,150 became pairs (95.5 %), 14 of them without scores``."""
    share = f" ({percent(route.paired / route.sampled)})" if _is_share(route) else ""
    unscored = sum(route.unscored.values())
    without = f", {unscored:,} of them without scores" if unscored else ""
    return f"{route.paired:,} became pairs{share}{without}"


def _is_share(route: RouteShadowing) -> bool:
    """At the window's edge, a pair may be counted whose request was sampled before it."""
    return 0 < route.paired <= route.sampled


def _reasons(counts: Mapping[str, int], words: Mapping[str, str]) -> Iterator[str]:
    for reason, count in counts.items():
        told = words.get(reason)
        yield f"{count:,} × {reason if told is None else f'{told} [{reason}]'}"


def _print_days(days: Sequence[Day], budgets: tuple[Decimal | None, Decimal | None]) -> None:
    if not days:
        return
    say("Spent by day (UTC), all routes", bold=True)
    for day in days:
        answers = _against(day.answers_cost, budgets[0])
        judges = _against(day.judges_cost, budgets[1])
        say(f"  {_date(day)}: {answers} for second answers, {judges} for judges")


def _against(cost: Decimal, budget: Decimal | None) -> str:
    return dollars(cost) if budget is None else f"{dollars(cost)} of {dollars(budget)}"


def _date(day: Day) -> str:
    return datetime.fromtimestamp(day.start, UTC).date().isoformat()


def _requests(count: int) -> str:
    return "1 request" if count == 1 else f"{count:,} requests"


# ── For programs ─────────────────────────────────────────────────────────────────────────────


def _as_json(
    routes: Sequence[RouteShadowing],
    days: Sequence[Day],
    budgets: tuple[Decimal | None, Decimal | None],
    begin: float | None,
) -> dict[str, object]:
    return {
        "since": begin,
        "routes": [
            {
                "route": route.route,
                "sampled": route.sampled,
                "paired": route.paired,
                "skips": route.skips,
                "unscored": route.unscored,
                "unaccounted": route.unaccounted,
                "judge_calls": route.judge_calls,
                "answers_cost": plain(route.answers_cost),
                "judges_cost": plain(route.judges_cost),
            }
            for route in routes
        ],
        "days": [
            {
                "day": _date(day),
                "answers_cost": plain(day.answers_cost),
                "judges_cost": plain(day.judges_cost),
            }
            for day in days
        ],
        "budget": None if budgets[0] is None else plain(budgets[0]),
        "judges_budget": None if budgets[1] is None else plain(budgets[1]),
    }


# ── Export ───────────────────────────────────────────────────────────────────────────────────


@command.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--format",
    "written_as",
    type=click.Choice(["jsonl", "parquet", "langfuse", "langsmith"]),
    help="Default: parquet for a FILE of that ending, otherwise jsonl.",
)
@click.option("--dataset", default="stepdown", show_default=True, help="Langfuse's data set.")
@since_option("all")
@route_option
@record_options
def export_pairs(
    file: Path,
    written_as: str | None,
    dataset: str,
    window: float | None,
    route: str | None,
    url: str | None,
    config: Path | None,
) -> None:
    """Write the recorded pairs to FILE: for training, or as a data set of Langfuse or LangSmith.

    Prompts and answers are in it where they were stored (shadow.store_texts); data sets have such
    pairs only, with the reference's answer as the expected one. FILE is replaced once all is
    written.
    """
    from stepdown.quality.export import export
    from stepdown.quality.records.history import pairs_with_texts
    from stepdown.quality.records.selection import Selection

    if written_as is None:
        written_as = "parquet" if file.suffix == ".parquet" else "jsonl"
    selection = Selection(since=begin_of(window), route=route)
    with opened(ledger_url(read_config(config), url)) as engine:
        try:
            done = export(pairs_with_texts(engine, selection), written_as, file, dataset=dataset)
        except OSError as error:
            raise click.UsageError(f"{file}: cannot be written: {error.strerror}") from error
        except ValueError as error:
            raise click.UsageError(f"{file}: nothing was written: {error}") from error
    click.echo(f"{done.written:,} pairs written to {file}.")
    if done.left_out:
        click.echo(f"{done.left_out:,} more are left out: their texts were not stored.")
