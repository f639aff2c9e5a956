"""Conditions: Kleene's logic, borderline comparisons, and the errors of faulty ones."""

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.routing.asked import Asked
from stepdown.routing.conditions import Condition, all_of, any_of, compile_condition, negated
from stepdown.routing.problems import Problems
from stepdown.routing.signals import SignalSet
from stepdown.types import Reading

ANSWERS = (True, False, None)
answers = st.sampled_from(ANSWERS)


def says(answer: bool | None) -> Condition:
    return Condition(lambda readings: answer, lambda readings: str(answer))


def compiled(given: Any) -> Condition:
    problems = Problems()
    condition = compile_condition(given, "when", SignalSet(Asked()), problems)
    assert problems.lines == []
    return condition


def faults(given: Any) -> list[str]:
    problems = Problems()
    compile_condition(given, "when", SignalSet(Asked()), problems)
    return problems.lines


def resolutions(parts: Sequence[bool | None]) -> list[tuple[bool, ...]]:
    """Every way in which the borderline answers may turn out."""
    return list(itertools.product(*([p] if p is not None else [True, False] for p in parts)))


@given(st.lists(answers, min_size=1, max_size=5))
def test_all_and_any_are_certain_only_where_every_resolution_agrees(
    parts: list[bool | None],
) -> None:
    conditions = [says(part) for part in parts]
    for combined, classical in ((all_of(conditions), all), (any_of(conditions), any)):
        outcomes = {classical(resolved) for resolved in resolutions(parts)}
        assert combined.test({}) == (outcomes.pop() if len(outcomes) == 1 else None)


@given(st.lists(answers, min_size=1, max_size=5))
def test_de_morgan(parts: list[bool | None]) -> None:
    conditions = [says(part) for part in parts]
    left = negated(all_of(conditions))
    right = any_of([negated(condition) for condition in conditions])
    assert left.test({}) == right.test({})


small = st.integers(-50, 50)


@given(small, st.integers(0, 20), small)
def test_a_number_is_borderline_where_its_interval_holds_both_answers(
    value: int, error: int, threshold: int
) -> None:
    reading = {"tokens": Reading(value, error=error)}
    interval = [value - error + step / 2 for step in range(4 * error + 1)]
    truths = {
        "lt": {number < threshold for number in interval},
        "le": {number <= threshold for number in interval},
        "gt": {number > threshold for number in interval},
        "ge": {number >= threshold for number in interval},
    }
    for operator, answers_held in truths.items():
        expected = answers_held.pop() if len(answers_held) == 1 else None
        assert compiled({"tokens": {operator: threshold}}).test(reading) is expected


@pytest.mark.parametrize(
    ("comparison", "value", "error", "expected"),
    [
        ({"lt": 500}, 400, 50, True),
        ({"lt": 500}, 460, 50, None),
        ({"lt": 500}, 560, 50, False),
        ({"lt": 500}, 550, 50, False),
        ({"le": 500}, 450, 50, True),
        ({"gt": 2000}, 2000, 0, False),
        ({"ge": 2000}, 2000, 0, True),
        ({"eq": 3}, 3, 0, True),
        ({"ne": 3}, 3, 0, False),
        ({"eq": 3}, 4, 2, None),
        ({"eq": 3}, 9, 2, False),
        ({"in": [1, 3]}, 3, 0, True),
        ({"not_in": [1, 3]}, 3, 0, False),
        ({"gt": 100, "lt": 200}, 150, 0, True),
        ({"gt": 100, "lt": 200}, 250, 0, False),
        (7, 7, 0, True),
    ],
)
def test_numbers(comparison: Any, value: float, error: float, expected: bool | None) -> None:
    reading = {"tokens": Reading(value, error=error)}
    assert compiled({"tokens": comparison}).test(reading) is expected


@pytest.mark.parametrize(
    ("comparison", "value", "expected"),
    [
        ({"in": ["classify", "extract"]}, {"classify", "analyze"}, True),
        ({"in": ["classify"]}, {"analyze"}, False),
        ({"in": ["classify"]}, set(), False),
        ({"not_in": ["classify"]}, {"analyze"}, True),
        ({"only": ["classify", "extract"]}, {"classify"}, True),
        ({"only": ["classify", "extract"]}, {"classify", "analyze"}, False),
        ({"only": ["classify"]}, set(), False),
        ({"matches": "^class"}, {"analyze", "classify"}, True),
        ("classify", {"classify"}, True),
        ("classify", {"classify", "extract"}, False),
        ({"ne": "classify"}, {"extract"}, True),
    ],
)
def test_sets(comparison: Any, value: set[str], expected: bool) -> None:
    reading = {"task": Reading(frozenset(value))}
    assert compiled({"task": comparison}).test(reading) is expected


def test_an_unsure_set_holds_nothing_that_was_not_read() -> None:
    reading = {"task": Reading(frozenset({"classify"}), confidence=0.4)}
    assert compiled({"task": {"in": ["classify"]}}).test(reading) is None
    assert compiled({"task": {"in": ["analyze"]}}).test(reading) is False
    assert compiled({"task": {"not_in": ["analyze"]}}).test(reading) is True
    assert compiled({"task": {"only": ["classify"]}}).test(reading) is None


def test_tags_compare_as_texts_and_as_numbers() -> None:
    readings = {"header.x-level": Reading("7"), "metadata.tier": Reading("gold")}
    assert compiled({"header.x-level": {"ge": 5}}).test(readings) is True
    assert compiled({"header.x-level": 7}).test(readings) is True
    assert compiled({"metadata.tier": {"in": ["gold", "silver"]}}).test(readings) is True
    assert compiled({"metadata.tier": {"matches": "^go"}}).test(readings) is True
    assert compiled({"metadata.tier": {"gt": 5}}).test(readings) is None


@given(st.one_of(st.booleans(), st.integers(), st.text(), st.lists(st.integers()), st.none()))
def test_a_tag_of_any_shape_is_compared_without_an_error(value: Any) -> None:
    reading = {"metadata.x": Reading(value)}
    for comparison in ({"lt": 1}, {"eq": "a"}, {"in": [1, "b", True]}, {"matches": "a"}):
        assert compiled({"metadata.x": comparison}).test(reading) in ANSWERS


def test_true_is_not_one() -> None:
    assert compiled({"metadata.beta": True}).test({"metadata.beta": Reading(1)}) is False
    assert compiled({"metadata.beta": 1}).test({"metadata.beta": Reading(True)}) is False
    assert compiled({"metadata.beta": True}).test({"metadata.beta": Reading(True)}) is True


def test_what_was_not_sent_is_a_no_and_what_failed_is_borderline() -> None:
    condition = compiled({"metadata.tier": {"in": ["gold"]}})
    assert condition.test({}) is False
    assert condition.because({}) == "metadata.tier: no reading"
    assert condition.test({"metadata.tier": Reading(None)}) is False
    assert condition.test({"metadata.tier": Reading(None, confidence=0.0)}) is None


def test_the_confidence_a_comparison_takes() -> None:
    reading = {"language": Reading("de", confidence=0.6)}
    assert compiled({"language": "de"}).test(reading) is True
    sure = compiled({"language": {"eq": "de", "confidence": 0.8}})
    assert sure.test(reading) is None
    assert "confidence 0.6, needs 0.8" in sure.because(reading)


def test_groups_nest() -> None:
    condition = compiled(
        {"any": [{"all": [{"turns": {"ge": 2}}, {"code": True}]}, {"not": {"images": 0}}]}
    )
    quiet = {"turns": Reading(3), "code": Reading(False), "images": Reading(0)}
    assert condition.test(quiet) is False
    assert condition.test({**quiet, "code": Reading(True)}) is True
    assert condition.test({**quiet, "images": Reading(2)}) is True
    assert condition.because(quiet).count("it is") == 3


def test_a_pattern_that_would_hang_a_backtracking_engine_is_linear() -> None:
    condition = compiled({"metadata.x": {"matches": "(a+)+$"}})
    assert condition.test({"metadata.x": Reading("a" * 5000 + "b")}) is False


@pytest.mark.parametrize(
    ("faulty", "line"),
    [
        ({"tokens": {"lt": "abc"}}, "when.tokens.lt: expected a number, got 'abc'"),
        ({"tokens": {"lt": True}}, "when.tokens.lt: expected a number, got True"),
        ({"tokens": {"lt": float("nan")}}, "when.tokens.lt: expected a number, got nan"),
        (
            {"tokens": {"less": 5}},
            "when.tokens.less: tokens is a number and compares by lt, le, gt, ge, eq, ne, in, "
            "not_in, not by 'less'. Did you mean 'le'?",
        ),
        (
            {"task": {"in": ["sumarize"]}},
            "when.task.in[0]: task is never 'sumarize'. Did you mean 'summarize'?",
        ),
        ({"task": {"in": "classify"}}, "when.task.in: expected a list of values, got 'classify'"),
        ({"task": {"in": []}}, "when.task.in: expected a list of values, got []"),
        ({"output": 5}, "when.output: expected a text, got 5"),
        ({"code": "yes"}, "when.code: expected true or false, got 'yes'"),
        (
            {"tokns": {"lt": 5}},
            "when.tokns: there is no signal 'tokns'. Did you mean 'tokens' or 'turns' or 'tools'?",
        ),
        ({"any": {"tokens": 5}}, "when.any: expected a list of conditions, got {'tokens': 5}"),
        ({"not": []}, "when.not: expected a mapping of signals to comparisons, got []"),
        (None, "when: expected a mapping of signals to comparisons, got None"),
        ({}, "when: expected at least one signal, got none"),
        (
            {"tokens": {"lt": 5, "confidence": 2}},
            "when.tokens.confidence: expected a number from 0 to 1, got 2",
        ),
        (
            {"metadata.x": {"matches": "("}},
            "when.metadata.x.matches: expected an RE2 regular expression, got '(': missing ): (",
        ),
    ],
)
def test_faulty_conditions(faulty: Any, line: str) -> None:
    assert faults(faulty) == [line]


def test_every_fault_is_reported() -> None:
    lines = faults({"all": [{"tokens": {"lt": "x"}}, {"tasks": 1}], "intent": {"lt": 3}})
    assert [line.split(":")[0] for line in lines] == [
        "when.all[0].tokens.lt",
        "when.all[1].tasks",
        "when.intent.lt",
    ]
