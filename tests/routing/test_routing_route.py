"""Routes: built from options with every fault reported, deciding by rules, router and session."""

from typing import Any

import pytest

from stepdown.errors import ConfigError
from stepdown.routing.guarded import Guarded, view_of
from stepdown.routing.route import PolicyRoute, build_route
from stepdown.types import Reading


def route(**options: Any) -> PolicyRoute:
    given = {"ladder": ["small", "middle", "large"], "sessions": False, **options}
    return build_route("auto", given, price_of=lambda model: None)


def faults(**options: Any) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        route(**options)
    return raised.value.problems


def test_rules_name_rungs_by_word_model_and_index(ask: Any) -> None:
    tiers = {"a": ("cheap", 0), "b": ("strong", 2), "c": ("middle", 1), "d": (1, 1), "e": (0, 0)}
    rules = [
        {"name": name, "when": {"metadata.tier": name}, "rung": rung}
        for name, (rung, _) in tiers.items()
    ]
    built = route(rules=rules)
    for name, (_, rung) in tiers.items():
        request = ask("Hello", metadata={"tier": name})
        decision = built.decide(request, built.read(request))
        assert (decision.name, decision.rung) == (name, rung)
        assert decision.model == ["small", "middle", "large"][rung]
        assert decision.policy == built.hash


def test_own_rules_stand_beside_the_preset(ask: Any) -> None:
    own = {"name": "gold", "when": {"metadata.tier": "gold"}, "rung": "strong"}
    built = route(rules=[own, "standard"])
    assert [rule.name for rule in built.policy.rules][:2] == ["gold", "small-task"]
    request = ask("Summarize this note: it rains", metadata={"tier": "gold"})
    decision = built.decide(request, built.read(request))
    assert (decision.name, decision.ambiguous) == ("gold", True)


def test_only_the_signals_that_rules_name_are_measured(ask: Any) -> None:
    built = route(rules=[{"name": "talk", "when": {"turns": {"ge": 2}}, "rung": "cheap"}])
    assert list(built.read(ask("Hello"))) == ["turns"]
    assert set(route().read(ask("Hello"))) == {"tokens", "task", "output", "intent"}


def test_the_lexicon_is_extended_by_the_routes_options(ask: Any) -> None:
    built = route(signals={"task": {"classify": ["sort into"]}, "output": {"label": ["ein Wort"]}})
    request = ask("Sort into good and bad: it rains")
    assert built.decide(request, built.read(request)).name == "small-task"
    request = ask("Antworte mit: ein Wort")
    assert built.decide(request, built.read(request)).name == "small-output"


def test_a_route_of_one_model_has_one_rung(ask: Any) -> None:
    built = build_route("auto", {"ladder": ["only"]}, price_of=lambda model: None)
    for text in ("Summarize this note: it rains", "Prove it."):
        request = ask(text)
        decision = built.decide(request, built.read(request))
        assert (decision.model, decision.rung) == ("only", 0)


def test_the_policys_hash_follows_what_decides() -> None:
    plain = route()
    assert plain.hash == route().hash
    assert plain.hash == route(rules="standard", match="all").hash == route(rules=["standard"]).hash
    assert len(plain.hash) == 12
    changed = [
        route(match="first"),
        route(ladder=["small", "large"]),
        route(signals={"task": {"classify": ["sort into"]}}),
        route(rules=[{"name": "a", "when": {"turns": 1}, "rung": "cheap"}]),
    ]
    assert len({plain.hash, *(each.hash for each in changed)}) == 5


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            {"rules": [{"name": "a", "when": {"tokens": {"lt": "abc"}}, "rung": 0}]},
            "routes.auto.rules[0].when.tokens.lt: expected a number, got 'abc'",
        ),
        (
            {"rules": [{"name": "a", "when": {"turns": 1}, "rung": "smal"}]},
            "routes.auto.rules[0].rung: expected cheap, strong, a model of the ladder, or an index "
            "below 3, got 'smal'. Did you mean 'small'?",
        ),
        (
            {"rules": [{"name": "a", "when": {"turns": 1}, "rung": 3}]},
            "routes.auto.rules[0].rung: expected cheap, strong, a model of the ladder, or an index "
            "below 3, got 3.",
        ),
        (
            {"rules": ["standart"]},
            "routes.auto.rules[0]: expected a preset (standard) or a rule, got 'standart'. "
            "Did you mean 'standard'?",
        ),
        (
            {"rules": [{"name": "default", "when": {"turns": 1}, "rung": 0}]},
            "routes.auto.rules[0].name: 'default' is the name of a built-in decision",
        ),
        (
            {"rules": [{"name": "a\n", "when": {"turns": 1}, "rung": 0}]},
            "routes.auto.rules[0].name: expected a name in printable ASCII, got 'a\\n'",
        ),
        (
            {"rules": [{"name": "a", "wen": {}, "when": {"turns": 1}, "rung": 0}]},
            "routes.auto.rules[0].wen: a rule has no such key. Did you mean 'when'?",
        ),
        (
            {"rules": ["standard", {"name": "small-task", "when": {"turns": 1}, "rung": 0}]},
            "routes.auto.rules[1].name: there is already a rule 'small-task'",
        ),
        ({"rules": 5}, "routes.auto.rules: expected a preset's name or a list of rules, got 5"),
        (
            {"rules": [7]},
            "routes.auto.rules[0]: expected a rule {name, when, rung} or a preset's name, got 7",
        ),
        (
            {"ladder": []},
            "routes.auto.ladder: expected a list of model names, cheapest first, got []",
        ),
        (
            {"ladder": ["a", "a"]},
            "routes.auto.ladder[1]: the model 'a' is already on the ladder",
        ),
        ({"match": "last"}, "routes.auto.match: expected all or first, got 'last'"),
        ({"matsh": "all"}, "routes.auto.matsh: a route has no such option. Did you mean 'match'?"),
        (
            {"sessions": {"max": 0}},
            "routes.auto.sessions.max: expected a whole number above 0, got 0",
        ),
        (
            {"sessions": {"ttl": "1h"}},
            "routes.auto.sessions.ttl: expected seconds above 0, got '1h'",
        ),
        (
            {"sessions": {"tll": 5}},
            "routes.auto.sessions.tll: sessions have no such option. Did you mean 'ttl'?",
        ),
        (
            {"signals": {"tasks": {}}},
            "routes.auto.signals.tasks: expected a signal that has phrases (task, output), got "
            "'tasks'. Did you mean 'task'?",
        ),
        (
            {"signals": {"task": {"classify": "sort into"}}},
            "routes.auto.signals.task.classify: expected a list of phrases, got 'sort into'",
        ),
        ({"router_timeout": 0}, "routes.auto.router_timeout: expected seconds above 0, got 0"),
        (
            {"router": "nowhere.at_all:route"},
            "routes.auto.router: cannot import 'nowhere.at_all:route': ModuleNotFoundError: "
            "No module named 'nowhere'",
        ),
        ({"router": "json:nothing"}, "routes.auto.router: cannot import 'json:nothing'"),
        ({"router": "json:__doc__"}, "routes.auto.router: 'json:__doc__' is not callable"),
        ({"router": "unheard-of"}, "routes.auto.router: no package offers a router 'unheard-of'."),
    ],
)
def test_faulty_options(options: dict[str, Any], line: str) -> None:
    (problem,) = faults(**options)
    assert problem.startswith(line)


def test_every_fault_is_reported_at_once() -> None:
    lines = faults(
        match="last",
        rules=[{"name": "a", "when": {"tokens": {"lt": "x"}, "tasks": 1}, "rung": "none"}],
        sessions=7,
    )
    assert len(lines) == 5


def test_the_routers_reading_decides_before_the_rules(ask: Any) -> None:
    built = route(router="operator:lt")  # any callable: its reading is given below
    request = ask("Summarize this note: it rains")
    readings = built.read(request)
    advised = {**readings, "router": Reading("middle")}
    assert (built.decide(request, advised).name, built.decide(request, advised).rung) == (
        "router",
        1,
    )
    failed = {**readings, "router": Reading(None, confidence=0.0)}
    assert built.decide(request, failed).name == "router-failed"
    assert built.decide(request, failed).model == "large"
    silent = {**readings, "router": Reading(None)}
    assert built.decide(request, silent).name == "small-task"


GUARDED = {
    "rules": [
        {"name": "small", "when": {"metadata.tier": "a"}, "rung": "cheap"},
        {"name": "middling", "when": {"metadata.tier": "b"}, "rung": "middle"},
        {"name": "big", "when": {"metadata.tier": "c"}, "rung": "strong"},
    ],
    "regret": {"budget": 0.02},
}


@pytest.mark.parametrize("state", ["observing", "tripped"])
def test_a_rule_that_the_guard_holds_has_the_last_rung_answer(ask: Any, state: Any) -> None:
    built = route(**GUARDED)
    request = ask("Hello", metadata={"tier": "b"})
    before = built.decide(request, built.read(request))
    built.guard = view_of({"middling": Guarded(state, "k"), "big": Guarded(state, "l")})
    held = built.decide(request, built.read(request))
    assert (held.name, held.model, held.rung, held.held) == ("middling", "large", 2, 1)
    assert (before.rung, before.held) == (1, None)
    for tier, rung in (("a", 0), ("c", 2)):
        request = ask("Hello", metadata={"tier": tier})
        decision = built.decide(request, built.read(request))
        assert (decision.rung, decision.held) == (rung, None)
    built.guard = view_of({"middling": Guarded("active", "k"), "small": Guarded("trusted", "m")})
    request = ask("Hello", metadata={"tier": "b"})
    assert built.decide(request, built.read(request)) == before


def test_the_guards_options_change_no_policy_and_need_a_budget() -> None:
    bare = {"rules": GUARDED["rules"]}
    assert route(**bare).hash == route(**GUARDED).hash
    rule = {"name": "a", "when": {"turns": 1}, "rung": "cheap", "observe": True}
    assert faults(rules=[rule]) == [
        "routes.auto.rules[0].observe: goes with a regret budget of the route ('regret')"
    ]
    assert route(rules=[rule], regret={"budget": 0.02})


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"observe": "yes"}, "observe: expected true or false, got 'yes'"),
        ({"trusted": 1}, "trusted: expected true or false, got 1"),
        ({"auto_promote": None}, "auto_promote: expected true or false, got None"),
        ({"observe": True, "trusted": True}, "trusted: a rule is either observed or trusted"),
        (
            {"rung": "strong", "trusted": True},
            "trusted: a rule that picks the last rung saves nothing that is to be guarded",
        ),
    ],
)
def test_what_rules_may_not_say_to_the_guard(options: dict[str, Any], fault: str) -> None:
    rule = {"name": "a", "when": {"turns": 1}, "rung": "cheap", **options}
    assert faults(rules=[rule], regret={"budget": 0.02}) == [f"routes.auto.rules[0].{fault}"]


def test_what_rules_may_say_to_the_guard() -> None:
    rule = {"name": "a", "when": {"turns": 1}, "rung": "cheap"}
    for options in (
        {"observe": True, "trusted": False},
        {"trusted": True, "auto_promote": False},
        {"observe": False, "auto_promote": True},
    ):
        assert route(rules=[{**rule, **options}], regret={"budget": 0.02})
