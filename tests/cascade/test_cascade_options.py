"""The ``cascade`` of a route and of its rules: what is read, and what is said of mistakes."""

from typing import Any

import pytest

from stepdown.cascade.options import KEEP_ALIVE, read_cascade, read_cascades
from stepdown.cascade.plan import UNHURRIED, Cascade, Cascades, Patience
from stepdown.routing.problems import Problems

PATH = "routes.auto.cascade"


def cascade(given: Any) -> Cascade:
    problems = Problems()
    read = read_cascade(given, PATH, problems)
    assert problems.lines == []
    assert read is not None
    return read


def lines(given: Any) -> list[str]:
    problems = Problems()
    read_cascade(given, PATH, problems)
    return problems.lines


def cascades(rungs: int = 2, **options: Any) -> tuple[Cascades | None, list[str]]:
    problems = Problems()
    return read_cascades(options, "routes.auto", rungs=rungs, problems=problems), problems.lines


def test_a_list_of_validators_is_enough() -> None:
    read = cascade(["refusal", {"length": {"max": 10}}, {"judge": {"model": "gpt-4o"}}])
    assert [each.name for each in read.validators] == ["refusal", "length"]
    assert [each.name for each in read.graders] == ["judge"]
    assert read.patience == UNHURRIED
    assert (read.stream, read.start, read.keep_alive) == ("checked", "cheap", KEEP_ALIVE)
    assert (read.early_drop, read.serve_best_effort) == (True, False)


def test_every_option() -> None:
    read = cascade(
        {
            "validators": ["refusal"],
            "timeout": {"first_byte": 2, "total": 10.5},
            "hedge_after": 1,
            "stream": "optimistic",
            "start": "decided",
            "early_drop": False,
            "serve_best_effort": True,
            "keep_alive": 3,
        }
    )
    assert read.patience == Patience(first_byte=2.0, total=10.5, hedge_after=1.0)
    assert (read.stream, read.start, read.keep_alive) == ("optimistic", "decided", 3.0)
    assert (read.early_drop, read.serve_best_effort) == (False, True)


def test_one_number_is_the_total() -> None:
    patience = cascade({"validators": ["refusal"], "timeout": 4}).patience
    assert patience == Patience(total=4.0)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ("refusal", "expected a list of validators, or {validators: […], …}, got 'refusal'"),
        (True, "expected a list of validators, or {validators: […], …}, got True"),
    ],
)
def test_what_is_no_cascade(given: Any, line: str) -> None:
    assert lines(given) == [f"{PATH}: {line}"]


@pytest.mark.parametrize(
    ("option", "value", "line"),
    [
        (
            "validatores",
            [],
            ".validatores: a cascade has no such option. Did you mean 'validators'?",
        ),
        ("timeout", True, ".timeout: expected seconds, or {first_byte, total}, got True"),
        ("timeout", 0, ".timeout.total: expected seconds above 0 (2, 0.5, 200ms, 10m), got 0"),
        (
            "timeout",
            {"total": -1},
            ".timeout.total: expected seconds above 0 (2, 0.5, 200ms, 10m), got -1",
        ),
        (
            "timeout",
            {"first_byte": "soon"},
            ".timeout.first_byte: expected seconds above 0 (2, 0.5, 200ms, 10m), got 'soon'",
        ),
        (
            "timeout",
            {"total": float("inf")},
            ".timeout.total: expected seconds above 0 (2, 0.5, 200ms, 10m), got inf",
        ),
        (
            "timeout",
            {"total": float("nan")},
            ".timeout.total: expected seconds above 0 (2, 0.5, 200ms, 10m), got nan",
        ),
        (
            "timeout",
            {"firstbyte": 1},
            ".timeout.firstbyte: a timeout has no such option. Did you mean 'first_byte'?",
        ),
        ("hedge_after", 0, ".hedge_after: expected seconds above 0 (2, 0.5, 200ms, 10m), got 0"),
        ("keep_alive", 0, ".keep_alive: expected seconds above 0 (2, 0.5, 200ms, 10m), got 0"),
        ("stream", "live", ".stream: expected checked or optimistic, got 'live'"),
        ("start", "strong", ".start: expected cheap or decided, got 'strong'"),
        ("early_drop", "no", ".early_drop: expected true or false, got 'no'"),
        ("serve_best_effort", 1, ".serve_best_effort: expected true or false, got 1"),
        ("validators", [], ".validators: expected a list of validators, got []"),
        ("validators", "json", ".validators: expected a list of validators, got 'json'"),
        (
            "validators",
            ["jsn"],
            ".validators[0]: there is no validator 'jsn'. Did you mean 'json'?",
        ),
    ],
)
def test_a_wrong_option_is_named_with_its_path(option: str, value: Any, line: str) -> None:
    found = lines({"validators": ["refusal"], option: value})
    assert len(found) == 1
    assert found[0].startswith(f"{PATH}{line}")


def test_every_problem_is_told_at_once() -> None:
    found = lines({"validators": [], "timeout": {"total": 0}, "stream": "live", "keep_alive": -1})
    assert [line.split(":")[0].removeprefix(PATH) for line in found] == [
        ".validators",
        ".timeout.total",
        ".stream",
        ".keep_alive",
    ]


def test_a_cascade_without_validators() -> None:
    assert lines({"timeout": 5}) == [
        f"{PATH}: expected a list of validators under 'validators', got none"
    ]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            {"timeout": {"first_byte": 5, "total": 5}},
            ".timeout.first_byte: expected less than timeout.total (5 s), got 5 s",
        ),
        (
            {"timeout": 5, "hedge_after": "1m"},
            ".hedge_after: expected less than timeout.total (5 s), got 60 s",
        ),
    ],
)
def test_what_would_come_too_late_to_matter(options: dict[str, Any], line: str) -> None:
    assert lines({"validators": ["refusal"], **options}) == [f"{PATH}{line}"]


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (2, 2.0),
        (0.5, 0.5),
        ("2", 2.0),
        ("200ms", 0.2),
        ("1.5 s", 1.5),
        ("10m", 600.0),
        ("1h", 3600.0),
    ],
)
def test_how_seconds_are_written(written: Any, seconds: float) -> None:
    given = {"validators": ["refusal"], "timeout": written, "keep_alive": written}
    assert cascade(given).patience == Patience(total=seconds)
    assert cascade(given).keep_alive == seconds


@pytest.mark.parametrize(
    ("late", "named"),
    [
        (["json"], "json"),
        ([{"judge": {"model": "m"}}], "judge"),
        (["json", "refusal", "self_consistency"], "json, self_consistency"),
    ],
)
def test_optimistic_needs_checks_that_settle(late: list[Any], named: str) -> None:
    assert lines({"validators": late, "stream": "optimistic"}) == [
        f"{PATH}.stream: 'optimistic' cannot be had with {named}: "
        "what such a check says is known at the answer's end only"
    ]


# ── a route's, and its rules' ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "options",
    [{}, {"cascade": None}, {"cascade": False}, {"rules": [{"name": "a", "cascade": False}]}],
)
def test_a_route_without_one(options: dict[str, Any]) -> None:
    assert cascades(1, **options) == (None, [])


def test_a_rule_may_have_its_own_or_none() -> None:
    rules = [
        "standard",
        {"name": "own", "cascade": ["json"]},
        {"name": "none", "cascade": False},
        {"name": "same"},
    ]
    read, found = cascades(cascade=["refusal"], rules=rules)
    assert found == []
    assert read is not None
    assert read.default is not None
    own = read.by_rule["own"]
    assert own is not None
    assert [each.name for each in own.validators] == ["json"]
    assert read.by_rule["none"] is None
    assert "same" not in read.by_rule


def test_a_rule_alone_may_have_one() -> None:
    read, found = cascades(rules=[{"name": "own", "cascade": ["json"]}])
    assert found == []
    assert read is not None
    assert read.default is None


def test_a_problem_of_a_rule_has_the_rules_path() -> None:
    rules = [{"name": "a"}, {"name": "b", "cascade": {"validators": ["json"], "early_drp": True}}]
    _, found = cascades(rules=rules)
    assert found == [
        "routes.auto.rules[1].cascade.early_drp: a cascade has no such option. "
        "Did you mean 'early_drop'?"
    ]


def test_one_rung_is_no_ladder_to_climb() -> None:
    _, found = cascades(1, cascade=["refusal"])
    assert found == ["routes.auto.cascade: a cascade needs a ladder of two models or more"]


def test_the_models_that_graders_ask() -> None:
    read, _ = cascades(
        cascade=[{"judge": {"model": "one"}}, "self_consistency"],
        rules=[{"name": "own", "cascade": [{"judge": {"model": "two"}}]}],
    )
    assert read is not None
    assert read.asks() == {"one", "two"}
