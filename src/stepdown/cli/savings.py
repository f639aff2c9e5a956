"""``stepdown savings``: what routing saved, per rule, model, route, tag or rung."""

import json
import time
from collections.abc import Sequence
from typing import cast

import click

from stepdown.cli.cascades import print_rungs, rungs_as_json
from stepdown.cli.quantities import dollars, percent, plain, since
from stepdown.errors import ConfigError
from stepdown.ledger.rungs import Rung, rungs
from stepdown.ledger.savings import GROUPINGS, SAVERS, By, Report, Savings, savings
from stepdown.storage.address import DatabaseUnavailable
from stepdown.storage.database import open_database

RUNG = "rung"


@click.command(name="savings")
@click.option(
    "--since",
    "window",
    type=since,
    default="7d",
    show_default=True,
    help="How far back: 30m, 24h, 7d, 4w or all.",
)
@click.option("--by", type=click.Choice([*GROUPINGS, RUNG]), default="rule", show_default=True)
@click.option("--database", "url", metavar="URL", help="The ledger: sqlite:///FILE, postgresql://…")
@click.option("--config", "config", type=click.Path(), help="Read the ledger's address from here.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; amounts are exact strings.")
def command(
    window: float | None, by: str, url: str | None, config: str | None, as_json: bool
) -> None:
    """Show requests, the share sent down, cost, reference cost and what was saved.

    The reference is what the route's strong model would have cost for the same tokens. By rung:
    what the tries of cascades cost and saved, and which rungs lose money. Where caches, cascades,
    compression or batches saved something, each has a column of its own. Without --database and
    --config: the default ledger, or $STEPDOWN_DATABASE.
    """
    if url is not None and config is not None:
        raise click.UsageError("Give either --database or --config: both name the ledger.")
    begin = None if window is None else time.time() - window
    try:
        engine = open_database(url if config is None else _configured(config))
        report = rungs(engine, begin) if by == RUNG else savings(engine, begin, cast("By", by))
        engine.dispose()
    except (DatabaseUnavailable, ConfigError) as error:
        raise click.UsageError(str(error)) from error
    if as_json:
        click.echo(json.dumps(_as_json(report, by, begin)))
    elif isinstance(report, Report):
        _print(report, by)
    else:
        print_rungs(report)


def _configured(path: str) -> str | None:
    from stepdown.config import load

    url = load(path).ledger.url
    return None if url is None else str(url)


def _print(report: Report, by: str) -> None:
    from rich.table import Table

    from stepdown.cli.tables import console

    out = console()
    if not report.total.requests:
        out.print("No requests were recorded in this time.")
        return
    table = Table(title="What was saved")
    table.add_column(by, overflow="fold")
    savers = _savers(report)
    for heading in ("requests", "sent down", "cost", "reference", "saved", "", *savers):
        table.add_column(heading, justify="right")
    for row in report.rows:
        table.add_row(*_cells(row, savers))
    table.add_section()
    table.add_row(*_cells(report.total, savers), style="bold")
    out.print(table)
    for note in _notes(report):
        out.print(note)


def _savers(report: Report) -> list[str]:
    """The savers to show, each in its column; where there is but the route, "saved" says it all."""
    saved_by = [row.saved_by for row in report.rows]
    active = [saver for saver in SAVERS if any(row[saver] for row in saved_by)]
    return [] if active == ["route"] else active


def _cells(row: Savings, savers: Sequence[str]) -> list[str]:
    saved_by = row.saved_by
    return [
        row.name or "–",
        f"{row.requests:,}",
        percent(row.downgraded, row.requests),
        dollars(row.cost),
        dollars(row.reference_cost),
        dollars(row.saved),
        percent(row.saved, row.reference_cost),
        *(dollars(saved_by[saver]) for saver in savers),
    ]


def _notes(report: Report) -> list[str]:
    notes: list[str] = []
    if report.total.unpriced:
        notes.append(
            f"{report.total.unpriced:,} requests have an unknown cost or reference cost; they are "
            "in neither the reference nor the saving. `stepdown prices` shows what is known."
        )
    if report.total.estimated:
        notes.append(f"{report.total.estimated:,} requests were cut off; their usage is estimated.")
    if report.dropped:
        notes.append(f"{report.dropped:,} requests have no detail (a full queue); all are summed.")
    return notes


def _as_json(report: Report | list[Rung], by: str, begin: float | None) -> dict[str, object]:
    if not isinstance(report, Report):
        return rungs_as_json(report, begin)
    return {
        "by": by,
        "since": begin,
        "rows": [_fields(row) for row in report.rows],
        "total": _fields(report.total),
        "dropped_details": report.dropped,
    }


def _fields(row: Savings) -> dict[str, object]:
    return {
        "name": row.name,
        "requests": row.requests,
        "downgraded": row.downgraded,
        "share_down": row.share_down,
        "unpriced": row.unpriced,
        "estimated": row.estimated,
        "input_tokens": row.input_tokens,
        "output_tokens": row.output_tokens,
        "cached_tokens": row.cached_tokens,
        "cost": plain(row.cost),
        "reference_cost": plain(row.reference_cost),
        "saved": plain(row.saved),
        "saved_by": {saver: plain(amount) for saver, amount in row.saved_by.items()},
        "share_saved": None if row.share_saved is None else float(row.share_saved),
    }
