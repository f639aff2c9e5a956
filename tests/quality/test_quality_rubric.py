"""``judge_rubric``: grades, what they mean, and what they are worth."""

from typing import Any

import pytest

from stepdown.quality.judges.asking import UNREADABLE
from stepdown.quality.judges.rubric import GRADES, Rubric, build
from stepdown.routing.problems import Problems
from stepdown.types import Choice, Request, Scores, Task
from support.answers import asking
from support.judging import between_marks, play

MEANINGS = {grade: f"means {grade}" for grade in GRADES}


def graded(grades: dict[str, Any]) -> Any:
    def model(request: Request) -> Choice:
        return Choice(f'{{"grade": {grades[between_marks(request)["answer"]]}}}')

    return model


@pytest.mark.parametrize(
    ("grade", "value"), [('"1"', 0.0), ('"2"', 0.25), ("3", 0.5), ('"4"', 0.75), ("5", 1.0)]
)
def test_what_grades_are_worth(grade: str, value: float) -> None:
    scores, asked = play(Rubric("m"), ["a"], graded({"a": grade}))
    assert scores == Scores((value,), "judge_rubric")
    assert len(asked) == 1


def test_the_reference_is_graded_too() -> None:
    scores, _ = play(Rubric("m"), ["a", None, "b"], graded({"a": 2, "b": 5}))
    assert scores.values == (0.25, None, 1.0)


@pytest.mark.parametrize("grade", ["0", "6", '"٥"', "4.5", "null"])
def test_no_other_grades(grade: str) -> None:
    scores, _ = play(Rubric("m"), ["a"], graded({"a": grade}))
    assert scores == Scores((None,), "judge_rubric", why=UNREADABLE)


def test_grades_mean_what_the_rubric_says() -> None:
    _, asked = play(Rubric("m", "In German.", MEANINGS), ["a"], graded({"a": 1}))
    text = asked[0].prompt.messages[0].text
    assert "5: means 5\n4: means 4\n3: means 3\n2: means 2\n1: means 1\n" in text
    assert text.endswith("What also counts:\nIn German.")
    assert '{"grade": "1"}' in text


def test_options() -> None:
    rubric = {1: "bad {0}", 2: "b", 3: "c", 4: "d", 5: "e"}
    judge = build({"model": "m", "rubric": rubric, "max_tokens": 9}, "s", Problems())
    assert judge is not None
    assert judge.applies(Task(asking()))
    _, asked = play(judge, ["a"], graded({"a": 1}))
    assert "1: bad {0}\n" in asked[0].prompt.messages[0].text
    assert asked[0].prompt.output_limit == 9
    assert build({"model": "m"}, "s", Problems()) is not None


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (None, "s.model: expected a model_name of the configuration, got none"),
        (
            {"model": "m", "rubric": ["bad"]},
            "s.rubric: expected a mapping of the grades 1 to 5 to what they mean, got ['bad']",
        ),
        (
            {"model": "m", "rubric": {**MEANINGS, "6": "six"}},
            "s.rubric: expected grades from 1 to 5, got '6'",
        ),
        (
            {"model": "m", "rubric": dict.fromkeys("1245", "x")},
            "s.rubric.3: expected what the grade means, got none",
        ),
        (
            {"model": "m", "rubric": {**MEANINGS, "2": " "}},
            "s.rubric.2: expected a text, got ' '",
        ),
    ],
)
def test_wrong_options(options: Any, line: str) -> None:
    problems = Problems()
    assert build(options, "s", problems) is None
    assert problems.lines == [line]
