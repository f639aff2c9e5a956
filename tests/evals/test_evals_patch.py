"""The patch: what it holds, that it is YAML, and that a route can be built of it."""

from typing import Any

import yaml

from stepdown.evals.patch import as_yaml, patched
from stepdown.evals.whatif import rules_of
from stepdown.routing.route import build_route
from stepdown.routing.rules import DEFAULT
from support.eval_series import LADDER, make_report

RULES: list[dict[str, Any]] = [
    {"name": "gold", "when": {"metadata.tier": "gold"}, "rung": "strong"},
    {
        "name": "short",
        "when": {"all": [{"tokens": {"lt": 300}}, {"any": [{"language": "en"}, {"code": False}]}]},
        "rung": "gpt-4o-mini",
        "cascade": False,
    },
    {"name": "yes", "when": {"output": {"in": ["yes_no", "label"]}}, "rung": 0},
]


def written(
    rungs: dict[str, int], rules: Any = RULES, route: str = "auto"
) -> tuple[str, list[Any]]:
    why = dict.fromkeys(rungs, "Changed: 3 of 70 (4.3 %)\nof them.")
    text = as_yaml(route, rules_of(make_report((), rules=rules)), rungs, why)
    return text, yaml.safe_load(text)["routes"][route]["rules"]


def test_every_rule_is_there_with_its_rung() -> None:
    _, rules = written({"short": 1, "gold": 0})
    first, second, third = RULES
    assert rules == [{**first, "rung": "cheap"}, {**second, "rung": "strong"}, third]


def test_each_changed_rule_has_a_comment() -> None:
    text, _ = written({"short": 1})
    lines = text.splitlines()
    place = next(n for n, line in enumerate(lines) if "name: short" in line)
    assert lines[place - 1] == "      # Changed: 3 of 70 (4.3 %) of them."
    assert text.count("#") == 2, "one comment, and the heading"


def test_the_rest_is_added_last() -> None:
    text, rules = written({DEFAULT: 0})
    assert rules == [*RULES, {"name": "rest", "when": {"turns": {"ge": 0}}, "rung": "cheap"}]
    assert text.splitlines()[-5] == "      # Changed: 3 of 70 (4.3 %) of them."


def test_a_rung_in_between_keeps_its_number() -> None:
    rules = rules_of(make_report((), rules=[], ladder=("a", "b", "c")))
    assert patched(rules, {DEFAULT: 1})[-1]["rung"] == 1


def test_a_preset_is_written_out() -> None:
    _, rules = written({"hard-task": 0}, rules="standard")
    assert [rule["name"] for rule in rules if rule["rung"] == "cheap"] == [
        "small-task",
        "small-output",
        "simple-intent",
        "hard-task",
    ]


def test_a_route_can_be_built_of_it() -> None:
    for given, rungs in ((RULES, {"short": 1, DEFAULT: 0}), ("standard", {"hard-task": 0})):
        _, rules = written(rungs, rules=given)
        route = build_route(
            "auto", {"ladder": list(LADDER), "rules": rules}, price_of=lambda model: None
        )
        assert len(route.policy.rules) == len(rules)


def test_a_route_s_name_is_quoted_where_it_must_be() -> None:
    for name in ("yes", "support: bot", "#1", "42", "naïve"):
        _, rules = written({"gold": 0}, route=name)
        assert rules[0]["rung"] == "cheap"
