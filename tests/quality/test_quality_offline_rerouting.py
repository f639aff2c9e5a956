"""What a new route decides on recorded requests."""

from typing import Any

import pytest

from stepdown.quality.offline.rerouting import Rerouted, Rerouting, Undecided
from stepdown.types import Attempt, Reading
from support.replays import CHEAP, STRONG, cheap_rule, make_detail, route_of

LOW: dict[str, Any] = {"decision": "short", "rung": 0, "model": CHEAP}


@pytest.mark.parametrize(
    ("tokens", "then", "rerouted"),
    [
        (100, {}, Rerouted("short", CHEAP, kept=False)),
        (900, {}, Rerouted("default", STRONG, kept=True)),
        (100, LOW, Rerouted("short", CHEAP, kept=True)),
        (900, LOW, Rerouted("default", STRONG, kept=False)),
    ],
)
def test_the_rules_decide_anew(tokens: int, then: dict[str, Any], rerouted: Rerouted) -> None:
    record = make_detail(readings={"tokens": Reading(tokens)}, **then)
    assert Rerouting(route_of(cheap_rule())).of(record) == rerouted


def test_conversations_keep_no_rung() -> None:
    route = route_of(cheap_rule(), sessions=True)
    record = make_detail(decision="session", session="s1")
    assert Rerouting(route).of(record) == Rerouted("short", CHEAP, kept=False)


def test_a_signal_that_was_not_recorded() -> None:
    route = route_of(
        cheap_rule("german", language="de", tokens={"lt": 500}),
        cheap_rule("short", tokens={"lt": 50}),
    )
    ask = Rerouting(route).of
    assert ask(make_detail()) == Undecided(("language",), ("german",))
    # Too long for either rule, short enough for the other one, or read after all:
    assert ask(make_detail(readings={"tokens": Reading(900)})) == Rerouted("default", STRONG, True)
    assert ask(make_detail(readings={"tokens": Reading(9)})) == Rerouted("short", CHEAP, False)
    read = {"tokens": Reading(100), "language": Reading("de")}
    assert ask(make_detail(readings=read)) == Rerouted("german", CHEAP, False)


def test_a_missing_signal_can_hold_back() -> None:
    held = {"name": "code", "when": {"code": True}, "rung": "strong"}
    ask = Rerouting(route_of(cheap_rule(), held)).of
    assert ask(make_detail()) == Undecided(("code",), ("code",))
    assert ask(make_detail(readings={"tokens": Reading(900)})) == Rerouted("default", STRONG, True)


def test_intent_and_key_are_always_known() -> None:
    ask = Rerouting(route_of(cheap_rule("faq", intent="faq"), cheap_rule("acme", key="acme"))).of
    assert ask(make_detail(intent="FAQ")) == Rerouted("faq", CHEAP, False)
    assert ask(make_detail(tenant="acme")) == Rerouted("acme", CHEAP, False)
    assert ask(make_detail()) == Rerouted("default", STRONG, True)


def test_the_answers_of_a_router() -> None:
    ask = Rerouting(route_of(cheap_rule(), router="support.replays:never_asked")).of
    read = {"tokens": Reading(900), "router": Reading(CHEAP)}
    assert ask(make_detail(readings=read)) == Rerouted("router", CHEAP, False)
    assert ask(make_detail()) == Undecided(("router",), ("router",))


def test_tokens_near_a_threshold() -> None:
    ask = Rerouting(route_of(cheap_rule())).of
    near = make_detail(readings={"tokens": Reading(480.0, error=100.0)})
    assert ask(near) == Rerouted("default", STRONG, True)
    # It was sent down then, by an exact count, and the estimate that is recorded cannot tell.
    low = make_detail(readings={"tokens": Reading(480.0, error=100.0)}, **LOW)
    assert ask(low) == Rerouted("default", STRONG, kept=False, near=True)


# ── Cascades ─────────────────────────────────────────────────────────────────────────────────


def climbed(**changes: Any) -> Any:
    tries = [
        Attempt(CHEAP, "d1", 0.0, rung=0, verdict="json"),
        Attempt(STRONG, "d2", 1.0, rung=1, verdict="accepted"),
    ]
    return make_detail(**{"rung": 0, "model": STRONG, "attempts": tries, **changes})


def test_a_checked_answer_stays_what_it_was_where_answers_are_still_checked() -> None:
    record = climbed(decision="short")
    assert Rerouting(route_of(cheap_rule()), cascades=True).of(record) == Rerouted(
        "short", STRONG, kept=True
    )
    assert Rerouting(route_of(cheap_rule())).of(record) == Rerouted("short", CHEAP, kept=False)


def test_what_no_rule_claims_still_begins_cheap() -> None:
    record = climbed(decision="cascade", readings={"tokens": Reading(900)})
    route = route_of(cheap_rule())
    assert Rerouting(route, cascades=True).of(record) == Rerouted("cascade", STRONG, kept=True)
    assert Rerouting(route).of(record) == Rerouted("default", STRONG, kept=False)
