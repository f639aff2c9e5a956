"""A route replayed on logs of a world whose truth is known."""

import random
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import msgspec
import pytest

from stepdown.ledger.detail import Detail
from stepdown.quality.offline.replay import NoSupport, NothingRecorded, Replay, replay
from stepdown.quality.offline.support import Unread, Unshadowed
from stepdown.quality.pairs import Pair
from stepdown.routing.route import PolicyRoute
from stepdown.types import Reading
from support.replays import (
    CHEAP,
    PRICES,
    Stratum,
    cheap_rule,
    make_detail,
    make_log,
    pair_for,
    route_of,
)

stats = import_module("scipy.stats")
"""Without type stubs, so not imported by name."""

LUCK = 1e-5
"""A simulation contradicts the nominal level where its coverage had a smaller probability."""
NEW = route_of(cheap_rule("short", tokens={"lt": 500}), cheap_rule("faq", intent="faq"))
WORLD = [
    Stratum(0.3, 0.02, 0.2, decision="small", model=CHEAP, tokens=100, longer=1.2),
    Stratum(0.3, 0.1, 0.5, tokens=300, longer=1.2),
    Stratum(0.2, 0.4, 0.5, tokens=2_000, intent="faq"),
    Stratum(0.2, 0.3, 0.1, decision="small", model=CHEAP, tokens=700),
]
"""The new route sends the first three down; it was the first and the last that went down."""
NOW = (0.3 * 0.02 + 0.3 * 0.1 + 0.2 * 0.4) / 0.8
THEN = (0.3 * 0.02 + 0.2 * 0.3) / 0.5
MORE = 0.3 * 0.1 + 0.2 * 0.4 - 0.2 * 0.3


def replayed(
    details: Sequence[Detail], pairs: Sequence[Pair], route: PolicyRoute = NEW, **options: Any
) -> Replay:
    found = replay(route, details, pairs, price_of=PRICES.get, **options)
    assert isinstance(found, Replay)
    return found


def refused(
    details: Sequence[Detail], pairs: Sequence[Pair], route: PolicyRoute = NEW, **options: Any
) -> NoSupport:
    found = replay(route, details, pairs, price_of=PRICES.get, **options)
    assert isinstance(found, NoSupport)
    return found


def test_a_large_log_tells_the_truth() -> None:
    details, pairs = make_log(WORLD, 20_000, random.Random(60))
    found = replayed(details, pairs)
    assert found.requests == 20_000
    assert found.now.requests == pytest.approx(16_000, rel=0.02)
    for regret, true in ((found.now, NOW), (found.then, THEN)):
        for estimate in regret.estimates:
            assert estimate.value == pytest.approx(true, abs=0.03)
            assert estimate.low < true < estimate.high
            assert estimate.high - estimate.low < 0.08
    for estimate in found.difference.estimates:
        assert estimate.value == pytest.approx(MORE, abs=0.02)
        assert estimate.low < MORE < estimate.high
    assert found.cost.now[-1].value < found.cost.then < found.cost.reference
    rules = {each.rule: each.regret.best.value for each in found.rules}
    assert rules == {"short": pytest.approx(0.06, abs=0.02), "faq": pytest.approx(0.4, abs=0.05)}
    assert found.rule_confidence == pytest.approx(0.975)


def test_the_same_log_gives_the_same_answer_in_any_order() -> None:
    details, pairs = make_log(WORLD, 300, random.Random(61))
    first = replayed(details, pairs)
    random.Random(1).shuffle(details)
    random.Random(2).shuffle(pairs)
    again = replayed(details, pairs)
    assert again.now == first.now
    assert again.difference == first.difference


def test_the_recorded_policy_replayed_changes_nothing() -> None:
    details, pairs = make_log(WORLD[:2], 300, random.Random(62))
    found = replayed(details, pairs, route_of(cheap_rule("small", tokens={"lt": 200})))
    assert (found.changed, found.difference.best.value) == (0, 0.0)
    assert found.then == found.now
    assert found.cost.best.value == found.cost.then


def test_unscored_pairs_in_the_worst_case_are_regrets() -> None:
    details = [make_detail(str(number)) for number in range(40)]
    pairs = [
        pair_for(each, regret=None if n < 8 else False, propensity=1.0)
        for n, each in enumerate(details)
    ]
    assert replayed(details, pairs).now.best.value == 0.0
    assert replayed(details, pairs, worst_case=True).now.best.value == pytest.approx(0.2)


def test_other_routes_have_no_part_in_it() -> None:
    details, pairs = make_log(WORLD[:2], 200, random.Random(63))
    others = [make_detail(f"o{number}", route="bot") for number in range(50)]
    theirs = [pair_for(each, regret=True, propensity=1.0) for each in others]
    assert replayed([*others, *details], [*theirs, *pairs]) == replayed(details, pairs)


def test_it_refuses_where_nothing_like_it_was_sampled() -> None:
    seen = [make_detail(f"s{number}") for number in range(60)]
    bare = [make_detail(f"b{number}", decision="hard-task", intent="faq") for number in range(40)]
    found = refused([*seen, *bare], [pair_for(seen[0], regret=False, propensity=0.1)])
    assert (found.requests, found.unknown, found.most) == (100, 0.4, 0.01)
    assert found.unshadowed == (Unshadowed("short", CHEAP, 40, 0.4, ("hard-task",), ()),)
    assert found.unread == ()


def test_it_refuses_where_a_signal_was_not_read() -> None:
    route = route_of(cheap_rule("german", language="de"))
    details = [make_detail(f"a{number}") for number in range(50)]
    found = refused(details, [pair_for(details[0], regret=False, propensity=0.1)], route)
    assert found.unread == (Unread(("language",), ("german",), 50, 1.0),)


def test_a_few_unknown_requests_widen_the_interval_instead() -> None:
    seen = [make_detail(f"s{number}") for number in range(199)]
    bare = [make_detail("b", decision="hard-task")]
    pairs = [pair_for(each, regret=False, propensity=0.5) for each in seen[::2]]
    found = replayed([*seen, *bare], pairs)
    assert found.now.unknown == 1
    assert found.now.best.high > replayed(seen, pairs).now.best.high
    assert refused([*seen, *bare], pairs, most_unknown=0.0).unknown == 1 / 200


def test_a_long_rule_that_needs_no_pair() -> None:
    """What only goes up is known: the last rung is the reference."""
    strict = route_of({"name": "all", "when": {"tokens": {"ge": 0}}, "rung": "strong"})
    details = [make_detail(str(n), decision="small", model=CHEAP, rung=0) for n in range(5)]
    found = replayed(details, [], strict)
    assert (found.now.best.value, found.now.best.high) == (0.0, 0.0)
    assert found.difference.best.low == -1.0


@pytest.mark.parametrize(
    ("details", "message"),
    [
        ([], r"no answered request of the route 'auto' is recorded\.$"),
        ([make_detail(route="bot")], r"'auto' is recorded\. There are 'bot'\.$"),
        ([make_detail(outcome="cancelled")], r"no answered request of the route 'auto'"),
    ],
)
def test_nothing_recorded(details: list[Detail], message: str) -> None:
    with pytest.raises(NothingRecorded, match=message):
        replay(NEW, details, [], price_of=PRICES.get)


def test_what_is_found_can_be_written_as_json() -> None:
    details, pairs = make_log(WORLD, 100, random.Random(64))
    told = msgspec.to_builtins(replayed(details, pairs))
    assert told["now"]["estimates"][2]["method"] == "doubly robust"
    assert told["cost"]["now"][2]["interval"] == "approximate"
    assert isinstance(told["cost"]["then"], str)


def test_coverage_by_simulation() -> None:
    """``benchmarks/replay_simulation.py`` runs thousands of logs, and wider ones."""
    rng = random.Random(65)
    logs = 150
    covered = {"now": 0, "then": 0, "more": 0}
    for _ in range(logs):
        found = replayed(*make_log(WORLD, 250, rng), confidence=0.9)
        covered["now"] += found.now.best.low <= NOW <= found.now.best.high
        covered["then"] += found.then.best.low <= THEN <= found.then.best.high
        covered["more"] += found.difference.best.low <= MORE <= found.difference.best.high
    for count in covered.values():
        assert stats.binomtest(count, logs, 0.9, alternative="less").pvalue > LUCK


def test_pairs_that_lost_their_request_are_counted() -> None:
    details, pairs = make_log(WORLD[1:2], 100, random.Random(66))
    gone = pair_for(make_detail("gone", readings={"tokens": Reading(1)}), regret=True, propensity=1)
    found = replayed(details, [*pairs, gone])
    assert found.left_out.unmatched == 1
    assert found.now == replayed(details, pairs).now
