"""``judge_reference``: each answer against the known right one."""

from typing import Any

import pytest

from stepdown.quality.judges.asking import UNREADABLE
from stepdown.quality.judges.reference import ReferenceGuided, build
from stepdown.routing.problems import Problems
from stepdown.types import Choice, Request, Scores, Task
from support.answers import asking
from support.judging import between_marks, play

TASK = Task(asking("2+2?"), "4")
VERDICTS = {"4": "right", "four or so": "partly", "5": "wrong", "?": "unsure"}


def model(request: Request) -> Choice:
    return Choice(f'{{"verdict": "{VERDICTS[between_marks(request)["answer"]]}"}}')


def test_what_verdicts_are_worth() -> None:
    scores, asked = play(ReferenceGuided("m"), ["5", "four or so", "4"], model, TASK)
    assert scores == Scores((0.0, 0.5, 1.0), "judge_reference")
    assert [between_marks(each)["known right answer"] for each in asked] == ["4"] * 3


def test_the_reference_may_be_wrong() -> None:
    scores, _ = play(ReferenceGuided("m"), ["4", "5"], model, TASK)
    assert scores.values == (1.0, 0.0)


def test_another_verdict_is_none() -> None:
    scores, _ = play(ReferenceGuided("m"), ["?"], model, TASK)
    assert scores == Scores((None,), "judge_reference", why=UNREADABLE)


def test_it_applies_where_a_right_answer_is_known() -> None:
    judge = ReferenceGuided("m")
    assert [judge.applies(Task(asking(), expected)) for expected in (None, "", 0, ["4"])] == [
        False,
        True,
        True,
        True,
    ]


def test_any_json_can_be_known() -> None:
    _, asked = play(ReferenceGuided("m"), ["4"], model, Task(asking(), {"b": 1, "a": None}))
    assert between_marks(asked[0])["known right answer"] == '{"a":null,"b":1}'


def test_options() -> None:
    judge = build({"model": "m", "criteria": "The unit.", "max_tokens": 9}, "s", Problems())
    assert judge is not None
    _, asked = play(judge, ["4"], model, TASK)
    assert asked[0].prompt.messages[0].text.endswith("What also counts:\nThe unit.")
    assert asked[0].prompt.output_limit == 9


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (None, "s.model: expected a model_name of the configuration, got none"),
        ({"model": "m", "max_token": 1}, "s.max_token: no such option. Did you mean 'max_tokens'?"),
    ],
)
def test_wrong_options(options: Any, line: str) -> None:
    problems = Problems()
    assert build(options, "s", problems) is None
    assert problems.lines == [line]
