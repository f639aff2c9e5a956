"""Shows what is known of a route's regret: a table of what was sent down, one of wasted upgrades,
and what has to come for each rule that is guarded."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from stepdown.cascade.plan import CASCADE
from stepdown.cli.guarded import fields, outlook_line, pairs_line, since_when
from stepdown.cli.quantities import dollars, plain
from stepdown.cli.record import printable
from stepdown.cli.tables import console
from stepdown.cli.trusting import simulated_line
from stepdown.evals.words import FEW, UNKNOWN, level, percent
from stepdown.quality.knowledge.positions import Position
from stepdown.quality.knowledge.regrets import Family, Rate, Regret
from stepdown.quality.knowledge.reports import RouteReport

_NOTHING = Decimal(0)
Cells = list[str | Text]


MadeUp = Mapping[str, tuple[str, ...]]
"""The simulated models of each route's ladder."""


def show(
    report: RouteReport, by: str, per_day: Mapping[str, float], made_up: MadeUp | None = None
) -> None:
    """Print a report. ``per_day`` are pairs a day by key."""
    out = console()
    simulated = (made_up or {}).get(report.route, ())
    if report.down.regrets:
        out.print(_downgrades(report, by))
        _say(out, _notes(report.down, by))
    else:
        _say(out, [f"{report.route}: no pairs of what is sent down were recorded in this time."])
    if report.up.regrets:
        out.print(_upgrades(report, by))
        _say(out, _notes(report.up, by))
    if by == "rule":
        _say(
            out,
            [
                _guarded(position, per_day) + _marked(position, simulated)
                for position in report.positions
            ],
        )
    if simulated:
        _say(out, [simulated_line(simulated)])


def _say(out: Console, lines: Iterable[str]) -> None:
    for line in lines:
        out.print(Text(printable(line)), soft_wrap=True)


# ── Tables ───────────────────────────────────────────────────────────────────────────────────


def _downgrades(report: RouteReport, by: str) -> Table:
    family = report.down
    states = by == "rule" and bool(report.positions)
    budget = "" if report.budget is None else f" (budget {percent(report.budget)})"
    headings = ["state"] * states + ["regrets", "regret", *_extra(family)]
    table = _table(f"{report.route}: regret of what is sent down{budget}", by, headings)
    for regret in family.regrets:
        group = regret.group
        table.add_row(
            Text(printable(_name(regret))),
            *[_state(report, regret)] * states,
            f"{group.regrets:,} of {group.scored:,}",
            percent(regret.rate.value if group.scored >= FEW else None),
            *_extra_cells(regret, family, regret.rate, regret.worst),
            dollars(_spent(report, regret)),
        )
    return table


def _upgrades(report: RouteReport, by: str) -> Table:
    """What is not regretted with the first rung was answered by the last one for nothing."""
    family = report.up
    title = f"{report.route}: wasted upgrades, on which the first rung was as good"
    table = _table(title, by, ["as good", "wasted", *_extra(family)])
    for regret in family.regrets:
        group = regret.group
        wasted = _rest(regret.rate)
        table.add_row(
            Text(printable(group.name)),
            f"{group.scored - group.regrets:,} of {group.scored:,}",
            percent(wasted.value if group.scored >= FEW else None),
            *_extra_cells(regret, family, wasted, _rest(regret.worst)),
            dollars(_spent(report, regret)),
        )
    return table


def _table(title: str, by: str, headings: Sequence[str]) -> Table:
    table = Table(title=Text(printable(title)))
    table.add_column(by, overflow="fold")
    for heading in headings:
        longest = max(map(len, heading.split()))
        table.add_column(
            heading, justify="left" if heading == "state" else "right", min_width=longest
        )
    return table


def _extra(family: Family) -> list[str]:
    """The headings of what every table tells; those of what there is none of are left out."""
    return [
        f"{level(family.each)} interval",
        *["worst case"] * _any_unscored(family),
        *["judge flips"] * _any_judged(family),
        "spent",
    ]


def _extra_cells(regret: Regret, family: Family, rate: Rate, worst: Rate) -> Cells:
    group = regret.group
    return [
        _interval(rate) if group.scored else UNKNOWN,
        *[_interval(worst) if group.unscored else UNKNOWN] * _any_unscored(family),
        *[f"{group.flips:,} of {group.judged:,}" if group.judged else UNKNOWN]
        * _any_judged(family),
    ]


def _any_unscored(family: Family) -> bool:
    return any(regret.group.unscored for regret in family.regrets)


def _any_judged(family: Family) -> bool:
    return any(regret.group.judged for regret in family.regrets)


def _interval(rate: Rate) -> str:
    return f"{percent(rate.low).removesuffix(' %')} to {percent(rate.high)}"


def _rest(rate: Rate) -> Rate:
    """How often there was no regret."""
    value = None if rate.value is None else 1 - rate.value
    return Rate(value, 1 - rate.high, 1 - rate.low)


def _name(regret: Regret) -> str:
    group = regret.group
    if group.kind != "cascade" or group.name == CASCADE:
        return group.name
    return f"{group.name} (accepted by the cascade)"


def _state(report: RouteReport, regret: Regret) -> str:
    position = report.position(regret.group.name)
    return UNKNOWN if position is None else position.standing.state


def _spent(report: RouteReport, regret: Regret) -> Decimal:
    """On second answers and judges, as far as it is known."""
    group = regret.group
    answers = report.answers_costs.get((group.route, group.kind, group.name), _NOTHING)
    return answers + group.judge_cost


# ── Sentences ────────────────────────────────────────────────────────────────────────────────


def _notes(family: Family, by: str) -> Iterator[str]:
    if family.judged > 1:
        yield (
            f"The {family.judged} intervals hold together with {level(family.confidence)}, each "
            f"with {level(family.each)}, however often one looks."
        )
    elif family.judged:
        yield f"The interval holds with {level(family.each)}, however often one looks."
    if any(regret.weighted for regret in family.regrets):
        yield "Rates weight each pair by the requests that it stands for."
    if by == "tag":
        yield "A pair counts in each of its tags."
    unscored = sum(sum(regret.group.unscored.values()) for regret in family.regrets)
    if unscored:
        left_out = f"{unscored:,} pairs without scores are left out; in the worst case each is"
        if unscored == 1:
            left_out = "1 pair without scores is left out; in the worst case it is"
        yield f"{left_out} a regret. `stepdown shadow status` says why."
    unpriced = sum(regret.group.unpriced for regret in family.regrets)
    if unpriced:
        pairs = "1 pair has" if unpriced == 1 else f"{unpriced:,} pairs have"
        yield f"{pairs} an answer of unknown cost; what is spent leaves it out."


def _guarded(position: Position, per_day: Mapping[str, float]) -> str:
    """``faq: active since … (regret below the budget of 2 %: …). 1 regret in 40 pairs since …``"""
    standing, event = position.standing, position.event
    why = "" if event is None else f" ({event.why})"
    told = [
        f"{position.rule}: {standing.state} since {since_when(position)}{why}.",
        pairs_line(position),
        outlook_line(position, per_day.get(standing.key)),
    ]
    return " ".join(line for line in told if line is not None)


def _marked(position: Position, simulated: Sequence[str]) -> str:
    """That a rule's models are simulated, and which."""
    compared = _simulated_models(position, simulated)
    return f" Simulated: {', '.join(compared)}." if compared else ""


def _simulated_models(position: Position, simulated: Sequence[str]) -> list[str]:
    models = () if position.ward is None else position.ward.models
    return [name for name in models if name in simulated]


# ── For programs ─────────────────────────────────────────────────────────────────────────────


def to_json(
    reports: Sequence[RouteReport], per_day: Mapping[str, float], made_up: MadeUp | None = None
) -> list[dict[str, object]]:
    simulated = made_up or {}
    return [
        {
            "route": report.route,
            "budget": report.budget,
            "downgrades": _family(report, report.down),
            "upgrades": _family(report, report.up),
            "simulated": list(simulated.get(report.route, ())),
            "guarded": [
                {
                    **fields(position, per_day),
                    "simulated": _simulated_models(position, simulated.get(report.route, ())),
                }
                for position in report.positions
            ],
        }
        for report in reports
    ]


def _family(report: RouteReport, family: Family) -> dict[str, object]:
    return {
        "confidence": family.confidence,
        "confidence_of_each": family.each,
        "groups": [_regret(report, regret) for regret in family.regrets],
    }


def _regret(report: RouteReport, regret: Regret) -> dict[str, object]:
    group = regret.group
    place = group.route, group.kind, group.name
    return {
        "name": group.name,
        "kind": group.kind,
        "regrets": group.regrets,
        "scored": group.scored,
        "unscored": group.pairs - group.scored,
        "estimate": regret.rate.value,
        "low": regret.rate.low,
        "high": regret.rate.high,
        "worst_estimate": regret.worst.value,
        "worst_low": regret.worst.low,
        "worst_high": regret.worst.high,
        "by_propensity": [
            {"propensity": propensity, "regrets": regrets, "scored": pairs}
            for propensity, (regrets, pairs) in sorted(group.counts.items())
        ],
        "flips": group.flips,
        "judged": group.judged,
        "unpriced": group.unpriced,
        "answers_cost": plain(report.answers_costs.get(place, _NOTHING)),
        "judges_cost": plain(group.judge_cost),
        "first": group.first,
        "last": group.last,
    }
