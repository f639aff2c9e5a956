"""``stepdown eval judge-check``: how far a judge can be trusted, by pairs that people judged."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from stepdown.cli.eval.options import FILE, SHARE, Options, dollars_given, usable
from stepdown.cli.eval.run import STOPPED
from stepdown.evals.words import UNKNOWN, level
from stepdown.quality.judge_check import JudgeCheck
from stepdown.quality.labelled import Labelled, NotLabelled, read_labelled
from stepdown.quality.shares import Share

if TYPE_CHECKING:
    from stepdown.evals.correct import Checked

MOST_LISTED = 10
"""Rows that cannot be used."""


@click.command(name="judge-check")
@click.argument("labelled", type=FILE)
@click.option("--config", type=FILE, required=True, help="The configuration with the judge.")
@click.option("--judge", metavar="MODEL", help="Instead of the configured one.")
@click.option("--margin", type=click.FloatRange(0.0, 1.0), default=0.1, show_default=True)
@click.option("--confidence", type=SHARE, default=0.95, show_default=True)
@click.option("--budget", type=dollars_given, metavar="$5", help="Stop before it is spent.")
@click.option("--concurrency", type=click.IntRange(1, 256), default=8, show_default=True)
@click.option(
    "--cache", type=click.Path(dir_okay=False, path_type=Path), help="Where answers are kept."
)
@click.option("--retry-failed", is_flag=True, help="Ask again where a call had failed.")
@click.option("--quiet", is_flag=True, help="Show no progress.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(context: click.Context, /, labelled: Path, *, as_json: bool, **given: object) -> None:
    """Measure the judge on pairs that people judged.

    LABELLED has one pair a line: {"prompt": "…", "served": "…", "reference": "…", "better": "tie"},
    or "served" or "reference"; "messages" may stand in place of the prompt. ``stepdown eval run
    --pairs`` writes such a file to be filled in.

    Prints agreement with people, Cohen's kappa, how often the judge contradicts itself when the
    order is turned, whether it leans to the longer answer, and how often it sees a regret where
    people saw none and misses one that they saw.

    Exit status: 0, 2 where something cannot be used, 4 where it ended early.
    """
    options = Options(**given)  # type: ignore[arg-type]  # click has checked them by these names
    with usable():
        pairs = _read(labelled)
        found = asyncio.run(_check(options, pairs))
    if as_json:
        click.echo(json.dumps(_fields(found, pairs), indent=1))
    else:
        for line in (*_stopped(found), *_lines(found.check), *_bad(pairs)):
            click.echo(line)
    if found.stopped is not None:
        context.exit(STOPPED)


def _read(path: Path) -> Labelled:
    try:
        return read_labelled(path)
    except NotLabelled as error:
        raise click.UsageError(f"{path}: {error}") from error


async def _check(options: Options, labelled: Labelled) -> "Checked":
    from stepdown.cli.eval.evaluate import asking, judge_of, judged
    from stepdown.config.reading import load

    assert options.config is not None
    config = load(options.config)
    judge = judge_of(options, config)
    async with asking(options, config, [judge.model]) as asker:
        return await judged(options, labelled, judge, asker)


# ── For programs ─────────────────────────────────────────────────────────────────────────────


def _fields(found: "Checked", labelled: Labelled) -> dict[str, object]:
    """The check, the rows that cannot be used, and why it ended early, if it did."""
    check: dict[str, object] = msgspec.to_builtins(found.check)
    bad = msgspec.to_builtins(labelled.bad)
    return {**check, "bad": bad, "left": found.left, "stopped": found.stopped}


# ── For people ───────────────────────────────────────────────────────────────────────────────


def _stopped(found: "Checked") -> list[str]:
    if found.stopped is None:
        return []
    return [f"Not all pairs: {found.stopped} Not judged: {found.left:,}.", ""]


def _lines(check: JudgeCheck) -> Iterator[str]:
    yield (
        f"{check.pairs:,} pairs, {check.unjudged:,} of them not judged. "
        f"Intervals: {level(check.confidence)}, each by itself."
    )
    yield ""
    told = {
        "agrees with people": _share(check.agreement),
        "Cohen's kappa": _kappa(check),
        "contradicts itself": f"{_share(check.flips)} of comparisons, the order turned",
        "regret where people saw none": _share(check.false_positive),
        "misses regret people saw": _share(check.false_negative),
        "at people's ties, the longer": _share(check.length.longer_at_ties),
        "at people's ties, the shorter": _share(check.length.shorter_at_ties),
        "its errors, to the longer": _share(check.length.errors_to_longer),
    }
    width = max(map(len, told))
    yield from (f"{name:<{width}}  {figure}" for name, figure in told.items())
    yield from (f"not judged: {count:,} × {why}" for why, count in check.why.items())


def _bad(labelled: Labelled) -> Iterator[str]:
    if not labelled.bad:
        return
    yield f"{len(labelled.bad):,} rows were left out:"
    yield from (f"  line {row.line}: {row.why}" for row in labelled.bad[:MOST_LISTED])
    if len(labelled.bad) > MOST_LISTED:
        yield f"  and {len(labelled.bad) - MOST_LISTED:,} more"


def _share(share: Share) -> str:
    if share.value is None:
        return f"{UNKNOWN}  (no such pair)"
    return (
        f"{100 * share.value:5.1f} %  ({100 * share.low:.1f} to {100 * share.high:.1f} %; "
        f"{share.events:,} of {share.trials:,})"
    )


def _kappa(check: JudgeCheck) -> str:
    kappa = check.kappa
    if kappa.value is None:
        return UNKNOWN
    return f"{kappa.value:7.2f}  ({kappa.low:.2f} to {kappa.high:.2f})"
