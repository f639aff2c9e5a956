"""The user's own checks, loaded as the configuration names them."""

from importlib.metadata import EntryPoint
from typing import Any

import pytest

from stepdown.cascade.validators.custom import (
    LONGEST_REASON,
    CustomGrader,
    CustomValidator,
    build_custom,
)
from stepdown.routing.problems import Problems
from stepdown.types import Choice
from support.answers import asking

OWN = "support.own_checks:"


def made(name: str, options: Any = None) -> CustomValidator:
    problems = Problems()
    check = build_custom(OWN + name, options, "v", problems)
    assert isinstance(check, CustomValidator), problems.lines
    return check


def said(check: CustomValidator, text: str) -> str | None:
    return check.check(Choice(text), asking())


def test_a_function_is_a_check() -> None:
    polite = made("polite")
    assert polite.name == OWN + "polite"
    assert said(polite, "yes please") is None
    assert said(polite, "yes") == f"{OWN}polite turned it down"
    assert said(made("short"), "short") is None
    assert said(made("short"), "longer") == "too long"


def test_what_it_lacks_is_as_in_base() -> None:
    polite = made("polite")
    assert (polite.vouches, polite.settles, polite.top_logprobs) == (True, False, None)
    assert polite.applies(asking())
    assert polite.watch(asking()) is None


@pytest.mark.parametrize(
    ("options", "limit"), [(None, 2), ({"limit": 3}, 3), (1, 1)], ids=["none", "mapping", "one"]
)
def test_a_class_is_given_the_options(options: Any, limit: int) -> None:
    check = made("MaxWords", options)
    assert not check.vouches
    assert said(check, "w " * limit) is None
    assert said(check, "w " * (limit + 1)) == f"more than {limit} words"


def test_what_it_has_is_kept() -> None:
    check = made("Complete")
    assert (check.name, check.settles, check.top_logprobs) == ("complete", True, 3)
    assert not check.applies(asking())


def test_a_factory_may_give_a_function() -> None:
    assert said(made("at_most", {"limit": 3}), "four") == "more than 3 characters"
    assert said(made("at_most", {"limit": 1, "words": "runes"}), "four") == "more than 1 runes"
    assert said(made("at_most", 4), "four") is None


def test_an_object_may_be_ready() -> None:
    assert said(made("READY"), "two words") == "more than 1 words"


@pytest.mark.parametrize(("second", "reason"), [("a", None), ("b", "turned it down")])
def test_a_grader(second: str, reason: str | None) -> None:
    grader = build_custom(OWN + "Twice", None, "v", Problems())
    assert isinstance(grader, CustomGrader)
    assert grader.applies(asking())
    grading = grader.grade(Choice("a"), asking())
    assert next(grading).role == "sample"
    with pytest.raises(StopIteration) as end:
        grading.send([Choice(second)])
    assert end.value.value == (reason and f"{OWN}Twice {reason}")


def test_an_answer_that_is_none_is_an_error() -> None:
    with pytest.raises(TypeError, match="expected True, None, False or a text, got int"):
        said(made("strange"), "yes")


def test_a_reason_is_bounded() -> None:
    check = CustomValidator("v", lambda choice, request: "long " * 1_000, None)
    assert len(said(check, "yes") or "") <= LONGEST_REASON


def test_an_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("mine", OWN + "polite", "stepdown.validators")
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group, name: [point])
    check = build_custom("mine", None, "v", Problems())
    assert check is not None
    assert check.name == "mine"


@pytest.mark.parametrize(
    ("name", "options", "problem"),
    [
        ("no.such.module:f", None, "cannot import 'no.such.module:f': ModuleNotFoundError"),
        (OWN + "absent", None, f"cannot import '{OWN}absent': AttributeError"),
        (OWN + "NUMBER", None, f"'{OWN}NUMBER' gives no check: expected a function"),
        (OWN + "NUMBER", 3, f"expected no options, since '{OWN}NUMBER' is a check already"),
        (OWN + "READY", 3, f"expected no options, since '{OWN}READY' is a check already"),
        (OWN + "MaxWords", {"max": 1}, f"cannot make '{OWN}MaxWords' with these options: Type"),
        (OWN + "Neither", None, f"'{OWN}Neither' gives no check"),
        (OWN + "Both", None, f"'{OWN}Both' has both check and grade"),
        (OWN + "later", None, f"'{OWN}later' is async"),
        (":", None, "cannot import ':': ValueError"),
    ],
)
def test_problems(name: str, options: Any, problem: str) -> None:
    problems = Problems()
    assert build_custom(name, options, "v", problems) is None
    assert len(problems.lines) == 1
    assert problems.lines[0].startswith(f"v: {problem}")
