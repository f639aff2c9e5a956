"""What a run spends: counts its calls and their cost, and has the budget cover each beforehand."""

import time
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal

from msgspec import structs

from stepdown.errors import ConfigError
from stepdown.evals.budget import Budget
from stepdown.evals.calls import Call
from stepdown.evals.report import Spent
from stepdown.ports import Price
from stepdown.quality.bounds import Bounds
from stepdown.types import Request, Role, Usage

_NOTHING = Decimal(0)


class Account:
    """One run's money. ``dearest`` gives a price that no deployment of a model exceeds."""

    def __init__(self, budget: Budget | None, dearest: Callable[[str], Price | None]) -> None:
        self._budget = budget
        self._dearest = dearest
        self._bounds: defaultdict[str, Bounds] = defaultdict(Bounds)
        self._spent = Spent()
        self._opened = time.monotonic()

    @property
    def spent(self) -> Spent:
        return structs.replace(self._spent, seconds=time.monotonic() - self._opened)

    def problem(self, model: str) -> str | None:
        """Why a budget cannot cover this model's calls, or None."""
        if self._budget is None or self._dearest(model) is not None:
            return None
        return (
            f"budget: the price of {model!r} is unknown, so no budget can cover its calls; "
            f"state it under 'prices'"
        )

    async def reserve(self, model: str, request: Request) -> Decimal:
        """Set aside what a call may cost, and say how much that is (US dollars).

        Raises OutOfBudget, or ConfigError for a model without a price.
        """
        if self._budget is None:
            return _NOTHING
        price = self._dearest(model)
        if price is None:
            raise ConfigError([self.problem(model) or model])
        most = price.cost(self._bounds[model].usage(request))
        await self._budget.reserve(most)
        return most

    def settle(self, call: Call, role: Role, reserved: Decimal) -> None:
        """Take what a call did cost: failed attempts too, and one that was broken off."""
        bill = call.bill()
        if self._budget is not None:
            self._budget.settle(reserved, bill.most(reserved))
        if not call.was_made:
            return
        spent = self._spent
        if role == "judge":
            calls, cost = spent.judge_calls + 1, spent.judge_cost + bill.cost
            spent = structs.replace(spent, judge_calls=calls, judge_cost=cost)
        else:
            calls, cost = spent.calls + 1, spent.cost + bill.cost
            spent = structs.replace(spent, calls=calls, cost=cost)
        self._spent = structs.replace(spent, unpriced=spent.unpriced + (bill.unknown > 0))

    def learn(self, model: str, request: Request, usage: Usage | None) -> None:
        """Take note of what an answer used: the next one may use as much."""
        if self._budget is not None and usage is not None:
            self._bounds[model].learn(request, usage)

    def count(self, *, cached: bool, failed: bool) -> None:
        """Count an answer that was given to whoever asked."""
        spent = self._spent
        self._spent = structs.replace(
            spent, from_cache=spent.from_cache + cached, failed=spent.failed + failed
        )
