"""Other rungs for the same rules: what the rows would do, and which rules hold them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from stepdown.evals.rows import Row
from stepdown.evals.whatif import (
    NoRules,
    Rules,
    Said,
    keeps_verdicts,
    recorded,
    rerouted,
    rules_of,
    rung_of,
)
from stepdown.routing.rules import DEFAULT, Match
from support.eval_series import make_report, make_row

NAMES = ("a", "b", "c", "d")


def rules(rungs: Mapping[str, int], top: int = 1, match: Match = "all") -> Rules:
    return Rules((), rungs, top, match)


def decided(name: str, rung: int) -> Row:
    return make_row("1", 1, [0.0, 1.0], rung=rung, decision=name)


# ── Rules of a report ────────────────────────────────────────────────────────────────────────


def test_the_rules_of_a_report() -> None:
    given = [
        {"name": "a", "when": {"turns": 1}, "rung": "gpt-4o"},
        {"name": "b", "when": {"turns": 2}, "rung": 0, "cascade": False},
    ]
    found = rules_of(make_report((), rules=given))
    assert (found.rungs, found.top, found.match) == ({"a": 1, "b": 0}, 1, "all")
    assert found.written == tuple(given)
    assert rules_of(make_report((), rules=given, match="first")).match == "first"


def test_a_preset_s_name_stands_for_its_rules() -> None:
    found = rules_of(make_report((), rules="standard"))
    assert found.rungs["small-task"] == 0
    assert found.rungs["hard-intent"] == 1
    assert found.written[0]["name"] == "small-task"


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (None, "rules: expected a list of rules, got None"),
        ([7], r"rules\[0\]: expected a rule \{name, when, rung\}, got 7"),
        ([{"name": "a", "rung": "chaep"}], r"rules\[0\]\.rung: .* got 'chaep'\. Did you mean 'ch"),
        (["standart"], r"rules\[0\]: expected a rule"),
    ],
)
def test_rules_that_cannot_be_read(given: Any, problem: str) -> None:
    with pytest.raises(NoRules, match=problem):
        rules_of(make_report((), rules=given))


def test_a_name_for_the_rest() -> None:
    assert rules({"a": 0}).rest == "rest"
    assert rules({"rest": 0, "rest-2": 0}).rest == "rest-3"


# ── What rules said ──────────────────────────────────────────────────────────────────────────


def test_what_is_recorded_of_a_row_is_what_each_rule_said() -> None:
    row = structs.replace(decided("b", 1), matched=("a",), borderline=("b", "d"))
    assert recorded(row) == {"a": True, "b": None, "d": None}
    assert keeps_verdicts(make_report([decided(DEFAULT, 1), row]))


def test_of_an_earlier_report_the_rule_that_decided_said_yes() -> None:
    assert recorded(decided("b", 1)) == {"b": True}
    assert recorded(decided(DEFAULT, 1)) == {}
    assert not keeps_verdicts(make_report([decided("b", 1), decided(DEFAULT, 1)]))


# ── What rows would do ───────────────────────────────────────────────────────────────────────


def test_a_row_goes_where_its_rule_says() -> None:
    row = decided("a", 1)
    [moved] = rerouted([row], rules({"a": 1}), {"a": 0})
    assert (moved.decision, moved.decided, moved.rung, moved.cost) == ("a", 0, 0, Decimal("0.01"))
    [back] = rerouted([moved], rules({"a": 0}), {"a": 1})
    assert back == row


def test_a_row_that_climbed_is_answered_at_once() -> None:
    climbed = structs.replace(decided("a", 1), decided=0, cost=Decimal("0.11"))
    [moved] = rerouted([climbed], rules({"a": 0}), {"a": 1})
    assert (moved.rung, moved.cost) == (1, Decimal("0.1"))
    [same] = rerouted([climbed], rules({"a": 0, "b": 0}), {"b": 1})
    assert same == climbed


def test_what_no_rule_claims_goes_to_the_rest() -> None:
    [moved] = rerouted([decided(DEFAULT, 1)], rules({"a": 1}), {DEFAULT: 0})
    assert (moved.decision, moved.rung) == ("rest", 0)


@pytest.mark.parametrize("name", ["session", "router", "router-failed", "unheard-of"])
def test_what_no_rule_decided_stays(name: str) -> None:
    row = decided(name, 1)
    assert rerouted([row], rules({"a": 1}), {"a": 0, DEFAULT: 0}) == (row,)
    assert rules({"a": 1}).holding(row, {}) == ()


def test_a_row_whose_decision_the_rules_do_not_give_stays() -> None:
    row = decided("a", 1)
    assert rerouted([row], rules({"a": 0}), {"a": 0}) == (row,)


def test_what_begins_a_cascade_is_the_rests_once_there_is_one() -> None:
    begun = structs.replace(decided("cascade", 1), decided=0)
    found = rules({"a": 0, "b": 1})
    assert rerouted([begun], found, {"a": 1}) == (begun,)
    [rest] = rerouted([begun], found, {DEFAULT: 0})
    assert (rest.decision, rest.decided, rest.rung, rest.cost) == ("rest", 0, 1, begun.cost)
    unsure = structs.replace(begun, borderline=("b",))
    [up] = rerouted([unsure], found, {DEFAULT: 0})
    assert (up.decision, up.decided, up.rung) == ("b", 1, 1)
    assert found.holding(begun, {}) == ()


def test_every_rule_that_matched_has_a_say() -> None:
    row = structs.replace(decided("a", 0), matched=("a", "b"))
    found = rules({"a": 0, "b": 0})
    [up] = rerouted([row], found, {"b": 1})
    assert (up.decision, up.rung) == ("b", 1)
    first = rules({"a": 0, "b": 0}, match="first")
    assert rerouted([row], first, {"b": 1}) == (row,)


# ── Who holds a row ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("said", "match", "holding"),
    [
        ({"a": True}, "all", ("a",)),
        ({"a": True, "b": True}, "all", ("a", "b")),
        ({"a": True, "b": True}, "first", ("a",)),
        ({"a": None, "c": True}, "all", ("a",)),
        ({"a": None}, "all", ("a", DEFAULT)),
        ({"c": None}, "all", (DEFAULT,)),
        ({}, "first", (DEFAULT,)),
    ],
)
def test_the_rules_that_hold_a_row(said: Said, match: Match, holding: tuple[str, ...]) -> None:
    found = rules({"a": 1, "b": 1, "c": 0}, match=match)
    assert found.holding(decided("a", 1), said) == holding


def test_a_row_that_was_sent_down_is_not_held() -> None:
    assert rules({"a": 1, "c": 0}).holding(decided("c", 0), {"c": True}) == ()


@given(
    st.fixed_dictionaries({name: st.integers(0, 2) for name in NAMES}),
    st.fixed_dictionaries({name: st.sampled_from([True, False, None]) for name in NAMES}),
    st.sampled_from(["all", "first"]),
)
def test_a_row_goes_when_all_let_go_and_not_before(
    rungs: dict[str, int], said: dict[str, bool | None], match: Match
) -> None:
    found = rules(rungs, top=2, match=match)
    if rung_of(found.with_rungs({}), said) < 2:
        return
    row = structs.replace(decided("a", 1), decided=2)
    holding = found.holding(row, said)
    assert holding
    assert rung_of(found.with_rungs(dict.fromkeys(holding, 0)), said) < 2
    for name in holding:
        others = dict.fromkeys([each for each in holding if each != name], 0)
        assert rung_of(found.with_rungs(others), said) == 2
