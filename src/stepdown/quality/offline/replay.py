"""Replay: what another route would have cost, and how much it would have regretted, on the log.

Decide is pure, so that the new route is asked what it would have done with each recorded request.
What comes of that is known of requests that it treats as they were treated; of the others, a
sampled share was answered by both models. From these the rest is estimated or, where none was
sampled that is alike, the question is refused.

Rules count as if the guard let them serve: that is what one wants to know before it does.
"""

from collections.abc import Iterable

from msgspec import Struct

from stepdown.names import known_names
from stepdown.quality.correction import JudgeErrors
from stepdown.quality.intervals import each_of
from stepdown.quality.offline.costs import Cost, cost
from stepdown.quality.offline.paired_log import PairedLog
from stepdown.quality.offline.recorded import Recorded
from stepdown.quality.offline.regrets import Difference, Regret, difference, regret
from stepdown.quality.offline.rerouting import Rerouting
from stepdown.quality.offline.support import (
    Support,
    Unread,
    Unshadowed,
    support,
    unread,
    unshadowed,
)
from stepdown.quality.offline.tally import LeftOut, PriceOf, tally
from stepdown.quality.pairs import Pair
from stepdown.routing.route import PolicyRoute

UNKNOWN = 0.01
"""The share of requests of which nothing may be known; it widens the intervals."""


class NothingRecorded(ValueError):
    """The log has no answered request of the route."""


class RuleRegret(Struct, frozen=True):
    """What one rule of the new route sends down. The intervals of all rules hold at once."""

    rule: str
    regret: Regret


class Replay(Struct, frozen=True):
    """Both policies on the same ``requests``.

    ``then`` is the recorded policy, whatever it was at the time of each request; ``now`` the new
    one. ``changed`` requests get another model. ``near`` were sent to a stronger rung since their
    number of tokens is an estimate, which a gateway with the extra ``tokens`` would have counted.
    ``judge``: by these errors of the judge's every regret is corrected.
    """

    route: str
    confidence: float
    requests: int
    changed: int
    near: int
    then: Regret
    now: Regret
    difference: Difference
    cost: Cost
    rules: tuple[RuleRegret, ...]
    rule_confidence: float
    left_out: LeftOut
    judge: JudgeErrors | None = None


class NoSupport(Struct, frozen=True):
    """The log cannot tell: of too many requests that the new route sends down, or may, no pair was
    sampled that is alike. ``unknown`` is their share of the ``requests``, ``most`` what it may be.
    """

    route: str
    requests: int
    unknown: float
    most: float
    unshadowed: tuple[Unshadowed, ...]
    unread: tuple[Unread, ...]
    left_out: LeftOut


def replay(
    route: PolicyRoute,
    records: Iterable[Recorded],
    pairs: Iterable[Pair],
    *,
    price_of: PriceOf,
    confidence: float = 0.95,
    worst_case: bool = False,
    cascades: bool = False,
    most_unknown: float = UNKNOWN,
    judge: JudgeErrors | None = None,
) -> Replay | NoSupport:
    """Ask ``route`` about the recorded requests of the route of its name.

    ``worst_case``: pairs that could not be scored count as regrets. ``cascades`` as in
    ``Rerouting``. ``judge``: how the judge errs, where that is known. Raises NothingRecorded, or
    ValueError for a confidence out of bounds.
    """
    reference, seen = route.ladder[-1], _Routes(records)
    found = tally(
        seen.of(route.name),
        pairs,
        route=route.name,
        reference=reference,
        rerouting=Rerouting(route, cascades=cascades),
        price_of=price_of,
    )
    if not found.requests:
        hint = known_names(route.name, seen.others)
        raise NothingRecorded(f"no answered request of the route {route.name!r} is recorded.{hint}")
    log = PairedLog(found, reference, worst_case=worst_case)
    now = support(log, lambda cell: cell.model)
    unknown = found.undecided.total() + sum(map(log.requests, now.bare))
    if unknown > most_unknown * found.requests:
        return NoSupport(
            route.name,
            found.requests,
            unknown / found.requests,
            most_unknown,
            tuple(unshadowed(found, now)),
            tuple(unread(found)),
            found.left_out,
        )
    return _replayed(route, log, now, confidence, judge)


class _Routes:
    """Passes on one route's records, and remembers which others there are."""

    def __init__(self, records: Iterable[Recorded]) -> None:
        self.others: set[str] = set()
        self._records = records

    def of(self, route: str) -> Iterable[Recorded]:
        for record in self._records:
            if record.route == route:
                yield record
            elif record.route:
                self.others.add(record.route)


def _replayed(
    route: PolicyRoute,
    log: PairedLog,
    now: Support,
    confidence: float,
    judge: JudgeErrors | None,
) -> Replay:
    found = log.tally
    then = support(log, lambda cell: cell.served)
    undecided = found.undecided.total()
    rules = sorted({cell.rule for cell in now.known | now.bare})
    each = each_of(confidence, max(1, len(rules)))
    return Replay(
        route.name,
        confidence,
        found.requests,
        sum(log.requests(cell) for cell in found.cells if cell.model != cell.served),
        sum(sums.near for sums in found.cells.values()),
        regret(log, then, lambda cell: cell.served, confidence, judge=judge),
        regret(log, now, lambda cell: cell.model, confidence, undecided=undecided, judge=judge),
        difference(log, then, now, confidence, undecided=undecided, judge=judge),
        cost(found, confidence),
        tuple(RuleRegret(rule, _of_rule(log, now, rule, each, judge)) for rule in rules),
        each,
        found.left_out,
        judge,
    )


def _of_rule(
    log: PairedLog, now: Support, rule: str, confidence: float, judge: JudgeErrors | None
) -> Regret:
    known = frozenset(cell for cell in now.known if cell.rule == rule)
    bare = frozenset(cell for cell in now.bare if cell.rule == rule)
    found = Support(known, bare, now.barred)
    return regret(log, found, lambda cell: cell.model, confidence, judge=judge)
