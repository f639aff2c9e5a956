"""Settling scores: the first scorer that applies and can tell, never two scales side by side."""

from collections.abc import Generator, Sequence

from stepdown.ports import Judge, Scorer
from stepdown.quality.settle import MISSING, NO_SCORER, is_judge, settle
from stepdown.types import Choice, Consult, Prompt, Request, Scores, Task

TASK = Task(Request("r", Prompt("auto", []), {}))
BOTH = (Choice("served"), Choice("reference"))


class Fixed:
    """Gives each text a score; None where it cannot tell."""

    def __init__(self, name: str, scores: dict[str, float | None], *, applies: bool = True) -> None:
        self.name = name
        self._scores = scores
        self._applies = applies

    def applies(self, task: Task) -> bool:
        return self._applies

    def score(self, choice: Choice, task: Task) -> float | None:
        return self._scores[choice.text]


class Asks:
    """A judge that asks once and gives the reply's number to the first answer."""

    name = "asks"
    model = "gpt-4o"

    def applies(self, task: Task) -> bool:
        return True

    def judge(
        self, choices: Sequence[Choice | None], task: Task
    ) -> Generator[Consult, Sequence[Choice | None], Scores]:
        told = yield Consult((task.request,), "judge", self.model)
        if told[0] is None:
            return Scores((None, None), self.name, why="the call failed")
        return Scores((float(told[0].text), 0.5), self.name, judged=1)


def settled(
    scorers: Sequence[Scorer | Judge],
    choices: Sequence[Choice | None] = BOTH,
    *replies: Choice | None,
) -> Scores:
    settling = settle(scorers, choices, TASK)
    waiting = iter(replies)
    told: list[Choice | None] | None = None
    while True:
        try:
            wish = next(settling) if told is None else settling.send(told)
        except StopIteration as end:
            scores: Scores = end.value
            return scores
        told = [next(waiting) for _ in wish.requests]


GOOD = Fixed("good", {"served": 0.2, "reference": 1.0})
BLIND = Fixed("blind", {"served": 0.9, "reference": None})


def test_the_first_that_applies_and_can_tell() -> None:
    aside = Fixed("aside", {"served": 1.0, "reference": 1.0}, applies=False)
    assert settled([aside, GOOD]) == Scores((0.2, 1.0), "good")


def test_two_answers_are_never_scored_by_two_scorers() -> None:
    assert settled([BLIND, GOOD]) == Scores((0.2, 1.0), "good")
    scores = settled([BLIND])
    assert (scores.values, scores.why) == ((None, None), "blind could not tell")


def test_a_missing_answer_leaves_the_others_scored() -> None:
    assert settled([GOOD], (None, BOTH[1])).values == (None, 1.0)
    assert settled([GOOD], (None, None)).why == MISSING
    assert settled([]).why == NO_SCORER


def test_what_a_scorer_raises_is_kept_and_the_next_is_asked() -> None:
    class Broken(Fixed):
        def score(self, choice: Choice, task: Task) -> float | None:
            raise ZeroDivisionError("by zero")

    broken = Broken("broken", {})
    assert settled([broken, GOOD]).scorer == "good"
    assert settled([broken]).why == "broken: ZeroDivisionError: by zero"


def test_a_judge_is_driven_by_whoever_makes_its_calls() -> None:
    judge = Asks()
    assert is_judge(judge)
    assert not is_judge(GOOD)
    assert settled([judge], BOTH, Choice("0.0")) == Scores((0.0, 0.5), "asks", judged=1)
    assert settled([judge, GOOD], BOTH, None).scorer == "good"
    assert settled([judge], BOTH, None).why == "the call failed"
    assert settled([judge], BOTH, Choice("no number")).why is not None
