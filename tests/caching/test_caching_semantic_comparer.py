"""Comparing a held answer with a fresh one."""

import asyncio
from collections.abc import Generator, Sequence
from decimal import Decimal
from typing import Any

import pytest

from stepdown.caching.semantic.comparer import AnswerComparer, Comparison
from stepdown.quality.shadow.calls import Caller
from stepdown.quality.shadow.money import DayBudget
from stepdown.requests import request_of
from stepdown.types import Choice, Consult, Scores, Task
from support.scripted import Fleet, Upstream, Words

PROSE = "Tell me about lentils."


def compared(
    held: str, fresh: str, comparer: AnswerComparer, *, form: str | None = None
) -> Comparison:
    body: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": PROSE}]}
    if form is not None:
        body["response_format"] = {"type": form}
    request = request_of(body)
    return asyncio.run(comparer.compare(request, Choice(held), Choice(fresh), {}))


@pytest.mark.parametrize(
    ("held", "fresh", "comparison"),
    [
        ('{"a": 1, "b": 2}', '{ "b": 2.0, "a": 1 }', "right"),
        ('{"a": 1}', '{"a": 2}', "wrong"),
        ("no JSON", '{"a": 2}', "wrong"),
    ],
)
def test_values_are_compared_as_such(held: str, fresh: str, comparison: str) -> None:
    assert compared(held, fresh, AnswerComparer(), form="json_object") == comparison


def test_prose_needs_a_scorer_that_can_tell() -> None:
    """Agreeing prose is not told either: else only agreements would count."""
    assert compared("Same.", "Same.", AnswerComparer()) == "untold"


class Asks:
    """A judge that takes the reply's number for the held answer's score."""

    name = "asks"
    model = "judge"

    def applies(self, task: Task) -> bool:
        return True

    def judge(
        self, choices: Sequence[Choice | None], task: Task
    ) -> Generator[Consult, Sequence[Choice | None], Scores]:
        told = yield Consult((task.request,), "judge", self.model)
        if told[0] is None:
            return Scores((None, None), self.name, why="the call failed")
        return Scores((float(told[0].text), 1.0), self.name, judged=1)


def judged(*replies: str, margin: float = 0.0, budget: DayBudget | None = None) -> AnswerComparer:
    upstream = Upstream("judge", *(Words(reply) for reply in replies))
    caller = Caller(Fleet(judge=upstream), 5.0)
    return AnswerComparer([Asks()], caller, margin=margin, budget=budget)


def test_a_judge_tells_prose_apart() -> None:
    assert compared("One.", "Other.", judged("1.0")) == "right"
    assert compared("One.", "Other.", judged("0.5")) == "wrong"


def test_a_difference_within_the_margin_is_none() -> None:
    assert compared("One.", "Other.", judged("0.8", margin=0.2)) == "right"
    assert compared("One.", "Other.", judged("0.7", margin=0.2)) == "wrong"


def test_without_a_caller_a_judge_cannot_tell() -> None:
    assert compared("One.", "Other.", AnswerComparer([Asks()])) == "untold"


def test_once_the_days_money_is_spent_pairs_are_skipped() -> None:
    budget = DayBudget(Decimal("0.5"))
    comparer = judged("1.0", "1.0", budget=budget)
    assert compared("One.", "Other.", comparer) == "right"
    assert budget.spent > 0
    budget.settle(Decimal(0), Decimal("0.5"))
    assert compared("One.", "Other.", comparer) == "skipped"


def test_under_a_limit_a_judge_of_unknown_price_is_not_asked_again() -> None:
    upstream = Upstream("judge", Words("1.0"), Words("1.0"))
    fleet = Fleet(judge=upstream)
    fleet.endpoints["judge"].price = None
    comparer = AnswerComparer([Asks()], Caller(fleet, 5.0), budget=DayBudget(Decimal(100)))
    assert compared("One.", "Other.", comparer) == "right"
    assert compared("One.", "Other.", comparer) == "skipped"
    assert len(upstream.asked) == 1


class Broken(Asks):
    """A scorer that raises."""

    name = "broken"

    def judge(self, choices: Any, task: Task) -> Any:
        raise RuntimeError("It is broken.")


def test_what_a_scorer_raises_tells_nothing() -> None:
    assert compared("One.", "Other.", AnswerComparer([Broken()])) == "untold"
