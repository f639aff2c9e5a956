"""Goes through the log once, and sums it up in cells of requests that are alike for a replay.

A log has millions of requests and some thousand pairs: of the former only sums are kept.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from msgspec import Struct

from stepdown.ports import Price
from stepdown.quality.offline.recorded import Recorded, cascaded, served_usage, tags_of
from stepdown.quality.offline.rerouting import Rerouted, Rerouting, Undecided
from stepdown.quality.pairs import STAND_IN, Pair
from stepdown.types import Usage

MOST_AUDIENCES = 50_000
"""So many tenants with their tags are told apart; the requests of further ones are one audience."""
ZERO = Decimal(0)

Group = tuple[str, str, bool]
PriceOf = Callable[[str], Price | None]


class Audience(Struct, frozen=True):
    """Whose requests: by these, sampling may differ within one rule."""

    tenant: str = ""
    tags: tuple[str, ...] = ()

    @property
    def marks(self) -> tuple[str, ...]:
        tenant = (f"tenant {self.tenant}",) if self.tenant else ()
        return (*tenant, *(f"tag {tag}" for tag in self.tags))


class Cell(Struct, frozen=True):
    """What requests have in common: what decided and who served, then and under the new route.

    ``checked``: a cascade had checked an answer, or several.
    """

    decided: str
    served: str
    rule: str
    model: str
    kept: bool
    audience: Audience = Audience()
    checked: bool = False

    @property
    def group(self) -> Group:
        """The requests among which pairs were sampled alike.

        One that a cascade took to the last rung is never sampled, one that the guard held there is.
        """
        return self.decided, self.served, self.checked


class Sums(Struct):
    """Of one cell. Money in US dollars, of the requests with every price known.

    ``then`` is what was spent, ``now`` what the new route would have, by the tokens that the served
    answer took, ``reference`` likewise for the last rung. ``near`` as in ``Rerouted``.
    """

    requests: int = 0
    near: int = 0
    priced: int = 0
    then: Decimal = ZERO
    now: Decimal = ZERO
    reference: Decimal = ZERO


class Seen(Struct, frozen=True):
    """A pair, and what the new route's answer would cost by the tokens of the served one."""

    pair: Pair
    now: Decimal | None


class LeftOut(Struct):
    """``unanswered`` requests failed or were cancelled. ``unmatched`` pairs have no request in the
    log."""

    unanswered: int = 0
    unmatched: int = 0


class Tally(Struct):
    """The log of one route. ``undecided`` counts requests by what their decision hangs on."""

    cells: dict[Cell, Sums]
    pairs: dict[Cell, list[Seen]]
    undecided: Counter[Undecided]
    left_out: LeftOut

    @property
    def requests(self) -> int:
        return sum(sums.requests for sums in self.cells.values()) + self.undecided.total()


def tally(
    records: Iterable[Recorded],
    pairs: Iterable[Pair],
    *,
    route: str,
    reference: str,
    rerouting: Rerouting,
    price_of: PriceOf,
) -> Tally:
    """Sum up the answered requests of a route, which the ``records`` are of.

    ``reference`` is the new route's last rung. Pairs of other routes, and those that tell of no
    rung, are passed over; so are, where
    the new route checks no answers, those of a cascade that was held: they tell of the answers that
    passed its checks, and nothing says which requests of the log these would be of.
    """
    waiting: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        if pair.route != route or pair.candidate == STAND_IN:
            continue
        if rerouting.cascades or not _of_held_cascade(pair):
            waiting[pair.id].append(pair)
    found = Tally({}, defaultdict(list), Counter(), LeftOut())
    audiences: set[Audience] = set()
    for record in records:
        sampled = waiting.pop(record.id, ())
        if record.outcome != "answered":
            found.left_out.unanswered += 1
            continue
        said = rerouting.of(record)
        if isinstance(said, Undecided):
            found.undecided[said] += 1
        else:
            cell = _cell(record, said, audiences)
            _add(found, cell, record, said, sampled, reference, price_of)
    found.left_out.unmatched = sum(map(len, waiting.values()))
    return found


def _of_held_cascade(pair: Pair) -> bool:
    return pair.saver == "cascade" and pair.served == pair.reference


def _cell(record: Recorded, said: Rerouted, audiences: set[Audience]) -> Cell:
    audience = Audience(record.tenant, tags_of(record))
    if audience not in audiences:
        if len(audiences) < MOST_AUDIENCES:
            audiences.add(audience)
        else:
            audience = Audience()
    return Cell(
        record.decision, record.model, said.rule, said.model, said.kept, audience, cascaded(record)
    )


def _add(
    found: Tally,
    cell: Cell,
    record: Recorded,
    said: Rerouted,
    sampled: Sequence[Pair],
    reference: str,
    price_of: PriceOf,
) -> None:
    sums = found.cells.setdefault(cell, Sums())
    usage = served_usage(record)
    now = _now(record, said, price_of(said.model))
    strong = _cost(price_of(reference), usage)
    sums.requests += 1
    sums.near += said.near
    if now is not None and record.cost is not None and strong is not None:
        sums.priced += 1
        sums.then += record.cost
        sums.now += now
        sums.reference += strong
    for pair in sampled:
        found.pairs[cell].append(Seen(pair, now))


def _cost(price: Price | None, usage: Usage | None) -> Decimal | None:
    return None if price is None or usage is None else price.cost(usage)


def _now(record: Recorded, said: Rerouted, price: Price | None) -> Decimal | None:
    """What a request costs under the new route: as a whole, or the answer that was served."""
    if said.kept:
        return record.cost
    if said.model == record.model and record.attempts:
        return record.attempts[-1].cost
    cost = _cost(price, served_usage(record))
    return None if cost is None else cost * _paid(record)


def _paid(record: Recorded) -> Decimal:
    """The share of the ordinary price that was paid: a batch's, where it came in one, and would
    come in one at the other model too."""
    if not record.batch_discount or record.cost is None:
        return Decimal(1)
    return record.cost / (record.cost + record.batch_discount)
