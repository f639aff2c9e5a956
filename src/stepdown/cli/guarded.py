"""What commands tell of guarded rules: where they stand, and their evidence in words."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from shlex import quote
from typing import TYPE_CHECKING

from stepdown.cli.record import told
from stepdown.evals.words import duration, level, percent
from stepdown.quality.guard.wards import Ward
from stepdown.quality.knowledge.positions import Position, in_force, on_record
from stepdown.quality.knowledge.progress import Progress, progress
from stepdown.quality.records.guard_store import GuardStore
from stepdown.storage.address import parse

if TYPE_CHECKING:
    from stepdown.config import Config

_DAY = 86_400
_MANY_DAYS = 730


def wards_in(config: "Config") -> list[Ward]:
    """What the gateway guards with this configuration. Raises click.UsageError."""
    from stepdown.config.build import build_routes, price_of, read_cascades
    from stepdown.config.wards import wards_of

    with told():
        routes = build_routes(config, price_of(config))
        return wards_of(config, routes, read_cascades(config, None))


@contextmanager
def guard_store(url: str | None) -> Generator[GuardStore]:
    """The guard's evidence, in a database that exists. Raises click.UsageError."""
    from stepdown.storage.database import open_database

    with told():
        open_database(url).dispose()  # which does not make one where there is none
        store = GuardStore(parse(url))
        try:
            yield store
        finally:
            store.close()


def positions(config: "Config | None", url: str | None) -> list[Position]:
    """Where guarded rules stand: all of the configuration's, or those the record tells of.

    Raises click.UsageError.
    """
    wards = None if config is None else wards_in(config)
    with guard_store(url) as store:
        return on_record(store) if wards is None else in_force(store, wards)


def paces(config: "Config | None", requests: Mapping[str, float]) -> Mapping[str, float]:
    """Pairs a day by key while it is observed, of so many requests a day (``traffic``)."""
    if config is None:
        return {}
    from stepdown.config.wards import rates_of

    rates = {name: rates_of(settings) for name, settings in config.routes.items()}
    return {
        ward.key: requests[ward.key]
        * rates[ward.route].propensity(ward.rule, (), "observing", strong=False)
        for ward in wards_in(config)
        if ward.key in requests
    }


def of_route(found: Sequence[Position], route: str | None) -> list[Position]:
    return [each for each in found if route in (None, each.route)]


# ── In words ─────────────────────────────────────────────────────────────────────────────────


def moment(time: float) -> str:
    """``2026-11-25 14:02 UTC``."""
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M} UTC"


def since_when(position: Position) -> str:
    return "the beginning" if position.event is None else moment(position.event.time)


def pairs_line(position: Position) -> str:
    """``1 regret in 310 scored pairs since then; the regret is 0.02 to 1.9 % (97.5 %
    interval).``"""
    counts, seen = position.counts, position.seen
    if not counts.pairs:
        return "No scored pairs since then."
    regrets = "1 regret" if counts.regrets == 1 else f"{counts.regrets:,} regrets"
    pairs = "1 scored pair" if counts.pairs == 1 else f"{counts.pairs:,} scored pairs"
    line = f"{regrets} in {pairs} since then"
    if seen is None:
        return f"{line}."
    what = "the regret is" if seen.terms.judge is None else "the judge says regret at a rate of"
    where = f"{percent(seen.low).removesuffix(' %')} to {percent(seen.high)}"
    return f"{line}; {what} {where} ({level(1 - seen.terms.error)} interval)."


def outlook_line(position: Position, per_day: float | None) -> str | None:
    """What has to come, for another state; None where that is unknown, or hangs on regrets only."""
    standing, terms = position.standing, position.terms
    if terms is None:
        return None
    if standing.state == "tripped":
        if standing.held or terms.probation is None:
            return "It stays so until somebody sets it to something else."
        line = f"It is observed again {_span(terms.probation.seconds)} after that"
        if terms.probation.requests:
            line += f", once {terms.probation.requests:,} more requests were its own"
        return f"{line}."
    if standing.state != "observing":
        return None
    ahead = progress(position, per_day)
    if ahead is None:
        return (
            "It is certified, and waits for: "
            f"stepdown guard set {quote(position.rule)} active --why TEXT"
        )
    return _ahead(ahead, terms.budget)


def _ahead(ahead: Progress, budget: float) -> str:
    limit = _exact(budget)
    if ahead.pairs is None:
        return (
            f"If its regret stays at {_exact(ahead.rate)}, as in these pairs, it will not be "
            f"certified for a budget of {limit}."
        )
    if not ahead.pairs:
        return f"Its pairs are enough to certify a budget of {limit}."
    stays = f"its regret stays at {_exact(ahead.rate)}" if ahead.rate else "none is regretted"
    more = "1 more pair" if ahead.pairs == 1 else f"{ahead.pairs:,} more pairs"
    line = f"It takes about {more} to certify a budget of {limit}, if {stays}"
    if ahead.days is None or ahead.per_day is None:
        return f"{line}; how long that is cannot be told from its traffic yet."
    return f"{line}: {_days(ahead.days)} at {_pace(ahead.per_day)} pairs a day."


def _exact(share: float) -> str:
    """``2 %``, ``2.04 %``: as the guard writes it."""
    return f"{100 * share:.3g} %"


def _pace(per_day: float) -> str:
    return f"{per_day:,.0f}" if per_day >= 100 else f"{per_day:.3g}"


def _days(days: float) -> str:
    if days > _MANY_DAYS:
        return "more than two years"
    return f"{days:.0f} days" if days >= 2 else _span(days * _DAY)


def _span(seconds: float) -> str:
    return f"{seconds / _DAY:g} days" if seconds >= 2 * _DAY else duration(seconds)


# ── For programs ─────────────────────────────────────────────────────────────────────────────


def fields(position: Position, per_day: Mapping[str, float]) -> dict[str, object]:
    """For JSON. ``per_day`` are pairs a day by key (``paces``)."""
    event, standing, seen = position.event, position.standing, position.seen
    ahead = progress(position, per_day.get(standing.key))
    return {
        "route": position.route,
        "rule": position.rule,
        "key": standing.key,
        "state": standing.state,
        "since": None if event is None else event.time,
        "why": None if event is None else event.why,
        "who": None if event is None else event.who,
        "epoch": standing.epoch,
        "certified": standing.certificate is not None,
        "regrets": position.counts.regrets,
        "pairs": position.counts.pairs,
        "budget": None if position.terms is None else position.terms.budget,
        "low": None if seen is None else seen.low,
        "high": None if seen is None else seen.high,
        "confidence": None if seen is None else 1 - seen.terms.error,
        "pairs_needed": None if ahead is None else ahead.pairs,
        "pairs_a_day": None if ahead is None else ahead.per_day,
        "days_needed": None if ahead is None else ahead.days,
    }
