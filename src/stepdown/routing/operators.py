"""The comparisons that a rule can make on a signal's reading, checked against the signal's kind."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from stepdown.names import nearest
from stepdown.routing.problems import Problems
from stepdown.routing.safe_regex import safe_pattern
from stepdown.routing.shapes import is_list, is_mapping, is_number, is_set
from stepdown.routing.signals import KnownSignal
from stepdown.routing.signals.kinds import Kind
from stepdown.types import Reading

Compare = Callable[[Reading], bool | None]

NUMBERS = (int, float)  # a union of them would be built anew for each comparison
NEED = 0.5
"""The confidence that a comparison takes, unless it says otherwise."""

ORDER = ("lt", "le", "gt", "ge")
OPERATORS: Mapping[Kind, tuple[str, ...]] = {
    Kind.NUMBER: (*ORDER, "eq", "ne", "in", "not_in"),
    Kind.TEXT: ("eq", "ne", "in", "not_in", "matches"),
    Kind.BOOLEAN: ("eq", "ne"),
    Kind.SET: ("eq", "ne", "in", "not_in", "only", "matches"),
    Kind.ANY: (*ORDER, "eq", "ne", "in", "not_in", "matches"),
}


class Comparison(Struct, frozen=True):
    """``compare`` is asked only about a reading with a value and enough confidence."""

    operator: str
    operand: Any
    need: float
    compare: Compare
    unsure: Compare
    """Asked instead about a reading whose confidence is below the need."""

    @property
    def numbers(self) -> list[float]:
        """The thresholds that a number is compared with."""
        operands = self.operand if is_set(self.operand) else (self.operand,)
        return [operand for operand in operands if is_number(operand)]

    @property
    def text(self) -> str:
        shown = self.operand
        if is_set(shown):
            shown = "[" + ", ".join(sorted(str(each) for each in shown)) + "]"
        return f"{self.operator} {shown}"


def compile_comparisons(
    signal: KnownSignal, given: Any, path: str, problems: Problems
) -> list[Comparison]:
    """What ``SIGNAL: given`` compares; what is wrong with it goes to ``problems``."""
    options = dict(given) if is_mapping(given) else {"eq": given}
    need = options.pop("confidence", NEED)
    if not is_number(need) or not 0 <= need <= 1:
        problems.expected(f"{path}.confidence", "a number from 0 to 1", need)
        need = NEED
    if not options:
        allowed = ", ".join(OPERATORS[signal.kind])
        problems.add(path, f"expected a comparison (one of {allowed}), got none")
    found: list[Comparison] = []
    for operator, value in options.items():
        at = f"{path}.{operator}" if is_mapping(given) else path
        operand = _checked(signal, str(operator), value, at, problems)
        if operand is not None:
            compare = COMPILERS[str(operator)](signal.kind, operand)
            unsure = _unsure(signal.kind, str(operator), operand)
            found.append(Comparison(str(operator), operand, float(need), compare, unsure))
    return found


# ── Checking operands ────────────────────────────────────────────────────────────────────────


def _checked(
    signal: KnownSignal, operator: str, value: Any, path: str, problems: Problems
) -> Any | None:
    """The operand in the form that its compiler takes, or None where it is wrong."""
    allowed = OPERATORS[signal.kind]
    if operator not in allowed:
        problems.add(
            path,
            f"{signal.name} is {signal.kind.value} and compares by {', '.join(allowed)}, "
            f"not by {operator!r}.{nearest(operator, allowed)}",
        )
        return None
    if operator in ORDER:
        return _number(value, path, problems)
    if operator == "matches":
        return _pattern(value, path, problems)
    if operator in ("in", "not_in", "only"):
        if not is_list(value) or not value:
            problems.expected(path, "a list of values", value)
            return None
        items = [
            _single(signal, item, f"{path}[{index}]", problems) for index, item in enumerate(value)
        ]
        return frozenset(item for item in items if item is not None)
    return _single(signal, value, path, problems)


def _single(signal: KnownSignal, value: Any, path: str, problems: Problems) -> Any | None:
    kind = signal.kind
    if kind is Kind.NUMBER:
        return _number(value, path, problems)
    if kind is Kind.BOOLEAN and not isinstance(value, bool):
        problems.expected(path, "true or false", value)
        return None
    if kind in (Kind.TEXT, Kind.SET) and not isinstance(value, str):
        problems.expected(path, "a text", value)
        return None
    if kind is Kind.ANY and not isinstance(value, str | int | float | bool):
        problems.expected(path, "a text, a number, true or false", value)
        return None
    if signal.values is not None and value not in signal.values:
        known = sorted(signal.values)
        suggestion = nearest(str(value), known) or f" It is one of {', '.join(known)}."
        problems.add(path, f"{signal.name} is never {value!r}.{suggestion}")
        return None
    return value


def _number(value: Any, path: str, problems: Problems) -> float | None:
    if not is_number(value) or not math.isfinite(value):
        problems.expected(path, "a number", value)
        return None
    number: float = value
    return number


def _pattern(value: Any, path: str, problems: Problems) -> Any | None:
    if not isinstance(value, str):
        problems.expected(path, "a regular expression", value)
        return None
    try:
        return safe_pattern(value)
    except ValueError as error:
        problems.add(path, f"expected an RE2 regular expression, got {value!r}: {error}")
        return None


# ── Comparing ────────────────────────────────────────────────────────────────────────────────


def _number_of(reading: Reading) -> float | None:
    """The reading's number; headers and metadata send numbers as texts."""
    value = reading.value
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    return value if isinstance(value, NUMBERS) and math.isfinite(value) else None


def _below(threshold: float, *, at_threshold: bool, negate: bool) -> Compare:
    """``value < threshold``, or ``<=`` where ``at_threshold``; the contrary where ``negate``."""

    def compare(reading: Reading) -> bool | None:
        value = _number_of(reading)
        if value is None:
            return None
        low, high = value - reading.error, value + reading.error
        if high < threshold or (at_threshold and high == threshold):
            return not negate
        if low > threshold or (not at_threshold and low == threshold):
            return negate
        return None

    return compare


def _order(operator: str) -> Callable[[Kind, Any], Compare]:
    at_threshold, negate = operator in ("le", "gt"), operator in ("gt", "ge")
    return lambda kind, operand: _below(operand, at_threshold=at_threshold, negate=negate)


def _member(kind: Kind, operand: frozenset[Any]) -> Compare:
    if kind is Kind.SET:
        return lambda reading: not operand.isdisjoint(reading.value)
    if kind in (Kind.TEXT, Kind.BOOLEAN):
        return lambda reading: reading.value in operand
    return lambda reading: _any_near(reading, operand)


def _any_near(reading: Reading, operand: frozenset[Any]) -> bool | None:
    """Membership for numbers with an error, and for tags, whose numbers may come as texts."""
    value = reading.value
    answer: bool | None = False
    for wanted in operand:
        if isinstance(wanted, str | bool) or isinstance(value, bool):
            near: bool | None = value == wanted and isinstance(value, bool) == isinstance(
                wanted, bool
            )
        else:
            number = _number_of(reading)
            if number is None or abs(number - wanted) > reading.error:
                near = False
            else:
                near = None if reading.error else True
        if near:
            return True
        if near is None:
            answer = None
    return answer


def _only(kind: Kind, operand: frozenset[str]) -> Compare:
    return lambda reading: bool(reading.value) and operand.issuperset(reading.value)


def _equal(kind: Kind, operand: Any) -> Compare:
    wanted = frozenset({operand})
    if kind is Kind.SET:
        return lambda reading: reading.value == wanted
    return _member(kind, wanted)


def _unsure(kind: Kind, operator: str, operand: Any) -> Compare:
    """A set that may be any part of the one that was read: its members may all be absent, and
    nothing else can be in it."""
    if kind is not Kind.SET or operator not in ("in", "not_in"):
        return lambda reading: None
    where_absent = operator == "not_in"

    def compare(reading: Reading) -> bool | None:
        if is_set(reading.value) and operand.isdisjoint(reading.value):
            return where_absent
        return None

    return compare


def _matches(kind: Kind, pattern: Any) -> Compare:
    def compare(reading: Reading) -> bool | None:
        value = reading.value
        texts = value if is_set(value) else (value,)
        return any(pattern.search(str(text)) is not None for text in texts)

    return compare


def _contrary(compiler: Callable[[Kind, Any], Compare]) -> Callable[[Kind, Any], Compare]:
    def compile_contrary(kind: Kind, operand: Any) -> Compare:
        same = compiler(kind, operand)

        def compare(reading: Reading) -> bool | None:
            said = same(reading)
            return None if said is None else not said

        return compare

    return compile_contrary


COMPILERS: Mapping[str, Callable[[Kind, Any], Compare]] = {
    **{operator: _order(operator) for operator in ORDER},
    "eq": _equal,
    "ne": _contrary(_equal),
    "in": _member,
    "not_in": _contrary(_member),
    "only": _only,
    "matches": _matches,
}
