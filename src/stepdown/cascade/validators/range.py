"""``range``: the answer is a number within bounds.

    range: {min: 1, max: 5, integer: true}
    range: {min: 0, max: 1, field: confidence}

A number is written in digits, with a point before its fraction, and may have commas between
thousands and an exponent; a unit, a currency or a percent sign is not part of a number. With
``integer`` it has neither point nor exponent. ``field`` is a top-level field of a JSON answer.
"""

import math
import re
from decimal import Decimal
from typing import Any

from msgspec import Struct

from stepdown.cascade.answer_field import NoField, field_of, object_watch
from stepdown.cascade.validators.base import Base
from stepdown.cascade.validators.json import only_calls_tools
from stepdown.cascade.validators.mapping import read_mapping, read_number, read_text
from stepdown.ports import Watch
from stepdown.routing.problems import Problems
from stepdown.routing.shapes import is_number
from stepdown.types import Choice, Piece, Request

LONGEST = 64
"""Characters of the longest number that is read."""

_WHOLE = r"[+\-−]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)"
_INTEGER = re.compile(_WHOLE)
_NUMBER = re.compile(rf"(?:{_WHOLE}(?:\.[0-9]*)?|[+\-−]?\.[0-9]+)(?:[eE][+\-]?[0-9]{{1,4}})?")
_BEGINNING = re.compile(
    r"[+\-−]?(?:[0-9][0-9,]*)?(?:\.[0-9]*)?(?:(?<=[0-9.])[eE][+\-]?[0-9]{0,4})?"
)
_INTEGER_BEGINNING = re.compile(r"[+\-−]?(?:[0-9][0-9,]*)?")


class Bounds(Struct, frozen=True):
    """The numbers that pass, ends included."""

    low: float = -math.inf
    high: float = math.inf
    integer: bool = False

    def read(self, text: str) -> Decimal | None:
        """The number that a text without space around it is, or None."""
        pattern = _INTEGER if self.integer else _NUMBER
        if len(text) > LONGEST or pattern.fullmatch(text) is None:
            return None
        return Decimal(text.replace(",", "").replace("−", "-"))

    def problem(self, number: Decimal | float) -> str | None:
        if number < self.low:
            return f"the number is less than {self.low:g}"
        if number > self.high:
            return f"the number is more than {self.high:g}"
        return None

    @property
    def kind(self) -> str:
        return "an integer" if self.integer else "a number"


class Range(Base):
    """Passes an answer, or one with a field, that is a number within the bounds."""

    name = "range"

    def __init__(self, bounds: Bounds, field: str | None = None) -> None:
        self._bounds = bounds
        self._field = field

    def check(self, choice: Choice, request: Request) -> str | None:
        if only_calls_tools(choice):
            return None
        bounds = self._bounds
        if self._field is None:
            number = bounds.read(choice.text.strip())
            return _no(bounds) if number is None else bounds.problem(number)
        try:
            value = field_of(choice.text, self._field)
        except NoField as error:
            return str(error)
        if not is_number(value) or (bounds.integer and not isinstance(value, int)):
            return f"expected {bounds.kind} in the field {self._field!r:.40}, got something else"
        return bounds.problem(value)

    def watch(self, request: Request) -> Watch | None:
        return NumberWatch(self._bounds) if self._field is None else object_watch()


class NumberWatch:
    """Implements ``ports.Watch``: drops what is no beginning of a number within the bounds."""

    __slots__ = ("_bounds", "_ended", "_head")
    settled = False

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._head = ""
        self._ended = False

    def feed(self, piece: Piece) -> str | None:
        text = piece.text
        if not self._head:
            text = text.lstrip()
        if not text:
            return None
        if self._ended:
            return None if text.isspace() else _no(self._bounds)
        head = self._head + text
        self._head = head.rstrip()
        self._ended = len(self._head) < len(head)
        return self._problem()

    def _problem(self) -> str | None:
        bounds, head = self._bounds, self._head
        beginning = _INTEGER_BEGINNING if bounds.integer else _BEGINNING
        if len(head) > LONGEST or beginning.fullmatch(head) is None:
            return _no(bounds)
        negative = head[0] in "-−"
        if negative and bounds.low > 0:
            return f"the number is less than {bounds.low:g}"
        if not negative and bounds.high < 0:
            return f"the number is more than {bounds.high:g}"
        if not self._ended and not bounds.integer:
            return None  # an exponent can still make any number small
        number = bounds.read(head if self._ended else _completed(head))
        if number is None:
            return _no(bounds) if self._ended else None
        # More digits take an integer further from zero.
        if self._ended or (number < bounds.low if negative else number > bounds.high):
            return bounds.problem(number)
        return None


def _completed(head: str) -> str:
    """An integer's digits so far; where commas are among them, the last group may be short."""
    return head.replace(",", "")


def _no(bounds: Bounds) -> str:
    return f"expected {bounds.kind}, got something else"


def build(options: Any, path: str, problems: Problems) -> Range | None:
    """A validator from its options; what is wrong with them goes to ``problems``."""
    known = len(problems.lines)
    given = read_mapping(options, ("min", "max", "integer", "field"), path, problems)
    low = read_number(given, "min", path, problems)
    high = read_number(given, "max", path, problems)
    field = read_text(given, "field", path, problems)
    integer = given.get("integer", False)
    if not isinstance(integer, bool):
        problems.expected(f"{path}.integer", "true or false", integer)
    if low is not None and high is not None and low > high:
        problems.add(path, f"min ({low:g}) is above max ({high:g})")
    if len(problems.lines) > known:
        return None
    bounds = Bounds(
        -math.inf if low is None else low, math.inf if high is None else high, bool(integer)
    )
    return Range(bounds, field)
