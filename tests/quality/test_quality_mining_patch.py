"""The patch can be pasted: it reads as YAML and builds a route."""

from decimal import Decimal
from typing import Any

import pytest
import yaml

from stepdown.quality.mining.held_out import Held
from stepdown.quality.mining.patch import patch, told
from stepdown.quality.mining.suggest import Suggestion, Suggestions
from support.replays import route_of

HELD = Held(412, 1, 0.0024, 0.0001, 0.0114, 0.09, 0.004)


def suggestion(name: str = "suggested-1", **when: Any) -> Suggestion:
    given = when or {"intent": "faq", "tokens": {"gt": 100, "lt": 500}}
    return Suggestion(name, given, 0.09, Decimal("1.5"), 0.04, HELD, certified=True)


def found_of(*rules: Suggestion) -> Suggestions:
    return Suggestions(0.02, 0.95, 0.99, 10, 10, 1, 228, 100, 50, 0, 0, ("intent",), rules)


def written(*rules: Suggestion, route: str = "auto", own: Any = ()) -> tuple[str, Any]:
    text = patch(route, found_of(*rules), own)
    assert text is not None
    return text, yaml.safe_load(text)


def test_nothing_to_suggest() -> None:
    assert patch("auto", found_of()) is None


def test_candidates_stand_behind_the_rules_that_are_there() -> None:
    own = ["standard", {"name": "gold", "when": {"metadata.tier": "gold"}, "rung": "strong"}]
    _, read = written(suggestion(), own=own)
    rules = read["routes"]["auto"]["rules"]
    assert rules == [
        *own,
        {
            "name": "suggested-1",
            "when": {"intent": "faq", "tokens": {"gt": 100, "lt": 500}},
            "rung": "cheap",
            "observe": True,
        },
    ]


def test_the_rules_of_the_patch_build_a_route() -> None:
    when = {"task": {"in": ["classify"], "not_in": ["plan"]}, "output": "yes_no", "code": False}
    _, read = written(suggestion(), suggestion("suggested-2", **when), own=["standard"])
    options = read["routes"]["auto"]
    assert options["regret"] == {"budget": 0.02}
    route = route_of(*options.pop("rules"), **options)
    assert [rule.name for rule in route.policy.rules][-2:] == ["suggested-1", "suggested-2"]


def test_a_route_that_has_a_budget_keeps_it() -> None:
    text = patch("auto", found_of(suggestion()), guarded=True)
    assert text is not None
    assert list(yaml.safe_load(text)["routes"]["auto"]) == ["rules"]


@pytest.mark.parametrize("value", ["yes", "12", "null", "a: b", "# no", "'", "ü", "2024-01-01"])
def test_names_that_yaml_would_read_otherwise(value: str) -> None:
    _, read = written(suggestion(key=value), route=value)
    assert read["routes"][value]["rules"][0]["when"] == {"key": value}


def test_what_is_known_stands_above_each_rule() -> None:
    text, _ = written(suggestion())
    lines = text.splitlines()
    above = " ".join(line.strip(" #") for line in lines[6:8])
    assert above == told(suggestion())
    assert told(suggestion()) == (
        "9.00 % of the requests, saves $1.50; regret 0.24 %, at most 1.14 %, on 412 held-out "
        "pairs: within the budget"
    )
    assert "observe: true" in text


def test_a_routes_name_ends_no_comment() -> None:
    text, read = written(suggestion(), route="a\nb")
    assert "# Candidates for the rules of a b." in text
    assert list(read["routes"]) == ["a\nb"]
