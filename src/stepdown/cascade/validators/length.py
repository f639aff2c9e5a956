"""``length``: the answer, without the space around it, is neither too short nor too long.

    length: {min: 20, max: 400, unit: words}

``unit`` is ``characters`` (the default), ``words`` (parted by space) or ``lines``.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from stepdown.cascade.validators.base import Base
from stepdown.cascade.validators.json import only_calls_tools
from stepdown.cascade.validators.mapping import read_mapping
from stepdown.names import known_names
from stepdown.ports import Watch
from stepdown.routing.problems import Problems
from stepdown.types import Choice, Piece, Request


class Counter(Protocol):
    """Counts a text that comes in parts; ``count`` only grows."""

    count: int

    def feed(self, text: str) -> None: ...


class Characters:
    """Space is counted once something else comes after it."""

    __slots__ = ("_space", "count")

    def __init__(self) -> None:
        self.count = 0
        self._space = 0

    def feed(self, text: str) -> None:
        if not self.count:
            text = text.lstrip()
        solid = len(text.rstrip())
        if solid:
            self.count += self._space + solid
            self._space = 0
        self._space += len(text) - solid


class Words:
    __slots__ = ("_inside", "count")

    def __init__(self) -> None:
        self.count = 0
        self._inside = False

    def feed(self, text: str) -> None:
        if not text:
            return
        self.count += len(text.split())
        if self._inside and not text[0].isspace():
            self.count -= 1
        self._inside = not text[-1].isspace()


class Lines:
    """A line break is counted once something comes after it."""

    __slots__ = ("_breaks", "count")

    def __init__(self) -> None:
        self.count = 0
        self._breaks = 0

    def feed(self, text: str) -> None:
        if not self.count:
            text = text.lstrip()
            self.count = 1 if text else 0
        solid = text.rstrip()
        if solid:
            self.count += self._breaks + solid.count("\n")
            self._breaks = 0
        self._breaks += text.count("\n", len(solid))


UNITS: Mapping[str, Callable[[], Counter]] = {
    "characters": Characters,
    "words": Words,
    "lines": Lines,
}


class Length(Base):
    """Passes an answer of so many units. It cannot say whether the answer is right."""

    name = "length"
    vouches = False

    def __init__(self, low: int, high: int | None, unit: str) -> None:
        self.settles = high is None
        self._low = low
        self._high = high
        self._unit = unit

    def check(self, choice: Choice, request: Request) -> str | None:
        if only_calls_tools(choice):
            return None
        counter = UNITS[self._unit]()
        counter.feed(choice.text)
        if counter.count < self._low:
            return f"expected at least {self._low} {self._unit}, got {counter.count}"
        return self.too_long(counter)

    def watch(self, request: Request) -> Watch | None:
        return LengthWatch(self, UNITS[self._unit]())

    def too_long(self, counter: Counter) -> str | None:
        if self._high is None or counter.count <= self._high:
            return None
        return f"expected at most {self._high} {self._unit}, got more"

    def cannot_fail(self, counter: Counter) -> bool:
        return self._high is None and counter.count >= self._low


class LengthWatch:
    """Implements ``ports.Watch``: drops an answer that has become too long."""

    __slots__ = ("_counter", "_length")

    def __init__(self, length: Length, counter: Counter) -> None:
        self._length = length
        self._counter = counter

    @property
    def settled(self) -> bool:
        return self._length.cannot_fail(self._counter)

    def feed(self, piece: Piece) -> str | None:
        self._counter.feed(piece.text)
        return self._length.too_long(self._counter)


def build(options: Any, path: str, problems: Problems) -> Length | None:
    """A validator from its options; what is wrong with them goes to ``problems``."""
    known = len(problems.lines)
    given = read_mapping(options, ("min", "max", "unit"), path, problems)
    low, high = (_read_count(given, name, path, problems) for name in ("min", "max"))
    unit = given.get("unit", "characters")
    if unit not in UNITS:
        problems.add(f"{path}.unit", f"no such unit.{known_names(str(unit), UNITS)}")
    if low is not None and high is not None and low > high:
        problems.add(path, f"min ({low}) is above max ({high})")
    if len(problems.lines) == known and low is None and high is None:
        problems.add(path, "expected a bound (min or max), got none")
    if len(problems.lines) > known:
        return None
    return Length(low or 0, high, unit)


def _read_count(given: Mapping[str, Any], name: str, path: str, problems: Problems) -> int | None:
    value = given.get(name)
    if name not in given:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    problems.expected(f"{path}.{name}", "a whole number from 0", value)
    return None
