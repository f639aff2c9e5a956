"""``stepdown replay``: what another configuration would have done with the recorded traffic."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from stepdown.cli.quantities import dollars
from stepdown.cli.record import begin_of, json_option, ledger_url, opened, say, since_option, told
from stepdown.cli.trusting import judge_line, note_unmeasured
from stepdown.evals.words import level, percent
from stepdown.names import known_names
from stepdown.quality.offline.costs import Amount
from stepdown.quality.offline.regrets import Estimate, Regret
from stepdown.quality.offline.replay import NoSupport, Replay, replay

if TYPE_CHECKING:
    from stepdown.config import Config

NO_SUPPORT = 3
"""The exit status where the log cannot tell."""
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_SURE = click.FloatRange(0.5, 1.0, min_open=True, max_open=True)


@click.command("replay")
@click.option("--config", type=_FILE, required=True, help="The configuration with the new route.")
@click.option("--route", help="The route; by default the configuration's only one.")
@since_option("30d")
@click.option("--database", "url", metavar="URL", help="The ledger, if not the configuration's.")
@click.option("--confidence", type=_SURE, default=0.95, show_default=True)
@click.option("--worst-case", is_flag=True, help="Count every unscored pair as a regret.")
@json_option
@click.pass_context
def command(
    context: click.Context,
    config: Path,
    route: str | None,
    window: float | None,
    url: str | None,
    confidence: float,
    worst_case: bool,
    as_json: bool,
) -> None:
    """Ask a configuration's route what it would have done with each recorded request.

    Tells what that would have cost, and how much would have been regretted, beside what was done.
    Nobody is called: what is not known of a request is estimated from the pairs that shadow traffic
    made of a sample. Rules count as if the guard let them serve. Where the configuration has
    judge.errors, regrets are without them.

    Exit status: 0, 3 where too many requests would go down of which no pair was sampled that is
    alike, 2 where the configuration or the ledger cannot be used.
    """
    with told():
        found = _replayed(
            config, route, begin_of(window), url, confidence=confidence, worst_case=worst_case
        )
    if as_json:
        answer = "no support" if isinstance(found, NoSupport) else "replayed"
        click.echo(json.dumps({"answer": answer, **msgspec.to_builtins(found)}))
    elif isinstance(found, NoSupport):
        _print_no_support(found)
    else:
        _print(found, config.name)
    if isinstance(found, NoSupport):
        context.exit(NO_SUPPORT)


def _replayed(
    path: Path,
    name: str | None,
    begin: float | None,
    url: str | None,
    *,
    confidence: float,
    worst_case: bool,
) -> Replay | NoSupport:
    from stepdown.config import load
    from stepdown.config.build import build_routes, price_of
    from stepdown.config.wards import judge_errors_of
    from stepdown.ledger.history import requests
    from stepdown.quality.records.history import pairs
    from stepdown.quality.records.selection import Selection

    config = load(path)
    note_unmeasured(config)
    prices = price_of(config)
    name = chosen_route(config, name)
    route = build_routes(config, prices)[name]
    with opened(ledger_url(config, url)) as engine:
        try:
            return replay(
                route,
                requests(engine, begin or 0.0),
                pairs(engine, Selection(since=begin, route=name)),
                price_of=prices,
                confidence=confidence,
                worst_case=worst_case,
                cascades=_cascades(config, name),
                judge=judge_errors_of(config),
            )
        except ValueError as error:
            raise click.UsageError(f"The ledger cannot be replayed: {error}") from error


def chosen_route(config: "Config", name: str | None) -> str:
    """The named route, or the only one. Raises click.UsageError."""
    names = list(config.routes)
    if name is None and len(names) == 1:
        return names[0]
    if name is None:
        raise click.UsageError(f"Give --route: the configuration has {', '.join(names) or 'none'}.")
    if name not in names:
        raise click.UsageError(f"--route: there is no route {name!r}.{known_names(name, names)}")
    return name


def _cascades(config: "Config", name: str) -> bool:
    settings = config.routes[name]
    return settings.cascade not in (None, False) or "cascade" in str(settings.rules)


# ── For people ───────────────────────────────────────────────────────────────────────────────


def _print(found: Replay, new: str) -> None:
    from rich.table import Table

    from stepdown.cli.tables import console

    out = console()
    sure = level(found.confidence)
    table = Table(title=f"{found.route}: {found.requests:,} recorded requests")
    for heading in ("policy", "sent down", "cost", f"regretted of these ({sure})", "pairs"):
        table.add_column(heading, justify="left" if heading == "policy" else "right")
    cost = found.cost
    table.add_row("as it was", *_cells(found, found.then, dollars(cost.then)))
    table.add_row(new, *_cells(found, found.now, _amount(cost.best)))
    table.add_row("all to the last rung", "0.0 %", dollars(cost.reference), "–", "–")
    out.print(table)
    rules = Table(title=f"By rule of {new}")
    at_once = f"regretted (all at once: {sure})"
    for heading in ("rule", "sent down", at_once, "pairs", "effective"):
        rules.add_column(heading, justify="left" if heading == "rule" else "right")
    for rule in found.rules:
        down, *rest = _cells(found, rule.regret, "")
        rules.add_row(rule.rule, down, rest[1], rest[2], f"{rule.regret.effective:,.0f}")
    if found.rules:
        out.print(rules)
    for line in _lines(found, new):
        out.print(line, markup=False, highlight=False, soft_wrap=True)


def _cells(found: Replay, regret: Regret, cost: str) -> list[str]:
    down = percent(regret.requests / found.requests)
    return [down, cost, _estimate(regret.best), f"{regret.pairs:,}"]


def _estimate(estimate: Estimate) -> str:
    ends = f"{percent(estimate.low).removesuffix(' %')} to {percent(estimate.high)}"
    return f"{percent(estimate.value)} ({ends})"


def _amount(amount: Amount) -> str:
    if amount.low is None or amount.high is None:
        return f"about {dollars(amount.value)}"
    return f"{dollars(amount.value)} (about {dollars(amount.low)} to {dollars(amount.high)})"


def _lines(found: Replay, new: str) -> list[str]:
    more = found.difference
    return [
        f"{new} sends {more.more:,} requests down that were not, and {more.fewer:,} to the last "
        f"rung that were. Of all requests it regrets {_estimate(more.best)} more than was.",
        "Regret by each method: "
        + "; ".join(f"{each.method} {_estimate(each)}" for each in found.now.estimates)
        + f". {found.now.pairs:,} pairs tell as much as {found.now.effective:,.0f} of one weight.",
        "Cost by each method: "
        + "; ".join(f"{each.method} {_amount(each)}" for each in found.cost.now)
        + ". The intervals of costs are approximate, those of regrets are not.",
        *_without_errors(found),
        *_notes(found),
    ]


def _without_errors(found: Replay) -> list[str]:
    if found.judge is None:
        return []
    said = found.now.said
    as_said = "" if said is None else f" By its word alone: {_estimate(said)}."
    return [judge_line(found.judge) + as_said]


def _notes(found: Replay) -> list[str]:
    now, cost, left_out = found.now, found.cost, found.left_out
    notes: list[tuple[float, str]] = [
        (
            now.unknown,
            f"Nothing is known of {now.unknown:,} requests: the intervals allow for all of them "
            "being regrets, and for none.",
        ),
        (
            now.unscored,
            f"{now.unscored:,} more pairs could not be scored; --worst-case counts them as "
            "regrets.",
        ),
        (
            now.lost,
            f"The pairs stand for {percent(now.found)} of the requests: other sampled ones made no "
            "scored pair. The inverse-propensity estimate is too small for it, the others are not.",
        ),
        (
            found.near,
            f"{found.near:,} requests stay on a stronger rung since their number of tokens is an "
            "estimate near a threshold; with the extra 'tokens' the gateway counts them.",
        ),
        (
            cost.unpriced,
            f"{cost.unpriced:,} requests have an unknown price; they are in no cost.",
        ),
        (
            cost.unbacked,
            f"Of {cost.unbacked:,} requests that change their model too few pairs tell the cost; "
            "it is that of the tokens they took.",
        ),
        (
            left_out.unanswered,
            f"{left_out.unanswered:,} requests that failed or were cancelled are left out.",
        ),
        (
            left_out.unmatched,
            f"{left_out.unmatched:,} pairs are left out: their requests are not in the log.",
        ),
    ]
    return [text for count, text in notes if count]


def _print_no_support(found: NoSupport) -> None:
    say(
        f"The log cannot tell: nothing is known of {percent(found.unknown)} of the "
        f"{found.requests:,} requests of {found.route} (at most {percent(found.most)} may be "
        "unknown).",
        bold=True,
    )
    for rule in found.unshadowed:
        whose = f" of {', '.join(rule.audiences)}" if rule.audiences else ""
        say(
            f"  rule {rule.rule}: claims {rule.requests:,} requests{whose} "
            f"({percent(rule.share)}) for {rule.model}; they were decided by "
            f"{', '.join(rule.decided)}, and no pair of such requests was scored. Shadow these."
        )
    for unread in found.unread:
        say(
            f"  signal {', '.join(unread.signals)}: not recorded for {unread.requests:,} requests "
            f"({percent(unread.share)}), which hang on it by {', '.join(unread.rules)}. A signal "
            "is recorded while a rule of the route names it."
        )
