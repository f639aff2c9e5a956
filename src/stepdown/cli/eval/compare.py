"""``stepdown eval compare``: what a second configuration does better, worse and cheaper."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from stepdown.cli.eval.options import FILE, SHARE
from stepdown.cli.eval.sources import report_of
from stepdown.evals.compare import Changed, Comparison, Difference, NotComparable, Side, compare
from stepdown.evals.report import Report
from stepdown.evals.words import UNKNOWN, cost_of_thousand, level, percent, points, rows, signed

_PROMPT_SHOWN = 60


@click.command("compare")
@click.argument("a", type=FILE, metavar="A")
@click.argument("b", type=FILE, metavar="B")
@click.option("--data", type=FILE, help="A and B are configurations: evaluate both on this.")
@click.option("--route", help="With --data: the route, where there are several.")
@click.option("--confidence", type=SHARE, default=0.95, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    a: Path, b: Path, data: Path | None, route: str | None, confidence: float, as_json: bool
) -> None:
    """Show what B does differently from A, row by row, with intervals.

    A and B are files of `stepdown eval run --json` or, with --data, configurations. Rows are paired
    by their ids, so that how hard a row is cancels out. The intervals of scores and shares hold for
    any values and any number of rows; that of costs takes the dearest of these rows for the dearest
    there is. Each interval is to be read by itself.

    Exit status: 0, or 2 where the two cannot be compared.
    """
    first, second = (_report(each, data, route) for each in (a, b))
    try:
        found = compare(first, second, confidence)
    except NotComparable as error:
        raise click.UsageError(str(error)) from error
    if as_json:
        click.echo(json.dumps(_as_json(found)))
    else:
        _print(found)


def _report(given: Path, data: Path | None, route: str | None) -> Report:
    return report_of(given) if data is None else report_of(data, given, route)


def _as_json(found: Comparison) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(found)
    for name in ("quality", "regret", "down", "cost"):
        difference = getattr(found, name)
        if difference is not None:
            told[name]["value"] = difference.value
    return told


# ── For people ───────────────────────────────────────────────────────────────────────────────


def _print(found: Comparison) -> None:
    from stepdown.cli.tables import console

    out = console()
    out.print(_differences(found))
    for line in _lines(found):
        out.print(line, markup=False, highlight=False, soft_wrap=True)
    for title, changed in (("largest losses", found.losses), ("largest gains", found.gains)):
        if changed:
            out.print(_changes(f"The {title} of B", changed))


def _differences(found: Comparison) -> Any:
    from rich.table import Table

    table = Table(title=f"B less A, over {rows(found.rows)}")
    table.add_column("")
    for heading in ("A", "B", "B − A", f"{level(found.confidence)} interval", "rows"):
        table.add_column(heading, justify="right")
    table.add_row("mean score", *_scores(found.quality))
    table.add_row("regretted, of all rows", *_shares(found.regret))
    table.add_row("sent down", *_shares(found.down))
    table.add_row("cost of 1,000 rows", *_costs(found.cost))
    table.add_row("saved", percent(found.saved_a), percent(found.saved_b), "", "", "")
    return table


def _scores(found: Difference | None) -> list[str]:
    if found is None:
        return [UNKNOWN] * 5
    return [
        f"{found.a:.3f}",
        f"{found.b:.3f}",
        signed(found.value),
        f"{signed(found.low)} to {signed(found.high)}",
        f"{found.rows:,}",
    ]


def _shares(found: Difference | None) -> list[str]:
    if found is None:
        return [UNKNOWN] * 5
    return [
        percent(found.a),
        percent(found.b),
        points(found.value),
        f"{points(found.low)} to {points(found.high)}",
        f"{found.rows:,}",
    ]


def _costs(found: Difference | None) -> list[str]:
    if found is None:
        return [UNKNOWN] * 5
    a, b, value, low, high = (
        cost_of_thousand(each) for each in (found.a, found.b, found.value, found.low, found.high)
    )
    return [a, b, value, f"{low} to {high}", f"{found.rows:,}"]


def _lines(found: Comparison) -> Iterator[str]:
    yield _shown(found.quality, "mean score", "higher", "lower")
    yield _shown(found.regret, "share of regretted rows", "higher", "lower")
    yield _shown(found.cost, "cost", "higher", "lower")
    yield (
        f"{rows(found.moved)} answered by another model; {found.worse:,} scored worse with B, "
        f"{found.better:,} better."
    )
    if found.only_a or found.only_b:
        yield f"Left out: {rows(found.only_a)} of A alone, {found.only_b:,} of B alone."
    if found.unscored:
        yield f"{rows(found.unscored)} not scored in both: in no score and no regret."
    if found.failed:
        yield f"{rows(found.failed)} on which a model did not answer: in no cost."
    if found.unpriced:
        yield f"Costs are not compared: {rows(found.unpriced)} of an unknown price."
    yield from found.notes


def _shown(found: Difference | None, what: str, above: str, below: str) -> str:
    if found is None:
        return f"Whether B's {what} differs is unknown."
    if found.low > 0.0:
        return f"B's {what} is shown to be {above}."
    if found.high < 0.0:
        return f"B's {what} is shown to be {below}."
    return f"No difference of the {what} is shown."


def _changes(title: str, changed: Sequence[Changed]) -> Any:
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=title)
    table.add_column("line", justify="right")
    for heading in ("prompt", "A", "B"):
        table.add_column(heading, overflow="fold")
    for each in changed:
        prompt = " ".join(each.prompt[: 2 * _PROMPT_SHOWN].split())
        shown = prompt if len(prompt) <= _PROMPT_SHOWN else f"{prompt[:_PROMPT_SHOWN]}…"
        table.add_row(f"{each.line}", *map(escape, (shown, _side(each.a), _side(each.b))))
    return table


def _side(side: Side) -> str:
    return f"{side.model} {side.score:.2f} ({side.decision})"
