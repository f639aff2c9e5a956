"""The user's own scorers and judges, loaded as they are named."""

from importlib.metadata import EntryPoint
from typing import Any

import pytest

from stepdown.ports import Judge, Scorer
from stepdown.quality.scorers.custom import CustomJudge, CustomScorer, build_custom
from stepdown.quality.settle import settle
from stepdown.routing.problems import Problems
from stepdown.types import Choice, Scores
from support.scoring import score, task

OWN = "support.own_scorers:"


def made(name: str, options: Any = None) -> Scorer | Judge:
    problems = Problems()
    built = build_custom(OWN + name, options, "s", problems)
    assert built is not None, problems.lines
    return built


def scorer(name: str, options: Any = None) -> CustomScorer:
    built = made(name, options)
    assert isinstance(built, CustomScorer)
    return built


def test_a_function_is_a_scorer_that_applies_to_every_task() -> None:
    polite = scorer("polite")
    assert polite.name == OWN + "polite"
    assert polite.applies(task())
    assert score(polite, "yes please", None) == 1.0
    assert score(polite, "yes", None) == 0.0


@pytest.mark.parametrize(("said", "value"), [(0, 0.0), (0.25, 0.25), (1, 1.0), (None, None)])
def test_it_may_give_a_number_or_nothing(said: Any, value: float | None) -> None:
    given = score(scorer("echo"), "", said)
    assert given == value
    assert given is None or type(given) is float


@pytest.mark.parametrize("said", [1.5, -0.1, float("nan"), float("inf"), 2])
def test_a_number_out_of_bounds_is_an_error(said: float) -> None:
    with pytest.raises(ValueError, match=f"^{OWN}echo: expected a score from 0 to 1, got "):
        score(scorer("echo"), "", said)


def test_what_is_no_number_is_an_error() -> None:
    with pytest.raises(TypeError, match=f"^{OWN}echo: expected a score or None, got str"):
        score(scorer("echo"), "", "good")


def test_a_refusal_scores_nothing_unasked() -> None:
    assert scorer("echo").score(Choice(refusal="No."), task("good")) == 0.0


@pytest.mark.parametrize(
    ("options", "words"), [(None, 2), ({"words": 3}, 3), (1, 1)], ids=["none", "mapping", "one"]
)
def test_a_class_is_given_the_options(options: Any, words: int) -> None:
    brief = scorer("Brief", options)
    assert score(brief, "w " * words, None) == 1.0
    assert score(brief, "w " * (words + 1), None) == 0.0


def test_a_function_is_given_options_too() -> None:
    assert score(scorer("at_least", 4), "one two", None) == 0.5
    assert score(scorer("at_least", {"words": 2}), "one two", None) == 1.0


def test_an_object_is_taken_as_it_is() -> None:
    assert score(scorer("READY"), "one", None) == 1.0


def test_what_it_has_is_kept() -> None:
    named = scorer("Named")
    assert named.name == "brief"
    assert not named.applies(task())
    assert score(named, "one", None) is None
    assert score(named, "one", "two") == 1.0


def test_a_judge() -> None:
    judge = made("Longest")
    assert isinstance(judge, CustomJudge)
    assert (judge.name, judge.model) == (OWN + "Longest", "gpt-4o")
    assert settled(judge).values == (0.5, None, 1.0)


def settled(judge: Scorer | Judge) -> Scores:
    asking = settle([judge], [Choice("ab"), None, Choice("abcd")], task())
    assert next(asking).model == "gpt-4o"
    with pytest.raises(StopIteration) as end:
        asking.send([None])
    scores = end.value.value
    assert isinstance(scores, Scores)
    return scores


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Double", "ValueError: {}: expected a score from 0 to 1, got 2"),
        ("TooMany", "ValueError: {}: expected 3 scores, got 4"),
        ("Bare", "TypeError: {}: expected Scores, got tuple"),
    ],
)
def test_what_a_judge_gives_is_looked_at(name: str, why: str) -> None:
    assert settled(made(name)).why == f"{OWN}{name}: {why.format(OWN + name)}"


def test_an_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("mine", OWN + "polite", "stepdown.scorers")
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group, name: [point])
    own = build_custom("mine", None, "s", Problems())
    assert own is not None
    assert own.name == "mine"


@pytest.mark.parametrize(
    ("name", "options", "problem"),
    [
        ("no.such.module:f", None, "cannot import 'no.such.module:f': ModuleNotFoundError"),
        (OWN + "absent", None, f"cannot import '{OWN}absent': AttributeError"),
        (":", None, "cannot import ':': ValueError"),
        (OWN + "NUMBER", None, f"'{OWN}NUMBER' gives no scorer: expected a function"),
        (OWN + "NUMBER", 3, f"expected no options, since '{OWN}NUMBER' is a scorer already"),
        (OWN + "READY", 3, f"expected no options, since '{OWN}READY' is a scorer already"),
        (OWN + "Brief", {"max": 1}, f"cannot make '{OWN}Brief' with these options: TypeError"),
        (OWN + "Neither", None, f"'{OWN}Neither' gives no scorer"),
        (OWN + "Both", None, f"'{OWN}Both' has both score and judge"),
        (OWN + "later", None, f"'{OWN}later' is async"),
        (OWN + "Modelless", None, f"'{OWN}Modelless' has no model"),
    ],
)
def test_problems(name: str, options: Any, problem: str) -> None:
    problems = Problems()
    assert build_custom(name, options, "s", problems) is None
    assert len(problems.lines) == 1
    assert problems.lines[0].startswith(f"s: {problem}")
