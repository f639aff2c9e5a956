"""A day's money is never overspent, begins anew every day, and goes to no cheap call first."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from stepdown.ports import Price
from stepdown.quality.bounds import LEAST_OUTPUT
from stepdown.quality.judges.pairwise import Pairwise
from stepdown.quality.shadow.money import Costs, DayBudget
from stepdown.types import Usage
from support.fleets import Clock
from support.scripted import TokenPrice
from support.shadows import asked

D = Decimal
DAY = 86_400.0
cents = st.integers(0, 60).map(lambda amount: D(amount) / 100)


def budget(limit: str | None, now: float = 10 * DAY) -> tuple[DayBudget, Clock]:
    clock = Clock(now)
    return DayBudget(None if limit is None else D(limit), clock), clock


def test_what_is_set_aside_counts_until_it_is_settled() -> None:
    money, _ = budget("1")
    assert money.reserve(D("0.7"))
    assert not money.reserve(D("0.4"))
    money.settle(D("0.7"), D("0.1"))
    assert money.spent == D("0.1")
    assert money.reserve(D("0.9"))
    assert not money.reserve(D("0.01"))


def test_no_cheaper_call_is_let_through_before_the_one_that_was_refused_would_fit() -> None:
    money, _ = budget("1")
    assert money.reserve(D("0.5"))
    assert not money.reserve(D("0.6"))
    assert not money.reserve(D("0.1"))
    money.settle(D("0.5"), D("0.2"))
    assert money.reserve(D("0.1"))
    assert money.reserve(D("0.2"))


def test_what_no_day_can_pay_holds_up_nobody() -> None:
    money, _ = budget("1")
    assert not money.reserve(D("1.01"))
    assert money.reserve(D("0.5"))


def test_a_new_day_begins_at_midnight_utc_with_what_is_under_way_still_set_aside() -> None:
    money, clock = budget("1", now=11 * DAY - 1)
    assert money.reserve(D("0.4"))
    money.settle(D("0.4"), D("0.4"))
    assert money.reserve(D("0.5"))
    assert not money.reserve(D("0.2"))
    clock.pass_(0.5)
    assert money.spent == D("0.4")
    clock.pass_(0.5)
    assert money.spent == 0
    assert not money.reserve(D("0.6"))
    money.settle(D("0.5"), D("0.3"))
    assert money.spent == D("0.3")
    assert money.reserve(D("0.7"))


def test_without_a_limit_it_only_counts() -> None:
    money, _ = budget(None)
    assert money.reserve(D(10**9))
    money.settle(D(10**9), D(3))
    assert money.spent == 3


def test_what_other_processes_spend_counts_too() -> None:
    money, clock = budget("1")
    assert money.reserve(D("0.1"))
    money.settle(D("0.1"), D("0.1"))
    money.learn(D("0.8"))
    assert money.spent == D("0.8")
    money.learn(D("0.5"))  # an older sum
    assert money.spent == D("0.8")
    assert money.reserve(D("0.2"))
    assert not money.reserve(D("0.01"))
    clock.pass_(DAY)
    assert money.spent == 0


class Spending(RuleBasedStateMachine):
    """Calls that cost no more than was set aside, in any order, over several days."""

    def __init__(self) -> None:
        super().__init__()
        self.money, self.clock = budget("1")
        self.reserved: list[Decimal] = []
        self.spent = D(0)
        self.day = 10

    @rule(amount=cents)
    def reserves(self, amount: Decimal) -> None:
        if self.money.reserve(amount):
            self.reserved.append(amount)

    @rule(place=st.integers(0), share=st.sampled_from([D(0), D("0.5"), D(1)]))
    def settles(self, place: int, share: Decimal) -> None:
        if self.reserved:
            amount = self.reserved.pop(place % len(self.reserved))
            self.money.settle(amount, amount * share)
            self.spent += amount * share

    @rule()
    def passes_a_third_of_a_day(self) -> None:
        self.clock.pass_(DAY / 3)
        today = int(self.clock() // DAY)
        if today != self.day:
            self.day, self.spent = today, D(0)

    @invariant()
    def stays_within_the_limit(self) -> None:
        assert self.money.spent == self.spent
        assert self.spent + sum(self.reserved) <= 1

    def teardown(self) -> None:
        for amount in self.reserved:
            self.money.settle(amount, D(0))
        self.clock.pass_(DAY)
        assert self.money.reserve(D(1))


TestSpending = Spending.TestCase
TestSpending.settings = settings(max_examples=50, stateful_step_count=30)


# ── What calls may cost ──────────────────────────────────────────────────────────────────────


def dearest(model: str) -> Price | None:
    return None if model == "unknown" else TokenPrice("0.01")


def test_a_call_may_cost_what_its_prompt_and_the_longest_answer_do() -> None:
    costs = Costs(dearest)
    first = costs.of_call("m", asked())
    assert first is not None
    assert first > D("0.01") * LEAST_OUTPUT
    costs.learn("m", asked(), Usage(input=5, output=5000))
    later = costs.of_call("m", asked())
    assert later is not None
    assert later > D("0.01") * 5000
    assert costs.of_call("other", asked()) == first
    assert costs.of_call("unknown", asked()) is None
    costs.learn("other", asked(), None)
    assert costs.of_call("other", asked()) == first


@given(st.integers(1, 50))
def test_judging_may_cost_both_orders_of_both_answers(limit: int) -> None:
    costs, judges = Costs(dearest), [Pairwise("judge")]
    request = asked(max_tokens=limit)
    most = costs.of_judging(judges, ("cheap", "strong"), request)
    assert most is not None
    assert most > D("0.01") * 2 * (2 * limit + LEAST_OUTPUT)


@pytest.mark.parametrize(
    ("judges", "expected"), [((), D(0)), ((Pairwise("unknown"),), None)], ids=str
)
def test_nothing_and_unknown_prices(judges: Any, expected: Decimal | None) -> None:
    assert Costs(dearest).of_judging(judges, ("cheap", "strong"), asked()) == expected
