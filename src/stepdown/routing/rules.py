"""Rules: which rung a request goes to, where every rule is asked and the stronger rung wins."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from stepdown.routing.conditions import Condition, Readings
from stepdown.types import Verdict

Match = Literal["all", "first"]
DEFAULT = "default"
"""The decision's name where no rule matched."""
RESERVED = frozenset(
    {
        DEFAULT,
        "cascade",
        "session",
        "router",
        "router-failed",
        "direct",
        "exact-cache",
        "semantic-cache",
        "compression",
    }
)
"""Names of decisions and of what is guarded that no rule may bear."""


class Rule(Struct, frozen=True):
    """A named condition that picks a rung (0 is the cheapest)."""

    name: str
    condition: Condition
    rung: int


class Choice(Struct, frozen=True):
    """``ambiguous`` says that a rule which matched, or may match, picks another rung."""

    name: str
    rung: int
    ambiguous: bool


class Policy:
    """A route's rules, in order. ``top`` is the strong rung.

    A borderline rule (its condition is None) counts for a stronger rung and never for a cheaper
    one. Seen otherwise: of all the rungs that the rules would pick if their borderline conditions
    fell one way or another, the strongest is chosen. So a reading that becomes less certain never
    makes the choice cheaper.
    """

    def __init__(self, rules: Sequence[Rule], top: int, match: Match = "all") -> None:
        self.rules = tuple(rules)
        self.top = top
        self.match: Match = match
        self._tests = tuple((rule.condition.test, rule.rung, rule.name) for rule in rules)

    def choose(self, readings: Readings) -> Choice:
        """The rung for these readings, with the name of the rule that picked it."""
        name, rung = DEFAULT, -1
        maybe_name, maybe_rung = "", -1
        lowest = self.top
        for test, picked, rule in self._tests:
            said = test(readings)
            if said is False:
                continue
            if picked < lowest:
                lowest = picked
            if said is None:
                if picked > maybe_rung:
                    maybe_name, maybe_rung = rule, picked
            elif picked > rung:
                name, rung = rule, picked
            if said and self.match == "first":
                break
        if rung < 0:
            return Choice(DEFAULT, self.top, lowest < self.top)
        if maybe_rung > rung:
            return Choice(maybe_name, maybe_rung, True)
        return Choice(name, rung, lowest < rung or -1 < maybe_rung < rung)

    def is_borderline(self, readings: Readings) -> bool:
        """Whether a rule would need to know more."""
        return any(test(readings) is None for test, _, _ in self._tests)

    def verdicts(self, readings: Readings) -> list[Verdict]:
        """What each rule says and why; those behind the first match are asked too."""
        return [
            Verdict(
                rule.name,
                rule.condition.test(readings),
                rule.condition.because(readings),
                rule.rung,
            )
            for rule in self.rules
        ]
