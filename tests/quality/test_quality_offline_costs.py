"""What a new policy costs: by hand, and by simulation."""

import random
from collections.abc import Sequence
from decimal import Decimal
from importlib import import_module

import pytest

from stepdown.ledger.detail import Detail
from stepdown.quality.offline.costs import Amount, Cost, cost
from stepdown.quality.offline.rerouting import Rerouting
from stepdown.quality.offline.tally import tally
from stepdown.quality.pairs import Pair
from stepdown.types import Reading, Usage
from support.replays import (
    CHEAP,
    PRICES,
    STRONG,
    Stratum,
    cheap_rule,
    make_detail,
    make_log,
    pair_for,
    route_of,
)

stats = import_module("scipy.stats")
"""Without type stubs, so not imported by name."""

USED = Usage(input=100, output=10)
LOW, HIGH = PRICES[CHEAP].cost(USED), PRICES[STRONG].cost(USED)
LONG = {"tokens": Reading(900)}
LUCK = 1e-5


def costs(details: Sequence[Detail], pairs: Sequence[Pair], confidence: float = 0.95) -> Cost:
    found = tally(
        details,
        pairs,
        route="auto",
        reference=STRONG,
        rerouting=Rerouting(route_of(cheap_rule())),
        price_of=PRICES.get,
    )
    return cost(found, confidence)


def make_all(number: int, name: str, **changes: object) -> list[Detail]:
    return [make_detail(f"{name}-{place}", **changes) for place in range(number)]


def test_nothing_moves_and_all_is_known() -> None:
    found = costs(make_all(4, "a", readings=LONG), [])
    assert (found.then, found.reference, found.moved) == (4 * HIGH, 4 * HIGH, 0)
    assert found.best == Amount("doubly robust", 4 * HIGH, 4 * HIGH, 4 * HIGH)


def test_without_pairs_the_tokens_tell_the_cost_and_nothing_how_wrong_that_is() -> None:
    found = costs([*make_all(4, "a"), *make_all(1, "b", readings=LONG)], [])
    assert found.best == Amount("doubly robust", 4 * LOW + HIGH, None, None)
    assert (found.moved, found.unbacked, found.pairs) == (4, 4, 0)


def test_pairs_correct_what_tokens_tell() -> None:
    """The small model's answers cost 3 times what the large one's tokens would have."""
    details = make_all(40, "a")
    pairs = [
        pair_for(each, regret=False, propensity=0.25, candidate_cost=3 * LOW)
        for each in details[::4]
    ]
    found = costs(details, pairs)
    assert [amount.value for amount in found.now] == pytest.approx([40 * 3 * LOW] * 3)
    ipw, own, robust = found.now
    assert own.low == own.high == robust.low == robust.high == own.value
    assert ipw.low is not None
    assert ipw.low < ipw.value
    assert (found.moved, found.unbacked, found.pairs) == (40, 0, 10)


def test_what_moves_up_costs_what_the_last_rung_did() -> None:
    details = make_all(10, "a", decision="small", model=CHEAP, rung=0, readings=LONG)
    pairs = [
        pair_for(each, regret=False, propensity=1.0, reference_cost=HIGH / 2) for each in details
    ]
    found = costs(details, pairs)
    assert (found.then, found.best.value) == (10 * LOW, 5 * HIGH)


def test_unpriced_requests_and_pairs_are_passed_over() -> None:
    details = [*make_all(4, "a"), make_detail("b", cost=None)]
    pairs = [pair_for(each, regret=False, propensity=1.0, candidate_cost=None) for each in details]
    found = costs(details, pairs)
    assert (found.requests, found.unpriced, found.moved, found.pairs) == (5, 1, 4, 0)
    assert found.best.value == 4 * LOW


def test_each_move_is_corrected_by_its_own_pairs() -> None:
    up = make_all(6, "up", decision="small", model=CHEAP, rung=0, readings=LONG)
    down = make_all(6, "down")
    pairs = [
        *(pair_for(e, regret=False, propensity=0.5, reference_cost=2 * HIGH) for e in up[:3]),
        *(pair_for(e, regret=False, propensity=0.5, candidate_cost=5 * LOW) for e in down[:3]),
    ]
    assert costs([*up, *down], pairs).best.value == pytest.approx(12 * HIGH + 30 * LOW)


def test_approximate_intervals_cover_about_as_often_as_they_say() -> None:
    """Answers of the small model are half as long again; what they cost is known of all requests,
    since this world made them."""
    rng = random.Random(50)
    world = [
        Stratum(0.6, 0.1, 0.2, tokens=100, longer=1.5),
        Stratum(0.4, 0.1, 0.3, tokens=300, longer=1.5, decision="small", model=CHEAP),
    ]
    covered = dict.fromkeys(("inverse propensity", "self-normalised", "doubly robust"), 0)
    width = dict.fromkeys(covered, Decimal(0))
    logs = 300
    for _ in range(logs):
        details, pairs = make_log(world, 250, rng)
        true = sum(
            each.cost
            if each.model == CHEAP
            else PRICES[CHEAP].cost(
                Usage(input=each.usage.input, output=round(each.usage.output * 1.5))
            )
            for each in details
            if each.usage is not None and each.cost is not None
        )
        for amount in costs(details, pairs, 0.9).now:
            assert amount.low is not None
            assert amount.high is not None
            covered[amount.method] += amount.low <= true <= amount.high
            width[amount.method] += amount.high - amount.low
    for count in covered.values():
        assert stats.binomtest(count, logs, 0.87, alternative="less").pvalue > LUCK
    assert width["doubly robust"] < width["self-normalised"] / 2 < width["inverse propensity"] / 2
