"""What a route would have served and spent, by answers that are there."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from stepdown.cascade.plan import Cascade
from stepdown.cascade.steps import Ask
from stepdown.errors import UnknownModel
from stepdown.evals.replies import Reply
from stepdown.evals.routed import CannotFollow, Consulted, Routed, cascade_of, decide, follow
from stepdown.requests import request_of
from stepdown.types import Choice, Decision, Request
from support.evaluations import EASY, cascades_of, item, route_of

D = Decimal
LADDER = ("cheap", "mid", "strong")
COSTS = (D("0.01"), D("0.10"), D("1.00"))
SHORT = {"length": {"max": 9}}


def request(text: str = "1?", **fields: Any) -> Request:
    return request_of({"model": "auto", "messages": [{"role": "user", "content": text}], **fields})


def cascade(*validators: Any, **options: Any) -> Cascade:
    found = cascades_of(*(validators or [SHORT]), rungs=3, **options).default
    assert found is not None
    return found


def replies(*given: str | Reply | None) -> list[Reply]:
    """A text for each rung; None for one that failed."""
    made: list[Reply] = []
    for each, model, cost in zip(given, LADDER[-len(given) :], COSTS[-len(given) :], strict=True):
        if each is None:
            made.append(Reply(model, error="upstream_failed: No."))
        elif isinstance(each, str):
            made.append(Reply(model, (Choice(each, finish_reason="stop"),), cost))
        else:
            made.append(structs.replace(each, model=model))
    return made


async def nobody(ask: Ask) -> Consulted:
    raise AssertionError(f"nobody is to be asked: {ask}")


def followed(
    given: Sequence[Reply],
    checks: Cascade | None,
    start: int = 0,
    consult: Any = nobody,
    asked: Request | None = None,
) -> tuple[int, Decimal | None]:
    decision = Decision("easy", LADDER[start], start)
    routed: Routed = asyncio.run(follow(decision, checks, asked or request(), given, consult))
    return routed.rung, routed.cost


# ── Deciding ─────────────────────────────────────────────────────────────────────────────────


def decided(route: Any, asked: Request) -> Decision:
    return asyncio.run(decide(route, asked)).decision


def test_a_decision_is_the_routes_own() -> None:
    easy = request_of({**item().body, "model": "auto"}, intent="easy")
    assert decided(route_of(), easy).name == "easy"
    assert decided(route_of(), request()).name == "default"


def test_what_each_rule_said_is_kept() -> None:
    long = {"name": "long", "when": {"tokens": {"gt": 2000}}, "rung": "strong"}
    turn = {"name": "turn", "when": {"turns": 1}, "rung": "cheap"}
    route = route_of(turn, EASY, long, match="first")
    told = asyncio.run(decide(route, request()))
    assert (told.decision.name, told.matched, told.borderline) == ("turn", ("turn",), ())
    easy = request_of({**item().body, "model": "auto"}, intent="easy")
    assert asyncio.run(decide(route, easy)).matched == ("turn", "easy")


def test_a_conversation_is_judged_by_itself() -> None:
    """The gateway would keep it at the rung that answered the turn before."""
    route = route_of()
    turns = [{"role": "user", "content": "1?"}]
    body = {"model": "auto", "messages": turns, "user": "u-1"}
    route.remember(request_of(body), 1)
    assert decided(route_of(), request_of(body, intent="easy")).name == "easy"


def test_a_cascade_belongs_to_the_rule_or_to_nobody() -> None:
    cascades = cascades_of(SHORT)
    assert cascade_of(None, request(), Decision("easy", "cheap")) is None
    assert cascade_of(cascades, request(), Decision("easy", "cheap")) is cascades.default
    bare = structs.replace(cascades, by_rule={"easy": None})
    assert cascade_of(bare, request(), Decision("easy", "cheap")) is None
    unchecked = cascades_of({"tool_calls": {}})
    assert cascade_of(unchecked, request(), Decision("easy", "cheap")) is None


# ── Following ────────────────────────────────────────────────────────────────────────────────


def test_without_a_cascade_the_decided_rung_is_served_whatever_it_says() -> None:
    said = replies("a long answer", "b", "c")
    assert [followed(said, None, rung) for rung in range(3)] == list(enumerate(COSTS))
    assert followed(replies(None, "b", "c"), None) == (0, None)


@pytest.mark.parametrize(
    ("said", "start", "rung", "cost"),
    [
        (("a", "b", "c"), 0, 0, "0.01"),
        (("far too long", "b", "c"), 0, 1, "0.11"),
        (("far too long", "far too long", "far too long"), 0, 2, "1.11"),
        (("far too long", "far too long", "c"), 1, 2, "1.10"),
        (("a", "b", "far too long"), 2, 2, "1.00"),
        ((None, "b", "c"), 0, 1, "0.10"),
        ((None, None, "c"), 0, 2, "1.00"),
        (("far too long", None, "c"), 0, 2, "1.01"),
    ],
)
def test_a_cascade_climbs_where_an_answer_is_rejected_or_missing(
    said: Sequence[str | None], start: int, rung: int, cost: str
) -> None:
    assert followed(replies(*said), cascade(), start) == (rung, D(cost))


@pytest.mark.parametrize("said", [(None, None, None), ("far too long", None, None)])
def test_where_the_last_rung_fails_nothing_is_served(said: Sequence[str | None]) -> None:
    assert followed(replies(*said), cascade()) == (2, None)


def test_unless_a_rejected_answer_may_be() -> None:
    best = cascade(serve_best_effort=True)
    assert followed(replies("far too long", None, None), best) == (0, D("0.01"))
    assert followed(replies("far too long", "even longer than that", None), best) == (1, D("0.11"))
    assert followed(replies(None, None, None), best) == (2, None)


def test_every_choice_has_to_pass() -> None:
    several = Reply("cheap", (Choice("a"), Choice("far too long")), D("0.01"))
    assert followed(replies(several, "b", "c"), cascade()) == (1, D("0.11"))


def test_a_cost_that_is_unknown_makes_the_sum_unknown() -> None:
    unpriced = Reply("cheap", (Choice("far too long"),))
    assert followed(replies(unpriced, "b", "c"), cascade()) == (1, None)
    assert followed(replies(unpriced, "b", "c"), cascade(), 1) == (1, D("0.10"))


@given(
    said=st.lists(st.sampled_from(["a", "far too long", None]), min_size=3, max_size=3),
    start=st.integers(0, 2),
)
def test_costs_add_up(said: list[str | None], start: int) -> None:
    """All answers up to the served one are paid for, and no other."""
    rung, cost = followed(replies(*said), cascade(), start)
    if said[rung] is None:
        assert (rung, cost) == (2, None)
        return
    tried = [COSTS[each] for each in range(start, rung + 1) if said[each] is not None]
    assert cost == sum(tried)
    assert rung == 2 or said[rung] == "a"


# ── What is not known of an answer ───────────────────────────────────────────────────────────

SCORED = Reply("", cost=D("0.5"), score=1.0, untold="the answer's text")


def test_an_answer_that_is_not_known_cannot_be_checked() -> None:
    with pytest.raises(CannotFollow) as caught:
        followed(replies(SCORED, "b", "c"), cascade())
    assert str(caught.value) == (
        "the cascade checks what cheap said, and the answer's text is not known"
    )
    with pytest.raises(CannotFollow, match="what mid said"):
        followed(replies("far too long", SCORED, "c"), cascade())


def test_an_answer_that_no_check_comes_to_need_not_be_known() -> None:
    assert followed(replies("a", SCORED, SCORED), cascade()) == (0, D("0.01"))
    assert followed(replies(SCORED, "b", SCORED), cascade(), 1) == (1, D("0.10"))
    assert followed(replies("far too long", "too long as well", SCORED), cascade()) == (
        2,
        D("0.61"),
    )


def test_a_last_rung_that_a_table_lacks_has_not_failed() -> None:
    lacking = Reply("", error="the table has no outcome of this model", untold="the answer")
    best = cascade(serve_best_effort=True)
    assert followed(replies("far too long", "too long as well", lacking), best) == (2, None)


# ── Graders ──────────────────────────────────────────────────────────────────────────────────


MILL = D("0.001")


class Grader:
    """Answers as told, at a cost of its own, and keeps what it was asked."""

    def __init__(self, *told: str | None, cost: Decimal | None = MILL) -> None:
        self._told = list(told)
        self._cost = cost
        self.asked: list[Ask] = []

    async def __call__(self, ask: Ask) -> Consulted:
        self.asked.append(ask)
        texts = [self._told.pop(0) for _ in ask.requests]
        return [None if text is None else Choice(text) for text in texts], self._cost


JUDGED = {"judge": {"model": "judge"}}


def test_a_judge_that_is_content_is_paid_for() -> None:
    consult = Grader('{"grade": "5"}')
    assert followed(replies("a", "b", "c"), cascade(JUDGED), consult=consult) == (0, D("0.011"))
    [ask] = consult.asked
    assert (ask.rung, ask.role, ask.model) == (0, "judge", "judge")


def test_a_judge_is_asked_about_each_rung_on_the_way() -> None:
    consult = Grader('{"grade": "2"}', None)
    assert followed(replies("a", "b", "c"), cascade(JUDGED), consult=consult) == (2, D("1.112"))
    assert [ask.rung for ask in consult.asked] == [0, 1]


def test_samples_are_of_the_rung_that_is_graded() -> None:
    consult = Grader("A", "A", "A", "b", "x", "y", "z", "b")
    checks = cascade({"self_consistency": {"samples": 5}})
    assert followed(replies("a", "b", "c"), checks, consult=consult) == (0, D("0.011"))
    checks = cascade({"self_consistency": {"samples": 3}}, SHORT)
    consult = Grader("x", "y", "b", "b")
    assert followed(replies("a", "b", "c"), checks, consult=consult) == (1, D("0.112"))
    assert [(ask.rung, ask.role, ask.model) for ask in consult.asked] == [
        (0, "sample", None),
        (1, "sample", None),
    ]


def test_a_rejected_answer_is_not_graded() -> None:
    said = replies("far too long", "far too long", "c")
    assert followed(said, cascade(SHORT, JUDGED)) == (2, D("1.11"))


def test_a_grader_of_unknown_cost_makes_the_sum_unknown() -> None:
    consult = Grader('{"grade": "5"}', cost=None)
    assert followed(replies("a", "b", "c"), cascade(JUDGED), consult=consult) == (0, None)


def test_what_keeps_a_grader_from_asking_is_raised() -> None:
    """A model that is not there is no failure of the last rung."""

    async def unknown(ask: Ask) -> Consulted:
        raise UnknownModel("The model 'judge' does not exist here.")

    with pytest.raises(UnknownModel):
        followed(replies("a", "b", "c"), cascade(JUDGED), consult=unknown)
