"""``stepdown eval gate``: an exit status that says whether a route is good enough."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import click
import msgspec

from stepdown.cli.eval.options import FILE
from stepdown.cli.eval.sources import SOURCE, report_of, source_options
from stepdown.cli.quantities import share
from stepdown.evals.enough import CHANCE
from stepdown.evals.gate import Check, Outcome, Unusable, Verdict, gate
from stepdown.evals.report import Report
from stepdown.evals.whole import write_whole
from stepdown.evals.words import level, percent, rows, simulated_line, strong

STATUS: dict[Outcome, int] = {"pass": 0, "fail": 1, "unknown": 3}
"""Exit statuses; 2 is for input that cannot be used."""
_SURE = click.FloatRange(0.5, 1.0, min_open=True, max_open=True)
_TITLES: dict[Outcome, tuple[str, str]] = {
    "pass": ("Pass", "green"),
    "fail": ("Fail", "red"),
    "unknown": ("Too little evidence", "yellow"),
}


@click.command("gate")
@click.argument("source", type=FILE, metavar=SOURCE)
@source_options
@click.option("--max-regret", type=share, required=True, metavar="2%", help="Accepted regret.")
@click.option("--confidence", type=_SURE, default=0.95, show_default=True)
@click.option("--min-saving", type=share, metavar="40%", help="Of the last rung's cost.")
@click.option("--worst-case", is_flag=True, help="Count every unscored downgrade as a regret.")
@click.option("--by", type=click.Choice(["rule"]), help="Demand it of every rule, too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--junit", type=click.Path(dir_okay=False, path_type=Path), help="Write JUnit XML here."
)
@click.pass_context
def command(
    context: click.Context,
    source: Path,
    config: Path | None,
    route: str | None,
    max_regret: Decimal,
    confidence: float,
    min_saving: Decimal | None,
    worst_case: bool,
    by: str | None,
    as_json: bool,
    junit: Path | None,
) -> None:
    """Test that downgrade regret is at most --max-regret, with --confidence.

    The source is a report of `stepdown eval run --json` or, with --config, a data set. The route
    passes if the upper bound of its regret is at most --max-regret: a route above that passes with
    a probability of 1 - --confidence at most. With --min-saving, the lower bound of the share saved
    must be at least that; with --by rule, the upper bound of each rule's regret must be within the
    limit, too.

    Exit status: 0 pass, 1 shown to be beyond a limit, 3 too little evidence, 2 where the report
    cannot be used.
    """
    report = report_of(source, config, route)
    try:
        verdict = gate(
            report,
            max_regret=float(max_regret),
            confidence=confidence,
            min_saving=None if min_saving is None else float(min_saving),
            worst_case=worst_case,
            by_rule=by == "rule",
        )
    except Unusable as error:
        raise click.UsageError(f"{source}: {error}") from error
    if junit is not None:
        _write_junit(report, verdict, float(max_regret), junit)
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(verdict)))
    else:
        _print(report, verdict)
    context.exit(STATUS[verdict.outcome])


# ── For people ───────────────────────────────────────────────────────────────────────────────


def _print(report: Report, verdict: Verdict) -> None:
    title, color = _TITLES[verdict.outcome]
    click.secho(f"{title}: {_summary(report, verdict)}", bold=True, fg=color)
    for check in verdict.checks:
        mark, color = _TITLES[check.outcome]
        click.echo(f"  {click.style(mark.lower(), fg=color)}: {_told(check, verdict)}")
        for line in (*_missing(check), *_left_out(check, verdict)):
            click.echo(f"    {line}")
    if verdict.corrected:
        click.echo("  The regret of all rows is without the judge's errors; a rule's is as judged.")
    if (made_up := simulated_line(report)) is not None:
        click.secho(f"  {made_up}", fg="yellow")
    if report.stopped is not None:
        click.echo(f"  The evaluation is not of the whole set: {report.stopped}")


def _summary(report: Report, verdict: Verdict) -> str:
    sure = f"with a confidence of {level(verdict.confidence)}"
    worse = f"{strong(report)} being better by more than {verdict.margin:g}"
    if verdict.outcome == "pass":
        return f"{report.route} is within the limits, {sure} (regret: {worse})."
    if verdict.outcome == "fail":
        return f"{report.route} is beyond a limit, {sure} (regret: {worse})."
    return f"{report.route} is neither shown to be within the limits, {sure}, nor beyond."


def _told(check: Check, verdict: Verdict) -> str:
    """What was seen, what that bounds, and the limit."""
    if check.of == "saving":
        if check.value is None:
            return f"the saving is unknown; asked for is {percent(check.limit)}."
        return (
            f"saves {percent(check.value)} of the cost ({_bounds(check)}, asked {_limit(check)})."
        )
    what = "regret" if check.rule is None else f"regret of {check.rule}"
    bounds = f"{_bounds(check)}, limit {_limit(check)}"
    if check.value is None:
        return f"{what} is unknown ({bounds})."
    of = "downgrades" if verdict.worst_case else "scored downgrades"
    if verdict.corrected and check.rule is None:
        return f"{what} {percent(check.value)} ({bounds}), from {check.trials:,} {of}."
    return f"{what} {percent(check.value)} ({bounds}): {check.events:,} of {check.trials:,} {of}."


def _bounds(check: Check) -> str:
    return f"at least {percent(check.low)}, at most {percent(check.high)}"


def _limit(check: Check) -> str:
    return percent(check.limit)


def _missing(check: Check) -> Iterator[str]:
    """What it takes to settle the check."""
    if check.why is not None:
        yield f"{check.why[0].upper()}{check.why[1:]}."
    if check.needed is None:
        if check.outcome == "unknown" and check.why is None:
            yield "What is seen is at the limit: no number of rows would be likely to settle it."
        return
    outcome, many = check.needed.outcome, f"about {rows(check.needed.rows)} more"
    if check.needed.downgrades is not None:
        many += f" ({check.needed.downgrades:,} scored downgrades)"
        many += f", with a chance of {level(CHANCE)},"
    if outcome == "pass":
        yield f"It takes {many} to pass, if it stays as seen."
    else:
        yield f"More rows would more likely show a failure: {many} if it stays as seen."


def _left_out(check: Check, verdict: Verdict) -> Iterator[str]:
    if check.unscored and verdict.worst_case:
        yield f"{check.unscored:,} unscored downgrades are counted as regrets."
    elif check.unscored:
        yield f"{check.unscored:,} unscored downgrades are left out (--worst-case: as regrets)."
    if check.failed:
        yield f"{rows(check.failed)} on which a model did not answer are left out."


# ── For CI ───────────────────────────────────────────────────────────────────────────────────


def _write_junit(report: Report, verdict: Verdict, max_regret: float, path: Path) -> None:
    from stepdown.evals.junit import junit

    try:
        write_whole(path, junit(report, max_regret, verdict).encode())
    except OSError as error:
        raise click.UsageError(f"{path}: cannot be written: {error.strerror}") from error
