"""The ``compression`` of a route: what is read, and what is said of mistakes."""

import sys
from typing import Any

import pytest

from stepdown.compression.compression import MIN_TOKENS, Plan
from stepdown.compression.options import read_compression
from stepdown.compression.shrink import Target
from stepdown.routing.problems import Problems

PATH = "routes.auto.compression"


def plan(given: Any) -> Plan:
    problems = Problems()
    read = read_compression(given, PATH, problems)
    assert problems.lines == []
    assert read is not None
    return read


def lines(given: Any) -> list[str]:
    problems = Problems()
    read_compression(given, PATH, problems)
    return [line.removeprefix(PATH) for line in problems.lines]


def names(given: Any) -> list[str]:
    return [technique.name for technique in plan(given).techniques]


@pytest.mark.parametrize("given", [None, False])
def test_it_is_off_unless_switched_on(given: Any) -> None:
    problems = Problems()
    assert read_compression(given, PATH, problems) is None
    assert problems.lines == []


def test_true_is_what_loses_nothing() -> None:
    assert names(True) == names({}) == ["minify"]
    assert all(technique.lossless for technique in plan(True).techniques)


def test_techniques_keep_their_order() -> None:
    given = ["extract", "minify", "history", "tables", "duplicates"]
    assert names(given) == given
    assert names({"techniques": given}) == given


def test_targets_are_shares_or_tokens() -> None:
    assert plan({"target": 0.35}).target == Target(0.35)
    assert plan({"tokens": 4000}).target == Target(None, 4000)
    assert plan({}).target == Target(0.5)
    assert plan({"min_tokens": 50}).min_tokens == 50
    assert plan({}).min_tokens == MIN_TOKENS


def test_pins_go_to_history() -> None:
    pin = {"first": 2, "last": 3, "outputs": 0, "containing": ["KEEP"]}
    assert names({"techniques": ["history"], "pin": pin}) == ["history"]
    assert names([{"history": pin}]) == ["history"]


def test_meanings_are_read_from_the_shipped_table_unless_switched_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert names(["extract"]) == ["extract"]
    monkeypatch.setitem(sys.modules, "stepdown.embedding.static", None)
    [line] = lines(["extract"])
    assert line.startswith(
        ".techniques[0].vectors: 'static', the usual, needs the extra 'semantic' ("
    )
    assert names([{"extract": {"vectors": "none"}}]) == ["extract"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("on", ": expected true, false, a list of techniques, or {techniques: […], …}, got 'on'"),
        ({"targt": 0.5}, ".targt: there is no option 'targt' here. Did you mean 'target'?"),
        ({"target": 50}, ".target: expected a share between 0 and 1, got 50"),
        ({"target": True}, ".target: expected a share between 0 and 1, got True"),
        ({"tokens": 0}, ".tokens: expected a whole number of at least 1, got 0"),
        (
            {"tokens": 9, "target": 0.5},
            ".tokens: a target is given in tokens or as a share, not both",
        ),
        ({"min_tokens": "x"}, ".min_tokens: expected a whole number of at least 0, got 'x'"),
        ({"pin": {"last": 2}}, ".pin: goes with the technique 'history'"),
        (
            {"techniques": ["history"], "pin": {"lst": 2}},
            ".pin.lst: there is no option 'lst' here. Did you mean 'last'?",
        ),
        (
            {"techniques": ["history"], "pin": {"last": 0}},
            ".pin.last: expected a whole number of at least 1, got 0",
        ),
        (
            {"techniques": ["history"], "pin": {"containing": "x"}},
            ".pin.containing: expected a list of texts, got 'x'",
        ),
        ({"techniques": []}, ".techniques: expected a list of techniques (minify, duplicates, "
         "tables, history, extract, llmlingua), got []"),
        (["minfy"], ".techniques[0]: there is no technique 'minfy'. Did you mean 'minify'?"),
        (["minify", "minify"], ".techniques[1]: the technique 'minify' is listed already"),
        ([3], ".techniques[0]: expected a technique's name, or one name with its options, got 3"),
        (
            [{"minify": {"x": 1}}],
            ".techniques[0].minify.x: there is no option 'x' here.",
        ),
        (
            [{"extract": {"vectors": "bert"}}],
            ".techniques[0].extract.vectors: expected static or none, got 'bert'",
        ),
    ],
)  # fmt: skip
def test_mistakes_are_named_with_their_path(given: Any, said: str) -> None:
    assert lines(given) == [said]
