"""``stepdown eval run``: what a route would save, how often it would hurt, and where."""

from decimal import Decimal
from pathlib import Path

import click
import msgspec

from stepdown.cli.eval.options import Found, Options, evaluation_options, found_by, usable
from stepdown.cli.quantities import share
from stepdown.evals.report import Report, write
from stepdown.evals.whole import write_whole

OUTPUT = click.Path(dir_okay=False, path_type=Path)
STOPPED = 4
"""The exit status of a run that ended early: its report is of the rows so far."""


@click.command(name="run")
@evaluation_options
@click.option("--html", type=OUTPUT, metavar="FILE", help="Write one self-contained page.")
@click.option("--json", "json_", type=OUTPUT, metavar="FILE", help="Write the whole report.")
@click.option("--junit", "junit_", type=OUTPUT, metavar="FILE", help="Write JUnit XML.")
@click.option(
    "--max-regret",
    type=share,
    metavar="2%",
    help="What --junit calls a failure: regret shown to be above.",
)
@click.option("--pairs", type=OUTPUT, metavar="FILE", help="Write pairs for people to label.")
@click.option(
    "--pairs-sample",
    "most_pairs",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="So many pairs at most.",
)
@click.option("--worst-case", is_flag=True, help="Count every unscored downgrade as a regret.")
@click.pass_context
def command(
    context: click.Context,
    options: Options,
    html: Path | None,
    json_: Path | None,
    junit_: Path | None,
    max_regret: Decimal | None,
    pairs: Path | None,
    most_pairs: int,
    worst_case: bool,
) -> None:
    """Evaluate a route on the prompts of DATA.

    Every model of the route's ladder answers every prompt, the answers are scored, and the report
    says what the route would have saved and how often the strongest model would have been better
    (downgrade regret), with exact intervals, beside all cheap, all strong, random, prompt length
    and the oracle. Answers are kept: a second run asks nobody again. With --outcomes nobody is
    asked at all.

    Exit status: 0, 2 where something cannot be used, 4 where the run ended early.
    """
    _check_folders(html, json_, junit_, pairs)
    found = found_by(options)
    report = found.report
    with usable():
        if json_ is not None:
            write(report, json_)
        if html is not None:
            write_whole(html, _page(report))
        if junit_ is not None:
            write_whole(junit_, _junit(report, max_regret))
        if pairs is not None:
            write_whole(pairs, _pairs(found, most_pairs, options.seed))
    from stepdown.cli.eval.terminal import show

    show(report, worst_case=worst_case)
    if report.stopped is not None:
        context.exit(STOPPED)


# ── Files ────────────────────────────────────────────────────────────────────────────────────


def _check_folders(*paths: Path | None) -> None:
    """Raises click.UsageError where a file cannot be written, before anything is spent."""
    for path in paths:
        if path is not None and not path.absolute().parent.is_dir():
            raise click.UsageError(f"{path}: there is no such directory.")


def _page(report: Report) -> bytes:
    from stepdown.evals.html import html

    return html(report).encode()


def _junit(report: Report, max_regret: Decimal | None) -> bytes:
    from stepdown.evals.junit import junit

    return junit(report, None if max_regret is None else float(max_regret)).encode()


def _pairs(found: Found, most: int, seed: int) -> bytes:
    from stepdown.evals.pairs import pairs_to_label

    lines = pairs_to_label(found.report.rows, found.items, most, seed)
    return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
