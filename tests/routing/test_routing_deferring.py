"""A route may say which of its requests are answered later."""

from typing import Any

import pytest

from stepdown.errors import ConfigError
from stepdown.requests import request_of
from stepdown.routing.route import PolicyRoute, build_route

WHEN = {"metadata.kind": "nightly"}


def route(defer: Any) -> PolicyRoute:
    options = {"ladder": ["cheap", "strong"], "rules": [], "defer": defer}
    return build_route("auto", options, price_of=lambda model: None)


def within(made: PolicyRoute, kind: str) -> float | None:
    message = {"role": "user", "content": "Sum this up."}
    metadata = {"kind": kind}
    return made.deferred(request_of({"model": "auto", "messages": [message], "metadata": metadata}))


def test_requests_of_which_the_condition_holds() -> None:
    made = route({"when": WHEN, "within": "12h"})
    assert within(made, "nightly") == 43_200.0
    assert within(made, "other") is None
    assert within(route(None), "nightly") is None
    assert within(route(False), "nightly") is None


def test_in_doubt_a_request_is_answered_at_once() -> None:
    made = route({"when": {"tokens": {"lt": 8}}, "within": 60})
    tokens = made.read(
        request_of({"model": "auto", "messages": [{"role": "user", "content": "a b"}]})
    )
    assert made.deferral is not None
    assert made.deferral.condition.test(tokens) is None  # borderline
    assert not made.deferral.applies(tokens)


def test_it_does_not_change_the_policy() -> None:
    assert route(None).hash == route({"when": WHEN, "within": "1h"}).hash


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("24h", "routes.auto.defer: expected {when: a condition, within: a span such as 24h}"),
        ({"when": WHEN}, "routes.auto.defer.within: expected a span such as 30m, 24h or 7d"),
        ({"when": WHEN, "within": "soon"}, "routes.auto.defer.within: expected a span"),
        ({"when": WHEN, "within": 0}, "routes.auto.defer.within: expected a span"),
        ({"within": "1h"}, "routes.auto.defer.when: expected a mapping of signals"),
        ({"when": {"tag": "x"}, "within": "1h"}, "routes.auto.defer.when.tag: "),
        ({"when": WHEN, "within": "1h", "wihtin": 1}, "routes.auto.defer.wihtin: there is no such"),
    ],
)
def test_what_is_wrong_is_named(given: Any, problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        route(given)
    assert any(line.startswith(problem) for line in raised.value.problems), raised.value.problems
