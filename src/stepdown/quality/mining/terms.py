"""Single conditions that a mined rule may be made of, in the words that rules have.

They follow from the readings of the samples that the search may look at: thresholds are quantiles,
rounded to what one would write; of names the frequent ones are taken, each alone, and together
those that were regretted least.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from stepdown.quality.mining.samples import Sample
from stepdown.routing.asked import Asked
from stepdown.routing.conditions import Readings, compile_condition
from stepdown.routing.problems import Problems
from stepdown.routing.shapes import is_number, is_set
from stepdown.routing.signals import KnownSignal, SignalSet

QUANTILES = 12
FEW = 8
"""A number of so few values (turns, images) is compared with each of them."""
DIGITS = 2
"""To so many a threshold is rounded."""
FEWEST = 5
"""Samples that a name has to be in."""
MOST_NAMES = 24
MOST_TOGETHER = 6
LONGEST_NAME = 64


class Term(Struct, frozen=True):
    """One comparison of one signal; ``test`` answers as the rule would."""

    signal: str
    operator: str
    operand: Any
    test: Callable[[Readings], bool | None]

    @property
    def written(self) -> Any:
        """What stands behind the signal's name: the plain value for an equality."""
        return self.operand if self.operator == "eq" else {self.operator: self.operand}


class Vocabulary(SignalSet):
    """The signals that conditions may name: a route's own tasks and outputs count, too."""

    def __init__(self, own: Iterable[KnownSignal] = ()) -> None:
        super().__init__(Asked())
        # Compiling a condition changes what the signal of the tokens counts: the route's stays out.
        self._own = {signal.name: signal for signal in own if signal.values is not None}

    def named(self, name: str) -> KnownSignal | None:
        return self._own.get(name) or super().named(name)

    def term(self, signal: str, operator: str, operand: Any) -> Term | None:
        """None where a rule could not say it."""
        problems = Problems()
        written = {signal: {operator: operand}}
        condition = compile_condition(written, "when", self, problems)
        return None if problems.lines else Term(signal, operator, operand, condition.test)


def terms_of(samples: Sequence[Sample], vocabulary: Vocabulary) -> list[Term]:
    """All that the search puts together, in an order that is always the same."""
    found: list[Term] = []
    for signal, seen in sorted(_values(samples).items()):
        for operator, operand in _comparisons(seen):
            term = vocabulary.term(signal, operator, operand)
            if term is not None:
                found.append(term)
    return found


Seen = Sequence[tuple[Any, bool]]
"""A signal's values, each with whether the request was regretted."""


def _values(samples: Iterable[Sample]) -> Mapping[str, Seen]:
    seen: dict[str, list[tuple[Any, bool]]] = defaultdict(list)
    for sample in samples:
        for name, reading in sample.readings.items():
            if reading.value is not None:
                seen[name].append((reading.value, sample.regret))
    return seen


def _comparisons(seen: Seen) -> list[tuple[str, Any]]:
    values = [value for value, _ in seen]
    if all(isinstance(value, bool) for value in values):
        return [("eq", True), ("eq", False)]
    if all(map(is_number, values)):
        return _numbers(values)
    if all(map(is_set, values)):
        return _sets(seen)
    return _texts([(value, bad) for value, bad in seen if isinstance(value, str)])


def _numbers(values: Sequence[float]) -> list[tuple[str, Any]]:
    different = sorted(set(values))
    if len(different) <= FEW:
        ends = dict.fromkeys((different[0], different[-1]))
        bounds = [(operator, value) for operator in ("le", "ge") for value in different[1:-1]]
        return [*(("eq", end) for end in ends), *bounds]
    ordered = sorted(values)
    places = (len(ordered) * part // QUANTILES for part in range(1, QUANTILES))
    cuts = sorted({_rounded(ordered[place]) for place in places})
    return [("lt", cut) for cut in cuts] + [("gt", cut) for cut in cuts]


def _rounded(value: float) -> float | int:
    rounded = float(f"{value:.{DIGITS}g}")
    return int(rounded) if rounded == int(rounded) else rounded


def _texts(seen: Seen) -> list[tuple[str, Any]]:
    names = _frequent(seen)
    found: list[tuple[str, Any]] = [("eq", name) for name in names]
    return found + [("in", list(each)) for each in _together(names, seen)]


def _sets(seen: Seen) -> list[tuple[str, Any]]:
    each = [(name, bad) for value, bad in seen for name in value]
    names = _frequent(each)
    together = [[name] for name in names] + [list(some) for some in _together(names, each)]
    return [(operator, some) for some in together for operator in ("in", "only", "not_in")]


def _frequent(seen: Seen) -> list[str]:
    counts = Counter(name for name, _ in seen)
    usable = (
        (name, count)
        for name, count in counts.items()
        if count >= FEWEST and len(name) <= LONGEST_NAME and name.isprintable()
    )
    ordered = sorted(usable, key=lambda each: (-each[1], each[0]))
    return [name for name, _ in ordered[:MOST_NAMES]]


def _together(names: Sequence[str], seen: Seen) -> list[Sequence[str]]:
    """The least regretted two, three, … of them."""
    counts = Counter(name for name, _ in seen)
    regrets = Counter(name for name, bad in seen if bad)
    best = sorted(names, key=lambda name: ((regrets[name] + 0.5) / (counts[name] + 1.0), name))
    return [sorted(best[:size]) for size in range(2, min(len(names), MOST_TOGETHER) + 1)]
