"""The log summed up in cells of requests that are alike."""

from decimal import Decimal
from typing import Any

import pytest

from stepdown.ledger.detail import Detail
from stepdown.quality.offline import tally as module
from stepdown.quality.offline.rerouting import Rerouting, Undecided
from stepdown.quality.offline.tally import Audience, Cell, LeftOut, Sums, Tally, tally
from stepdown.quality.pairs import Pair
from stepdown.types import Attempt, Reading, Usage
from support.replays import (
    CHEAP,
    PRICES,
    STRONG,
    cheap_rule,
    make_detail,
    pair_for,
    route_of,
)

USED = Usage(input=100, output=10)
LOW, HIGH = PRICES[CHEAP].cost(USED), PRICES[STRONG].cost(USED)


def tallied(details: list[Detail], pairs: tuple[Pair, ...] = (), **changes: Any) -> Tally:
    asked: dict[str, Any] = {
        "route": "auto",
        "reference": STRONG,
        "rerouting": Rerouting(route_of(cheap_rule())),
        "price_of": PRICES.get,
    }
    return tally(details, pairs, **asked | changes)


def test_what_the_cells_add_up() -> None:
    low = {"decision": "small", "model": CHEAP, "rung": 0}
    found = tallied(
        [
            make_detail("a"),
            make_detail("b"),
            make_detail("c", readings={"tokens": Reading(900)}),
            make_detail("d", **low),
            make_detail("e", readings={"tokens": Reading(900)}, **low),
        ]
    )
    assert found.cells == {
        Cell("default", STRONG, "short", CHEAP, kept=False): Sums(
            2, 0, 2, 2 * HIGH, 2 * LOW, 2 * HIGH
        ),
        Cell("default", STRONG, "default", STRONG, kept=True): Sums(1, 0, 1, HIGH, HIGH, HIGH),
        Cell("small", CHEAP, "short", CHEAP, kept=True): Sums(1, 0, 1, LOW, LOW, HIGH),
        Cell("small", CHEAP, "default", STRONG, kept=False): Sums(1, 0, 1, LOW, HIGH, HIGH),
    }
    assert found.requests == 5


def test_what_a_kept_request_cost_is_what_it_cost() -> None:
    """With its retries; a moved one costs its served answer's tokens."""
    tries = [
        Attempt(STRONG, "d1", 0.0, usage=Usage(input=100), cost=Decimal(1)),
        Attempt(STRONG, "d2", 1.0, usage=USED, cost=HIGH),
    ]
    spent = {"attempts": tries, "usage": Usage(input=200, output=10), "cost": HIGH + 1}
    found = tallied(
        [make_detail("a", readings={"tokens": Reading(900)}, **spent), make_detail("b", **spent)]
    )
    kept, moved = found.cells.values()
    assert (kept.then, kept.now) == (HIGH + 1, HIGH + 1)
    assert (moved.then, moved.now, moved.reference) == (HIGH + 1, LOW, HIGH)


def test_what_came_in_a_batch_is_moved_at_the_price_of_batches() -> None:
    half = {"cost": HIGH / 2, "batch_discount": HIGH / 2}
    [moved] = tallied([make_detail("a", **half)]).cells.values()
    assert (moved.then, moved.now, moved.reference) == (HIGH / 2, LOW / 2, HIGH)


def test_an_answer_that_climbed_costs_its_last_try_alone() -> None:
    tries = [
        Attempt(CHEAP, "d1", 0.0, rung=0, usage=USED, cost=LOW, verdict="json"),
        Attempt(STRONG, "d2", 1.0, rung=1, usage=USED, cost=HIGH, verdict="accepted"),
    ]
    climbed = make_detail(
        "a",
        decision="cascade",
        rung=0,
        attempts=tries,
        cost=LOW + HIGH,
        readings={"tokens": Reading(900)},
    )
    [(cell, sums)] = tallied([climbed]).cells.items()
    assert (cell.served, cell.model, cell.kept) == (STRONG, STRONG, False)
    assert (sums.then, sums.now) == (LOW + HIGH, HIGH)


def test_unknown_prices_are_in_no_sum() -> None:
    found = tallied(
        [make_detail("a"), make_detail("b", cost=None), make_detail("c", usage=None, attempts=[])]
    )
    [sums] = found.cells.values()
    assert (sums.requests, sums.priced, sums.then) == (3, 1, HIGH)
    unknown = tallied([make_detail("a")], price_of={STRONG: PRICES[STRONG]}.get)
    assert [sums.priced for sums in unknown.cells.values()] == [0]


def test_pairs_find_their_requests() -> None:
    details = [make_detail("a"), make_detail("b", outcome="failed"), make_detail("c")]
    a, b = (pair_for(each, regret=False, propensity=0.1) for each in details[:2])
    twice = pair_for(details[0], regret=True, propensity=0.1, saver="cascade", served=0)
    gone = pair_for(make_detail("gone"), regret=False, propensity=0.1)
    other = pair_for(make_detail("c", route="bot"), regret=False, propensity=0.1)
    found = tallied(details, (a, b, twice, gone, other))
    [seen] = found.pairs.values()
    assert [each.pair for each in seen] == [a, twice]
    assert {each.now for each in seen} == {LOW}
    assert found.left_out == LeftOut(unanswered=1, unmatched=1)


def test_what_is_undecided_is_counted_apart() -> None:
    route = route_of(cheap_rule("german", language="de"))
    found = tallied(
        [
            make_detail("a"),
            make_detail("b"),
            make_detail("c", readings={"language": Reading("en")}),
        ],
        rerouting=Rerouting(route),
    )
    assert found.undecided == {Undecided(("language",), ("german",)): 2}
    assert (found.requests, len(found.cells)) == (3, 1)


def test_audiences_are_told_apart_up_to_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_AUDIENCES", 2)
    found = tallied(
        [
            make_detail("a", tenant="acme", tags='["x","y"]'),
            make_detail("b", tenant="bolt"),
            make_detail("c", tenant="cord"),
            make_detail("d", tenant="bolt"),
        ]
    )
    requests = {cell.audience: sums.requests for cell, sums in found.cells.items()}
    assert requests == {Audience("acme", ("x", "y")): 1, Audience("bolt"): 2, Audience(): 1}
    assert Audience("acme", ("x", "y")).marks == ("tenant acme", "tag x", "tag y")


def test_tokens_near_a_threshold_are_counted() -> None:
    low = make_detail("a", decision="small", model=CHEAP, rung=0)
    near = make_detail(
        "b", decision="small", model=CHEAP, rung=0, readings={"tokens": Reading(480.0, error=99.0)}
    )
    found = tallied([low, near])
    assert sum(sums.near for sums in found.cells.values()) == 1


@pytest.mark.parametrize(("cascades", "pairs"), [(False, 0), (True, 1)])
def test_pairs_of_a_held_cascade_tell_of_a_route_that_checks_answers_only(
    cascades: bool, pairs: int
) -> None:
    detail = make_detail("a", decision="cascade")
    held = pair_for(detail, regret=False, propensity=0.2, saver="cascade", served=1)
    found = tallied(
        [detail],
        (held,),
        rerouting=Rerouting(route_of(cheap_rule()), cascades=cascades),
    )
    assert sum(map(len, found.pairs.values())) == pairs
    assert found.left_out.unmatched == 0
