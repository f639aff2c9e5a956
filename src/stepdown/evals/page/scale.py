"""An axis of a figure: where a value stands on it, and round numbers to mark it by."""

import math
from collections.abc import Iterable, Sequence
from typing import Self

from msgspec import Struct

TICKS = 8
"""Steps between marks, at most."""


class Scale(Struct, frozen=True):
    """From ``low`` to ``high``, which is the greater."""

    low: float
    high: float

    @classmethod
    def around(cls, values: Iterable[float], *, padding: float = 0.04) -> Self:
        """A scale with all values on it, and some room at both ends."""
        known = list(values)
        low, high = min(known), max(known)
        room = padding * (high - low) or 0.5 * abs(high) or 0.5
        return cls(low - room, high + room)

    def percent(self, value: float) -> float:
        """How far along the axis a value is, 0..100."""
        return 100 * (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[tuple[float, str]]:
        """Round values on the axis, rising, each with as many digits as tell them apart."""
        step = round_up((self.high - self.low) / TICKS)
        first = math.ceil(self.low / step)
        last = math.floor(self.high / step)
        digits = max(0, -math.floor(math.log10(step)))
        return [(place * step, f"{place * step:.{digits}f}") for place in range(first, last + 1)]


def round_up(value: float, times: Sequence[float] = (1.0, 2.0, 5.0, 10.0)) -> float:
    """The next number that is so many times a power of ten; ``value`` is above 0."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(each * power for each in times if each * power >= value * (1 - 1e-9))
