"""The explanation: the fields that scripts read, and costs that add up."""

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest

from stepdown.pricing.book import PriceBook
from stepdown.routing.expected import TYPICAL
from stepdown.routing.explain import explain, measure
from stepdown.routing.route import PolicyRoute, build_route

BOOK = PriceBook()


@pytest.fixture(scope="module")
def route() -> PolicyRoute:
    options = {"ladder": ["gpt-4o-mini", "gpt-4o"]}
    return build_route("auto", options, price_of=lambda model: BOOK.price(model, "openai"))


def explained(route: PolicyRoute, request: Any, **prices: Any) -> dict[str, Any]:
    readings = asyncio.run(measure(route, request))
    report = explain(route, request, readings, lambda model: BOOK.price(model, "openai"))
    loaded: dict[str, Any] = json.loads(json.dumps(report))
    return loaded


def test_the_fields(route: PolicyRoute, ask: Any) -> None:
    report = explained(route, ask("Extract the date.\n\nText: analyze it on May 3"))
    assert list(report) == [
        "route",
        "model",
        "rung",
        "decision",
        "ambiguous",
        "rules",
        "signals",
        "cost",
        "reference_cost",
    ]
    assert (report["route"], report["model"], report["rung"]) == ("auto", "gpt-4o-mini", 0)
    assert (report["decision"], report["ambiguous"]) == ("small-task", False)
    assert [rule["name"] for rule in report["rules"]] == [rule.name for rule in route.policy.rules]
    assert all(set(rule) == {"name", "matched", "because"} for rule in report["rules"])
    assert report["signals"]["task"] == {
        "value": ["extract"],
        "confidence": 1.0,
        "saw": "'extract' at 0",
        "error": 0.0,
    }


def test_costs_are_those_of_the_estimated_tokens(route: PolicyRoute, ask: Any) -> None:
    report = explained(route, ask("Answer yes or no: is it raining?"))
    tokens = report["signals"]["tokens"]["value"]
    output = TYPICAL["yes_no"]
    assert (
        Decimal(report["cost"]) == (tokens * Decimal("0.15") + output * Decimal("0.60")) / 1_000_000
    )
    assert (
        Decimal(report["reference_cost"])
        == (tokens * Decimal("2.50") + output * Decimal("10")) / 1_000_000
    )


def test_an_unknown_price_is_null(ask: Any) -> None:
    route = build_route("auto", {"ladder": ["a", "b"]}, price_of=lambda model: None)
    request = ask("Hello")
    report = explain(route, request, route.read(request), lambda model: None)
    assert (report["cost"], report["reference_cost"]) == (None, None)


def test_a_borderline_rule_is_null_and_says_why(route: PolicyRoute, ask: Any) -> None:
    report = explained(route, ask("My sister can summarize"))
    (rule,) = [rule for rule in report["rules"] if rule["name"] == "small-task"]
    assert rule["matched"] is None
    assert "confidence 0.4, needs 0.5" in rule["because"]
    assert (report["model"], report["ambiguous"]) == ("gpt-4o", True)


def test_the_routers_reading_is_among_the_signals(ask: Any) -> None:
    route = build_route(
        "auto", {"ladder": ["a", "b"], "router": "operator:lt"}, price_of=lambda model: None
    )
    readings = asyncio.run(measure(route, ask("Hello")))
    assert readings["router"].saw.startswith("the router failed (raised TypeError)")
    assert route.decide(ask("Hello"), readings).name == "router-failed"
