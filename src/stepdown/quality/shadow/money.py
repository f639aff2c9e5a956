"""The money of shadows: so much a day, set aside before a call and settled after it."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from decimal import Decimal

from msgspec import Struct

from stepdown.ports import Judge, Price
from stepdown.quality.bounds import Bounds
from stepdown.types import Request, Usage

_DAY = 86_400.0
_NOTHING = Decimal(0)
ORDERS = 2
"""Calls of a judge for a pair: both orders, or both answers."""
_QUESTION = 700
"""Tokens of a judge's instructions and marks, at most."""


class DayBudget:
    """So many US dollars a UTC day; a ``limit`` of None only counts.

    What is spent and what is set aside never add up to more than the limit, as long as no call
    costs more than was set aside for it. Once a call does not fit, no cheaper one does before it
    would have: to go on with the cheap ones would bias what is measured. One that no day's budget
    covers is refused by itself.
    """

    def __init__(
        self, limit: Decimal | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        """``clock`` gives seconds since 1970."""
        self.limit = limit
        self._clock = clock
        self._day = self._today()
        self._own = _NOTHING
        self._others = _NOTHING
        self._reserved = _NOTHING
        self._refused = _NOTHING

    @property
    def spent(self) -> Decimal:
        """US dollars of today, with what is known of other processes."""
        self._turn_over()
        return self._own + self._others

    def reserve(self, amount: Decimal) -> bool:
        """Set an amount aside, which then has to be settled; False where it does not fit."""
        if self.limit is not None:
            if amount > self.limit:
                return False
            needed = max(amount, self._refused)
            if self.spent + self._reserved + needed > self.limit:
                self._refused = needed
                return False
        self._refused = _NOTHING
        self._reserved += amount
        return True

    def settle(self, reserved: Decimal, spent: Decimal) -> None:
        """Give back what was set aside, and take what was spent of it."""
        self._turn_over()
        self._reserved -= reserved
        self._own += spent

    def learn(self, spent: Decimal) -> None:
        """Take note of what all processes together, this one included, have spent today."""
        self._turn_over()
        self._others = max(self._others, spent - self._own)

    def _turn_over(self) -> None:
        """On a new day nothing is spent yet; what is set aside stays so."""
        today = self._today()
        if today != self._day:
            self._day = today
            self._own = self._others = self._refused = _NOTHING

    def _today(self) -> int:
        return int(self._clock() // _DAY)


class Calling(Struct, frozen=True):
    """A call to ``model``; ``about``: the model whose answer it is put beside the request."""

    model: str
    about: str | None = None


class Costs:
    """What calls may cost at most: learnt from those before.

    ``dearest`` gives a price that no deployment of a model exceeds, or None where one is unknown.
    """

    def __init__(self, dearest: Callable[[str], Price | None]) -> None:
        self._dearest = dearest
        self._bounds: defaultdict[str, Bounds] = defaultdict(Bounds)

    def of_call(self, model: str, request: Request) -> Decimal | None:
        """US dollars for one call at most; None where the price is unknown."""
        price = self._dearest(model)
        return None if price is None else price.cost(self._bounds[model].usage(request))

    def of_calls(self, calls: Sequence[Calling], request: Request) -> Decimal | None:
        """US dollars for all of these calls at most; None where a price is unknown."""
        most = _NOTHING
        for call in calls:
            if call.about is None:
                cost = self.of_call(call.model, request)
            else:
                cost = self._of_grading(call.model, call.about, request)
            if cost is None:
                return None
            most += cost
        return most

    def _of_grading(self, model: str, about: str, request: Request) -> Decimal | None:
        price, bounds = self._dearest(model), self._bounds[model]
        if price is None:
            return None
        answer = self._bounds[about].usage(request).output
        read = bounds.usage(request).input + answer + _QUESTION
        return price.cost(Usage(input=read, output=bounds.output))

    def of_judging(
        self, judges: Sequence[Judge], models: Sequence[str], request: Request
    ) -> Decimal | None:
        """US dollars for having every judge asked about these models' answers; None as above."""
        answers = sum(self._bounds[model].usage(request).output for model in models)
        most = _NOTHING
        for judge in judges:
            price, bounds = self._dearest(judge.model), self._bounds[judge.model]
            if price is None:
                return None
            read = bounds.usage(request).input + answers + _QUESTION
            most += price.cost(Usage(input=ORDERS * read, output=ORDERS * bounds.output))
        return most

    def learn(self, model: str, request: Request, usage: Usage | None) -> None:
        """Take note of what an answer used: the next one may use as much."""
        if usage is not None:
            self._bounds[model].learn(request, usage)
