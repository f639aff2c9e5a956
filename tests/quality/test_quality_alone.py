"""Answers judged one by one: each once, each worth what its verdict is worth."""

import pytest

from stepdown.cascade.question import Question
from stepdown.cascade.shown import LONGEST_ANSWER
from stepdown.quality.judges.alone import judge_alone
from stepdown.quality.judges.asking import FAILED, UNREADABLE
from stepdown.types import Choice, Scores
from support.judging import TASK, between_marks

QUESTION = Question("m", "Judge.", "verdict", ("good", "bad"))
WORTH = {"good": 1.0, "bad": 0.25}
GOOD, BAD = Choice('{"verdict": "good"}'), Choice('{"verdict": "bad"}')


def judged(
    answers: list[str | None],
    replies: list[Choice | None],
    known: list[tuple[str, str]] | None = None,
) -> tuple[Scores, list[dict[str, str]]]:
    """The scores, and what was shown."""
    choices = [None if each is None else Choice(each) for each in answers]
    judging = judge_alone("j", QUESTION, WORTH, choices, TASK, known or [])
    shown: list[dict[str, str]] = []
    try:
        shown = [between_marks(each) for each in next(judging).requests]
        assert len(shown) == len(replies)
        judging.send(replies)
    except StopIteration as end:
        scores: Scores = end.value
        return scores, shown
    raise AssertionError("asked a second time")


def test_each_answer_is_shown_by_itself() -> None:
    scores, shown = judged(["a", "b"], [GOOD, BAD])
    assert scores == Scores((1.0, 0.25), "j")
    conversation = "[user]\nWhat is 2+2?"
    assert shown == [
        {"conversation": conversation, "answer": "a"},
        {"conversation": conversation, "answer": "b"},
    ]


def test_equal_answers_are_asked_about_once() -> None:
    scores, shown = judged(["a", "b", " a"], [GOOD, BAD])
    assert scores.values == (1.0, 0.25, 1.0)
    assert [each["answer"].strip() for each in shown] == ["a", "b"]


def test_missing_answers_cost_no_call() -> None:
    scores, _ = judged([None, "a"], [BAD])
    assert scores == Scores((None, 0.25), "j")
    assert judged([None, None], []) == (Scores((None, None), "j"), [])


@pytest.mark.parametrize(("reply", "why"), [(None, FAILED), (Choice("fine"), UNREADABLE)])
def test_what_cannot_be_heard_is_not_scored(reply: Choice | None, why: str) -> None:
    scores, _ = judged(["a", "b"], [reply, GOOD])
    assert scores == Scores((None, 1.0), "j", why=why)


def test_what_is_known_is_shown_with_every_answer() -> None:
    _, shown = judged(["a", "b"], [GOOD, BAD], [("hint", "it is a")])
    assert [each["hint"] for each in shown] == ["it is a", "it is a"]


def test_what_is_too_long_is_never_judged_unseen() -> None:
    long = "x" * (LONGEST_ANSWER + 1)
    scores, shown = judged([long, "b"], [GOOD])
    why = "the answer has 40001 characters, a judge is shown 40000"
    assert scores == Scores((None, 1.0), "j", why=why)
    assert [each["answer"] for each in shown] == ["b"]
    why = "the hint has 40001 characters, a judge is shown 40000"
    assert judged(["a"], [], [("hint", long)]) == (Scores((None,), "j", why=why), [])
