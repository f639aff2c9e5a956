"""What became of the sampled requests of each route, and what that cost by day."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct
from sqlalchemy import Engine, case, func, select

from stepdown.quality.knowledge.reading import rows_of
from stepdown.quality.records.counters import HOUR
from stepdown.quality.records.history import counters
from stepdown.quality.shadow.tally import JUDGED, PAIRED, SAMPLED
from stepdown.storage.sums import read_sums, sums_of
from stepdown.storage.tables import pairs, shadow_counters

DAY = 86_400
_NOTHING = Decimal(0)


class RouteShadowing(Struct, frozen=True):
    """A route's sampled requests: each became a pair, or was skipped for a reason.

    ``skips`` are by reason; ``unscored`` are pairs, by what their ``why`` begins with. Money is US
    dollars: ``answers_cost`` of second answers, skipped ones included, and ``judges_cost``.
    """

    route: str
    sampled: int = 0
    paired: int = 0
    skips: Mapping[str, int] = {}
    unscored: Mapping[str, int] = {}
    judge_calls: int = 0
    answers_cost: Decimal = _NOTHING
    judges_cost: Decimal = _NOTHING

    @property
    def unaccounted(self) -> int:
        """Sampled ones of which nothing is known: under way, or lost with a killed process."""
        return max(0, self.sampled - self.paired - sum(self.skips.values()))


class Day(Struct, frozen=True):
    """What shadows cost on a UTC day that begins at ``start`` (seconds since 1970), in US dollars,
    all routes together."""

    start: int
    answers_cost: Decimal
    judges_cost: Decimal


def hour_of(moment: float) -> int:
    """The start of its hour: counts are kept by the hour."""
    return int(moment) // HOUR * HOUR


def shadowing(
    database: Engine, since: float | None = None, route: str | None = None
) -> list[RouteShadowing]:
    """Each route's counts from the hour of ``since`` on (seconds since 1970; None: ever), by name.

    Raises DatabaseUnavailable where the database fails.
    """
    counted: defaultdict[str, dict[str, tuple[int, Decimal]]] = defaultdict(dict)
    for counter in counters(database, since, route):
        counted[counter.route][counter.reason] = counter.amount, counter.cost
    why = _unscored(database, since, route)
    return [_of_route(name, counted[name], why[name]) for name in sorted({*counted, *why})]


def _of_route(
    route: str, counted: Mapping[str, tuple[int, Decimal]], unscored: Counter[str]
) -> RouteShadowing:
    amounts = {reason: amount for reason, (amount, _) in counted.items()}
    judges_cost = counted.get(JUDGED, (0, _NOTHING))[1]
    skips = Counter(amounts)
    for reason in (SAMPLED, PAIRED, JUDGED):
        del skips[reason]
    return RouteShadowing(
        route,
        sampled=amounts.get(SAMPLED, 0),
        paired=amounts.get(PAIRED, 0),
        skips=dict(skips.most_common()),
        unscored=dict(unscored.most_common()),
        judge_calls=amounts.get(JUDGED, 0),
        answers_cost=sum((cost for _, cost in counted.values()), _NOTHING) - judges_cost,
        judges_cost=judges_cost,
    )


def _unscored(
    database: Engine, since: float | None, route: str | None
) -> defaultdict[str, Counter[str]]:
    """By route and reason. What a reason says beyond its first word is left out."""
    query = select(pairs.c.route, pairs.c.why, func.count()).where(pairs.c.why.is_not(None))
    if since is not None:
        query = query.where(pairs.c.time >= hour_of(since))
    if route is not None:
        query = query.where(pairs.c.route == route)
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for name, why, count in rows_of(database, query.group_by(pairs.c.route, pairs.c.why)):
        found[name][why.partition(":")[0]] += count
    return found


def spending(database: Engine, since: float | None = None) -> list[Day]:
    """What was spent on each UTC day from that of ``since`` on, oldest first; days without are
    left out. Raises DatabaseUnavailable where the database fails."""
    table = shadow_counters.c
    day = (table.bucket // DAY).label("day")
    judged = case((table.reason == JUDGED, 1), else_=0).label("judged")
    query = select(day, judged, *sums_of(shadow_counters, (), ("cost",)))
    if since is not None:
        query = query.where(table.bucket >= int(since) // DAY * DAY)
    spent: defaultdict[int, list[Decimal]] = defaultdict(lambda: [_NOTHING, _NOTHING])
    # By label: the same expression with parameters of its own would not be the same to PostgreSQL.
    for number, judges, *found in rows_of(database, query.group_by("day", "judged")):
        spent[int(number) * DAY][judges] += read_sums((), ("cost",), found)["cost"]
    return [Day(start, *costs) for start, costs in sorted(spent.items()) if any(costs)]
