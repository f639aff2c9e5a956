"""Which rungs are compared, by the decision and by what came of it."""

import pytest

from stepdown.quality.shadow.comparison import (
    CLIMBED,
    FALLBACK,
    UNACCEPTED,
    Comparison,
    came_about,
    planned,
)
from stepdown.types import Attempt, Decision

LADDER = ("small", "medium", "large")


def decided(rung: int, held: int | None = None) -> Comparison:
    return planned(Decision("r", LADDER[rung], rung, held=held), 2)


def served(model: str, rung: int | None = None, verdict: str | None = None) -> Attempt:
    return Attempt(model, "d", 0.0, rung=rung, verdict=verdict)


@pytest.mark.parametrize(
    ("plan", "expected", "asked"),
    [
        (decided(0), Comparison(0, 0, 2), 2),
        (decided(1), Comparison(1, 1, 2), 2),
        (decided(2, held=0), Comparison(2, 0, 2), 0),
        (decided(2, held=1), Comparison(2, 1, 2), 1),
        (decided(2), Comparison(2, 0, 2, guarded=False), 0),
    ],
)
def test_a_decisions_rungs(plan: Comparison, expected: Comparison, asked: int) -> None:
    assert (plan, plan.asked) == (expected, asked)
    assert plan.served_low == (asked == 2)


def came(plan: Comparison, answer: Attempt) -> Comparison | str:
    return came_about(plan, answer, LADDER, lambda name: {"alias": "large"}.get(name, name))


@pytest.mark.parametrize(
    ("plan", "answer", "expected"),
    [
        (decided(0), served("small"), Comparison(0, 0, 2)),
        (decided(0), served("large"), FALLBACK),
        (decided(2), served("medium"), FALLBACK),
        (decided(2, held=0), served("alias"), Comparison(2, 0, 2)),
        (decided(0), served("small", 0, "accepted"), Comparison(0, 0, 2, saver="cascade")),
        (decided(0), served("medium", 1, "accepted"), Comparison(1, 1, 2, saver="cascade")),
        (decided(0), served("large", 0, "accepted"), FALLBACK),
        (decided(0), served("large", 2, "accepted"), CLIMBED),
        (decided(0), served("small", 0, "json_schema"), UNACCEPTED),
    ],
)
def test_what_came_of_it(plan: Comparison, answer: Attempt, expected: Comparison | str) -> None:
    assert came(plan, answer) == expected
