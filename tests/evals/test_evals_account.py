"""What a run has spent: answers and judges apart, and what is covered by the budget beforehand."""

import asyncio
from decimal import Decimal

import pytest

from stepdown.errors import ConfigError, UpstreamFailed
from stepdown.evals.account import Account
from stepdown.evals.budget import Budget, OutOfBudget
from stepdown.evals.calls import Call
from stepdown.quality.bounds import LEAST_OUTPUT
from stepdown.requests import request_of
from stepdown.types import Request, Role, Usage
from support.scripted import Fleet, TokenPrice, Upstream, Words

D = Decimal


def asked(**fields: object) -> Request:
    return request_of({"model": "m", "messages": [{"role": "user", "content": "hi"}], **fields})


def call(*answers: Words | BaseException) -> Call:
    made = Call("cheap", asked())
    asyncio.run(made.make(Fleet(cheap=Upstream("cheap", *answers))))
    return made


@pytest.mark.parametrize("role", ["answer", "sample", "judge"])
def test_the_judges_calls_and_cost_are_counted_apart(role: Role) -> None:
    account = Account(None, lambda model: None)
    account.settle(call(Words("a b")), role, D(0))
    account.settle(call(UpstreamFailed("No.")), role, D(0))
    account.settle(Call("cheap", asked()), role, D(0))  # never made
    spent = account.spent
    judged = role == "judge"
    assert (spent.calls, spent.judge_calls) == ((0, 2) if judged else (2, 0))
    assert (spent.cost, spent.judge_cost) == ((D(0), D("0.21")) if judged else (D("0.21"), D(0)))
    assert (spent.unpriced, spent.seconds >= 0) == (0, True)


def test_answers_are_counted_by_how_they_came() -> None:
    account = Account(None, lambda model: None)
    for cached, failed in ((True, False), (True, True), (False, True), (False, False)):
        account.count(cached=cached, failed=failed)
    assert (account.spent.from_cache, account.spent.failed) == (2, 2)


def test_the_dearest_price_of_what_may_be_used_is_set_aside() -> None:
    async def run() -> None:
        account = Account(Budget(D(50)), lambda model: TokenPrice("0.01"))
        most = await account.reserve("m", asked())
        assert D("0.01") * LEAST_OUTPUT < most < D("0.01") * (LEAST_OUTPUT + 50)
        assert await account.reserve("m", asked(max_tokens=10)) < 1
        account.learn("m", asked(), Usage(input=5, output=2000))
        assert await account.reserve("m", asked()) > 20
        assert await account.reserve("other", asked()) == most
        with pytest.raises(OutOfBudget):
            await account.reserve("m", asked(max_tokens=6000))

    asyncio.run(run())


def test_what_a_call_did_cost_is_settled() -> None:
    async def run(budget: Budget) -> None:
        account = Account(budget, lambda model: TokenPrice("0.01"))
        reserved = await account.reserve("cheap", asked())
        made = Call("cheap", asked())
        await made.make(Fleet(cheap=Upstream("cheap", Words("a b"))))
        account.settle(made, "answer", reserved)
        assert budget.spent == D("0.21") == account.spent.cost
        await budget.reserve(budget.limit - budget.spent)

    asyncio.run(run(Budget(D(20))))


def test_a_model_without_a_price_has_no_place_in_a_budget() -> None:
    priceless = Account(Budget(D(1)), lambda model: None)
    assert "the price of 'm' is unknown" in (priceless.problem("m") or "")
    with pytest.raises(ConfigError, match="the price of 'm' is unknown"):
        asyncio.run(priceless.reserve("m", asked()))
    free = Account(None, lambda model: None)
    assert free.problem("m") is None
    assert asyncio.run(free.reserve("m", asked())) == 0
