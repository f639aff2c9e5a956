"""``stepdown eval advise``: which rules to tighten and which to loosen, as a patch to apply."""

import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path

import click
import msgspec

from stepdown.cli.eval.options import FILE, SHARE
from stepdown.cli.eval.sources import SOURCE, report_of, source_options
from stepdown.cli.quantities import share
from stepdown.evals.advise import Advice, Effect, Finding, Unusable, advise
from stepdown.evals.compare import Difference
from stepdown.evals.enough import CHANCE
from stepdown.evals.words import cost_of_thousand, interval, level, percent, points, rows, signed
from stepdown.routing.rules import DEFAULT

ALONE = "-"
"""In place of a file: print the patch, and nothing else."""


@click.command("advise")
@click.argument("source", type=FILE, metavar=SOURCE)
@source_options
@click.option(
    "--budget",
    "--max-regret",
    "budget",
    type=share,
    required=True,
    metavar="2%",
    help="Accepted regret.",
)
@click.option("--confidence", type=SHARE, default=0.95, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--patch", metavar="FILE", help="Write the patch to a new file; - prints it alone.")
def command(
    source: Path,
    config: Path | None,
    route: str | None,
    budget: Decimal,
    confidence: float,
    as_json: bool,
    patch: str | None,
) -> None:
    """Say which rules to tighten, and which hold more rows at the last rung than need be.

    The source is a report of `stepdown eval run --json` or, with --config, a data set. A rule is to
    be tightened where the regret of what it sends down is shown to be above --budget. It can be
    loosened where the regret of what it holds would be shown to be within, had the cheapest model
    answered. With --confidence no such finding is wrong, however many rules are looked at. The
    patch is the route's rules with other rungs. No file is changed.

    Exit status: 0, or 2 where the report cannot be used.
    """
    try:
        advice = advise(
            report_of(source, config, route), budget=float(budget), confidence=confidence
        )
    except Unusable as error:
        raise click.UsageError(f"{source}: {error}") from error
    if patch not in (None, ALONE) and advice.patch is not None:
        _write(Path(patch), advice.patch)
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(advice)))
    elif patch == ALONE:
        click.echo(advice.patch or "", nl=False)
    else:
        _print(advice, patch)


def _write(path: Path, text: str) -> None:
    """To a file that is not there yet. Raises click.UsageError."""
    try:
        file = path.open("x", encoding="utf-8")
    except FileExistsError as error:
        raise click.UsageError(f"{path}: is there already, and is not written over") from error
    except OSError as error:
        raise click.UsageError(f"{path}: cannot be written: {error.strerror}") from error
    try:
        with file:
            file.write(text)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise click.UsageError(f"{path}: cannot be written: {error.strerror}") from error


# ── For people ───────────────────────────────────────────────────────────────────────────────


def _print(advice: Advice, patch: str | None) -> None:
    click.echo(
        f"{advice.route}: regret of at most {percent(advice.budget)}, with a confidence of "
        f"{level(advice.confidence)} ({level(advice.each)} for each of {len(advice.findings)} "
        "findings)."
    )
    for title, findings in _sections(advice.findings):
        click.secho(f"\n{title}", bold=True)
        for finding in findings:
            for line in _lines(finding):
                click.echo(f"  {line}")
    if advice.effect is not None:
        click.secho("\nWhat the whole patch comes to, on these rows", bold=True)
        for line in _effect(advice.effect, advice.effect_confidence):
            click.echo(f"  {line}")
    click.echo()
    for line in _cautions(advice):
        click.echo(line)
    if advice.patch is not None:
        written = f"Written to {patch}." if patch else f"\n{advice.patch}"
        click.echo(written.rstrip())


def _sections(findings: Iterable[Finding]) -> Iterator[tuple[str, list[Finding]]]:
    """The findings by what to do about them; those that ask for something come first."""
    sections: dict[str, list[Finding]] = {
        "Tighten": [],
        "Loosen": [],
        "Above the budget, and not by a rule": [],
        "Within the budget": [],
        "Rightly at the last rung": [],
        "Cannot be told yet": [],
    }
    for finding in findings:
        sections[_title(finding)].append(finding)
    yield from ((title, found) for title, found in sections.items() if found)


def _title(finding: Finding) -> str:
    if finding.change is not None:
        return "Tighten" if finding.change == "tighten" else "Loosen"
    if finding.answer == "unknown":
        return "Cannot be told yet"
    if finding.answer == "within":
        return "Within the budget"
    down = finding.does == "sends down"
    return "Above the budget, and not by a rule" if down else "Rightly at the last rung"


def _lines(finding: Finding) -> Iterator[str]:
    yield f"{_who(finding)}: {_seen(finding)}."
    if finding.unscored:
        yield f"  {rows(finding.unscored)} of them not scored, and left out."
    if finding.held_back:
        others = " and ".join(finding.held_back)
        yield f"  Not loosened: it also holds rows together with {others}, which are not shown so."
    if finding.more_rows is not None:
        yield (
            f"  About {rows(finding.more_rows)} more would tell, with a chance of {level(CHANCE)}: "
            f"{'within' if finding.likely == 'within' else 'above'}, if it stays as seen."
        )
    if finding.effect is not None:
        yield f"  {_change(finding.effect)}."


def _who(finding: Finding) -> str:
    if finding.does == "sends down":
        return f"{finding.rules[0]} sends down {rows(finding.rows)}"
    if finding.rules == (DEFAULT,):
        return f"no rule claims {rows(finding.rows)}"
    names = ["rows that no rule is sure of" if name == DEFAULT else name for name in finding.rules]
    holds = "holds" if len(names) == 1 else "hold"
    return f"{' and '.join(names)} {holds} {rows(finding.rows)}"


def _seen(finding: Finding) -> str:
    regret = finding.regret
    if not regret.trials:
        return "none of them is scored"
    were = "were" if finding.does == "sends down" else "would have been"
    return (
        f"{regret.events:,} of {regret.trials:,} scored {were} regretted "
        f"({percent(regret.value)}; {_bounds(finding)})"
    )


def _bounds(finding: Finding) -> str:
    """The bound that gave the answer, or both."""
    least, most = percent(finding.regret.low), percent(finding.regret.high)
    if finding.answer == "above":
        return f"at least {least}"
    return f"at most {most}" if finding.answer == "within" else f"between {least} and {most}"


def _change(effect: Effect) -> str:
    """One change in one line."""
    told = [
        f"Moves {rows(effect.moved)}",
        f"regret {percent(effect.before.value)} → {percent(effect.after.value)}",
    ]
    if effect.cost is not None:
        told.append(f"cost of 1,000 rows {_costs(effect.cost)}")
    return "; ".join(told)


def _effect(effect: Effect, confidence: float) -> Iterator[str]:
    yield f"{rows(effect.moved)} answered by another model. Intervals: {level(confidence)}."
    yield f"sent down: {percent(effect.down.a)} → {percent(effect.down.b)}"
    yield (
        f"regret of those: {percent(effect.before.value)} → {percent(effect.after.value)} "
        f"({interval(effect.after)})"
    )
    if effect.regret is not None:
        yield f"regret of all rows: {_shares(effect.regret)}"
    if effect.quality is not None:
        quality = effect.quality
        yield (
            f"mean score: {quality.a:.3f} → {quality.b:.3f} ({signed(quality.value)}; "
            f"{signed(quality.low)} to {signed(quality.high)})"
        )
    if effect.cost is None:
        yield "cost: unknown, as a price is."
        return
    cost = effect.cost
    change, low, high = map(cost_of_thousand, (cost.value, cost.low, cost.high))
    yield f"cost of 1,000 rows: {_costs(cost)} ({change}; {low} to {high})"
    yield f"saved: {percent(effect.saved_before)} → {percent(effect.saved_after)}"


def _shares(found: Difference) -> str:
    value, low, high = (points(each) for each in (found.value, found.low, found.high))
    return f"{percent(found.a)} → {percent(found.b)} ({value} points; {low} to {high})"


def _costs(cost: Difference) -> str:
    return f"{cost_of_thousand(cost.a)} → {cost_of_thousand(cost.b)}"


def _cautions(advice: Advice) -> Iterator[str]:
    if advice.patch is None:
        yield "There is nothing to change."
        return
    yield (
        "The change is measured on the rows that chose it; the intervals allow for all the rules "
        "looked at."
    )
    if not advice.exact:
        yield (
            "A row on which several rules match may go elsewhere than predicted: this report does "
            "not tell what each said. Evaluate with the patch before you keep it: the answers are "
            "there already."
        )
    if advice.climbed:
        yield (
            f"{rows(advice.climbed)} climbed a cascade. What is loosened would be checked, too: "
            "less regret and more cost than predicted."
        )
