"""Which requests a further rule could claim, and what their pairs say."""

from decimal import Decimal
from typing import Any

import pytest

from stepdown.ledger.detail import Detail
from stepdown.quality.mining.samples import Claim, Pool, pool_of, unclaimed_by, unclaimed_then
from stepdown.quality.pairs import Pair
from stepdown.types import Attempt, Reading
from support.replays import CHEAP, STRONG, cheap_rule, make_detail, pair_for, route_of

HARD = {"name": "hard", "when": {"task": {"in": ["plan"]}}, "rung": "strong"}
LONG = {"tokens": Reading(900), "task": Reading(frozenset({"extract"}))}


def pooled(details: list[Detail], *pairs: Pair, claim: Claim = unclaimed_then) -> Pool:
    return pool_of(details, pairs, claim, route="auto", models=(CHEAP, STRONG))


def claims(record: Detail, *rules: Any, **options: Any) -> bool:
    return unclaimed_by(route_of(*rules, **options))(record) is not None


def test_a_pair_becomes_a_sample() -> None:
    detail = make_detail("a", readings=LONG, intent="FAQ")
    pool = pooled([detail], pair_for(detail, regret=True, propensity=0.2))
    [sample] = pool.samples
    assert (sample.id, sample.weight, sample.regret) == ("a", 5.0, True)
    assert sample.saved == pytest.approx(110 * 9e-6)
    assert {name: reading.value for name, reading in sample.readings.items()} == {
        "tokens": 900,
        "task": frozenset({"extract"}),
        "intent": "faq",
        "key": None,
    }


def test_what_is_counted() -> None:
    free, claimed, failed, other, unscored, unpriced = (
        make_detail("free", readings=LONG),
        make_detail("claimed", decision="short"),
        make_detail("failed", outcome="failed"),
        make_detail("other", route="bot"),
        make_detail("unscored"),
        make_detail("unpriced", cost=None),
    )
    pairs = [
        *(pair_for(each, regret=False, propensity=0.5) for each in (free, claimed, failed, other)),
        pair_for(unscored, regret=None, propensity=0.5),
        pair_for(unpriced, regret=False, propensity=0.5, candidate_cost=None),
    ]
    pool = pooled([free, claimed, failed, other, unscored, unpriced], *pairs)
    assert (pool.requests, pool.claimable, len(pool.samples)) == (4, 3, 2)
    assert (pool.unscored, pool.unpriced) == (1, 1)
    assert pool.samples[1].saved == 0.0
    assert pool.cost == 3 * Decimal("0.0011")


def test_pairs_of_other_models_and_savers_tell_nothing_of_a_rule() -> None:
    detail = make_detail("a")
    others = [
        pair_for(detail, regret=False, propensity=0.5, candidate_model="middle"),
        pair_for(detail, regret=False, propensity=0.5, reference_model="older"),
        pair_for(detail, regret=False, propensity=0.5, saver="cascade"),
    ]
    for other in others:
        assert pooled([detail], other).samples == []


def test_what_the_routes_own_rules_leave() -> None:
    assert claims(make_detail(readings=LONG), cheap_rule())
    assert not claims(make_detail(), cheap_rule()), "the rule claims it"
    planned = make_detail(readings={"tokens": Reading(900), "task": Reading(frozenset({"plan"}))})
    assert not claims(planned, cheap_rule(), HARD), "a strong rule wins"
    assert not claims(planned, cheap_rule(), HARD, match="first")
    unsure = Reading(frozenset({"plan"}), 0.4)
    mentioned = make_detail(readings={"tokens": Reading(900), "task": unsure})
    assert not claims(mentioned, HARD), "it may win"
    near = make_detail(readings={"tokens": Reading(480.0, error=99.0)})
    assert claims(near, cheap_rule()), "a cheap rule that may match holds nothing back"


def test_what_was_not_recorded_may_hold_back() -> None:
    held = {"name": "code", "when": {"code": True}, "rung": "strong"}
    assert not claims(make_detail(), held)
    assert claims(make_detail(), cheap_rule("german", language="de"))


def test_a_request_that_a_router_or_a_cascade_decided() -> None:
    routed = make_detail(decision="router")
    rule = cheap_rule("short", tokens={"lt": 5})
    assert claims(routed, rule)
    assert not claims(routed, rule, router="support.replays:never_asked")
    tries = [Attempt(CHEAP, "d1", 0.0, rung=0, verdict="accepted")]
    climbed = make_detail(decision="default", attempts=tries)
    assert not claims(climbed, rule)
    assert unclaimed_then(climbed) is None


def test_by_the_record_alone() -> None:
    assert unclaimed_then(make_detail()) is not None
    assert unclaimed_then(make_detail(decision="short")) is None
