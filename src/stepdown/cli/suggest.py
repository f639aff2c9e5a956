"""``stepdown suggest``: rules for what the cheapest model does well, mined from sampled pairs."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec
from msgspec import Struct

from stepdown.cli.quantities import dollars
from stepdown.cli.record import begin_of, json_option, ledger_url, opened, since_option, told
from stepdown.cli.replay import chosen_route
from stepdown.cli.trusting import judge_line, note_unmeasured
from stepdown.evals.words import level, percent
from stepdown.names import known_names
from stepdown.quality.correction import JudgeErrors
from stepdown.quality.mining.patch import patch
from stepdown.quality.mining.samples import Claim, pool_of, unclaimed_by, unclaimed_then
from stepdown.quality.mining.suggest import Suggestion, Suggestions, suggest
from stepdown.quality.mining.terms import Vocabulary
from stepdown.quality.pairs import Pair

if TYPE_CHECKING:
    from sqlalchemy import Engine

ROUTE = "auto"
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_SHARE = click.FloatRange(0.0, 1.0, min_open=True, max_open=True)
_SURE = click.FloatRange(0.5, 1.0, min_open=True, max_open=True)


class Route(Struct, frozen=True):
    """What the search has to know of a route. ``rules`` are as they are written, ``taken`` their
    names. ``models`` are the cheapest and the last rung's; None is what the pairs say. ``guarded``:
    it has a regret budget. ``judge``: how the judge errs, where the configuration says so."""

    name: str
    claim: Claim
    vocabulary: Vocabulary
    rules: Sequence[Any] = ()
    taken: tuple[str, ...] = ()
    models: tuple[str, str] | None = None
    url: str | None = None
    guarded: bool = False
    judge: JudgeErrors | None = None


@click.command("suggest")
@click.option("--config", type=_FILE, help="The configuration with the route and its rules.")
@click.option("--route", help="The route; by default the configuration's only one, or auto.")
@since_option("30d")
@click.option("--budget", type=_SHARE, default=0.02, show_default=True, help="Accepted regret.")
@click.option("--confidence", type=_SURE, default=0.95, show_default=True)
@click.option("--most", type=click.IntRange(1, 20), default=5, show_default=True, help="Rules.")
@click.option("--database", "url", metavar="URL", help="The ledger, if not the configuration's.")
@json_option
def command(
    config: Path | None,
    route: str | None,
    window: float | None,
    budget: float,
    confidence: float,
    most: int,
    url: str | None,
    as_json: bool,
) -> None:
    """Suggest rules for requests that no rule claims, where the cheapest model is good enough.

    They are found on one half of the pairs that shadow traffic made, and tested on the other. A
    suggested rule regrets more than --budget, though it is said to be within, with a probability of
    1 - --confidence at most, for all rules together. They are printed as YAML, as candidates under
    observation; nothing is changed. Where the configuration has judge.errors, regrets are without
    them. Without --config, what no rule claims is as it was recorded.

    Exit status: 0, 2 where the configuration or the ledger cannot be used.
    """
    with told():
        asked = Route(route or ROUTE, unclaimed_then, Vocabulary())
        if config is not None:
            asked = _configured(config, route)
        found = _suggested(asked, begin_of(window), url, budget, confidence, most)
    written = patch(asked.name, found, asked.rules, guarded=asked.guarded)
    if as_json:
        click.echo(json.dumps({**msgspec.to_builtins(found), "yaml": written}))
    else:
        _print(asked.name, found, written)


def _configured(path: Path, name: str | None) -> Route:
    from stepdown.config import load
    from stepdown.config.build import build_routes, price_of
    from stepdown.config.wards import judge_errors_of

    config = load(path)
    note_unmeasured(config)
    name = chosen_route(config, name)
    route = build_routes(config, price_of(config))[name]
    settings = config.routes[name]
    return Route(
        name,
        unclaimed_by(route),
        Vocabulary(route.signals),
        [settings.rules] if isinstance(settings.rules, str) else settings.rules,
        tuple(rule.name for rule in route.policy.rules),
        (route.ladder[0], route.ladder[-1]),
        ledger_url(config, None),
        settings.regret is not None,
        judge_errors_of(config),
    )


def _suggested(
    route: Route,
    begin: float | None,
    url: str | None,
    budget: float,
    confidence: float,
    most: int,
) -> Suggestions:
    from stepdown.ledger.history import requests

    with opened(route.url if url is None else url) as engine:
        pairs = list(_pairs(engine, begin, route.name))
        if not pairs:
            raise click.UsageError(_why_none(engine, begin, route.name))
        models = route.models or (pairs[-1].candidate_model, pairs[-1].reference_model)
        records = requests(engine, begin or 0.0)
        try:
            pool = pool_of(records, pairs, route.claim, route=route.name, models=models)
        except ValueError as error:
            raise click.UsageError(f"The ledger cannot be read: {error}") from error
    return suggest(
        pool,
        budget=budget,
        confidence=confidence,
        most=most,
        taken=route.taken,
        vocabulary=route.vocabulary,
        judge=route.judge,
    )


def _pairs(engine: "Engine", begin: float | None, route: str | None) -> Iterator[Pair]:
    from stepdown.quality.records.history import pairs
    from stepdown.quality.records.selection import Selection

    return pairs(engine, Selection(since=begin, route=route))


def _why_none(engine: "Engine", begin: float | None, route: str) -> str:
    others = {pair.route for pair in _pairs(engine, begin, None)}
    hint = known_names(route, others) if others else ""
    return f"No pair of the route {route!r} is recorded in this time: it has to be shadowed.{hint}"


# ── For people ───────────────────────────────────────────────────────────────────────────────


def _print(route: str, found: Suggestions, written: str | None) -> None:
    from rich.table import Table

    from stepdown.cli.tables import console

    out = console()
    if found.rules:
        sure = level(found.confidence)
        table = Table(title=f"Rules that {route} could have")
        for heading in ("rule", "requests", "saving", "", f"regret ({sure}, all at once)", "pairs"):
            table.add_column(heading, justify="left" if heading == "rule" else "right")
        table.add_column(f"within {percent(found.budget)}")
        for rule in found.rules:
            table.add_row(*_cells(rule))
        out.print(table)
    for line in _lines(found):
        out.print(line, markup=False, highlight=False, soft_wrap=True)
    if written is not None:
        click.echo(f"\n{written}", nl=False)


def _cells(rule: Suggestion) -> list[str]:
    held = rule.held
    return [
        rule.name,
        percent(rule.share),
        dollars(rule.saving),
        percent(rule.saved),
        f"{percent(held.regret)} ({percent(held.low).removesuffix(' %')} to {percent(held.high)})",
        f"{held.pairs:,}",
        "yes" if rule.certified else "not shown",
    ]


def _lines(found: Suggestions) -> list[str]:
    dropped = found.tried - len(found.rules)
    lines = [
        f"{found.claimable:,} of {found.requests:,} requests are claimed by no rule; "
        f"{found.searched:,} pairs of them were searched, and {found.held_out:,} held out.",
        f"Signals that were recorded: {', '.join(found.signals) or 'none'}.",
    ]
    if not found.tried:
        lines.append("No condition was found that looks as if its regret were within the budget.")
    if dropped:
        lines.append(
            f"{dropped:,} of {found.tried:,} conditions regretted more than the budget on the "
            "held-out pairs, and are not suggested."
        )
    if found.judge is not None:
        lines.append(judge_line(found.judge))
    if found.pairs is None:
        lines.append(
            "Too little is known of the judge to show of any rule that it is within the budget: it "
            "takes more pairs that people labelled."
        )
    elif not any(rule.certified for rule in found.rules):
        lines.append(
            f"To show that a rule is within the budget takes {found.pairs:,} held-out pairs of it, "
            "if none is regretted."
        )
    if found.unscored:
        lines.append(f"{found.unscored:,} pairs could not be scored; they are left out.")
    if found.unpriced:
        lines.append(f"{found.unpriced:,} pairs have an unknown cost; their saving counts nothing.")
    return lines
