"""The sampled requests that a further rule could claim, with what was measured of them."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

from msgspec import Struct

from stepdown.quality.offline.recorded import Recorded, cascaded, readings_of
from stepdown.quality.offline.rerouting import UNREAD
from stepdown.quality.pairs import Pair
from stepdown.routing.conditions import Condition
from stepdown.routing.route import PolicyRoute
from stepdown.routing.rules import DEFAULT, Match, Policy, Rule
from stepdown.types import Reading

Claim = Callable[[Recorded], Mapping[str, Reading] | None]
"""A request's readings where a further rule that matches it would decide, else None."""

ZERO = Decimal(0)
_ROUTER = ("router", "router-failed")
_FURTHER = "further"
_ALWAYS = Condition(lambda readings: True, lambda readings: "always")


class Sample(Struct, frozen=True):
    """A request that was answered by the last rung and by the cheapest one.

    ``weight`` is 1 / propensity, ``saved`` US dollars (0 where a price is unknown).
    """

    id: str
    weight: float
    regret: bool
    saved: float
    readings: Mapping[str, Reading]


class Pool(Struct):
    """Of the ``requests`` a further rule could claim ``claimable``; ``samples`` are of these.

    ``unscored`` pairs are not among them; ``unpriced`` ones are, without a saving. ``cost`` is what
    the requests cost, in US dollars, as far as it is known.
    """

    requests: int = 0
    claimable: int = 0
    samples: list[Sample] = []
    unscored: int = 0
    unpriced: int = 0
    cost: Decimal = ZERO


def pool_of(
    records: Iterable[Recorded],
    pairs: Iterable[Pair],
    claim: Claim,
    *,
    route: str,
    models: tuple[str, str],
) -> Pool:
    """``models`` are the cheapest and the last rung's; other pairs are passed over."""
    sampled = {
        pair.id: pair
        for pair in pairs
        if pair.saver == "route"
        and pair.route == route
        and (pair.candidate_model, pair.reference_model) == models
    }
    pool = Pool()
    for record in records:
        if record.route != route or record.outcome != "answered":
            continue
        pool.requests += 1
        pool.cost += record.cost or ZERO
        readings = claim(record)
        if readings is None:
            continue
        pool.claimable += 1
        pair = sampled.get(record.id)
        if pair is not None:
            _add(pool, pair, readings)
    return pool


def _add(pool: Pool, pair: Pair, readings: Mapping[str, Reading]) -> None:
    if pair.regret is None:
        pool.unscored += 1
        return
    low, high = pair.candidate_cost, pair.reference_cost
    priced = low is not None and high is not None
    pool.unpriced += not priced
    saved = float(high - low) if low is not None and high is not None else 0.0
    pool.samples.append(Sample(pair.id, 1.0 / pair.propensity, pair.regret, saved, readings))


# ── Which requests ───────────────────────────────────────────────────────────────────────────


def unclaimed_by(route: PolicyRoute) -> Claim:
    """Those that a rule for the cheapest rung, added behind the route's own, would decide.

    Where a rule of the route may hold a request back, were a signal known that was not recorded, it
    does.
    """
    own = route.policy
    match: Match = "first" if own.match == "first" else "all"
    policy = Policy([*own.rules, Rule(_FURTHER, _ALWAYS, 0)], own.top, match)
    named = [signal.name for signal in route.signals]

    def claim(record: Recorded) -> Mapping[str, Reading] | None:
        if cascaded(record) or (route.adviser is not None and record.decision in _ROUTER):
            return None
        readings = readings_of(record)
        lacking = (name for name in named if name not in readings)
        complete = {**readings, **dict.fromkeys(lacking, UNREAD)}
        return readings if policy.choose(complete).name == _FURTHER else None

    return claim


def unclaimed_then(record: Recorded) -> Mapping[str, Reading] | None:
    """A ``Claim`` by the record alone: no rule had claimed the request."""
    if record.decision != DEFAULT or cascaded(record):
        return None
    return readings_of(record)
