"""Reads what a table knows of an answer: its score, its cost, its tokens."""

import math
from decimal import Decimal
from typing import Any

from msgspec import Struct

from stepdown.evals.data.faults import BadField, expected
from stepdown.routing.shapes import is_number

_WORDS = {"true": 1.0, "false": 0.0}


class Scale(Struct, frozen=True):
    """The lowest and the highest score that can be given; read scores are in 0..1."""

    low: float = 0.0
    high: float = 1.0

    def score(self, value: Any, field: str) -> float | None:
        """A number of the scale, or true or false, as 0..1; None for no value. Raises BadField."""
        if value is None or value == "":
            return None
        if isinstance(value, bool):
            return float(value)
        if isinstance(value, str) and value.strip().lower() in _WORDS:
            return _WORDS[value.strip().lower()]
        number = _number(value)
        if number is None:
            raise expected(field, "a number, true or false", value)
        if not self.low <= number <= self.high:
            raise expected(field, f"a score in {self}{self._hint()}", value)
        return (number - self.low) / (self.high - self.low)

    def _hint(self) -> str:
        return " (score_range gives another range)" if self == Scale() else ""

    def __str__(self) -> str:
        return f"{self.low:g}..{self.high:g}"


def scale_of(score_range: tuple[float, float] | None) -> Scale:
    """Raises ValueError where it is no range."""
    low, high = score_range or (0.0, 1.0)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"score_range: expected a lowest and a highest score, got {low}, {high}")
    return Scale(low, high)


def is_score(value: Any) -> bool:
    """Whether it looks like a score, of whatever scale."""
    if isinstance(value, str) and value.strip().lower() in _WORDS:
        return True
    return isinstance(value, bool) or _number(value) is not None


def dollars(value: Any, field: str) -> Decimal | None:
    """US dollars, 0 or more; None for no value. Raises BadField."""
    if value is None or value == "":
        return None
    number = _number(value)
    if number is None or number < 0:
        raise expected(field, "US dollars, 0 or more", value)
    return Decimal(repr(number))


def tokens(value: Any, field: str) -> int | None:
    """A count of tokens; None for no value. Raises BadField."""
    if value is None or value == "":
        return None
    number = _number(value)
    if number is None or number < 0 or not number.is_integer():
        raise expected(field, "a whole number of tokens", value)
    return int(number)


def answer(value: Any, field: str) -> str | None:
    """A reply's text; None for no value. Raises BadField."""
    if value is None or isinstance(value, str):
        return value
    raise BadField(field, "expected the answer's text, got something else")


def _number(value: Any) -> float | None:
    """A finite number, which a table may hold as text."""
    if not (is_number(value) or isinstance(value, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
