"""Single conditions in the words that rules have, and that they answer as rules do."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from stepdown.quality.mining.samples import Sample
from stepdown.quality.mining.terms import MOST_NAMES, Term, Vocabulary, terms_of
from stepdown.routing.asked import Asked
from stepdown.routing.conditions import compile_condition
from stepdown.routing.problems import Problems
from stepdown.routing.signals import SignalSet
from stepdown.types import Reading
from support.replays import cheap_rule, route_of


def samples_of(values: Sequence[Any], name: str = "metadata.x", regrets: int = 0) -> list[Sample]:
    return [
        Sample(str(place), 1.0, place < regrets, 0.0, {name: Reading(value)})
        for place, value in enumerate(values)
    ]


def written(values: Sequence[Any], name: str = "metadata.x", regrets: int = 0) -> list[Any]:
    return [term.written for term in terms_of(samples_of(values, name, regrets), Vocabulary())]


def test_a_number_of_many_values_is_cut_at_readable_quantiles() -> None:
    rng = random.Random(1)
    found = written([rng.lognormvariate(6, 1) for _ in range(400)], "tokens")
    cuts = [each["lt"] for each in found if "lt" in each]
    assert cuts == [each["gt"] for each in found if "gt" in each]
    assert len(cuts) == 11
    assert cuts == sorted(cuts)
    assert all(len(str(cut).rstrip("0")) <= 2 for cut in cuts)


def test_a_number_of_few_values_is_compared_with_each() -> None:
    ends, bounds = [0, 5], [{"le": 1}, {"le": 2}, {"ge": 1}, {"ge": 2}]
    assert written([0, 0, 1, 2, 2, 5], "tools") == [*ends, *bounds]
    assert written([3, 3, 3], "turns") == [3]


def test_names_that_are_frequent_and_the_least_regretted_together() -> None:
    values = ["bad"] * 6 + ["good"] * 9 + ["fair"] * 8 + ["rare"] * 4
    assert written(values, "intent", regrets=6) == [
        "good",
        "fair",
        "bad",
        {"in": ["fair", "good"]},
        {"in": ["bad", "fair", "good"]},
    ]


def test_sets() -> None:
    values = [frozenset({"classify"})] * 6 + [frozenset({"classify", "extract"})] * 5
    assert written(values, "task") == [
        {"in": ["classify"]},
        {"only": ["classify"]},
        {"not_in": ["classify"]},
        {"in": ["extract"]},
        {"only": ["extract"]},
        {"not_in": ["extract"]},
        {"in": ["classify", "extract"]},
        {"only": ["classify", "extract"]},
        {"not_in": ["classify", "extract"]},
    ]


def test_truths_and_tags() -> None:
    assert written([True, False], "code") == [True, False]
    assert written(["gold"] * 5 + ["tin"] * 5, "metadata.tier")[:2] == ["gold", "tin"]
    assert written([1.5, 2.5], "metadata.level") == [1.5, 2.5]


@pytest.mark.parametrize(
    "values",
    [
        [None] * 9,
        [["a"]] * 9,
        [{"a": 1}] * 9,
        ["line\nbreak"] * 9,
        ["x" * 65] * 9,
        ["only", "four", "of", "each"] * 4,
        [],
    ],
)
def test_what_no_rule_would_name(values: Sequence[Any]) -> None:
    assert written(values) == []


def test_a_signal_that_rules_do_not_know() -> None:
    """One that the user's own router left, or of a package that is gone."""
    assert written(["small"] * 9, "router") == []
    assert written([5, 6, 7], "no-such-signal") == []


def test_not_every_name_is_tried() -> None:
    values = [f"tenant-{number}" for number in range(60) for _ in range(5)]
    singles = [each for each in written(values, "key") if isinstance(each, str)]
    assert len(singles) == MOST_NAMES


def test_a_routes_own_tasks() -> None:
    route = route_of(
        cheap_rule("own", task={"in": ["invoice"]}), signals={"task": {"invoice": ["buche"]}}
    )
    seen = samples_of([frozenset({"invoice"})] * 6, "task")
    assert terms_of(seen, Vocabulary()) == []
    assert terms_of(seen, Vocabulary(route.signals))[0].written == {"in": ["invoice"]}


def test_looking_for_thresholds_does_not_change_what_the_route_counts() -> None:
    route = route_of(cheap_rule())
    terms_of(samples_of(list(range(100)), "tokens"), Vocabulary(route.signals))
    [tokens] = route.signals
    near: Any = tokens
    assert near.is_near(Reading(500.0, error=1.0))
    assert not near.is_near(Reading(50.0, error=1.0))


def test_a_term_answers_as_the_rule_would() -> None:
    """A borderline reading is no match."""
    below = Vocabulary().term("tokens", "lt", 500)
    assert below is not None
    answers: Mapping[Any, bool | None] = {
        Reading(400): True,
        Reading(600): False,
        Reading(480.0, error=50.0): None,
    }
    for reading, answer in answers.items():
        assert below.test({"tokens": reading}) is answer
    assert below.test({}) is False


@pytest.mark.parametrize(
    "name", ["tokens", "tools", "intent", "task", "code", "output", "language"]
)
def test_every_term_can_be_written_and_read(name: str) -> None:
    rng = random.Random(2)
    values: dict[str, Any] = {
        "tokens": rng.randrange(2_000),
        "tools": rng.randrange(4),
        "intent": "faq",
        "task": frozenset({"plan", "write"}),
        "code": True,
        "output": "label",
        "language": "de",
    }
    found: list[Term] = terms_of(samples_of([values[name]] * 8, name), Vocabulary())
    assert found
    for term in found:
        problems, when = Problems(), {term.signal: term.written}
        condition = compile_condition(when, "when", SignalSet(Asked()), problems)
        assert problems.lines == []
        readings = {name: Reading(values[name])}
        assert condition.test(readings) is term.test(readings)
