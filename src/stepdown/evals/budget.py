"""Keeps a run within its budget: what a call may cost is set aside before it, and settled after.

A budget that is only looked at before the calls and charged after them is overspent by as many as
are under way.
"""

import asyncio
from collections import deque
from decimal import Decimal

from msgspec import Struct

from stepdown.pricing.amounts import dollars


class OutOfBudget(Exception):
    """The rest of the budget does not cover what the next call may cost."""


class Budget:
    """So many US dollars. What is spent and what is set aside never add up to more than the limit,
    as long as no call costs more than was set aside for it.

    ``spent`` is what was settled. Once a call does not fit, none does any more: to go on with the
    cheap ones would bias what is measured.
    """

    def __init__(self, limit: Decimal) -> None:
        self.limit = limit
        self.spent = Decimal(0)
        self._reserved = Decimal(0)
        self._waiting: deque[_Turn] = deque()
        self._refusal: str | None = None

    async def reserve(self, amount: Decimal) -> None:
        """Set an amount aside; it has to be settled. Raises OutOfBudget.

        Waits, in turn, where it only fits once calls that are under way cost less than they might.
        """
        turn = _Turn(amount, asyncio.get_running_loop().create_future())
        self._waiting.append(turn)
        self._go_on()
        try:
            await turn.granted
        except asyncio.CancelledError:
            self._withdraw(turn)
            raise

    def settle(self, reserved: Decimal, spent: Decimal) -> None:
        """Give back what was set aside, and take what was spent of it."""
        self._reserved -= reserved
        self.spent += spent
        self._go_on()

    def _go_on(self) -> None:
        """Grant or refuse the next turns, as far as that is decided."""
        while self._waiting:
            turn = self._waiting[0]
            if turn.granted.done():  # whoever wanted it went away
                self._waiting.popleft()
                continue
            if self._refusal is None and self.spent + turn.amount > self.limit:
                self._refusal = (
                    f"The budget of {dollars(self.limit)} is used up: {dollars(self.spent)} is "
                    f"spent, and the next call may cost {dollars(turn.amount)}."
                )
            if self._refusal is not None:
                turn.granted.set_exception(OutOfBudget(self._refusal))
            elif self.spent + self._reserved + turn.amount <= self.limit:
                self._reserved += turn.amount
                turn.granted.set_result(None)
            else:
                return
            self._waiting.popleft()

    def _withdraw(self, turn: "_Turn") -> None:
        granted = turn.granted
        if not granted.cancelled() and granted.exception() is None:
            self.settle(turn.amount, Decimal(0))
        else:
            self._go_on()


class _Turn(Struct, eq=False):
    amount: Decimal
    granted: asyncio.Future[None]
