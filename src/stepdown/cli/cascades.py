"""Prints what a cascade's rungs cost and saved, and calls out those that lose money."""

import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from stepdown.cli.quantities import dollars, percent, plain
from stepdown.ledger.rungs import Means, Rung, break_even, rungs
from stepdown.ports import Price
from stepdown.routing.expected import UNSTATED
from stepdown.storage.address import DatabaseUnavailable
from stepdown.storage.database import open_database
from stepdown.types import Usage

DAYS = 7
TYPICAL = Usage(input=1000, output=UNSTATED)
"""The call by which prices are compared where nothing is recorded yet."""


# ── ``stepdown savings --by rung`` ───────────────────────────────────────────────────────────


def print_rungs(listed: Sequence[Rung]) -> None:
    """A table of the rungs, and a line for each thing that wants to be known about one."""
    from rich.table import Table

    from stepdown.cli.tables import console

    out = console()
    if not listed:
        out.print("No tries of a cascade were recorded in this time.")
        return
    table = Table(title="What the rungs of cascades cost and saved")
    for heading in ("route", "rung"):
        table.add_column(heading, overflow="fold")
    headings = "tries", "accepted", "dropped early", "on accepted", "on rejected", "net saving"
    for heading in headings:
        table.add_column(heading, justify="right")
    for rung in listed:
        table.add_row(*_cells(rung))
    out.print(table)
    for line in _lines(listed):
        out.print(line, markup=False, highlight=False, soft_wrap=True)


def rungs_as_json(listed: Sequence[Rung], begin: float | None) -> dict[str, object]:
    """The rungs for JSON: amounts as exact texts, rates as numbers, null where unknown."""
    return {"by": "rung", "since": begin, "rows": [_fields(rung) for rung in listed]}


def _cells(rung: Rung) -> list[str]:
    return [
        rung.route or "–",
        f"{rung.rung} {rung.model}",
        f"{rung.tries:,}",
        _rate(rung.accept_rate),
        percent(rung.early, rung.tries),
        dollars(rung.spent_on_accepted),
        dollars(rung.spent_on_rejected),
        "unknown" if rung.net is None else dollars(rung.net),
    ]


def _lines(listed: Sequence[Rung]) -> list[str]:
    lines = [call_out(rung, rung.break_even) for rung in listed if rung.loses]
    lines += [_early_drop(rung) for rung in listed if rung.early]
    if any(rung.early for rung in listed):
        lines.append(
            "What early drop saved is an estimate: what a dropped try would have taken is unknown, "
            "so whole tries of the same rung stand for it."
        )
    lines += [_unpriced(rung) for rung in listed if rung.unpriced]
    if abandoned := sum(rung.abandoned for rung in listed):
        spent = sum((rung.spent_on_abandoned for rung in listed), Decimal(0))
        lines.append(
            f"{abandoned:,} tries were left by their client before they were decided; they are in "
            f"no rate and no saving, and cost {dollars(spent)}."
        )
    return lines


def _early_drop(rung: Rung) -> str:
    assert rung.dropped is not None
    dropped = f"{_name(rung)}: {rung.early:,} tries dropped early, after {_taken(rung.dropped)}"
    if rung.whole is None or rung.spared is None:
        return f"{dropped}; no whole try to compare them with."
    tokens, seconds = rung.spared.output_tokens, rung.spared.seconds
    return (
        f"{dropped}; whole tries took {_taken(rung.whole)}. Early drop saved about "
        f"{tokens:,.0f} tokens and {seconds:,.0f} s."
    )


def _taken(means: Means) -> str:
    return f"{means.output_tokens:,.1f} tokens and {means.seconds:.2f} s on average"


def _unpriced(rung: Rung) -> str:
    line = (
        f"{_name(rung)}: {rung.unpriced:,} tries or gradings have an unknown price; they are not "
        "in the net saving."
    )
    return f"{line} The break-even is unknown." if rung.break_even is None else line


def _fields(rung: Rung) -> dict[str, object]:
    return {
        "route": rung.route,
        "rung": rung.rung,
        "model": rung.model,
        "last": rung.last,
        "tries": rung.tries,
        "accepted": rung.accepted,
        "abandoned": rung.abandoned,
        "dropped_early": rung.early,
        "gradings": rung.gradings,
        "estimated": rung.estimated,
        "unpriced": rung.unpriced,
        "accept_rate": rung.accept_rate,
        "climb_rate": rung.climb_rate,
        "break_even": rung.break_even,
        "loses": rung.loses,
        "spent_on_accepted": plain(rung.spent_on_accepted),
        "spent_on_rejected": plain(rung.spent_on_rejected),
        "spent_on_abandoned": plain(rung.spent_on_abandoned),
        "net": _amount(rung.net),
        "mean_cost": _amount(rung.mean_cost),
        "mean_reference": _amount(rung.mean_reference),
        "whole_tries": _means(rung.whole),
        "dropped_tries": _means(rung.dropped),
        "early_drop_saved_estimate": _means(rung.spared),
    }


def _amount(amount: Decimal | None) -> str | None:
    return None if amount is None else plain(amount)


def _means(means: Means | None) -> dict[str, float] | None:
    if means is None:
        return None
    return {"output_tokens": means.output_tokens, "seconds": means.seconds}


# ── ``stepdown explain --config`` ────────────────────────────────────────────────────────────


class Climb(Struct, frozen=True):
    """A configured rung below the last: what was seen of it, and what its prices say.

    ``model`` is the one seen there, else the configured one. ``break_even`` is the observed one,
    grading included, where there is one; else that of the prices alone, for ``TYPICAL`` calls.
    None where a price is unknown.
    """

    route: str
    rung: int
    model: str
    observed: Rung | None
    break_even: float | None

    @property
    def line(self) -> str:
        """The rung in words; a loss is called out."""
        if self.observed is not None and self.observed.climb_rate is not None:
            seen = f" ({self.observed.tries:,} tries in {DAYS} days)"
            return f"{call_out(self.observed, self.break_even)}{seen}"
        told = f"{self.route}, {self.model}: no tries are known of the last {DAYS} days"
        if self.break_even is None:
            return f"{told}; the break-even is unknown, since a price is."
        if self.break_even <= 0:
            return f"{told}; by its prices it saves nothing, however few climb."
        return f"{told}; by its prices it saves while fewer than {_rate(self.break_even)} climb."

    def as_json(self) -> dict[str, object]:
        return {
            "rung": self.rung,
            "model": self.model,
            "tries": 0 if self.observed is None else self.observed.tries,
            "climb_rate": None if self.observed is None else self.observed.climb_rate,
            "break_even": self.break_even,
            "loses": self.observed is not None and self.observed.loses,
        }


class Climbs(Struct, frozen=True):
    """A route's rungs below the last; ``unread`` says why the ledger could not be read."""

    rungs: list[Climb]
    unread: str | None = None

    @property
    def lines(self) -> list[str]:
        """For people, a line each."""
        lines = [climb.line for climb in self.rungs]
        return lines if self.unread is None else [*lines, self.unread]

    def as_json(self) -> dict[str, object]:
        return {
            "days": DAYS,
            "rungs": [climb.as_json() for climb in self.rungs],
            "unread": self.unread,
        }


def climbs(
    url: str | None,
    route: str,
    ladder: Sequence[str],
    price_of: Callable[[str], Price | None],
) -> Climbs:
    """The route's rungs below the last, with what the ledger at ``url`` saw of them in a week.

    Without a ledger the prices are told alone.
    """
    seen, unread = _seen(url, route)
    made: list[Climb] = []
    for rung, model in enumerate(ladder[:-1]):
        observed = seen.get(rung)
        even = None if observed is None else observed.break_even
        if even is None:
            even = break_even(price_of(model), price_of(ladder[-1]), TYPICAL)
        made.append(Climb(route, rung, observed.model if observed else model, observed, even))
    return Climbs(made, unread)


def _seen(url: str | None, route: str) -> tuple[Mapping[int, Rung], str | None]:
    try:
        engine = open_database(url)
        found = rungs(engine, time.time() - DAYS * 86_400, route)
        engine.dispose()
    except DatabaseUnavailable as error:
        return {}, str(error)
    return {rung.rung: rung for rung in found}, None


# ── Words ────────────────────────────────────────────────────────────────────────────────────


def call_out(rung: Rung, even: float | None) -> str:
    """How often a rung climbs, and above which rate (0..1) it loses money."""
    name, climb = _name(rung), f"{_rate(rung.climb_rate)} climb"
    if even is None:
        return f"{name}: {climb}; from where on it loses money is unknown, since a price is."
    if even <= 0:
        return f"{name} loses money: {climb}, and a try costs as much as it can save, or more."
    if rung.loses:
        return f"{name} loses money: {climb}; above {_rate(even)} it costs more than it saves."
    return f"{name}: {climb}; above {_rate(even)} it would cost more than it saves."


def _name(rung: Rung) -> str:
    return f"{rung.route}, {rung.model}"


def _rate(rate: float | None) -> str:
    return "–" if rate is None else f"{100 * rate:.1f} %"
