"""Budgets: nothing is overspent, whatever calls cost and whoever goes away; turns are kept."""

import asyncio
from collections.abc import Callable, Coroutine
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepdown.evals.budget import Budget, OutOfBudget

D = Decimal


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def within_time() -> None:
        async with asyncio.timeout(20):
            await test()

    asyncio.run(within_time())


def test_what_fits_is_granted_at_once_and_the_rest_refused() -> None:
    async def test() -> None:
        budget = Budget(D("1.00"))
        await budget.reserve(D("0.60"))
        budget.settle(D("0.60"), D("0.55"))
        assert budget.spent == D("0.55")
        await budget.reserve(D("0.45"))
        budget.settle(D("0.45"), D("0.45"))
        with pytest.raises(OutOfBudget) as caught:
            await budget.reserve(D("0.0001"))
        assert str(caught.value) == (
            "The budget of $1 is used up: $1 is spent, and the next call may cost $0.0001."
        )

    run(test)


def test_it_waits_for_what_calls_under_way_may_give_back() -> None:
    async def test() -> None:
        budget = Budget(D(1))
        await budget.reserve(D("0.8"))
        waiting = asyncio.ensure_future(budget.reserve(D("0.5")))
        await asyncio.sleep(0)
        assert not waiting.done()
        budget.settle(D("0.8"), D("0.1"))
        await waiting

    run(test)


def test_what_cannot_fit_any_more_is_refused_without_a_wait() -> None:
    async def test() -> None:
        budget = Budget(D(1))
        await budget.reserve(D("0.3"))
        budget.settle(D("0.3"), D("0.3"))
        await budget.reserve(D("0.3"))  # under way
        with pytest.raises(OutOfBudget):
            await budget.reserve(D("0.8"))

    run(test)


def test_small_calls_do_not_pass_by_one_that_waits() -> None:
    async def test() -> None:
        budget = Budget(D(1))
        await budget.reserve(D("0.7"))
        granted: list[str] = []

        async def want(name: str, amount: str) -> None:
            await budget.reserve(D(amount))
            granted.append(name)

        async with asyncio.TaskGroup() as group:
            group.create_task(want("large", "0.6"))
            group.create_task(want("small", "0.1"))
            await asyncio.sleep(0.01)
            assert granted == []
            budget.settle(D("0.7"), D("0.2"))
        assert granted == ["large", "small"]

    run(test)


def test_once_a_call_does_not_fit_none_does() -> None:
    async def test() -> None:
        budget = Budget(D(1))
        await budget.reserve(D("0.9"))
        large = asyncio.ensure_future(budget.reserve(D("0.5")))
        small = asyncio.ensure_future(budget.reserve(D("0.05")))
        await asyncio.sleep(0)
        budget.settle(D("0.9"), D("0.9"))
        for refused in (large, small, budget.reserve(D(0))):
            with pytest.raises(OutOfBudget):
                await refused

    run(test)


def test_who_goes_away_gives_up_the_turn_and_the_grant() -> None:
    async def test() -> None:
        budget = Budget(D(1))
        await budget.reserve(D("0.5"))
        first, second = (asyncio.ensure_future(budget.reserve(D("0.6"))) for _ in range(2))
        third = asyncio.ensure_future(budget.reserve(D("0.4")))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        budget.settle(D("0.5"), D(0))  # grants the second its money …
        second.cancel()  # … which it gives back
        await asyncio.wait([first, second])
        assert first.cancelled()
        assert second.cancelled()
        await third
        budget.settle(D("0.4"), D(0))
        await budget.reserve(D(1))

    run(test)


def test_more_than_was_set_aside_is_counted() -> None:
    async def test() -> None:
        budget = Budget(D(1))
        await budget.reserve(D("0.5"))
        budget.settle(D("0.5"), D("1.5"))
        assert budget.spent == D("1.5")
        with pytest.raises(OutOfBudget):
            await budget.reserve(D(0))

    run(test)


class Simulation:
    """Calls that cost at most what was set aside, so many at once; some are cancelled.

    ``highest`` is the most that was ever spent and promised together.
    """

    def __init__(self, limit: Decimal, seed: int) -> None:
        self.budget = Budget(limit)
        self.random = Random(seed)
        self.promised = self.highest = D(0)
        self.calls = self.refused = self.cancelled = 0

    async def run(self, costs: list[tuple[int, int]], concurrency: int) -> None:
        slots = asyncio.Semaphore(concurrency)
        tasks = [asyncio.ensure_future(self._call(slots, most, cost)) for most, cost in costs]
        for task in tasks:
            if self.random.random() < 0.2:
                for _ in range(self.random.randrange(4)):
                    await asyncio.sleep(0)
                task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            self.refused += isinstance(ended, OutOfBudget)
            self.cancelled += isinstance(ended, asyncio.CancelledError)

    async def _call(self, slots: asyncio.Semaphore, most: int, cost: int) -> None:
        async with slots:
            reserved, spent = D(max(most, cost)) / 100, D(0)
            await self.budget.reserve(reserved)
            self.promised += reserved
            self.highest = max(self.highest, self.budget.spent + self.promised)
            try:
                self.calls += 1
                for _ in range(self.random.randrange(4)):
                    await asyncio.sleep(0)
                spent = D(min(most, cost)) / 100
            finally:
                self.promised -= reserved
                self.budget.settle(reserved, spent)


@settings(max_examples=200, deadline=None)
@given(
    limit=st.integers(1, 3000),
    costs=st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), min_size=1, max_size=80),
    concurrency=st.integers(1, 12),
    seed=st.integers(0, 2**32),
)
def test_it_is_never_overspent(
    limit: int, costs: list[tuple[int, int]], concurrency: int, seed: int
) -> None:
    simulation = Simulation(D(limit) / 100, seed)

    async def test() -> None:
        await simulation.run(costs, concurrency)
        budget = simulation.budget
        assert simulation.highest <= budget.limit
        assert budget.spent <= budget.limit
        if not simulation.refused:  # then all that is left can still be had at once
            await budget.reserve(budget.limit - budget.spent)

    run(test)


def test_the_simulation_does_run_out_and_does_wait() -> None:
    """The property above is not empty: there are refusals, and money comes back before them."""
    simulation = Simulation(D("20.00"), 1)
    run(lambda: simulation.run([(100, 10)] * 300, 8))
    assert simulation.refused > 50
    assert simulation.calls > 20  # more than fit if each cost the most it may
    assert simulation.highest > D("19")
