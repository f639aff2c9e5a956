"""Conditions on signals, compiled to closures with three answers: yes, no, and borderline.

    all: [...]   any: [...]   not: ...            Kleene's logic: None is "it may be either"
    SIGNAL: value                                 the same as {eq: value}
    SIGNAL: {lt: 500}                             lt, le, gt, ge, eq, ne
    SIGNAL: {in: [...]}                           in, not_in; for a set: in, not_in, only
    SIGNAL: {matches: regex}                      RE2: linear in the text, whatever the pattern
    SIGNAL: {in: [...], confidence: 0.8}          the confidence it takes (0.5)

A comparison is borderline where the reading's confidence is below the need, or where a number lies
within its error of the threshold. A signal without a value (a tag that was not sent) is a no.
A set of too little confidence may be any part of what it holds: what is not in it is a no.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from stepdown.names import nearest
from stepdown.routing.operators import Comparison, compile_comparisons
from stepdown.routing.problems import Problems
from stepdown.routing.shapes import is_list, is_mapping, is_set
from stepdown.routing.signals import SignalSet, known_names
from stepdown.routing.signals.tokens import TokensSignal
from stepdown.types import Reading

Readings = Mapping[str, Reading]
Test = Callable[[Readings], bool | None]
Because = Callable[[Readings], str]

GROUPS = ("all", "any", "not")


class Condition(Struct, frozen=True):
    """``test`` answers on the hot path; ``because`` says why, for ``explain``."""

    test: Test
    because: Because


NEVER = Condition(lambda readings: False, lambda readings: "the condition is faulty")


def compile_condition(given: Any, path: str, signals: SignalSet, problems: Problems) -> Condition:
    """The condition that a rule's ``when`` states; what is wrong with it goes to ``problems``."""
    if not is_mapping(given):
        problems.expected(path, "a mapping of signals to comparisons", given)
        return NEVER
    if not given:
        problems.add(path, "expected at least one signal, got none")
        return NEVER
    parts = [
        _compile_entry(str(name), value, f"{path}.{name}", signals, problems)
        for name, value in given.items()
    ]
    return parts[0] if len(parts) == 1 else all_of(parts)


def _compile_entry(
    name: str, value: Any, path: str, signals: SignalSet, problems: Problems
) -> Condition:
    if name == "not":
        return negated(compile_condition(value, path, signals, problems))
    if name in ("all", "any"):
        if not is_list(value) or not value:
            problems.expected(path, "a list of conditions", value)
            return NEVER
        parts = [
            compile_condition(part, f"{path}[{index}]", signals, problems)
            for index, part in enumerate(value)
        ]
        return all_of(parts) if name == "all" else any_of(parts)
    signal = signals.named(name)
    if signal is None:
        known = [*GROUPS, *known_names(), "metadata.NAME", "header.NAME"]
        problems.add(path, f"there is no signal {name!r}.{nearest(name, known)}")
        return NEVER
    comparisons = compile_comparisons(signal, value, path, problems)
    if isinstance(signal, TokensSignal):
        for comparison in comparisons:
            for threshold in comparison.numbers:
                signal.count_near(threshold)
    parts = [_leaf(name, comparison) for comparison in comparisons]
    if not parts:
        return NEVER
    return parts[0] if len(parts) == 1 else all_of(parts)


# ── Kleene's logic ───────────────────────────────────────────────────────────────────────────


def all_of(parts: Sequence[Condition]) -> Condition:
    """False if one is, else None if one is, else True."""
    tests = tuple(part.test for part in parts)

    def test(readings: Readings) -> bool | None:
        answer: bool | None = True
        for each in tests:
            said = each(readings)
            if said is False:
                return False
            if said is None:
                answer = None
        return answer

    return Condition(test, _joined(parts, " and "))


def any_of(parts: Sequence[Condition]) -> Condition:
    """True if one is, else None if one is, else False."""
    tests = tuple(part.test for part in parts)

    def test(readings: Readings) -> bool | None:
        answer: bool | None = False
        for each in tests:
            said = each(readings)
            if said is True:
                return True
            if said is None:
                answer = None
        return answer

    return Condition(test, _joined(parts, " or "))


def negated(part: Condition) -> Condition:
    """None stays None."""

    def test(readings: Readings) -> bool | None:
        said = part.test(readings)
        return None if said is None else not said

    return Condition(test, lambda readings: f"not ({part.because(readings)})")


def _joined(parts: Sequence[Condition], word: str) -> Because:
    def because(readings: Readings) -> str:
        return word.join(part.because(readings) for part in parts)

    return because


# ── One comparison ───────────────────────────────────────────────────────────────────────────


def _leaf(name: str, comparison: Comparison) -> Condition:
    compare, unsure, need = comparison.compare, comparison.unsure, comparison.need

    def test(readings: Readings) -> bool | None:
        reading = readings.get(name)
        if reading is None:
            return False
        if reading.confidence < need:
            return unsure(reading)
        if reading.value is None:
            return False
        return compare(reading)

    def because(readings: Readings) -> str:
        return _explain(name, comparison, readings.get(name), test(readings))

    return Condition(test, because)


def _explain(
    name: str, comparison: Comparison, reading: Reading | None, answer: bool | None
) -> str:
    if reading is None:
        return f"{name}: no reading"
    said = {True: "yes", False: "no", None: "borderline"}[answer]
    shown = _shown(reading)
    if reading.confidence < comparison.need:
        shown += f" with confidence {reading.confidence:g}, needs {comparison.need:g}"
    return f"{name} {comparison.text}: {said}, it is {shown}"


def _shown(reading: Reading) -> str:
    value = reading.value
    if value is None:
        return f"unknown ({reading.saw})" if reading.saw else "unknown"
    if is_set(value):
        return "{" + ", ".join(sorted(str(each) for each in value)) + "}"
    if isinstance(value, float):
        value = round(value)
    return f"{value} ± {round(reading.error)}" if reading.error else f"{value}"
