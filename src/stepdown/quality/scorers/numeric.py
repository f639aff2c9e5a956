r"""``numeric``: the number that the answer comes down to is the expected one.

    numeric
    numeric: {tolerance: 0.5}
    numeric: {relative: 0.01, decimal: comma}

Expected is a number, a text that holds one, or a list of such texts. The answer's number is read
as ``final_number`` says: thousands separators, currencies, fractions, powers of ten and LaTeX do
not matter. The two may be apart by ``tolerance``, or by ``relative`` as a share of the expected
number. A percentage equals its hundredth part where only one of the two is written with a percent
sign. ``decimal: comma`` reads numbers as German and French write them.
"""

import math
from fractions import Fraction
from typing import Any

from stepdown.cascade.validators.mapping import read_mapping, read_number
from stepdown.quality.final_number import Number, final_number
from stepdown.quality.scorers.base import Base, right, texts_of
from stepdown.quality.scorers.switches import read_word
from stepdown.routing.problems import Problems
from stepdown.routing.shapes import is_number
from stepdown.types import Choice, Task

FLOAT_NOISE = Fraction(1, 10**12)
"""The share by which a number that came as a float may be off without an option to say so."""


class Numeric(Base):
    """1 for the expected number, else 0."""

    name = "numeric"

    def __init__(
        self, tolerance: float = 0.0, relative: float | None = None, *, decimal_comma: bool = False
    ) -> None:
        self._tolerance = Fraction(str(tolerance))  # 0.3 as it is written, not as floats have it
        self._relative = None if relative is None else Fraction(str(relative))
        self._decimal_comma = decimal_comma

    def applies(self, task: Task) -> bool:
        return bool(self._expected(task.expected))

    def rate(self, choice: Choice, task: Task) -> float:
        number = self._read(choice.text)
        if number is None:
            return 0.0
        slack = self._relative
        if slack is None:
            slack = FLOAT_NOISE if isinstance(task.expected, float) else Fraction()
        return right(
            any(
                abs(one - other) <= max(self._tolerance, slack * abs(other))
                for wanted in self._expected(task.expected)
                for one, other in _comparable(number, wanted)
            )
        )

    def _expected(self, expected: Any) -> list[Number]:
        if is_number(expected):
            return [Number(Fraction(str(expected)))] if math.isfinite(expected) else []
        read = (self._read(text) for text in texts_of(expected))
        return [number for number in read if number is not None]

    def _read(self, text: str) -> Number | None:
        return final_number(text, decimal_comma=self._decimal_comma)


def _comparable(number: Number, wanted: Number) -> list[tuple[Fraction, Fraction]]:
    """The pairs of values of which one has to be near."""
    pairs = [(number.value, wanted.value)]
    if number.percent and not wanted.percent:
        pairs.append((number.value / 100, wanted.value))
    if wanted.percent and not number.percent:
        pairs.append((number.value, wanted.value / 100))
    return pairs


def build(options: Any, path: str, problems: Problems) -> Numeric | None:
    """A scorer from its options; what is wrong with them goes to ``problems``."""
    known = len(problems.lines)
    given = read_mapping(options, ("tolerance", "relative", "decimal"), path, problems)
    tolerance = read_number(given, "tolerance", path, problems, low=0)
    relative = read_number(given, "relative", path, problems, low=0)
    decimal = read_word(given, "decimal", ("point", "comma"), path, problems)
    if len(problems.lines) > known:
        return None
    return Numeric(tolerance or 0.0, relative, decimal_comma=decimal == "comma")
