"""``stepdown cascade fit``: a threshold for a cascade's validator, with a guarantee."""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import msgspec

from stepdown.cascade.fit import Fit, Point, Policy, fit
from stepdown.cascade.outcomes import LONGEST_LINE, BadOutcomes, Outcome, read_outcomes
from stepdown.cli.quantities import dollars

NONE_MET = 1
"""The exit status where no threshold is certified."""
_LINES: Mapping[str, Callable[[float], str]] = {
    "logprob.mean": "- logprob: {{mean: {!r}}}".format,
    "logprob.min": "- logprob: {{min: {!r}}}".format,
    "logprob.margin": "- logprob: {{margin: {!r}}}".format,
    "self_consistency": "- self_consistency: {{share: {!r}}}".format,
}
_RANGES = {
    "logprob.mean": (float("-inf"), 0.0),
    "logprob.min": (float("-inf"), 0.0),
    "logprob.margin": (0.0, float("inf")),
    "self_consistency": (0.0, 1.0),
}
_SHARE = click.FloatRange(0.0, 1.0, min_open=True, max_open=True)


@click.group(name="cascade")
def command() -> None:
    """Set up a cascade: a cheap model's answers, checked, and a strong one's where they fail."""


@command.command(name="fit")
@click.argument(
    "data", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="DATA.jsonl"
)
@click.option("--risk", type=_SHARE, default=0.05, show_default=True, help="Accepted regret.")
@click.option("--confidence", type=_SHARE, default=0.95, show_default=True)
@click.option("--score-field", default="score", show_default=True, help="The confidence's field.")
@click.option(
    "--right",
    type=click.FloatRange(0.0, 1.0, min_open=True),
    default=0.5,
    show_default=True,
    help="From here on a graded answer counts as right.",
)
@click.option(
    "--validator",
    type=click.Choice(list(_LINES)),
    default="logprob.mean",
    show_default=True,
    help="What the score is; the lines to paste are for it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def fit_command(
    context: click.Context,
    data: Path,
    risk: float,
    confidence: float,
    score_field: str,
    right: float,
    validator: str,
    as_json: bool,
) -> None:
    """Choose the loosest threshold whose risk is at most --risk, with --confidence.

    DATA.jsonl has one request a line: {"score": the cheap answer's confidence, "cheap": whether it
    was right (0..1), "strong": whether the strong answer was right, "cheap_cost": US dollars,
    "strong_cost": US dollars}; the last three may be left out. The risk is the share of accepted
    answers where the cheap one was wrong and the strong one right.

    Exit status: 0, 1 where no threshold meets the risk, 2 where the data cannot be used.
    """
    outcomes = _read(data, score_field)
    _check_range(outcomes, score_field, validator)
    found = fit(outcomes, risk, confidence, right=right)
    line = None if found.chosen is None else _LINES[validator](found.chosen.threshold)
    if as_json:
        click.echo(json.dumps({**msgspec.to_builtins(found), "yaml": line}))
    else:
        _print(found, line)
    if found.chosen is None:
        context.exit(NONE_MET)


def _read(path: Path, score_field: str) -> list[Outcome]:
    try:
        with path.open("rb") as file:
            # One byte more than allowed: an endless line is told, and never held.
            return read_outcomes(iter(lambda: file.readline(LONGEST_LINE + 1), b""), score_field)
    except BadOutcomes as error:
        raise click.UsageError(f"{path}: {error}") from error
    except OSError as error:
        raise click.UsageError(f"{path}: cannot be read: {error.strerror}") from error


def _check_range(outcomes: list[Outcome], field: str, validator: str) -> None:
    low, high = _RANGES[validator]
    for place, outcome in enumerate(outcomes, 1):
        if not low <= outcome.score <= high:
            raise click.UsageError(
                f"row {place}: {field}: expected {low:g} to {high:g} for {validator}, "
                f"got {outcome.score:g}. Is the score another --validator's?"
            )


# ── For people ───────────────────────────────────────────────────────────────────────────────


def _print(found: Fit, line: str | None) -> None:
    from stepdown.cli.tables import console

    out = console()
    for text in _told(found):
        out.print(text, highlight=False, markup=False)
    out.print(_table(found.policies))
    if found.saving is not None:
        click.echo(f"Expected saving: {_percent(found.saving)} of the strong model's cost.")
    if found.break_even is not None:
        click.echo(_break_even(found.break_even))
    if line is not None:
        click.echo(f"\nvalidators:\n  {line}")


def _told(found: Fit) -> list[str]:
    risk, confidence = _percent(found.risk), _percent(found.confidence)
    if found.chosen is not None:
        return [
            f"Threshold {found.chosen.threshold!r}: {_seen(found.chosen, found.rows)}.",
            f"At most {risk} of what it accepts is regretted, with a confidence of {confidence}, "
            "for requests drawn as these were.",
        ]
    told = [f"No threshold meets a risk of {risk} with a confidence of {confidence}."]
    if found.closest is None:
        told.append(f"That takes at least {found.least_accepted} rows; there are {found.rows}.")
    else:
        closest = found.closest
        told.append(f"The closest, {closest.threshold!r}: {_seen(closest, found.rows)}.")
    return told


def _seen(point: Point, rows: int) -> str:
    return (
        f"accepts {point.accepted:,} of {rows:,} ({_percent(point.accepted / rows)}), "
        f"regrets {point.regrets:,} of them ({_percent(point.risk)}; "
        f"upper bound {_percent(point.upper)})"
    )


def _table(policies: tuple[Policy, ...]) -> Any:
    from rich.table import Table

    table = Table(title="What it comes to, per request")
    table.add_column("policy")
    for heading in ("cheap served", "regretted of those", "regretted of all", "right", "cost"):
        table.add_column(heading, justify="right")
    for policy in policies:
        table.add_row(
            policy.name,
            *map(_percent, (policy.accepted, policy.risk, policy.regret, policy.right)),
            "–" if policy.cost is None else dollars(Decimal(repr(policy.cost))),
        )
    return table


def _break_even(share: float) -> str:
    if share <= 0:
        return "Break-even: none. The cheap model costs as much as the strong one, or more."
    return f"Break-even: it saves while fewer than {_percent(share)} of the requests climb."


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"
