"""Says whether a held answer was as good as a fresh one, by the scorers that compare shadows."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Literal, Protocol

from stepdown.ports import Judge, Scorer
from stepdown.quality.driving import OneThread, Told, driven
from stepdown.quality.shadow.calls import Caller
from stepdown.quality.shadow.money import DayBudget
from stepdown.quality.shadow.scoring import LiveScorers
from stepdown.types import Choice, Consult, Reading, Request

log = logging.getLogger("stepdown.caching")

Comparison = Literal["right", "wrong", "untold", "skipped"]
"""``untold``: no scorer could tell. ``skipped``: not compared, for a reason that has nothing to do
with the answers."""
_ROUNDING = 1e-9


class Comparer(Protocol):
    """Compares two answers to one request."""

    async def compare(
        self, request: Request, held: Choice, fresh: Choice, readings: Mapping[str, Reading]
    ) -> Comparison:
        """Raises nothing but CancelledError."""
        ...


class AnswerComparer:
    """Implements ``Comparer``: the held answer is wrong where the fresh one scores higher by more
    than ``margin``.

    ``caller`` makes judges' calls; without one, judges cannot tell. Once ``budget`` is spent,
    pairs that a judge might have to tell are skipped until the next day. So are they, under a
    limit, once a judge's call had an unknown cost.
    """

    def __init__(
        self,
        scorers: Sequence[Scorer | Judge] = (),
        caller: Caller | None = None,
        *,
        margin: float = 0.0,
        budget: DayBudget | None = None,
    ) -> None:
        self._scorers = LiveScorers(scorers)
        self._caller = caller
        self._margin = margin
        self.budget = DayBudget() if budget is None else budget
        self._apart = OneThread()
        self._unpriced = False

    async def compare(
        self, request: Request, held: Choice, fresh: Choice, readings: Mapping[str, Reading]
    ) -> Comparison:
        if self._scorers.judges and self._is_spent():
            return "skipped"
        wishing = self._scorers.score(held, fresh, request, readings)
        try:
            scores = await driven(wishing, self._asked, self._apart)
        except Exception:
            log.exception("A cached answer could not be compared with a fresh one.")
            return "untold"
        low, high = scores.values
        if low is None or high is None:
            return "untold"
        return "wrong" if high - low > self._margin + _ROUNDING else "right"

    def _is_spent(self) -> bool:
        limit = self.budget.limit
        return limit is not None and (self._unpriced or self.budget.spent >= limit)

    async def _asked(self, wish: Consult) -> Told:
        """A judge's calls, made at once."""
        caller, model = self._caller, wish.model
        if caller is None or model is None:
            return [None] * len(wish.requests)
        told = await asyncio.gather(
            *(caller.ask(request, model, wish.role) for request in wish.requests)
        )
        for each in told:
            self.budget.settle(Decimal(0), each.spent)
            self._unpriced |= each.unknown > 0
        return [each.choice for each in told]
