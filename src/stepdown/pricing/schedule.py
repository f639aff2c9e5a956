"""A price that changes with the calendar or the clock: which one holds at a moment."""

import time
from collections.abc import Sequence
from datetime import UTC, date, datetime
from datetime import time as clock
from decimal import Decimal

from msgspec import Struct

from stepdown.pricing.price import TokenPrice
from stepdown.types import Usage

RECHECK = 30.0
"""Seconds for which a running price is kept; no known price changes on a finer grid."""


class Period(Struct, frozen=True):
    """A price and when it holds: from a UTC day on, or between two UTC times of each day."""

    price: TokenPrice
    since: date | None = None
    hours: tuple[clock, clock] | None = None

    def holds(self, at: datetime) -> bool:
        """Whether the price holds at this moment (an aware datetime)."""
        at = at.astimezone(UTC)
        if self.since is not None and at.date() < self.since:
            return False
        if self.hours is None:
            return True
        start, end = self.hours
        if end < start:  # over midnight
            return at.time() >= start or at.time() < end
        return start <= at.time() < end


class Schedule:
    """A Price that follows the clock. The last period that holds decides, else the first."""

    def __init__(self, periods: Sequence[Period]) -> None:
        if not periods:
            raise ValueError("periods: expected at least one, got none")
        self.periods = tuple(periods)
        self._current = self.now()
        self._recheck = time.time() + RECHECK

    @property
    def simplest(self) -> "Schedule | TokenPrice":
        """Itself, or its price where that never changes: a frame less for each call priced."""
        first, *others = self.periods
        return self if others else first.price

    def at(self, moment: datetime) -> TokenPrice:
        """The price that holds at this moment (an aware datetime)."""
        for period in reversed(self.periods):
            if period.holds(moment):
                return period.price
        return self.periods[0].price

    def now(self) -> TokenPrice:
        """The price that holds at this moment."""
        return self.at(datetime.now(UTC))

    def cost(self, usage: Usage) -> Decimal:
        """US dollars for one call, by the price that holds now (give or take ``RECHECK``)."""
        if len(self.periods) > 1 and (now := time.time()) >= self._recheck:
            self._current = self.at(datetime.fromtimestamp(now, UTC))
            self._recheck = now + RECHECK
        return self._current.cost(usage)
